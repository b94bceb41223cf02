"""The hostile class is graded as one: everybody gets what they deserve, and no harm is done.

By day a small class is graded, with a few of each category, others on each day.
"""

from __future__ import annotations

import contextlib
import copy
import fnmatch
import json
import os
import re
import shutil
import socket
import stat
import subprocess
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
import pytest

from tests import parts
from tests.hostile.case import ANY, MARK, Case, Hand
from tests.hostile.corpus import CASES, CATEGORIES
from tests.hostile.unit import CONFIG, POINTS, SECRET, SECRET_PATTERN, UNIT, source_notebook

BY_NAME = {case.name: case for case in CASES}
OF_EACH = 2
# Somebody to be robbed, and somebody whose forgery the report must survive, are always there.
TODAY = {"aa-victim", "forge-checks"}.union(
    case.name
    for category, cases in CATEGORIES.items()
    for case in parts.sample(cases, OF_EACH, category)
)
each_case = pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in TODAY else pytest.mark.whole) for n in BY_NAME],
)
HOME_CANARY, NEIGHBOR_CANARY = "canary-home-0c7d11", "canary-neighbor-77b2e0"
COURSE_CANARY, ENVIRONMENT_CANARY = "canary-course-93aa04", "canary-environment-1de8f2"
VICTIM_CANARY, POISON = "canary-victim-a41f77", "canary-poison-5eaf00"
WORKERS = 3  # most of the slow ones only wait


@dataclass
class Class:
    """The graded class, and what there is around it to be harmed."""

    course: object
    cases: list[Case]
    outcomes: dict[str, object] = field(default_factory=dict)
    harm: list[str] = field(default_factory=list)


# What is wrong with the corpus itself


def test_the_corpus_is_large_and_its_names_differ():
    assert len(CASES) >= 80
    assert len(CATEGORIES) >= 10
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


@pytest.mark.parametrize("category", CATEGORIES)
def test_cases_say_what_they_expect(category):
    for case in CATEGORIES[category]:
        low, high = case.deserved
        assert 0 <= low <= high <= sum(POINTS.values()), case.name
        assert case.statuses <= ANY and case.statuses, case.name
        assert case.tries and re.fullmatch(r"[a-z0-9-]+", case.name), case.name


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_case_can_be_handed_in(category, released, tmp_path):
    for case in CATEGORIES[category]:
        folder = _hand_in(case, released, tmp_path, {"@COURSE@": str(tmp_path), "@TCP@": "1"})
        left = [p for p in folder.iterdir()] if folder.is_dir() else [folder]
        assert left or case.name == "file-nothing", case.name
    assert not list(tmp_path.glob(f"*{MARK}*"))


def test_the_corpus_holds_no_secret(released):
    """Whoever shows it has read a hidden test, and not their own source."""
    assert re.fullmatch(SECRET_PATTERN, SECRET)
    assert SECRET not in nbformat.writes(released)
    assert sum(SECRET in cell.source for cell in source_notebook().cells) == len(POINTS)
    for path in Path(__file__).parent.rglob("*.py"):
        assert SECRET not in path.read_text()


def test_the_alarms_ring(tmp_path):
    """What should show that harm was done does show it."""
    listeners = Listeners()
    try:
        assert listeners.heard() == []
        for family, address in (
            (socket.AF_INET, listeners.tcp.getsockname()),
            (socket.AF_UNIX, str(listeners.file)),
            (socket.AF_UNIX, f"\0{listeners.name}"),
        ):
            with socket.socket(family) as link:
                link.connect(address)
        with socket.socket(type=socket.SOCK_DGRAM) as link:
            link.sendto(b"x", listeners.udp.getsockname())
        assert len(listeners.heard()) == 4
    finally:
        listeners.close()
    canary, before = Canary(tmp_path / "a" / "canary.txt", "text"), _snapshot(tmp_path)
    assert canary.harm() == []
    canary.path.read_text()
    assert len(canary.harm()) == canary.tells
    canary.path.write_text("other")
    assert f"{canary.path} was changed" in canary.harm()
    assert _snapshot(tmp_path) != before
    canary.path.unlink()
    assert canary.harm() == [f"{canary.path} is gone"]
    files, processes = _marked_files(), _marked_processes()
    left = Path(f"/tmp/{MARK}-left")
    left.touch()
    child = subprocess.Popen([MARK, "30"], executable=shutil.which("sleep"))
    try:
        # A process has no command line for a moment while it starts.
        while not (marked := _marked_processes() - processes):
            assert child.poll() is None
        assert marked == {child.pid}
        assert _marked_files() - files == {str(left)}
    finally:
        child.kill()
        child.wait()
        left.unlink()


