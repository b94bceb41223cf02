"""Watching a student's code while it runs: how many lines, and calls into which modules.

A question says what to watch for. The calls that it makes are then watched wherever the student's
code runs, in the notebook's own process or in that of the student.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

Tracer = Callable[[FrameType, str, Any], Any]  # what `sys.settrace` takes

_current: Watch | None = None
_elsewhere = False


# The same package under other names.
_SAME = {
    "tensorflow.keras": "keras",
    "tensorflow.python.keras": "keras",
    "tf_keras": "keras",
}


def spelled(path: str) -> str:
    """Return a dotted path with the package's name as rules spell it."""
    for other, name in _SAME.items():
        if is_in(path, other):
            return name + path[len(other) :]
    return path


def is_in(path: str, package: str) -> bool:
    """Return whether a dotted path is a package, or something in it."""
    return path == package or path.startswith(f"{package}.")


@dataclass
class Watch:
    """What to watch for, and what was seen.

    Attributes:
        without: modules, and functions of the notebook, that should not be called.
        lines: whether to count lines.
        used: those of `without` that the student's code called.
        count: how many lines it ran, and how many calls of its functions there were.
    """

    without: tuple[str, ...] = ()
    lines: bool = False
    used: set[str] = field(default_factory=set)
    count: int = 0

    def request(self) -> dict[str, Any]:
        """Return what another process must know to watch for the same."""
        return {"without": list(self.without), "lines": self.lines}

    def seen(self) -> dict[str, Any]:
        """Return what was seen, as plain data."""
        return {"used": sorted(self.used), "count": self.count}

    def note(self, seen: object) -> None:
        """Add what another process says that it saw."""
        match seen:
            case {"used": list(used), "count": int(count)}:
                self.used |= set(self.without).intersection(u for u in used if isinstance(u, str))
                self.count += count


def current() -> Watch | None:
    """Return what calls are being watched for now; None if they are not."""
    return _current


def look_elsewhere() -> None:
    """Note that no student's code runs in this process."""
    global _elsewhere
    _elsewhere = True


@contextlib.contextmanager
def watching(watch: Watch | None, namespace: dict[str, Any], test: str) -> Iterator[None]:
    """Watch the calls of the student's functions that are made inside.

    Args:
        watch: what to watch for; None for nothing.
        namespace: the notebook's.
        test: file name of the code that makes the calls, which is not the student's.
    """
    global _current
    before, _current = _current, watch
    try:
        if watch is None or _elsewhere:
            yield
        else:
            with traced(watch, namespace, test):
                yield
    finally:
        _current = before


@contextlib.contextmanager
def traced(watch: Watch, namespace: dict[str, Any], test: str = "") -> Iterator[None]:
    """Watch what runs inside, in this process."""
    before = sys.gettrace()
    sys.settrace(_tracer(watch, namespace, test))
    try:
        yield
    finally:
        sys.settrace(before)


def _tracer(watch: Watch, namespace: dict[str, Any], test: str) -> Tracer:
    """Return a trace function, which does little, as every call of a Python function calls it."""
    home = os.getcwd()
    # Globals of modules that are not the student's, by their ID. As they are kept here, no others
    # get that ID.
    foreign: dict[int, dict[str, Any]] = {}
    functions = {
        namespace[entry].__code__: entry
        for entry in watch.without
        if hasattr(namespace.get(entry), "__code__")
    }
    modules = tuple(set(watch.without) - set(functions.values()))

    def is_own(frame: FrameType) -> bool:
        """Return whether a frame is of the notebook's code, or of a module beside it."""
        name = frame.f_code.co_filename
        if frame.f_globals is namespace:
            return bool(name != test)
        if id(frame.f_globals) in foreign:
            return False
        if os.path.dirname(name) == home:
            return True
        foreign[id(frame.f_globals)] = frame.f_globals
        return False

    def line(frame: FrameType, event: str, arg: object) -> Tracer:
        if event == "line":
            watch.count += 1
        return line

    def call(frame: FrameType, event: str, arg: object) -> Tracer | None:
        caller = frame.f_back
        # Nearly all calls are those of a library in itself.
        if id(frame.f_globals) in foreign and (caller is None or id(caller.f_globals) in foreign):
            return None
        code = frame.f_code
        if is_own(frame):
            watch.count += 1
            if code in functions and caller is not None and is_own(caller):
                watch.used.add(functions[code])
            return line if watch.lines else None
        # `a + b` on a tensor calls its class, too, but that is no use of the module.
        implicit = code.co_name.startswith("__") and code.co_name not in ("__call__", "__init__")
        if modules and caller is not None and not implicit and is_own(caller):
            module = spelled(str(frame.f_globals.get("__name__", "")))
            watch.used.update(entry for entry in modules if is_in(module, entry))
        return None

    return call
