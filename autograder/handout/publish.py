"""Keep the handout in a git repository that students' copies are updated from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from autograder.course_directory import CourseDirectory, CourseError
from autograder.handout.contents import Item
from autograder.handout.git import Repository
from autograder.handout.write import (
    MANIFEST,
    Handout,
    checked_items,
    digest,
    earlier_digests,
    read_manifest,
    write,
)

SHOWN = 5


@dataclass(frozen=True)
class Published:
    """What a publication did.

    Attributes:
        handout: what changed in the folder.
        commit: the new commit's short name; "" if nothing had changed.
        pushed: where it was pushed to; "" if it was not.
    """

    handout: Handout
    commit: str
    pushed: str = ""


def publish(
    course: CourseDirectory,
    out: Path,
    units: list[str] | None = None,
    *,
    message: str | None = None,
    push: bool = False,
) -> Published:
    """Write the handout into a git repository and commit what changed.

    Whatever could go wrong with the repository is looked at before anything is written. Only
    files of the handout are committed, nothing is ever forced, and history is never rewritten:
    a clone that students work in can always be updated from it.

    Args:
        course: the course directory.
        out: a new or empty folder, or one that was published before.
        units: globs of unit names; None for all.
        message: of the commit; None for one that counts the files.
        push: push the commit afterwards.

    Raises:
        CourseError: something secret would be handed out; the repository has changes that are
            not the handout's; or, with `push`, the remote has commits that are not here.
    """
    out = out.resolve()
    items = checked_items(course, out, units)
    repository = Repository(out)
    remote = _remote(repository, push)
    _refuse_foreign(repository, items)
    made = write(out, items)
    if not repository.exists:
        repository.create()
    gone = _committed(repository).keys() - items.keys()
    gone &= {name for name in repository.changed() if not os.path.lexists(out / name)}
    commit = repository.commit([*items, MANIFEST], gone, message or _message(made))
    if push:
        repository.push(remote)
    return Published(made, commit, remote)


def _remote(repository: Repository, push: bool) -> str:
    """Return where to push to, if that is asked for and can succeed."""
    if not repository.exists:
        if push:
            raise CourseError(
                f"{repository.folder} is no git repository, so there is nowhere to push to. "
                "Publish without --push, look at it, then: "
                f"git -C {repository.folder} remote add origin ADDRESS"
            )
        return ""
    repository.branch()
    if not push:
        return ""
    remote = repository.remote()
    repository.refuse_if_behind(remote)
    return remote


def _refuse_foreign(repository: Repository, items: dict[str, Item]) -> None:
    """Raise a CourseError if there is a change that publishing would commit or replace.

    Files that already are what would be written are left by a `handout`, or by a run that was
    interrupted.
    """
    folder, before = repository.folder, earlier_digests(repository.folder)
    if repository.exists:
        ours = {*items, *_committed(repository)}
        changed = [
            name
            for name in repository.changed()
            if name != MANIFEST
            and (name not in ours or not _as_written(folder / name, items.get(name)))
        ]
        if changed:
            raise CourseError(
                f"{folder} has changes that are not the handout's, so nothing was written: "
                f"{_some(changed)}. Commit them or take them back (git -C {folder} status), then "
                "publish again."
            )
    edited = [
        name
        for name in sorted(items.keys() | before.keys())
        if os.path.lexists(folder / name)
        and not _as_written(folder / name, items.get(name))
        and not _has_digest(folder / name, before.get(name))
    ]
    if edited:
        raise CourseError(
            f"Somebody edited what was handed out, so nothing was written: {_some(edited)} in "
            f"{folder}. Make the change in the course instead, and take it back there "
            f"(git -C {folder} log shows whose it is)."
        )


def _committed(repository: Repository) -> dict[str, str]:
    """Return the digests of what the last publication committed."""
    text = repository.committed(MANIFEST)
    return read_manifest(text) if text else {}


def _has_digest(path: Path, expected: str | None) -> bool:
    return path.is_file() and not path.is_symlink() and digest(path.read_bytes()) == expected


def _as_written(path: Path, item: Item | None) -> bool:
    if item is None or path.is_symlink() or not path.is_file():
        return item is None and not path.exists()
    return path.read_bytes() == item.data


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _message(made: Handout) -> str:
    units = sorted({n.split("/")[1] for n in made.written if n.startswith("assignments/")})
    about = f": {', '.join(units)}" if units else ""
    counts = f"{len(made.written)} files new or changed, {len(made.removed)} removed."
    return f"Handout of {date.today()}{about}\n\n{counts}\n"
