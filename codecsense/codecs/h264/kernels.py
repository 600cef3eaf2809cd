"""How the compiled part is compiled: as one piece, without counting who holds an array, once for each type of argument.

Numba counts with atomic instructions at every call that hands an array on, which took more time here than reading the
stream. These functions neither make arrays nor keep them, so there is nothing to count. It compiles a function anew
for every constant that it is called with, which trebled the time of compiling and won nothing. And it optimises each
function with all that it calls, then its caller with all of that again, and so on up; only the last of these is ever
run, so here only what Python calls is optimised.

References:
    [1] Numba, `numba.core.codegen`: a library is linked, optimised, and made into machine code, in this order.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target
from numba.extending import intrinsic

OPTIONS: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}
INNER: dict[str, Any] = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@intrinsic
def leading_zeros(context: Any, number: Any) -> Any:
    """Zeros before the first one of a positive number of 64 bits."""

    def lower(context: Any, builder: Any, sign: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), lower


def kernel(function: Callable[..., Any]) -> Any:
    """`function`, compiled when a kept kernel that calls it is."""
    return _inner(njit(**INNER, forceinline=False)(function))  # said, or the caller's is taken


def inlined(function: Callable[..., Any]) -> Any:
    """The same, put in the place of every call: for what is called from one place, or takes no longer than a call."""
    return _inner(njit(**INNER, forceinline=True)(function))


kept_kernel = njit(**OPTIONS, cache=True)


class _Linked(JITCodeLibrary):
    """What is linked into another library and never run by itself [1]: neither optimised nor made into machine code."""

    def add_ir_module(self, module: ir.Module) -> None:
        for function in module.functions:
            ours = not function.is_declaration and "codecsense" in function.name
            if ours and "alwaysinline" not in function.attributes:
                function.attributes.add("noinline")
        super().add_ir_module(module)

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0


@contextmanager
def _linked() -> Iterator[None]:
    codegen = cpu_target.target_context.codegen()
    before = codegen._library_class, codegen.set_env
    codegen._library_class, codegen.set_env = _Linked, _no_environment
    try:
        yield
    finally:
        codegen._library_class, codegen.set_env = before


def _no_environment(name: str, environment: Any) -> None:
    """Python objects that a function needs when it is run; these need none."""


def _inner(compiled: Any) -> Any:
    template = compiled.get_call_template

    def of_types(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        with _linked():
            return template(tuple(types.unliteral(each) for each in arguments), named)

    compiled.get_call_template = of_types
    return compiled
