"""The sandbox's view of the file system, and the bubblewrap command that creates it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from autograder.sandbox.child import WORK
from autograder.sandbox.limits import SandboxError

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# For the linker, time zones, the targets of Debian's links, and matplotlib's fonts.
_ETC = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime")
_PACKAGES = ("autograder", "course")
_WITHHELD = ("demo",)  # in these packages: it contains answers
_SCRATCH_BYTES = 64 << 20


def package_root() -> Path:
    """Return the folder that `autograder` is imported from."""
    return Path(__file__).parents[2]


def readable_paths(more: Iterable[Path | str] = ()) -> list[Path]:
    """Return everything that a sandboxed process may read, besides the system's own folders.

    Raises:
        SandboxError: a path does not exist, or would expose the whole home folder.
    """
    paths = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]]
    for name in _PACKAGES:
        # Not by importlib: to that, any folder of this name on the path is a package, too.
        folder = package_root() / name
        if folder.is_dir() and not folder.is_relative_to(sys.prefix):
            paths += without_withheld([folder])
    for path in (Path(os.path.abspath(path)) for path in more):
        if not path.exists():
            raise SandboxError(
                f"The sandbox cannot show {path}, which does not exist. Check `readable`."
            )
        paths.append(path)
    # Under its own name, and under the one that its links resolve to.
    paths = sorted({*paths, *(path.resolve() for path in paths)})
    for path in paths:
        _refuse_too_much(path)
    system = [Path(name) for name in _SYSTEM]
    kept: list[Path] = []
    for path in paths:
        if not any(path.is_relative_to(other) for other in [*system, *kept]):
            kept.append(path)
    return kept


def _withheld(paths: Iterable[Path]) -> list[Path]:
    """Return the folders with answers that are somewhere below these paths."""
    folders = [(package_root() / p / name).resolve() for p in _PACKAGES for name in _WITHHELD]
    roots = [path.resolve() for path in paths]
    return [f for f in folders if f.is_dir() and any(f.is_relative_to(root) for root in roots)]


def without_withheld(paths: Iterable[Path]) -> list[Path]:
    """Return paths for rules that can only allow: around what is withheld, part by part."""
    allowed: list[Path] = []
    for path in paths:
        withheld = _withheld([path])
        if not withheld:
            allowed.append(path)
        elif not path.is_symlink() and path.resolve() not in withheld:
            allowed += without_withheld(sorted(path.iterdir()))
    return allowed


def _refuse_too_much(path: Path) -> None:
    home = Path.home()
    if home.is_relative_to(path) or path.is_relative_to(WORK):
        raise SandboxError(
            f"The sandbox must show neither the home folder {home} nor anything at {WORK}; "
            f"received {path}. List single folders in `readable`, and use a Python that is "
            "installed in a folder of its own."
        )


def system_paths() -> list[str]:
    """Return the system's own folders, and the few files of /etc, that exist."""
    names = [*_SYSTEM, *(f"/etc/{name}" for name in _ETC)]
    return [name for name in names if Path(name).exists()]


def outside_tmp(paths: Iterable[Path]) -> bool:
    """Whether none of these paths is in /tmp, so that each process can have its own /tmp."""
    return not any(path.is_relative_to("/tmp") for path in paths)


def bubblewrap(paths: Iterable[Path], *, user_namespace: bool) -> list[str]:
    """Return the command that runs the fork server in a view of its own, to prepend to it.

    Raises:
        SandboxError: bubblewrap is not installed.
    """
    program = shutil.which("bwrap")
    if not program:
        raise SandboxError("bubblewrap is not installed (run `apt install bubblewrap`)")
    command = [program, "--die-with-parent", "--unshare-pid", "--unshare-net", "--unshare-ipc"]
    command += ["--unshare-uts", "--unshare-cgroup-try"]
    command += ["--unshare-user"] if user_namespace else []
    for name in system_paths():
        if Path(name).is_symlink() and name in _SYSTEM:
            command += ["--symlink", str(Path(name).readlink()), name]
        else:
            command += ["--ro-bind", name, name]
    made = {Path("/")}
    paths = list(paths)
    for path in paths:
        # Folders that bubblewrap creates for a mount point may be closed to other users.
        for parent in reversed(path.parents):
            if parent not in made:
                command += ["--perms", "0755", "--dir", str(parent)]
                made.add(parent)
        command += ["--ro-bind", str(path), str(path)]
    for folder in _withheld([*map(Path, system_paths()), *paths]):
        command += ["--perms", "0755", "--size", "4096", "--tmpfs", str(folder)]
        command += ["--remount-ro", str(folder)]
    command += ["--proc", "/proc", "--dev", "/dev", "--perms", "0755", "--dir", "/tmp"]
    # For the server itself: some libraries write to a folder when they are imported.
    command += ["--perms", "0755", "--size", str(_SCRATCH_BYTES), "--tmpfs", WORK]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK, "--"]
