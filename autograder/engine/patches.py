"""What `unittest.mock.patch` has replaced in libraries, for the student's process to see."""

from __future__ import annotations

import types
from unittest import mock

_active: list = []


def watch() -> None:
    """Notice patches of this process from now on."""
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


def codes(encoder) -> list:
    """What stands in patched attributes of modules: module, attribute and the value's code."""
    found = []
    for patch in _active:
        target = getattr(patch, "target", None)
        if isinstance(target, types.ModuleType) and target.__name__ != "__main__":
            value = encoder.encode(getattr(target, patch.attribute))
            found.append([target.__name__, patch.attribute, value])
    return found
