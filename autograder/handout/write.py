"""Write the handout, or bring an earlier one up to date without losing anybody's work."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course_directory import CourseDirectory, CourseError
from autograder.handout import secrets
from autograder.handout.contents import Item, collect
from course import __version__
from course._files import replacing
from course.student.work import beside, replace_carrying

MANIFEST = "handout.json"
SHOWN = 5  # findings; one would do to refuse


@dataclass
class Handout:
    """What a handout changed: files by what was done, and a line for each that somebody edited."""

    folder: Path
    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    total: int = 0


def hand_out(course: CourseDirectory, out: Path, units: list[str] | None = None) -> Handout:
    """Write what students get into a folder; nothing of it may give answers away.

    Everything is looked at before anything is written. In an earlier handout, files that nobody
    has edited are replaced; of an edited assignment, the new one gets the answers and the edited
    one stays beside it. What is not of an earlier handout is never touched.

    Args:
        course: the course directory.
        out: a new or empty folder, or an earlier handout.
        units: globs of unit names; None for all.

    Raises:
        CourseError: something secret would be handed out, or `out` is another folder.
    """
    out = out.resolve()
    return write(out, checked_items(course, out, units))


def write(out: Path, items: dict[str, Item]) -> Handout:
    """Write files that :func:`checked_items` returned, see :func:`hand_out`."""
    before = earlier_digests(out)
    made = Handout(out, total=len(items))
    out.mkdir(parents=True, exist_ok=True)
    for name, item in items.items():
        _put(made, name, item, before.get(name))
    for name in sorted(before.keys() - items.keys()):
        _withdraw(made, name, before[name])
    digests = {name: digest(item.data) for name, item in sorted(items.items())}
    manifest = {"version": __version__, "files": digests}
    _replace(out / MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n")
    return made


def checked_items(
    course: CourseDirectory, out: Path, units: list[str] | None = None
) -> dict[str, Item]:
    """Return the files that students get, by path; arguments and errors are `hand_out`'s."""
    if out == course.root or course.root.is_relative_to(out):
        raise CourseError(f"{out} contains the course itself. Name a new folder.")
    earlier_digests(out)
    items = collect(course, units)
    if found := list(secrets.find(course, items)):
        more = f"\n  and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        shown = "\n  ".join(found[:SHOWN])
        raise CourseError(f"Nothing was written; students would get\n  {shown}{more}")
    return items


def earlier_digests(out: Path) -> dict[str, str]:
    """Return the digests of an earlier handout's files, by path.

    Raises:
        CourseError: the folder is neither new, nor empty, nor an earlier handout.
    """
    if not out.exists():
        return {}
    if not out.is_dir():
        raise CourseError(f"{out} is a file. Name a folder for the handout.")
    if not (out / MANIFEST).is_file():
        if any(path.name != ".git" for path in out.iterdir()):
            raise CourseError(f"{out} is not empty and no earlier handout. Name another folder.")
        return {}
    try:
        return read_manifest((out / MANIFEST).read_text())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CourseError(
            f"{out / MANIFEST} is damaged. Restore it, or name another folder."
        ) from None


def read_manifest(text: str) -> dict[str, str]:
    """Return the digests of a handout's files, by path."""
    return {str(name): str(value) for name, value in json.loads(text)["files"].items()}


def _put(made: Handout, name: str, item: Item, before: str | None) -> None:
    path = made.folder / name
    if not os.path.lexists(path):
        made.written.append(name)
        _replace(path, item.data)
        return
    there = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    if there == item.data:
        return
    made.written.append(name)
    if there is not None and digest(there) == before:
        _replace(path, item.data)
    elif there is not None and name.startswith("assignments/") and path.suffix == ".ipynb":
        with tempfile.TemporaryDirectory() as scratch:
            new = Path(scratch, path.name)
            new.write_bytes(item.data)
            made.notes.append(replace_carrying(path, new, None))
    else:
        kept = beside(path)
        path.rename(kept)
        _replace(path, item.data)
        made.notes.append(f"{name} had been edited; that copy is now {kept.name}.")


def _withdraw(made: Handout, name: str, before: str) -> None:
    """Remove a file that is no longer handed out, unless somebody edited it."""
    path = made.folder / name
    if not path.resolve().is_relative_to(made.folder) or not path.is_file() or path.is_symlink():
        return
    if digest(path.read_bytes()) != before:
        made.notes.append(f"{name} is no longer handed out, but had been edited: it stays.")
        return
    path.unlink()
    made.removed.append(name)
    for folder in path.parents:
        if folder == made.folder or any(folder.iterdir()):
            break
        folder.rmdir()


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def digest(data: bytes) -> str:
    """Return a file's SHA-256, as the manifest has it."""
    return hashlib.sha256(data).hexdigest()
