"""A repository of handouts: what is committed, what is refused, and what students keep."""

import json
import os
import shutil
import subprocess

import nbformat
import pytest

from autograder.cli import main
from autograder.course_directory import CourseError
from autograder.handout import contents
from autograder.handout.publish import publish
from course.student import lab
from course.student.folder import StudentFolder
from tests.autograder.test_handout import change, released

MINE = "def double(x):\n    return x + x"
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture(autouse=True)
def someone(monkeypatch, tmp_path):
    """Git knows who commits, and nothing of this machine's configuration."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    # Temporary folders may be inside a repository.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


@pytest.fixture
def small(small_course, tmp_path, monkeypatch):
    """A small course, and the folder that it is published to; a file stands for the library."""
    item = contents.Item(contents.TEMPLATES, b"# a library")
    monkeypatch.setattr(contents, "_library", lambda: {"course/__init__.py": item})
    return small_course[0], tmp_path / "out"


@pytest.fixture
def hosted(small, tmp_path):
    """A published course with the remote that it was pushed to."""
    course, out = small
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "--bare", "--quiet", "--initial-branch=main", str(remote))
    publish(course, out)
    git(out, "remote", "add", "origin", str(remote))
    publish(course, out, push=True)
    return course, out, remote


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit_owners(folder):
    """What somebody else may do in the repository."""
    (folder / "CODEOWNERS").write_text("* @ada")
    git(folder, "add", "CODEOWNERS")
    git(folder, "commit", "--quiet", "-m", "Owners")


def log(folder):
    return git(folder, "log", "--format=%s").splitlines()


def pull_as_nbgitpuller(remote, clone):
    pytest.importorskip("nbgitpuller")
    from nbgitpuller.pull import GitPuller

    list(GitPuller(str(remote), str(clone), branch="main").pull())


def cells(path):
    return {cell.id: cell.source for cell in nbformat.read(path, 4).cells}


class TestCommits:
    def test_the_first_publication_makes_a_repository_of_the_handout_alone(self, small):
        course, out = small
        made = publish(course, out)
        assert made.commit and not made.pushed
        handed_out = set(json.loads((out / "handout.json").read_text())["files"])
        assert set(git(out, "ls-files").splitlines()) == {*handed_out, "handout.json"}
        assert git(out, "status", "--porcelain") == ""
        assert git(out, "branch", "--show-current").strip() == "main"

    def test_a_correction_is_one_commit_of_what_changed(self, small):
        course, out = small
        publish(course, out)
        change(released(course), "intro", "# Corrected")
        publish(course, out, message="Question 1 was wrong")
        names = git(out, "show", "--format=", "--name-only").split()
        assert names == ["assignments/small/small.ipynb", "handout.json"]
        assert log(out)[0] == "Question 1 was wrong" and len(log(out)) == 2

    def test_without_a_change_there_is_no_commit(self, small):
        course, out = small
        publish(course, out)
        assert publish(course, out).commit == ""
        assert len(log(out)) == 1

    def test_what_is_no_longer_handed_out_is_removed(self, small):
        course, out = small
        extra = released(course).parent / "a.csv"
        extra.write_text("1")
        publish(course, out)
        extra.unlink()
        publish(course, out)
        assert "assignments/small/a.csv" not in git(out, "ls-files").split()

    def test_a_global_ignore_file_leaves_nothing_out(self, small, monkeypatch, tmp_path):
        course, out = small
        (tmp_path / "ignore").write_text("*.json\ndata/\n")
        (tmp_path / "config").write_text(f"[core]\nexcludesFile = {tmp_path / 'ignore'}\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
        publish(course, out)
        assert "handout.json" in git(out, "ls-files").split()

    def test_committed_files_of_others_stay_as_they_are(self, small):
        course, out = small
        publish(course, out)
        commit_owners(out)
        change(released(course), "intro", "# Corrected")
        publish(course, out)
        assert (out / "CODEOWNERS").read_text() == "* @ada"
        assert log(out)[1:] == ["Owners", log(out)[-1]]

    def test_what_an_interrupted_run_left_is_committed(self, small, monkeypatch):
        course, out = small
        (released(course).parent / "a.csv").write_text("1")
        publish(course, out)
        (released(course).parent / "a.csv").unlink()
        change(released(course), "intro", "# Corrected")
        monkeypatch.setenv("GIT_COMMITTER_DATE", "nonsense")
        with pytest.raises(CourseError, match="git commit failed"):
            publish(course, out)
        monkeypatch.delenv("GIT_COMMITTER_DATE")
        assert publish(course, out).commit
        assert git(out, "status", "--porcelain") == ""
        assert "assignments/small/a.csv" not in git(out, "ls-files").split()

    def test_an_earlier_handout_becomes_a_repository_without_others_files(self, small):
        course, out = small
        assert main(["handout", str(out), "--course", str(course.root)]) == 0
        (out / "notes.txt").write_text("mine")
        publish(course, out)
        assert "notes.txt" not in git(out, "ls-files").split()


class TestRefusals:
    def unchanged(self, course, out, match, **options):
        """Publish; nothing may change, in the folder or in its history."""
        before = {
            p: p.read_bytes() for p in out.rglob("*") if p.is_file() and ".git" not in p.parts
        }
        head = git(out, "rev-parse", "HEAD")
        with pytest.raises(CourseError, match=match):
            publish(course, out, **options)
        after = {p: p.read_bytes() for p in out.rglob("*") if p.is_file() and ".git" not in p.parts}
        assert after == before and git(out, "rev-parse", "HEAD") == head

    @pytest.mark.parametrize("name", ["notes.txt", "README.md", "assignments/small/own.ipynb"])
    def test_uncommitted_changes(self, small, name):
        course, out = small
        publish(course, out)
        change(released(course), "intro", "# Corrected")
        (out / name).write_text("mine")
        self.unchanged(course, out, f"changes that are not the handout's.*{name}")

    def test_a_file_somebody_removed(self, small):
        course, out = small
        publish(course, out)
        commit_owners(out)
        (out / "CODEOWNERS").unlink()
        self.unchanged(course, out, "not the handout's.*CODEOWNERS")

    def test_committed_edits_of_what_was_handed_out(self, small):
        course, out = small
        publish(course, out)
        (out / "README.md").write_text("mine")
        git(out, "commit", "--quiet", "--all", "-m", "Mine")
        self.unchanged(course, out, "Somebody edited what was handed out.*README.md")

    def test_a_committed_file_in_the_place_of_a_new_one(self, small):
        course, out = small
        publish(course, out)
        (out / "assignments/small/a.csv").write_text("mine")
        git(out, "add", "--all")
        git(out, "commit", "--quiet", "-m", "Mine")
        (released(course).parent / "a.csv").write_text("1")
        self.unchanged(course, out, "Somebody edited.*a.csv")

    def test_something_secret(self, small):
        course, out = small
        publish(course, out)
        change(released(course), "intro", "Marking scheme")
        self.unchanged(course, out, "Nothing was written; students would get")

    def test_no_branch(self, small):
        course, out = small
        publish(course, out)
        git(out, "checkout", "--quiet", "--detach")
        self.unchanged(course, out, "no branch checked out")

    def test_no_remote_or_several(self, small):
        course, out = small
        publish(course, out)
        self.unchanged(course, out, "has no remotes", push=True)
        for name in ("one", "two"):
            git(out, "remote", "add", name, f"/nowhere/{name}")
        self.unchanged(course, out, "has 2 remotes", push=True)

    def test_pushing_what_is_no_repository_yet(self, small):
        course, out = small
        with pytest.raises(CourseError, match="nowhere to push to"):
            publish(course, out, push=True)
        assert not out.exists()

    def test_a_folder_inside_another_repository(self, small):
        course, out = small
        out.mkdir()
        git(out, "init", "--quiet")
        with pytest.raises(CourseError, match="is inside the repository"):
            publish(course, out / "inner")
        assert not (out / "inner").exists()

    def test_git_is_missing(self, small, monkeypatch):
        course, out = small
        monkeypatch.setattr("shutil.which", lambda name: None)
        with pytest.raises(CourseError, match="git is missing"):
            publish(course, out)
        assert not out.exists()

    def test_a_remote_with_more_commits_is_never_overwritten(self, hosted, tmp_path):
        course, out, remote = hosted
        git(tmp_path, "clone", "--quiet", str(remote), "other")
        (tmp_path / "other" / "hint.txt").write_text("a hint")
        git(tmp_path / "other", "add", "--all")
        git(tmp_path / "other", "commit", "--quiet", "-m", "Hint")
        git(tmp_path / "other", "push", "--quiet")
        theirs = git(remote, "rev-parse", "main")
        change(released(course), "intro", "# Corrected")
        self.unchanged(course, out, "origin has commits that .* lacks", push=True)
        publish(course, out)  # a commit here, so that the two have parted
        git(out, "config", "remote.origin.push", "+refs/heads/*:refs/heads/*")
        with pytest.raises(CourseError, match="origin has commits"):
            publish(course, out, push=True)
        assert git(remote, "rev-parse", "main") == theirs


class TestPushing:
    def test_nothing_is_pushed_without_being_asked(self, hosted):
        course, out, remote = hosted
        change(released(course), "intro", "# Corrected")
        publish(course, out)
        assert len(log(remote)) == 1 and len(log(out)) == 2
        assert publish(course, out, push=True).pushed == "origin"  # though nothing is new
        assert log(remote) == log(out)

    def test_on_the_command_line(self, small, tmp_path, capsys):
        course, out = small
        arguments = ["publish", str(out), "--course", str(course.root)]
        assert main(arguments) == 0
        said = capsys.readouterr().out
        assert "commit" in said and f"Not pushed. To do so: autograder publish {out} --push" in said
        assert main(arguments) == 0
        assert "nothing has changed" in capsys.readouterr().out
        git(tmp_path, "init", "--bare", "--quiet", "--initial-branch=main", "remote.git")
        git(out, "remote", "add", "origin", str(tmp_path / "remote.git"))
        assert main([*arguments, "--push", "--message", "Hello"]) == 0
        assert "Pushed to origin" in capsys.readouterr().out
        (out / "notes.txt").write_text("mine")
        assert main(arguments) == 1
        assert capsys.readouterr().err.startswith("autograder: ")


class TestStudents:
    """A clone that nbgitpuller makes and updates."""

    @pytest.fixture
    def mine(self, hosted, tmp_path):
        course, out, remote = hosted
        clone = tmp_path / "mine"
        pull_as_nbgitpuller(remote, clone)
        folder = StudentFolder(clone)
        assert lab.prepare(folder) == []
        return course, out, remote, folder

    def correct(self, mine, cell="intro", text="# Corrected"):
        course, out, remote, folder = mine
        change(released(course), cell, text)
        publish(course, out, push=True)
        pull_as_nbgitpuller(remote, folder.root)
        return lab.prepare(folder)

    def test_answers_are_kept_and_carried_into_the_correction(self, mine):
        folder = mine[-1]
        change(folder.copy("small"), "double", MINE)
        before = folder.copy("small").read_bytes()
        (line,) = self.correct(mine)
        assert "your answers are in the new small.ipynb; your earlier copy is small_before_" in line
        found = cells(folder.copy("small"))
        assert (found["intro"], found["double"]) == ("# Corrected", MINE)
        (kept,) = folder.copy("small").parent.glob("*_before_*")
        assert kept.read_bytes() == before

    def test_twice_in_a_row(self, mine):
        folder = mine[-1]
        change(folder.copy("small"), "double", MINE)
        self.correct(mine, text="# Corrected")
        (line,) = self.correct(mine, text="# Corrected again")
        assert "your answers are in" in line
        found = cells(folder.copy("small"))
        assert (found["intro"], found["double"]) == ("# Corrected again", MINE)
        assert git(folder.root, "status", "--porcelain", "--untracked-files=no") == ""

    def test_work_in_the_handed_out_file_itself(self, mine):
        """Someone who followed a link opened assignments/, whose file git then keeps as it is."""
        folder = mine[-1]
        shutil.rmtree(folder.work)
        change(folder.released("small"), "double", MINE)
        said = self.correct(mine)
        assert said[0] == (
            "You had written into assignments/small/small.ipynb: "
            "that is now your copy, work/small/small.ipynb."
        )
        assert "your answers are in the new small.ipynb" in said[1] and len(said) == 2
        found = cells(folder.copy("small"))
        assert (found["intro"], found["double"]) == ("# Corrected", MINE)
        assert cells(folder.released("small"))["intro"] == "# Corrected"
        assert "x + x" not in folder.released("small").read_text()

    def test_work_in_the_handed_out_file_and_in_the_copy(self, mine):
        folder = mine[-1]
        change(folder.copy("small"), "double", MINE)
        change(folder.released("small"), "double", "def double(x):\n    return x * 2")
        before = folder.released("small").read_bytes()
        said = self.correct(mine)
        assert "as well: that is now work/small/small_before_" in said[0]
        assert cells(folder.copy("small"))["double"] == MINE
        kept = [p.read_bytes() for p in folder.copy("small").parent.glob("*_before_*")]
        assert before in kept and len(kept) == 2

    def test_a_handed_out_file_that_was_only_run_is_put_back(self, mine):
        folder = mine[-1]
        path = folder.released("small")
        notebook = nbformat.read(path, 4)
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, path)
        assert self.correct(mine) == ["small was corrected; you had not changed it."]
        assert cells(folder.copy("small"))["intro"] == "# Corrected"

    def test_a_file_beside_the_copy_that_is_the_students_stays(self, mine):
        folder = mine[-1]
        (folder.copy("small").parent / "notes.txt").write_text("mine")
        (folder.root / "assignments/small/a.csv").write_text("mine")
        (released(mine[0]).parent / "a.csv").write_text("1")
        self.correct(mine)
        assert (folder.copy("small").parent / "notes.txt").read_text() == "mine"
        texts = {p.read_text() for p in (folder.root / "assignments/small").glob("a*.csv")}
        assert texts == {"1", "mine"}

    def test_without_git_nothing_is_moved(self, mine, monkeypatch):
        folder = mine[-1]
        change(folder.released("small"), "double", MINE)
        before = folder.released("small").read_bytes()
        monkeypatch.setattr("course.student.in_place._from_git", lambda root, name: None)
        lab.prepare(folder)
        assert folder.released("small").read_bytes() == before


def test_a_plain_pull_brings_a_correction(hosted, tmp_path):
    course, out, remote = hosted
    git(tmp_path, "clone", "--quiet", str(remote), "mine")
    folder = StudentFolder(tmp_path / "mine")
    lab.prepare(folder)
    change(folder.copy("small"), "double", MINE)
    change(released(course), "intro", "# Corrected")
    publish(course, out, push=True)
    git(folder.root, "pull", "--quiet", "--ff-only")
    (line,) = lab.prepare(folder)
    assert "your answers are in the new small.ipynb" in line