# A class, and a machine to be harmed


@pytest.fixture(scope="module")
def released_course(tmp_path_factory):
    """The unit's course with its release, and no submission."""
    from autograder.course_directory import CourseDirectory
    from autograder.generate import generate

    root = tmp_path_factory.mktemp("hostile") / "course"
    (root / "source" / UNIT).mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG)
    nbformat.write(source_notebook(), root / "source" / UNIT / f"{UNIT}.ipynb")
    course = CourseDirectory(root)
    assert generate(course, UNIT) == []
    return course


@pytest.fixture(scope="module")
def released(released_course):
    return nbformat.read(released_course.path("release", ".", UNIT) / f"{UNIT}.ipynb", as_version=4)


def _hand_in(case: Case, released, submitted: Path, words: dict[str, str]) -> Path:
    folder = submitted / case.name / UNIT
    folder.mkdir(parents=True)
    case.make(Hand(folder, copy.deepcopy(released), words))
    return folder


def _tight_executor():
    """An executor whose limits the corpus' bombs reach."""
    from autograder.engine.executor import Executor
    from autograder.sandbox import Isolation, Limits, probe

    if probe() == Isolation.NONE:
        pytest.skip(f"students' code cannot be isolated on this machine: {probe().reason}")
    limits = Limits(memory_mb=1500, processes=100, cpu_s=60, file_mb=20, disk_mb=40)

    class Tight(Executor):
        def run(self, job):
            return super().run(replace(job, limits=limits))

    return Tight()


class Listeners:
    """Servers that nobody should ever reach."""

    def __init__(self):
        self.tcp, self.udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        self.path, self.abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        self.name = f"{MARK}-{os.getpid()}"
        self.file = Path(f"/tmp/{self.name}.sock")  # a socket's path is short
        self.tcp.bind(("127.0.0.1", 0))
        self.udp.bind(("127.0.0.1", 0))
        self.path.bind(str(self.file))
        self.abstract.bind(f"\0{self.name}")
        for server in (self.tcp, self.path, self.abstract):
            server.listen()
        self.file.chmod(0o777)

    def heard(self) -> list[str]:
        """What was reached."""
        found = []
        for name in ("tcp", "path", "abstract"):
            server = getattr(self, name)
            server.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                server.accept()
                found.append(f"somebody connected to the {name} socket")
        self.udp.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            found.append(f"a datagram came: {self.udp.recv(100)!r}")
        return found

    def close(self) -> None:
        for server in (self.tcp, self.udp, self.path, self.abstract):
            server.close()
        self.file.unlink(missing_ok=True)


class Canary:
    """A file of somebody else's: not to be read, not to be changed."""

    def __init__(self, path: Path, text: str):
        self.path, self.text = path, text
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1_000_000_000, 1_000_000_000))
        self.seen = path.stat().st_atime
        self.tells = self._tells(path.parent)

    @staticmethod
    def _tells(folder: Path) -> bool:
        """Whether the file system notes that a file was read."""
        probe = folder / "probe"
        probe.write_text("x")
        os.utime(probe, (1_000_000_000, 1_000_000_000))
        before = probe.stat().st_atime
        probe.read_text()
        tells = probe.stat().st_atime != before
        probe.unlink()
        return tells

    def harm(self) -> list[str]:
        if not self.path.exists():
            return [f"{self.path} is gone"]
        read = self.tells and self.path.stat().st_atime != self.seen
        changed = self.path.read_text() != self.text
        return [f"{self.path} was read"] * read + [f"{self.path} was changed"] * changed


