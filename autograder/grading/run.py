"""From submissions to scores: look at them, run them, record what was found."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field

from autograder.course_directory import CourseDirectory
from autograder.engine import intake, submission_files
from autograder.engine.job import Job, NotebookResult, ungraded
from autograder.grading import state
from autograder.grading.calibration import (
    Calibration,
    calibrate,
    put_together,
    without_solution,
)
from autograder.grading.lock import exclusive
from autograder.grading.outcome import NEEDS_HUMAN, Outcome
from autograder.grading.record import Recorder
from autograder.grading.release import Release
from autograder.sandbox import Limits


@dataclass
class GradingOptions:
    """How a class is graded.

    Args:
        workers: submissions at a time.
        resume: leave out what an earlier run has recorded of the same files.
        wait: wait for another run in the same course instead of refusing.
        unsafe: run students' code unisolated instead of refusing where no isolation works.
        notebook_seconds: for one notebook as a whole; None for as long as its cells may take, and
            300 s at least.
        cluster: address of a Dask scheduler to run on; None for this machine.
        strict: leave a question that cannot be judged apart to a human.
        calibrate: try the tests with the instructor's solution first.
    """

    workers: int = 2
    resume: bool = False
    wait: bool = False
    unsafe: bool = False
    notebook_seconds: float | None = None
    cluster: str | None = None
    strict: bool = False
    calibrate: bool = True


@dataclass
class _Work:
    """One submission on its way."""

    unit: str
    student: str
    fingerprint: str
    plans: dict[str, intake.RebuiltNotebook] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)


def grade(
    course: CourseDirectory,
    units: list[str] | None = None,
    students: str = "*",
    *,
    options: GradingOptions | None = None,
    executor=None,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[Outcome], None] = lambda outcome: None,
    on_notice: Callable[[str], None] = lambda notice: None,
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
        on_notice: called with what the instructor should know of a unit, before it is graded.

    Returns:
        One outcome a submission, ordered by unit and student.

    Raises:
        CourseError: a unit that is not released, another run at work in the course, a gradebook of
            an older nbgrader, or a machine on which students' code cannot be isolated.
    """
    options = options or GradingOptions()
    with exclusive(course.records, options.wait), course.gradebook() as gradebook:
        chosen = [
            (unit, student)
            for unit in course.units(units)
            for student in course.students(unit, students)
        ]
        on_start(len(chosen))
        run = _Run(course, gradebook, options, on_notice)
        releases = {unit: Release(course, gradebook, unit) for unit in {u for u, _ in chosen}}
        outcomes, todo = [], []
        for unit, student in chosen:
            mark = state.fingerprint(course, unit, student, run.mark(releases[unit]))
            done = state.remembered(course, unit, student, mark) if options.resume else None
            if done:
                outcomes.append(done)
                on_done(done)
            else:
                todo.append((releases[unit], student, mark))
        for outcome in run.graded(todo, executor) if todo else ():
            outcomes.append(outcome)
            on_done(outcome)
    return sorted(outcomes, key=lambda outcome: (outcome.unit, outcome.student))


