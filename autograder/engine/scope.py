"""Whom a name in a notebook belongs to: the instructor (and so the judge), or the student."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograder.engine import names
from autograder.engine.arguments import snapshot
from autograder.engine.mutable_values import is_mutable, update
from autograder.engine.names import Names
from autograder.engine.remote import remote_of
from autograder.wire.codec import Encoder


class Scope:
    """Keeps account of names, cell by cell.

    What the instructor's cells and tests define is the judge's own, whatever a student's cell makes
    of it, but for names that the instructor's own solution defines or changes: those are the
    student's from there on. Names that neither of them defines are the student's.

    Attributes:
        own: names that are the judge's.
    """

    def __init__(self, own: set[str]):
        self.own = set(own)
        self._given: set[str] = set()
        self._imported: set[str] = set()
        self._theirs: set[str] = set()
        self._student = Names()

    def given(self, found: Names) -> None:
        """Note the names that an instructor's cell defines."""
        self.own |= found.stored
        self._given |= found.stored - found.imported
        self._imported |= found.imported

    def student_cell(self, source: str, theirs: Iterable[str]) -> None:
        """Note that a student's cell runs.

        Args:
            source: as Python.
            theirs: names that the instructor's solution of it defines or changes.
        """
        self._student.add(names.names_in(source))
        self._theirs |= set(theirs)
        self.own -= set(theirs) - self._imported

    def wanted(self, test: Names) -> list[str]:
        """Return the names that a test takes from the student."""
        plain = test.loaded - self.own - test.imported
        builtin = plain & names.BUILTINS & (self._student.stored | self._theirs)
        return sorted(plain - names.BUILTINS | builtin)

    def is_acceptable(self, name: str, value: object) -> bool:
        """Return whether a student's value may have a name; only data may have one of Python's."""
        theirs = name not in names.BUILTINS or name in self._theirs
        return theirs or not (callable(value) or remote_of(value))

    def replaced(self, test: Names) -> set[str]:
        """Return names that a test redefines for the student's code, which uses them."""
        return test.stored & (self._theirs | (self._given & self._student.loaded))

    def followed(self, found: set[str]) -> set[str]:
        """Return those names whose values the student's functions change."""
        return found & self._student.changed_inside

    def tested(self, test: Names, found: set[str]) -> None:
        """Note that a test has run, with these names taken from the student."""
        self.own |= test.stored - found - self._theirs


class Shared:
    """Globals of the student's that a test has changed or that its functions may change.

    Args:
        space: the test's names.
        found: values that were received from the student.
        replaced: names that the test may redefine.
        changed: names whose values it may change in place.
        followed: names whose values the student's functions change.

    Attributes:
        replaced_any: whether the student's process was told of a redefined name.
    """

    def __init__(
        self,
        space: dict[str, Any],
        found: dict[str, Any],
        replaced: set[str],
        changed: set[str],
        followed: set[str],
    ):
        self._space, self._replaced, self.followed = space, replaced, sorted(followed)
        self._known = {name: found.get(name, space.get(name)) for name in replaced}
        self._found, self.replaced_any = found, False
        self._seen = {n: snapshot(found[n], {}) for n in (changed | followed) & set(found)}

    def outgoing(self, encoder: Encoder) -> dict[str, Any]:
        """Return codes of what the test has changed since the last time."""
        codes: dict[str, Any] = {}
        for name in self._replaced:
            value = self._space.get(name)
            if value is not self._known[name]:
                codes[name] = ["new", encoder.encode(value)]
                self._known[name], self.replaced_any = value, True
        for name, old in self._seen.items():
            value = self._space.get(name)
            if value is not self._found[name] or name in codes:
                continue
            now = snapshot(value, {})
            if now != old:
                codes[name] = ["in", encoder.encode_inner(value)]
                self._seen[name] = now
        return codes

    def incoming(self, values: dict[str, Any]) -> None:
        """Take over values that the student's functions have changed."""
        for name in self.followed:
            if name not in values or self._space.get(name) is not self._found.get(name):
                continue
            old, new = self._found[name], values[name]
            if type(old) is type(new) and is_mutable(old):
                update(old, new)
                self._seen[name] = snapshot(old, {})
            else:
                self._space[name] = self._found[name] = new
