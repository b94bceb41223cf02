"""What can be done with a stand-in besides reading attributes: operators, iteration and the like.

A stand-in has exactly the special methods that its owner's class has, so that `callable`, `iter`,
`in` and NumPy treat it as they would treat the object itself.
"""

from __future__ import annotations

import builtins
import copy
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

ARITHMETIC = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"),
    *("and", "or", "xor", "lshift", "rshift"),
)
Operation = Callable[..., Any]
ORDER = ("lt", "le", "gt", "ge")
# How the owner of an object does an operation, by its name.
UNARY: dict[str, Operation] = {
    "len": builtins.len, "iter": builtins.iter, "next": builtins.next,
    "reversed": builtins.reversed, "bool": builtins.bool, "int": builtins.int,
    "float": builtins.float, "complex": builtins.complex, "index": operator.index,
    "abs": builtins.abs, "neg": operator.neg, "pos": operator.pos, "invert": operator.invert,
    "str": builtins.str, "repr": builtins.repr, "hash": builtins.hash, "dir": builtins.dir,
    "enter": lambda value: value.__enter__(), "copy": copy.copy, "deepcopy": copy.deepcopy,
}  # fmt: skip
_WITH_VALUES: dict[str, Operation] = {
    "call": lambda value, *args, **kwargs: value(*args, **kwargs),
    "getitem": operator.getitem, "setitem": operator.setitem, "delitem": operator.delitem,
    "format": builtins.format, "round": builtins.round,
    "exit": lambda value, kind, text: value.__exit__(kind, kind and kind(text), None),
    "setattr": builtins.setattr, "delattr": builtins.delattr,
}  # fmt: skip
_BINARY: dict[str, Operation] = {"eq": operator.eq, "contains": operator.contains}
_BINARY |= {name: getattr(operator, name) for name in ORDER}
_BINARY |= {name: getattr(operator, f"__{name}__") for name in ARITHMETIC}
_BINARY["divmod"] = builtins.divmod
OPERATIONS: dict[str, Operation] = UNARY | _WITH_VALUES | _BINARY


@lru_cache(4096)
def operations_of(kind: type) -> tuple[str, ...]:
    """Return the operations that a class defines itself, beyond what every object can do."""
    found = []
    for name in OPERATIONS:
        special = f"__{name}__"
        owner = next((parent for parent in kind.__mro__ if special in vars(parent)), object)
        defined = owner is not object and vars(owner)[special] is not None
        if defined:
            found.append(name)
    if "eq" in found and getattr(kind, "__hash__", None) is None:
        found.append("unhashable")
    return tuple(found)
