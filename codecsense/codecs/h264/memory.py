"""Arrays as the compiled part sees them: an address, and a promise that no two of them overlap.

An array of numba's is seven machine words a call, wraps negative places around, and may overlap any other, so that
every number read must be read again after every number written. A `Memory` is one word, and its loads and stores carry
the name of their array (LLVM's type-based alias analysis): what was read of one array stays known while others change.

Under NUMBA_BOUNDSCHECK=1 a `Memory` holds its length as well, and a place outside it is an `IndexError`.
"""

import operator
from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core.cgutils import create_struct_proxy
from numba.core.imputils import impl_ret_borrowed, lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model
from numba.np.arrayobj import make_array

CHECKED = bool(getattr(config, "BOUNDSCHECK", None))
OUTSIDE_MESSAGE = "a place outside an array"


class Memory(types.Type):
    """The type of one array's numbers; arrays of different names do not overlap."""

    def __init__(self, dtype: types.Type, label: str) -> None:
        self.dtype, self.label = dtype, label
        super().__init__(name=f"Memory({dtype}, {label})")


@register_model(Memory)
class MemoryModel(models.StructModel):
    """An address; in checked programs a length, too."""

    def __init__(self, manager: Any, kind: Memory) -> None:
        members: list[tuple[str, Any]] = [("data", types.CPointer(kind.dtype))]
        if CHECKED:
            members.append(("size", types.intp))
        super().__init__(manager, kind, members)


def memory_of(label: str) -> Any:
    """A function for compiled code, from an array of one dimension to its `Memory`."""

    @intrinsic
    def as_memory(context: Any, array: types.Array) -> Any:
        kind = Memory(array.dtype, label)

        def lower(context: Any, builder: Any, sign: Any, arguments: Any) -> Any:
            found = make_array(sign.args[0])(context, builder, arguments[0])
            made = _opened(context, builder, kind, None)
            made.data = found.data
            if CHECKED:
                made.size = builder.extract_value(found.shape, 0)
            return made._getvalue()

        return kind(array), lower

    return as_memory


@infer_global(operator.getitem)
class _Read(AbstractTemplate):
    def generic(self, arguments: Any, named: Any) -> Any:
        memory, place = arguments
        if isinstance(memory, Memory) and isinstance(place, types.Integer):
            return signature(memory.dtype, memory, types.intp)
        return None


@infer_global(operator.setitem)
class _Write(AbstractTemplate):
    def generic(self, arguments: Any, named: Any) -> Any:
        memory, place, _ = arguments
        if isinstance(memory, Memory) and isinstance(place, types.Integer):
            return signature(types.none, memory, types.intp, memory.dtype)
        return None


def _lower_read(context: Any, builder: Any, sign: Any, arguments: Any) -> Any:
    kind = sign.args[0]
    found = builder.load(_address(context, builder, kind, *arguments))
    found.set_metadata("tbaa", _named(builder.module, kind))
    return impl_ret_borrowed(context, builder, sign.return_type, found)


def _lower_write(context: Any, builder: Any, sign: Any, arguments: Any) -> None:
    kind = sign.args[0]
    memory, place, value = arguments
    done = builder.store(value, _address(context, builder, kind, memory, place))
    done.set_metadata("tbaa", _named(builder.module, kind))


lower_builtin(operator.getitem, Memory, types.Integer)(_lower_read)
lower_builtin(operator.setitem, Memory, types.Integer, types.Any)(_lower_write)


def _address(context: Any, builder: Any, kind: Memory, memory: Any, place: Any) -> Any:
    opened = _opened(context, builder, kind, memory)
    if CHECKED:
        with builder.if_then(builder.icmp_unsigned(">=", place, opened.size), likely=False):
            context.call_conv.return_user_exc(builder, IndexError, (OUTSIDE_MESSAGE,))
    return builder.gep(opened.data, [place], inbounds=True)


def _opened(context: Any, builder: Any, kind: Memory, memory: Any) -> Any:
    return create_struct_proxy(kind)(context, builder, value=memory)


def _named(module: ir.Module, kind: Memory) -> Any:
    """The mark of all loads and stores of this array."""
    root = module.add_metadata(["codecsense"])
    type_node = module.add_metadata([kind.label, root, ir.Constant(ir.IntType(64), 0)])
    return module.add_metadata([type_node, type_node, ir.Constant(ir.IntType(64), 0)])
