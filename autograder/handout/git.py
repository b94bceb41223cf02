"""A git repository that is written by commits alone: nothing here merges, resets or forces."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from autograder.course_directory import CourseError

# With these, git would look at another repository or index than the folder's.
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")


class Repository:
    """The repository whose top is a folder, which may not exist yet.

    Args:
        folder: the top of its working tree.

    Raises:
        CourseError: git is missing, or the folder lies inside another repository.
    """

    def __init__(self, folder: Path) -> None:
        if shutil.which("git") is None:
            raise CourseError("git is missing. Install it (Debian: apt install git).")
        self.folder = folder
        existing = next(path for path in (folder, *folder.parents) if path.is_dir())
        top = _git(existing, "rev-parse", "--show-toplevel")
        above = Path(top.stdout.strip()) if top.returncode == 0 else None
        self.exists = above is not None and above.resolve() == folder
        if above is not None and not self.exists:
            raise CourseError(f"{folder} is inside the repository {above}. Name a folder outside.")
        if above is None and "dubious ownership" in top.stderr:
            raise CourseError(f"git refuses {folder}: {top.stderr.strip()}")

    def create(self) -> None:
        """Make a repository with a branch `main`."""
        self.run("init", "--quiet", "--initial-branch=main")
        self.exists = True

    def branch(self) -> str:
        """Return the branch that is checked out.

        Raises:
            CourseError: none is.
        """
        done = _git(self.folder, "symbolic-ref", "--quiet", "--short", "HEAD")
        if done.returncode:
            raise CourseError(
                f"{self.folder} has no branch checked out. Run: git -C {self.folder} switch BRANCH"
            )
        return done.stdout.strip()

    def changed(self) -> list[str]:
        """List files that differ from the last commit, and those git does not know or ignore."""
        shown = self.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return [entry[3:] for entry in shown.split("\0") if entry]

    def committed(self, name: str) -> str:
        """Return a text file as the last commit has it; "" if it has none."""
        done = _git(self.folder, "show", f"HEAD:{name}")
        return "" if done.returncode else done.stdout

    def commit(self, names: Iterable[str], gone: Iterable[str], message: str) -> str:
        """Commit these files as they are in the folder, and that others are gone.

        Returns:
            The commit's short name; "" if there was nothing to commit.
        """
        listed = ("--pathspec-from-file=-", "--pathspec-file-nul")
        # A global ignore file must not leave out what students need.
        self.run("add", "--force", *listed, given="\0".join(names))
        if missing := "\0".join(gone):
            # An interrupted run may have taken them out of the index already.
            self.run("rm", "--quiet", "--cached", "--ignore-unmatch", *listed, given=missing)
        if _git(self.folder, "diff", "--cached", "--quiet").returncode == 0:
            return ""
        self.run("commit", "--quiet", "--message", message)
        return self.run("rev-parse", "--short", "HEAD").strip()

    def remote(self) -> str:
        """Return the remote of the branch, or the only one there is.

        Raises:
            CourseError: there is none, or several to choose from.
        """
        done = _git(self.folder, "config", "--get", f"branch.{self.branch()}.remote")
        if done.returncode == 0:
            return done.stdout.strip()
        there = self.run("remote").split()
        if len(there) != 1:
            raise CourseError(
                f"{self.folder} has {len(there) or 'no'} remotes. Name where to push, once: "
                f"git -C {self.folder} remote add origin ADDRESS"
                + ("" if not there else ", or push by hand with --set-upstream")
            )
        return there[0]

    def refuse_if_behind(self, remote: str) -> None:
        """Fetch, and raise a CourseError if the remote has commits that are not here."""
        self.run("fetch", "--quiet", remote)
        theirs = f"refs/remotes/{remote}/{self.branch()}"
        if _git(self.folder, "rev-parse", "--verify", "--quiet", theirs).returncode:
            return
        if _git(self.folder, "merge-base", "--is-ancestor", theirs, "HEAD").returncode:
            raise CourseError(
                f"{remote} has commits that {self.folder} lacks, so nothing was written. Look at "
                f"them (git -C {self.folder} log HEAD..{remote}/{self.branch()}), take them with "
                f"git -C {self.folder} pull --ff-only, and publish again."
            )

    def push(self, remote: str) -> None:
        """Push the branch; a remote that is ahead refuses it."""
        self.run("push", "--quiet", "--set-upstream", remote, f"HEAD:refs/heads/{self.branch()}")

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Run git in the folder and return what it printed.

        Raises:
            CourseError: it failed; the message is git's.
        """
        done = _git(self.folder, *arguments, given=given)
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())
            raise CourseError(f"git {arguments[0]} failed in {self.folder}: {said}")
        return done.stdout


def _git(
    folder: Path, *arguments: str, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    environment |= {"GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"}
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True
    )
