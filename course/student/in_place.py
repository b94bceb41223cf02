"""Answers that were written into a handed-out file instead of the copy in `work/`.

In a clone, git keeps such a file as the student left it, so a correction does not get through.
The answers move to the student's copy, and the file becomes again what was handed out.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

from course._files import replacing
from course.student import work
from course.student.folder import StudentFolder

MANIFEST = "handout.json"


def take_out(folder: StudentFolder) -> list[str]:
    """Move what was written into handed-out notebooks of a clone to the student's copies.

    Where the file as it was handed out cannot be had from git, nothing is changed.

    Returns:
        A line for each file.
    """
    said = []
    for name, wanted in _digests(folder.root / MANIFEST).items():
        path, top = folder.root / name, name.partition("/")[0]
        if top not in ("assignments", "lectures") or path.suffix != ".ipynb":
            continue
        if path.is_symlink() or not path.is_file() or _digest(path.read_bytes()) == wanted:
            continue
        original = _from_git(folder.root, name)
        if original is not None and _digest(original) == wanted:
            said.append(_move(folder, name, original))
    return [line for line in said if line]


def _move(folder: StudentFolder, name: str, original: bytes) -> str:
    """Put what was written where the student's copies are, and the original in its place."""
    path, copy = folder.root / name, folder.work / name.removeprefix("assignments/")
    copy.parent.mkdir(parents=True, exist_ok=True)
    kept, said = copy, f"You had written into {name}: that is now your copy, {{}}."
    if os.path.lexists(copy):
        kept = work.beside(copy)
        said = f"You had written into {name} as well: that is now {{}}, beside your copy."
    base = folder.work / work.BASES / copy.relative_to(folder.work)
    with replacing(path) as temporary:
        temporary.write_bytes(original)
        if any(one.is_file() and work.unchanged(path, one) for one in (temporary, base)):
            said = ""  # it was only run
        else:
            path.rename(kept)
    return said.format(kept.relative_to(folder.root))


def _digests(manifest: Path) -> dict[str, str]:
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return files if isinstance(files, dict) else {}


def _from_git(root: Path, name: str) -> bytes | None:
    """Return a file as the branch that this clone follows has it."""
    try:
        done = subprocess.run(
            ["git", "show", f"@{{upstream}}:./{name}"], cwd=root, capture_output=True
        )
    except OSError:  # no git
        return None
    return None if done.returncode else done.stdout


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
