"""The class as the gradebook has it: which id a name, an address or a login belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from autograder.collect.names import Person, key
from autograder.course_directory import CourseDirectory


class Roster:
    """Ids by everything that names a student; what names two of them names nobody."""

    def __init__(self, students: Iterable[tuple[str, list[str]]] = ()) -> None:
        self._ids: dict[str, set[str]] = {}
        self.known: set[str] = set()
        for student, names in students:
            self.known.add(student)
            for name in (student, *names):
                if key(name):
                    self._ids.setdefault(key(name), set()).add(student)

    def find(self, person: Person) -> str | None:
        """Return the id of whom a name names, if there is just one."""
        found = self._ids.get(key(person.who), set())
        return next(iter(found)) if len(found) == 1 else None


def from_gradebook(course: CourseDirectory) -> Roster:
    """Read the students of a course's gradebook; empty if there is none."""
    url = str(course.directory.db_url)
    if not url.startswith("sqlite:///") or not Path(url.removeprefix("sqlite:///")).is_file():
        return Roster()
    with course.gradebook() as gradebook:
        return Roster(
            (s.id, _names(s.first_name or "", s.last_name or "", s.email or ""))
            for s in gradebook.students
        )


def _names(first: str, last: str, email: str) -> list[str]:
    both = [f"{first} {last}", f"{last} {first}"] if first and last else []
    return [*both, email, email.partition("@")[0]]
