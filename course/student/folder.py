"""Where a student's assignments and lectures are, and what the instructor says about them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from course.errors import UsageError

SETTINGS = "course.toml"


@dataclass(frozen=True)
class CourseSettings:
    """What `course.toml` says.

    Attributes:
        name: of the course, the heading of the start page.
        submit: how to hand in an archive, in a sentence.
        due: when each unit is due.
    """

    name: str = "Convolutional networks"
    submit: str = "Hand it in where your instructor asks for it."
    due: dict[str, datetime] = field(default_factory=dict)


class StudentFolder:
    """A folder with `assignments/` and lectures: what was handed out, or a checkout.

    Args:
        start: this folder or one inside it.

    Raises:
        UsageError: no folder here or above has assignments.
    """

    def __init__(self, start: Path | str = ".") -> None:
        here = Path(start).resolve()
        found = [folder for folder in (here, *here.parents) if _units(folder / "assignments")]
        if not found:
            raise UsageError(
                f"No assignments in {here} or above it. Run this in the course's folder, "
                "or name it with --folder DIR."
            )
        self.root = found[0]
        self.assignments = self.root / "assignments"
        own = self.root / "lectures"
        self.lectures = own if own.is_dir() else self.root / "course" / "lectures"
        self.work = self.root / "work"

    def units(self) -> list[str]:
        """List the units that have an assignment."""
        return _units(self.assignments)

    def check_unit(self, unit: str) -> None:
        """Raise a UsageError if there is no such unit."""
        if unit not in self.units():
            raise UsageError(f"No unit {unit!r}. There are: {', '.join(self.units())}.")

    def lecture(self, unit: str) -> Path | None:
        """Return a unit's lecture as it was handed out, if it has one."""
        path = self.lectures / f"{unit}.ipynb"
        return path if path.is_file() else None

    def released(self, unit: str) -> Path:
        """Return a unit's assignment as it was handed out."""
        return self.assignments / unit / f"{unit}.ipynb"

    def copy(self, unit: str) -> Path:
        """Return the copy of an assignment that the student works on."""
        return self.work / unit / f"{unit}.ipynb"

    def settings(self) -> CourseSettings:
        """Read `course.toml`; without one everything has its default."""
        return read_settings(self.root / SETTINGS)


def read_settings(path: Path) -> CourseSettings:
    """Read a `course.toml`.

    Raises:
        UsageError: it is not TOML, or says something that is not known.
    """
    if not path.is_file():
        return CourseSettings()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from None
    unknown = sorted(data.keys() - {"name", "submit", "due"})
    if unknown:
        raise UsageError(f"{path}: unknown {', '.join(unknown)}. Known are name, submit and [due].")
    for key in ("name", "submit"):
        if not isinstance(data.get(key, ""), str):
            raise UsageError(f"{path}: {key} must be text; received {data[key]!r}.")
    due = data.pop("due", {})
    if not isinstance(due, dict):
        raise UsageError(f"{path}: due must be a table, [due]; received {due!r}.")
    return CourseSettings(**data, due={unit: _moment(path, unit, due[unit]) for unit in due})


def _moment(path: Path, unit: str, value: Any) -> datetime:
    """Return a time with its zone; a day alone means its end, and no zone means this machine's."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(23, 59))
    if not isinstance(value, datetime):
        raise UsageError(
            f"{path}: due.{unit} must be a date or a time such as 2026-12-10T23:59:00; "
            f"received {value!r}."
        )
    return value if value.tzinfo else value.astimezone()


def _units(folder: Path) -> list[str]:
    found = folder.glob("*/*.ipynb")
    return sorted(path.stem for path in found if path.stem == path.parent.name)