class _Run:
    """One run of :func:`grade`: from submissions to what is recorded of them."""

    def __init__(self, course: CourseDirectory, gradebook, options: GradingOptions, on_notice):
        self.course, self.gradebook, self.options = course, gradebook, options
        self.on_notice = on_notice
        self.seed = state.run_seed(course, options.resume)
        self.calibrations: dict[str, Calibration] = {}

    def mark(self, release: Release) -> str:
        """What a submission's outcome depends on besides its files."""
        how = (self.options.strict, self.options.calibrate, self.options.notebook_seconds)
        return f"{release.mark} {how}"

    def graded(self, todo: list, executor) -> Iterator[Outcome]:
        """Run submissions, several at a time, and record each as it is done."""
        with (
            nullcontext(executor) if executor else _start_executor(self.options) as running,
            ThreadPoolExecutor(self.options.workers) as pool,
        ):
            for release in {release.unit: release for release, _, _ in todo}.values():
                self._calibrate(release, running)
            for work, ran in self._ran(iter(todo), running, pool):
                outcome = self._record(work, ran)
                outcome.seconds = round(time.monotonic() - work.started, 2)
                outcome.stages = _stages(ran)
                outcome.isolation = running.isolation.name
                state.remember(self.course, outcome, work.fingerprint)
                yield outcome

    def _calibrate(self, release: Release, executor) -> None:
        """Find out which questions can be judged apart, and say which cannot."""
        found = Calibration(release.mark)
        if self.options.calibrate:

            def make_job(plans, student):
                notebooks = {name: plan.cells for name, plan in plans.items()}
                files, _ = submission_files.read_files(release.source, set(release.given))
                return self._job(release, student, notebooks, files | release.files)

            found = calibrate(self.course, release, executor.run, make_job)
        self.calibrations[release.unit] = found
        for notice in [*release.notices, *found.notices(release.unit, self.options.strict)]:
            self.on_notice(notice)

    def _ran(
        self, waiting: Iterator, executor, pool
    ) -> Iterator[tuple[_Work, dict[str, NotebookResult]]]:
        running: dict = {}
        while True:
            # No more is prepared than can be run: a class does not have to fit into memory.
            while len(running) < 2 * self.options.workers and (item := next(waiting, None)):
                work = _Work(item[0].unit, item[1], item[2])
                try:
                    job = self._prepare(work, item[0])
                except Exception as error:
                    # Whatever is wrong with one submission's files must not stop the others.
                    self._set_aside(work, item[0], f"it could not be read ({_told(error)})")
                    yield work, {}
                else:
                    running[pool.submit(self._executed, executor.run, job)] = work
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                work, error = running.pop(future), future.exception()
                yield work, future.result() if error is None else _not_run(work, error)

    def _executed(self, run, job: Job) -> dict[str, NotebookResult]:
        if self.calibrations[job.unit].source:
            return run(job)
        return without_solution(run, job, strict=self.options.strict)

    def _prepare(self, work: _Work, release: Release) -> Job:
        """Look at a submission, and make it a unit of work."""
        folder = self.course.path("submitted", work.student, release.unit)
        if submission_files.printable(work.student) != work.student:
            work.problems.append("the name of its folder is not UTF-8; rename it")
        for name, notebook in release.notebooks.items():
            work.plans[name] = self._plan(work, name, notebook, folder / f"{name}.ipynb")
        files, left_out = submission_files.read_files(
            folder, {f"{n}.ipynb" for n in release.notebooks}
        )
        work.files = files | release.files
        for plan in work.plans.values():
            plan.suspicions += left_out
            left_out = []
        notebooks = {n: p.cells for n, p in work.plans.items() if not p.set_aside}
        return self._job(release, work.student, notebooks, work.files)

    def _plan(self, work: _Work, name: str, notebook: tuple, path) -> intake.RebuiltNotebook:
        found = self.calibrations[work.unit]
        try:
            plan = intake.rebuild(*notebook, submission_files.read_cells(path))
        except submission_files.UnreadableSubmission as error:
            work.problems.append(f"{error}. Hand it in again.")
            return intake.set_aside(*notebook, str(error))
        if not self.options.strict:
            put_together(plan, found.together.get(name, ()), alone=name in found.alone)
        return plan

    def _set_aside(self, work: _Work, release: Release, why: str) -> None:
        """Leave all of a submission to a human."""
        work.problems.append(why)
        work.plans = {
            n: intake.set_aside(*notebook, why) for n, notebook in release.notebooks.items()
        }

    def _job(self, release: Release, student: str, notebooks: dict, files: dict) -> Job:
        seconds = self.options.notebook_seconds or release.notebook_seconds
        number = hashlib.sha256(f"{self.seed} {release.unit} {student}".encode()).digest()
        given = sum(map(len, release.given.values())) >> 20
        plain = Limits()
        return Job(
            release.unit,
            student,
            notebooks,
            files,
            release.given,
            seed=int.from_bytes(number[:8]),
            cell_seconds=release.cell_seconds,
            seconds=seconds,
            limits=Limits(
                cpu_s=max(plain.cpu_s, seconds),
                file_mb=plain.file_mb + given,
                disk_mb=plain.disk_mb + given,
            ),
        )

    def _record(self, work: _Work, ran: dict[str, NotebookResult]) -> Outcome:
        """Record a submission; one that cannot be recorded must not stop the others."""
        recorder = Recorder(
            self.course, self.gradebook, work.unit, self.calibrations[work.unit],
            strict=self.options.strict,
        )  # fmt: skip
        try:
            return recorder.record(
                work.student, work.plans, ran, problems=work.problems, files=work.files
            )
        except Exception as error:
            self.gradebook.db.rollback()
            outcome = Outcome(work.unit, submission_files.printable(work.student), NEEDS_HUMAN)
            for problem in [*work.problems, f"it could not be recorded ({_told(error)})"]:
                outcome.leave_to_a_human(problem, recorded=False)
            return outcome


def _told(error: BaseException) -> str:
    """An error in one printable line."""
    said = " ".join(submission_files.printable(str(error)).split())
    return f"{type(error).__name__}: {said[:300]}"


def _not_run(work: _Work, error: BaseException) -> dict[str, NotebookResult]:
    """What came of a submission that could not even be run."""
    reason = f"it could not be run ({_told(error)})"
    return {
        name: ungraded(plan.cells, reason)
        for name, plan in work.plans.items()
        if not plan.set_aside
    }


def _start_executor(options: GradingOptions):
    if options.cluster:
        from autograder.grading.cluster import cluster

        return cluster(options)
    from autograder.grading.local import local

    return local(options)


def _stages(ran: dict[str, NotebookResult]) -> dict[str, float]:
    """Seconds of each stage, over a submission's notebooks."""
    total: dict[str, float] = {}
    for result in ran.values():
        for name, seconds in result.timings.items():
            total[name] = round(total.get(name, 0) + seconds, 4)
    return total
