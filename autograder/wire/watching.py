"""What a student's code does while it runs: how many lines, and into which modules it calls.

A question says what to look for; the calls that it makes are then looked at wherever the student's
code runs, in the notebook's own process or in that of the student.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

_current: Watch | None = None
_elsewhere = False


# The same package under other names.
_SAME = {
    "tensorflow.keras": "keras",
    "tensorflow.python.keras": "keras",
    "tf_keras": "keras",
}


def spelled(path: str) -> str:
    """A dotted path, with packages by the name that a rule gives them."""
    for other, name in _SAME.items():
        if is_in(path, other):
            return name + path[len(other) :]
    return path


def is_in(path: str, package: str) -> bool:
    """True if a dotted path is a package's, or something in it."""
    return path == package or path.startswith(f"{package}.")


@dataclass
class Watch:
    """What to look for, and what was seen.

    Attributes:
        without: modules and functions of the notebook that should not be called.
        lines: whether to count lines.
        used: those of `without` that the student's code called.
        count: lines that it ran, and calls of its functions.
    """

    without: tuple[str, ...] = ()
    lines: bool = False
    used: set[str] = field(default_factory=set)
    count: int = 0

    def request(self) -> dict:
        """What another process must know to look for the same."""
        return {"without": list(self.without), "lines": self.lines}

    def seen(self) -> dict:
        """What was seen, as plain data."""
        return {"used": sorted(self.used), "count": self.count}

    def note(self, seen) -> None:
        """Add what another process says that it saw."""
        match seen:
            case {"used": list(used), "count": int(count)}:
                self.used |= set(self.without).intersection(u for u in used if isinstance(u, str))
                self.count += count


def current() -> Watch | None:
    """What calls that are made now should be looked at for."""
    return _current


def look_elsewhere() -> None:
    """Say that no student's code runs in this process."""
    global _elsewhere
    _elsewhere = True


@contextlib.contextmanager
def watching(watch: Watch | None, namespace: dict, test: str) -> Iterator[None]:
    """Look at the calls of the student's functions that are made inside.

    Args:
        watch: what for; None for nothing.
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
def traced(watch: Watch, namespace: dict, test: str = "") -> Iterator[None]:
    """Look at what runs inside, in this process."""
    before = sys.gettrace()
    sys.settrace(_tracer(watch, namespace, test))
    try:
        yield
    finally:
        sys.settrace(before)


def _tracer(watch: Watch, namespace: dict, test: str):
    """A trace function. It is called for every call of a Python function, so it does little."""
    home = os.getcwd()
    # Globals of modules that are not the student's, by their id. As they are kept here, no others
    # get that id.
    foreign: dict[int, dict] = {}
    functions = {
        namespace[entry].__code__: entry
        for entry in watch.without
        if hasattr(namespace.get(entry), "__code__")
    }
    modules = tuple(set(watch.without) - set(functions.values()))

    def is_own(frame) -> bool:
        """True for the notebook's code, and that of modules beside it."""
        name = frame.f_code.co_filename
        if frame.f_globals is namespace:
            return name != test
        if id(frame.f_globals) in foreign:
            return False
        if os.path.dirname(name) == home:
            return True
        foreign[id(frame.f_globals)] = frame.f_globals
        return False

    def line(frame, event, arg):
        if event == "line":
            watch.count += 1
        return line

    def call(frame, event, arg):
        caller = frame.f_back
        # Nearly all calls are those of a library in itself.
        if id(frame.f_globals) in foreign and (caller is None or id(caller.f_globals) in foreign):
            return None
        code = frame.f_code
        if is_own(frame):
            watch.count += 1
            if code in functions and is_own(caller):
                watch.used.add(functions[code])
            return line if watch.lines else None
        # `a + b` on a tensor calls its class, too, but that is no use of the module.
        implicit = code.co_name.startswith("__") and code.co_name not in ("__call__", "__init__")
        if modules and caller is not None and not implicit and is_own(caller):
            module = spelled(str(frame.f_globals.get("__name__", "")))
            watch.used.update(entry for entry in modules if is_in(module, entry))
        return None

    return call
