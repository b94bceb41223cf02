"""From submissions to scores: look at them, run them, record what came."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from autograder.course import Course, CourseError
from autograder.engine import prepass
from autograder.engine.executor import Job, Ran, not_judged
from autograder.grading.lock import exclusive
from autograder.grading.outcome import NEEDS_HUMAN, Outcome
from autograder.grading.record import Recorder

__all__ = ["Options", "Outcome", "grade", "load_outcomes"]


@dataclass
class Options:
    """How a class is graded.

    Args:
        workers: submissions at a time.
        resume: leave out what an earlier run has recorded of the same files.
        wait: wait for another run in the same course instead of refusing.
        unsafe: run students' code unisolated instead of refusing where no isolation works.
        notebook_seconds: for one notebook as a whole.
        cluster: address of a Dask scheduler to run on; None for this machine.
    """

    workers: int = 2
    resume: bool = False
    wait: bool = False
    unsafe: bool = False
    notebook_seconds: float = 300.0
    cluster: str | None = None


@dataclass
class _Work:
    """One submission on its way."""

    unit: str
    student: str
    fingerprint: str
    plans: dict[str, prepass.Plan] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)


def grade(
    course: Course,
    units: list[str] | None = None,
    students: str = "*",
    *,
    options: Options | None = None,
    executor=None,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Grade every submission; none is left without an outcome.

    Args:
        course: whose `submitted` tree is read; `autograded` and the gradebook are written.
        units: globs of unit names; None for all.
        students: glob of student names.
        options: how; None for the defaults.
        executor: a running :class:`autograder.engine.executor.Executor` to use, and to leave
            running; None starts one as the options say.
        on_start: called with the number of submissions.
        on_done: called with each outcome as it comes.

    Returns:
        One outcome a submission, ordered by unit and student.

    Raises:
        CourseError: a unit that is not released, another run at work in the course, or a machine
            on which students' code cannot be isolated.
    """
    options = options or Options()
    outcomes: list[Outcome] = []
    with exclusive(course.records, options.wait), course.gradebook() as gradebook:
        chosen = [
            (unit, student)
            for unit in course.units(units)
            for student in course.students(unit, students)
        ]
        on_start(len(chosen))
        seed = _run_seed(course, options.resume)
        releases = {unit: _Release(course, gradebook, unit) for unit in {u for u, _ in chosen}}
        todo = []
        for unit, student in chosen:
            mark = _fingerprint(course, unit, student, releases[unit])
            done = _recorded(course, unit, student, mark) if options.resume else None
            if done:
                outcomes.append(done)
                on_done(done)
            else:
                todo.append((unit, student, mark))
        if todo:
            for work, ran, isolation in _run(course, releases, todo, seed, options, executor):
                outcome = _recorded_outcome(course, gradebook, work, ran)
                outcome.seconds = round(time.monotonic() - work.started, 2)
                outcome.stages = _stages(ran)
                outcome.isolation = isolation
                _record(course, outcome, work.fingerprint)
                outcomes.append(outcome)
                on_done(outcome)
    return sorted(outcomes, key=lambda outcome: (outcome.unit, outcome.student))


class _Release:
    """What is the same for every submission of a unit: the released cells, and the full tests."""

    def __init__(self, course: Course, gradebook, unit: str):
        from nbgrader.api import MissingEntry

        self.unit = unit
        self.notebooks: dict[str, tuple] = {}
        folder = course.path("release", ".", unit)
        for name in course.notebooks(unit):
            path = folder / f"{name}.ipynb"
            try:
                cells = gradebook.find_notebook(name, unit).source_cells
                released = nbformat.read(path, as_version=4)
            except (MissingEntry, FileNotFoundError):
                raise CourseError(
                    f"{unit} is not released: {path} and the gradebook must both have it. "
                    f"Run `autograder release {unit}`."
                ) from None
            sources = {cell.name: cell for cell in cells}
            for cell in released.cells:
                source = sources.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
                if source is not None:
                    cell.metadata.nbgrader["checksum"] = source.checksum
            tests = {cell.name: cell.source for cell in cells if cell.locked}
            self.notebooks[name] = released, tests
        self.files, _ = prepass.read_files(
            course.path("source", ".", unit),
            {
                path.name
                for path in course.path("source", ".", unit).glob("*")
                if path.suffix == ".ipynb" or path.stem in self.notebooks
            },
        )
        self.cell_seconds = float(course.config.ExecutePreprocessor.get("timeout") or 30)
        digest = hashlib.sha256()
        for name, (released, tests) in sorted(self.notebooks.items()):
            digest.update(json.dumps([name, nbformat.writes(released), tests]).encode())
        self.mark = digest.hexdigest()