def _marked_processes() -> set[int]:
    """Processes whose name or command line has the corpus' mark."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                shown = (entry / "comm").read_bytes() + (entry / "cmdline").read_bytes()
                if MARK.encode() in shown:
                    found.add(int(entry.name))
    return found


def _marked_files() -> set[str]:
    """Files outside of any sandbox that have the corpus' mark."""
    folders = (
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/dev",
        "/run",
        "/",
        "/etc",
        "/mnt",
        str(Path.home()),
    )
    names = {
        f"{folder}/{name}"
        for folder in folders
        if os.access(folder, os.R_OK)
        for name in os.listdir(folder)
        if MARK in name and not name.endswith(".sock")
    }
    for table in ("shm", "sem", "msg"):
        path = Path(f"/proc/sysvipc/{table}")
        if path.exists() and str(0x68737401) in path.read_text():
            names.add(f"SysV {table}")
    return names


def _snapshot(folder: Path) -> dict[str, tuple]:
    """Every file under a folder that was handed in: kind, size and time of change."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        size = 0 if kind == stat.S_IFDIR else status.st_size
        found[str(path)] = kind, stat.S_IMODE(status.st_mode), size, status.st_mtime_ns
    return found


@pytest.fixture(scope="module")
def graded(released_course, released, tmp_path_factory, request) -> Class:
    """The class, graded once, with everything around it looked at before and after."""
    course, home = released_course, tmp_path_factory.mktemp("home")
    files, processes = _marked_files(), _marked_processes()
    canaries = [
        Canary(home / "canary.txt", HOME_CANARY),
        Canary(course.root.parent / "neighbor" / "gradebook.db", NEIGHBOR_CANARY),
        Canary(course.root / "exam" / "questions.txt", COURSE_CANARY),
    ]
    listeners = Listeners()
    words = {
        "@COURSE@": str(course.root), "@HOME@": str(home), "@CANARY@": str(home / "canary.txt"),
        "@TCP@": str(listeners.tcp.getsockname()[1]), "@UDP@": str(listeners.udp.getsockname()[1]),
        "@UNIX@": str(listeners.file), "@ABSTRACT@": listeners.name, "@MARK@": MARK,
    }  # fmt: skip
    submitted = course.path("submitted", "x", UNIT).parents[1]
    # Other modules have a fixture of this name.
    tests = [item for item in request.session.items if item.path == request.path]
    chosen = [test.callspec.params for test in tests if hasattr(test, "callspec")]
    asked = {params["name"] for params in chosen if "name" in params}
    found = Class(course, [case for case in CASES if case.name in TODAY | asked])
    for case in found.cases:
        _hand_in(case, released, submitted, words)
    before = _snapshot(submitted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("HSTL_CANARY", ENVIRONMENT_CANARY)
        try:
            with _tight_executor() as executor:
                _grade(found, executor)
            # A process that was killed is gone at once; one that was forgotten stays.
            found.harm += [f"process {pid} is left" for pid in _marked_processes() - processes]
            found.harm += listeners.heard()
        finally:
            listeners.close()
            _end(_marked_processes() - processes)
    found.harm += [harm for canary in canaries for harm in canary.harm()]
    found.harm += [f"{name} was left" for name in _marked_files() - files]
    after = _snapshot(submitted)
    found.harm += [
        f"{path} is not as it was handed in"
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]
    return found


def _grade(found: Class, executor) -> None:
    """Grade the class in one run; should somebody stop it, those who are left one by one."""
    from autograder.grading import GradingOptions, grade

    def keep(outcome) -> None:
        found.outcomes[outcome.student] = outcome

    def run(students: str) -> None:
        options = GradingOptions(workers=WORKERS, notebook_seconds=60)
        try:
            grade(found.course, [UNIT], students, options=options, executor=executor, on_done=keep)
        except Exception as error:
            found.harm.append(f"the run of {students} was stopped by {error!r:.300}")

    run("*")
    for case in found.cases:
        if case.name not in found.outcomes:
            run(case.name)


def _end(pids: set[int]) -> None:
    """End what the class has left running, which is ours."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, 9)


