"""Sort what was found into `submitted/STUDENT/UNIT/`, the newest of each, and lose nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.collect.found import Candidate, Skipped, look_through, printable
from autograder.collect.names import PLATFORMS, Person, person, student_id, unit_in
from autograder.collect.notebook import Assignment
from autograder.collect.roster import Roster, from_gradebook
from autograder.course_directory import CourseDirectory, CourseError
from autograder.grading.lock import exclusive
from course._files import write_text
from course.student.work import KEPT

STAMP = "%Y-%m-%d %H:%M:%S UTC"  # as nbgrader writes timestamp.txt


@dataclass(frozen=True)
class Claimed:
    """A candidate with the student and the unit that it is taken for."""

    found: Candidate
    student: str
    unit: str
    person: Person | None
    time: datetime
    edited: bool
    note: str = ""

    @property
    def files(self) -> dict[str, bytes]:
        """What belongs into the unit's folder."""
        more = self.found.archive.files if self.found.archive else {}
        return {**more, f"{self.unit}.ipynb": self.found.data}


@dataclass(frozen=True)
class Event:
    """What was done with one file.

    Attributes:
        action: "collected", "updated", "unchanged", "earlier" or "skipped".
        what: the student and unit, or the file.
        text: the rest of the line.
    """

    action: str
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.action:<9}  {self.what}: {self.text}"


def collect(course: CourseDirectory, sources: Iterable[Path]) -> list[Event]:
    """Collect submissions from folders, archives and notebooks.

    An earlier submission is replaced by a newer one only, and is kept in
    `.autograder/collected/`, as are those that came too late to replace anything.

    Args:
        course: the course directory.
        sources: downloads of a learning platform, archives of `course submit`, folders with any
            of them.

    Returns:
        What was done with each file.

    Raises:
        CourseError: a source is missing, or another command works in this course.
    """
    sources = list(sources)
    if missing := [str(source) for source in sources if not source.exists()]:
        raise CourseError(f"There is no file or folder {', '.join(missing)}.")
    units = [unit for unit in course.units() if course.notebooks(unit) == [unit]]
    assignments = {unit: Assignment.read(course, unit) for unit in units}
    folder = course.records / "collected"
    with exclusive(course.records):
        roster, people = from_gradebook(course), _read_people(folder)
        events: list[Event] = []
        claims: list[Claimed] = []
        for found in (item for source in sources for item in look_through(source)):
            match _claim(found, assignments, roster):
                case Event() as event:
                    events.append(event)
                case claim:
                    claims.append(claim)
        good, conflicts = _without_conflicts(claims, people)
        events += conflicts
        groups: dict[tuple[str, str], list[Claimed]] = defaultdict(list)
        for claim in good:
            groups[claim.student, claim.unit].append(claim)
        for _, group in sorted(groups.items()):
            events += _sort_in(course, group)
        write_text(folder / "people.json", json.dumps(people, indent=1, sort_keys=True))
    return events


def _claim(
    found: Candidate | Skipped, assignments: dict[str, Assignment], roster: Roster
) -> Claimed | Event:
    """Find out whose a file is and of which unit."""
    if isinstance(found, Skipped):
        return Event("skipped", found.label, found.reason)
    if KEPT in found.parts[-1]:
        return Event("skipped", found.label, "a student's earlier copy")
    archive = found.archive
    unit = archive.unit if archive else unit_in(found.parts, assignments)
    if unit not in assignments or not assignments[unit].may_be(found.data):
        fitting = [name for name, one in assignments.items() if one.has_cells_of(found.data)]
        if archive or not fitting:
            return Event("skipped", found.label, "not an assignment of this course")
        unit = fitting[0]
    who = person(found.parts, assignments)
    student, note = _student(who, archive.student if archive else "", roster)
    if not student:
        return Event("skipped", found.label, "no name in it says whose it is")
    edited = not assignments[unit].is_untouched(found.data)
    return Claimed(found, student, unit, who, _time(found), edited, note)


def _student(who: Person | None, claimed: str, roster: Roster) -> tuple[str, str]:
    """Return an id, and what is worth saying about it.

    What the gradebook makes of a platform's name goes before what the student's archive says.
    """
    known = roster.find(who) if who else None
    platform = who is not None and who.source in PLATFORMS
    if claimed and not (platform and known):
        student, note = claimed, ""
    else:
        student = known or (student_id(who.who) if who else "")
        note = f"its archive says {claimed!r}" if claimed and claimed != student else ""
    if student and roster.known and student not in roster.known:
        note = "; ".join(filter(None, [note, "not among the gradebook's students"]))
    return student, note


def _time(found: Candidate) -> datetime:
    """Return when something was handed in: by the download, else the archive, else the file."""
    claimed = found.archive.time if found.archive else None
    if found.trusted_time and found.time:
        return found.time.astimezone(UTC)
    best = claimed or found.time or datetime.now(UTC)
    return best.astimezone(UTC)


