"""How the compiled part is compiled: without counting who holds an array, and once for each type of argument.

Numba counts with atomic instructions at every call that hands an array on, which took more time here than reading the
stream. These functions neither make arrays nor keep them, so there is nothing to count. And it compiles a function anew
for every constant that it is called with, which trebled the time of compiling and won nothing.
"""

from collections.abc import Callable
from typing import Any

from numba import njit, types

OPTIONS: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """`function`, compiled when a kept kernel that calls it is."""
    compiled = njit(**OPTIONS)(function)
    template = compiled.get_call_template

    def of_types(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return template(tuple(types.unliteral(each) for each in arguments), named)

    compiled.get_call_template = of_types
    return compiled


kept_kernel = njit(**OPTIONS, cache=True)