def _shown(course, student: str) -> str:
    """Everything that a student's cells showed, and what text cells say, as text.

    A test cell's own traceback is left out: nbgrader shows instructors the lines that failed, and
    feedback leaves them out.
    """
    path = course.path("autograded", student, UNIT) / f"{UNIT}.ipynb"
    cells = nbformat.read(path, as_version=4).cells if path.exists() else []
    outputs = [
        output
        for cell in cells
        for output in cell.get("outputs", [])
        if not (cell.metadata.get("nbgrader", {}).get("grade") and output.output_type == "error")
    ]
    texts = [cell.source for cell in cells if cell.cell_type != "code"]
    return json.dumps(outputs + texts)


# What it comes to


def test_everybody_has_an_outcome(graded):
    names = {case.name for case in graded.cases}
    assert set(graded.outcomes) == names
    kept = graded.course.records / UNIT
    assert {path.stem for path in kept.glob("*.json")} == names


@each_case
def test_everybody_gets_what_they_deserve(graded, name):
    case, outcome = BY_NAME[name], graded.outcomes[name]
    low, high = case.deserved
    earned = {question.question: question.score for question in outcome.questions}
    assert outcome.max_score == sum(POINTS.values())
    assert outcome.score <= high, f"{case.tries}: {earned}"
    assert outcome.score >= low, f"{case.tries}: {earned} {outcome.reason}"
    assert outcome.status in case.statuses, outcome.reason
    assert (outcome.status == "graded") == (not outcome.reason)
    assert case.reason in outcome.reason
    # Nothing that the student's code prints is taken for a check of the question's.
    checks = {failure.check for question in outcome.questions for failure in question.failures}
    assert not any("forged" in check or check == "other" for check in checks), checks


@each_case
def test_nobody_shows_what_is_not_theirs(graded, name):
    case, outcome = BY_NAME[name], graded.outcomes[name]
    shown = _shown(graded.course, name) + outcome.reason
    others = {VICTIM_CANARY} if name != "aa-victim" else set()
    for text in {
        SECRET, HOME_CANARY, NEIGHBOR_CANARY, COURSE_CANARY, ENVIRONMENT_CANARY, POISON,
        *others, *case.must_not,
    }:  # fmt: skip
        assert text not in shown, f"{case.tries}: {shown[shown.find(text) - 300 :][:700]}"


def test_no_harm_is_done_outside(graded):
    assert graded.harm == []


def test_the_gradebook_says_the_same(graded):
    with graded.course.gradebook() as gradebook:
        for name, outcome in graded.outcomes.items():
            assert gradebook.find_submission(UNIT, name).score == pytest.approx(outcome.score), name


def test_the_class_can_be_reported(graded):
    """Whatever they have shown, nbgrader's feedback and our report take it."""
    from autograder.classroom.export import write_csv
    from autograder.classroom.feedback import write_feedback
    from autograder.classroom.report import write_report

    course = graded.course
    assert "forge-checks" in write_report(course).read_text()
    table = write_csv(course, course.root / "grades.csv").read_text()
    assert len(table.splitlines()) > len(graded.cases)
    for students in ("beside-*", "bomb-*", "file-*", "nb-odd-*"):
        pages = write_feedback(course, [UNIT], students)
        assert len(pages) == len(fnmatch.filter(graded.outcomes, students))
        for folder in pages:
            assert SECRET not in (folder / f"{UNIT}.html").read_text(), folder