def _run(
    course, releases, todo, seed, options, executor
) -> Iterator[tuple[_Work, dict[str, Ran], str]]:
    """Run submissions, several at a time; each as it is done, and how it was isolated."""

    def prepare(item) -> tuple[_Work, Job]:
        unit, student, mark = item
        return _prepare(course, releases[unit], student, mark, seed, options)

    with (
        nullcontext(executor) if executor else _start_executor(options) as running_executor,
        ThreadPoolExecutor(options.workers) as pool,
    ):
        waiting = iter(todo)
        running: dict = {}
        while True:
            # No more is prepared than can be run: a class does not have to fit into memory.
            while len(running) < 2 * options.workers and (item := next(waiting, None)):
                work, job = prepare(item)
                running[pool.submit(running_executor.run, job)] = work
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                work, error = running.pop(future), future.exception()
                ran = future.result() if error is None else _not_run(work, error)
                yield work, ran, running_executor.isolation.name


def _not_run(work: _Work, error: BaseException) -> dict[str, Ran]:
    """What came of a submission that could not even be run."""
    reason = f"it could not be run ({type(error).__name__}: {error})"
    return {name: not_judged(plan.cells, reason) for name, plan in work.plans.items()}


def _start_executor(options: Options):
    if options.cluster:
        from autograder.grading.cluster import cluster

        return cluster(options)
    from autograder.grading.local import local

    return local(options)


def _prepare(course, release, student, mark, seed, options) -> tuple[_Work, Job]:
    """Look at a submission, and make it a unit of work."""
    work = _Work(release.unit, student, mark)
    folder = course.path("submitted", student, release.unit)
    notebooks = {}
    for name, (released, tests) in release.notebooks.items():
        try:
            cells = prepass.read_cells(folder / f"{name}.ipynb")
        except prepass.Unreadable as error:
            work.problems.append(f"{error}. Hand it in again.")
            work.plans[name] = plan = prepass.rebuild(released, tests, None)
            note = (
                f"**This is not your notebook.** {error}. What follows is the assignment as it "
                "was released; it scores nothing."
            )
            plan.notebook.cells.insert(0, nbformat.v4.new_markdown_cell(note, id="not-gradable"))
            plan.cells.insert(0, {"role": "skip", "source": note, "learn": None, "echo": None})
        else:
            work.plans[name] = plan = prepass.rebuild(released, tests, cells)
        notebooks[name] = plan.cells
    skip = {f"{name}.ipynb" for name in release.notebooks}
    files, left_out = prepass.read_files(folder, skip)
    work.files = files | release.files
    for plan in work.plans.values():
        plan.suspicions += left_out
        left_out = []
    number = hashlib.sha256(f"{seed} {release.unit} {student}".encode()).digest()
    job = Job(
        release.unit,
        student,
        notebooks,
        work.files,
        release.files,
        seed=int.from_bytes(number[:8]),
        cell_seconds=release.cell_seconds,
        seconds=options.notebook_seconds,
    )
    return work, job


def _run_seed(course: Course, resume: bool) -> str:
    """The seed of a run's draws: a new one for every run, and the same for one taken up again."""
    path = course.records / "seed"
    if not (resume and path.exists()):
        path.write_text(secrets.token_hex(16))
    return path.read_text()


def _fingerprint(course: Course, unit: str, student: str, release: _Release) -> str:
    """Of what was handed in and what it is graded against; a change of either grades anew."""
    digest = hashlib.sha256(release.mark.encode())
    folder = course.path("submitted", student, unit)
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        facts = [str(path.relative_to(folder)), status.st_mode, status.st_size, status.st_mtime_ns]
        digest.update(json.dumps(facts).encode())
    return digest.hexdigest()


def _recorded_outcome(course: Course, gradebook, work: _Work, ran: dict[str, Ran]) -> Outcome:
    """Record a submission; one that cannot be recorded must not stop the others."""
    try:
        return Recorder(course, gradebook, work.unit).record(
            work.student, work.plans, ran, problems=work.problems, files=work.files
        )
    except Exception as error:
        gradebook.db.rollback()
        reason = f"it could not be recorded ({type(error).__name__}: {error})"
        return Outcome(work.unit, work.student, NEEDS_HUMAN, reason)


def _file(course: Course, unit: str, student: str) -> Path:
    return course.records / unit / f"{student}.json"


def _record(course: Course, outcome: Outcome, fingerprint: str) -> None:
    path = _file(course, outcome.unit, outcome.student)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and renamed, so that a reader never sees half a file.
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(outcome.to_json() | {"fingerprint": fingerprint}, indent=1))
    partial.rename(path)


def _recorded(course: Course, unit: str, student: str, fingerprint: str) -> Outcome | None:
    try:
        data = json.loads(_file(course, unit, student).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return Outcome.from_json(data) if data.get("fingerprint") == fingerprint else None


def load_outcomes(course: Course, units: list[str] | None = None) -> list[Outcome]:
    """The recorded outcomes of earlier runs, ordered by unit and student."""
    files = [p for unit in course.units(units) for p in (course.records / unit).glob("*.json")]
    return [Outcome.from_json(json.loads(path.read_text())) for path in sorted(files)]


def _stages(ran: dict[str, Ran]) -> dict[str, float]:
    """Seconds of each stage, over a submission's notebooks."""
    total: dict[str, float] = {}
    for result in ran.values():
        for name, seconds in result.stages.items():
            total[name] = round(total.get(name, 0) + seconds, 4)
    return total