def _without_conflicts(
    claims: list[Claimed], people: dict[str, dict[str, str]]
) -> tuple[list[Claimed], list[Event]]:
    """Leave out ids that two people of one platform use; remember who used which."""
    users: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    numbers: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for claim in claims:
        if claim.person and claim.person.source in PLATFORMS:
            source = claim.person.source
            users[claim.student, source].add((claim.person.who, ""))
            numbers[claim.student, source, claim.unit].add(claim.person.number)
    good, events = [], []
    for claim in claims:
        source = claim.person.source if claim.person else ""
        names = {name for name, _ in users[claim.student, source]}
        before = people.get(claim.student, {}).get(source)
        names |= {before} if before else set()
        if len(names) > 1 or len(numbers[claim.student, source, claim.unit]) > 1:
            named = " and ".join(sorted(map(printable, names)))
            text = f"the id {claim.student} stands for several people ({named}): copy it by hand"
            events.append(Event("skipped", claim.found.label, text))
            continue
        good.append(claim)
    for claim in good:
        if claim.person and claim.person.source in PLATFORMS:
            people.setdefault(claim.student, {})[claim.person.source] = claim.person.who
    return good, events


def _sort_in(course: CourseDirectory, group: list[Claimed]) -> list[Event]:
    """Put the newest of a student's files for a unit in its place, and keep the others."""
    *older, newest = sorted(group, key=lambda claim: (claim.edited, claim.time))
    events = []
    seen = [newest.files]
    for claim in reversed(older):
        if claim.files not in seen:
            seen.append(claim.files)
            kept = _keep(course, claim)
            events.append(_event("earlier", claim, f"not the newest; kept in {kept}"))
    return [_place(course, newest), *events]


def _place(course: CourseDirectory, claim: Claimed) -> Event:
    target = course.path("submitted", claim.student, claim.unit)
    if not os.path.lexists(target):
        _write(target, claim)
        return _event("collected", claim)
    there, time = _contents(target), _time_of(target, claim.unit)
    if there == claim.files:
        return _event("unchanged", claim)
    if time >= claim.time:
        kept = _keep(course, claim)
        text = f"older than the one of {time:{STAMP}} that is there; kept in {kept}"
        return _event("earlier", claim, text)
    kept_at = _free(course, claim.student, claim.unit, time)
    kept_at.parent.mkdir(parents=True, exist_ok=True)
    target.rename(kept_at)
    _write(target, claim)
    kept = os.path.relpath(kept_at, course.root)
    return _event("updated", claim, f"the one of {time:{STAMP}} is kept in {kept}")


def _event(action: str, claim: Claimed, text: str = "") -> Event:
    source = f"{claim.time:{STAMP}}, from {claim.found.label}"
    line = "; ".join(filter(None, [source, text, claim.note]))
    return Event(action, f"{claim.student} {claim.unit}", line)


def _contents(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.name != "timestamp.txt"
    }


def _time_of(folder: Path, unit: str) -> datetime:
    """Return when what is there was handed in."""
    try:
        text = (folder / "timestamp.txt").read_text()
        return datetime.strptime(text.strip(), STAMP).replace(tzinfo=UTC)
    except (OSError, ValueError):
        notebook = folder / f"{unit}.ipynb"
        path = notebook if notebook.is_file() else folder
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _free(course: CourseDirectory, student: str, unit: str, time: datetime) -> Path:
    folder = course.records / "collected" / unit / student
    stem = f"{time:%Y-%m-%dT%H-%M-%SZ}"
    names = [stem, *(f"{stem}_{number}" for number in range(2, 10_000))]
    return next(folder / name for name in names if not os.path.lexists(folder / name))


def _keep(course: CourseDirectory, claim: Claimed) -> str:
    """Keep what is not to be graded, unless it is kept already; return where."""
    folder = course.records / "collected" / claim.unit / claim.student
    for path in sorted(folder.glob("*")):
        if _contents(path) == claim.files:
            return os.path.relpath(path, course.root)
    path = _free(course, claim.student, claim.unit, claim.time)
    _write(path, claim)
    return os.path.relpath(path, course.root)


def _write(folder: Path, claim: Claimed) -> None:
    """Write a submission's folder as a whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    for name, data in claim.files.items():
        (temporary / name).parent.mkdir(parents=True, exist_ok=True)
        (temporary / name).write_bytes(data)
    (temporary / "timestamp.txt").write_text(f"{claim.time:{STAMP}}\n")
    temporary.rename(folder)


def _read_people(folder: Path) -> dict[str, dict[str, str]]:
    """Return who has used which id before, by platform."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        people: dict[str, dict[str, str]] = json.loads((folder / "people.json").read_text())
    except (OSError, ValueError):
        return {}
    return people
