"""What a test patches with `unittest.mock`, or seeds, for the student's process to follow."""

from __future__ import annotations

import functools
import importlib
import random  # noqa: F401 - so that it is there to be watched
import sys
import types
from unittest import mock

_active: list = []
_seeds: dict[str, tuple] = {}
SEEDED = {"random": "seed", "numpy.random": "seed"}


def watch() -> None:
    """Notice patches and seeds of this process from now on."""
    enter, leave = mock._patch.__enter__, mock._patch.__exit__
    if getattr(enter, "watched", False):
        return

    def entered(self):
        result = enter(self)
        _active.append(self)
        return result

    def left(self, *error):
        if self in _active:
            _active.remove(self)
        return leave(self, *error)

    entered.watched = True
    mock._patch.__enter__, mock._patch.__exit__ = entered, left
    for name, function in SEEDED.items():
        if name in sys.modules:
            module = sys.modules[name]
            setattr(module, function, _noted(name, getattr(module, function)))


def _noted(name: str, seed):
    @functools.wraps(seed)
    def seeded(*args, **kwargs):
        seed(*args, **kwargs)
        _seeds[name] = (*args, *kwargs.values())

    return seeded


def codes(encoder) -> dict[str, list]:
    """What a student's process must do alike before a call, as parts of the request."""
    found = []
    for patch in _active:
        target = getattr(patch, "target", None)
        if isinstance(target, types.ModuleType) and target.__name__ != "__main__":
            value = encoder.encode(getattr(target, patch.attribute))
            found.append([target.__name__, patch.attribute, value])
    seeds = [[name, encoder.encode(args)] for name, args in _seeds.items()]
    _seeds.clear()
    return {"patches": found, "seeds": seeds}


def follow_seeds(seeds: list, decoder) -> None:
    """In the student's process: seed what a test has seeded."""
    for name, args in seeds:
        if name in SEEDED:
            getattr(importlib.import_module(name), SEEDED[name])(*decoder.decode(args))
