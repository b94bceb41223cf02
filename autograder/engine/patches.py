"""Make the student's process follow what a test patches with `unittest.mock`, or seeds."""

from __future__ import annotations

import functools
import importlib
import random  # noqa: F401 - imported so that it can be watched
import sys
import types
from collections.abc import Callable
from typing import Any
from unittest import mock

from autograder.wire.codec import Decoder, Encoder

_active: list[Any] = []
_seeds: dict[str, tuple[Any, ...]] = {}
SEEDED = {"random": "seed", "numpy.random": "seed"}


def watch() -> None:
    """Notice patches and seeds of this process from now on."""
    patch: Any = mock._patch
    enter, leave = patch.__enter__, patch.__exit__
    if getattr(enter, "watched", False):
        return

    def entered(self: Any) -> Any:
        result = enter(self)
        _active.append(self)
        return result

    def left(self: Any, *error: Any) -> Any:
        if self in _active:
            _active.remove(self)
        return leave(self, *error)

    setattr(entered, "watched", True)  # noqa: B010 - a function has no such attribute
    patch.__enter__, patch.__exit__ = entered, left
    for name, function in SEEDED.items():
        if name in sys.modules:
            module = sys.modules[name]
            setattr(module, function, _noted(name, getattr(module, function)))


def _noted(name: str, seed: Callable[..., Any]) -> Callable[..., None]:
    @functools.wraps(seed)
    def seeded(*args: Any, **kwargs: Any) -> None:
        seed(*args, **kwargs)
        _seeds[name] = (*args, *kwargs.values())

    return seeded


def codes(encoder: Encoder) -> dict[str, list[Any]]:
    """Return the parts of a request that have the student's process do the same before a call."""
    found = []
    for patch in _active:
        target = getattr(patch, "target", None)
        if isinstance(target, types.ModuleType) and target.__name__ != "__main__":
            value = encoder.encode(getattr(target, patch.attribute))
            found.append([target.__name__, patch.attribute, value])
    seeds = [[name, encoder.encode(args)] for name, args in _seeds.items()]
    _seeds.clear()
    return {"patches": found, "seeds": seeds}


def follow_seeds(seeds: list[Any], decoder: Decoder) -> None:
    """In the student's process, seed what a test has seeded."""
    for name, args in seeds:
        if name in SEEDED:
            getattr(importlib.import_module(name), SEEDED[name])(*decoder.decode(args))
