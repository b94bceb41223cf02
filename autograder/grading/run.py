"""Grade submissions: read them, run them, and record their outcomes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from autograder.course_directory import CourseDirectory
from autograder.engine import intake, submission_files
from autograder.engine.intake import RebuiltNotebook
from autograder.engine.job import Job, NotebookResult, Runner, total_timings, ungraded
from autograder.grading import calls, state
from autograder.grading.calibration import (
    Calibration,
    calibrate,
    run_without_solution,
    share_process,
)
from autograder.grading.lock import exclusive
from autograder.grading.options import GradingOptions
from autograder.grading.outcome import NEEDS_HUMAN, Outcome
from autograder.grading.record import Recorder
from autograder.grading.release import Release, ReleasedNotebook
from autograder.grading.submission import Submission
from autograder.sandbox import Limits

if TYPE_CHECKING:
    from nbgrader.api import Gradebook


def grade(
    course: CourseDirectory,
    units: list[str] | None = None,
    students: str = "*",
    *,
    options: GradingOptions | None = None,
    executor: Runner | None = None,
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
        executor: a running :class:`autograder.engine.executor.Executor` to use and to leave
            running; None starts one according to the options.
        on_start: called with the number of submissions.
        on_done: called with each outcome when it is known.
        on_notice: called with what the instructor should know about a unit before it is graded.

    Returns:
        One outcome per submission, ordered by unit and student.

    Raises:
        CourseError: a unit is not released, another run is grading in this course, an older
            nbgrader created the gradebook, or students' code cannot be isolated on this machine.
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
        outcomes: list[Outcome] = []
        todo: list[_Todo] = []
        for unit, student in chosen:
            fingerprint = state.fingerprint(course, unit, student, run.digest(releases[unit]))
            done = state.recall(course, unit, student, fingerprint) if options.resume else None
            if done:
                outcomes.append(done)
                on_done(done)
            else:
                todo.append(_Todo(releases[unit], student, fingerprint))
        for outcome in run.grade(todo, executor) if todo else ():
            outcomes.append(outcome)
            on_done(outcome)
    return sorted(outcomes, key=lambda outcome: (outcome.unit, outcome.student))


class _Todo(NamedTuple):
    """A submission that has not been read yet."""

    release: Release
    student: str
    fingerprint: str


class _Run:
    """One run of :func:`grade`: it reads submissions, runs them and records their outcomes."""

    def __init__(
        self,
        course: CourseDirectory,
        gradebook: Gradebook,
        options: GradingOptions,
        on_notice: Callable[[str], None],
    ) -> None:
        self.course, self.gradebook, self.options = course, gradebook, options
        self.on_notice = on_notice
        self.seed = state.run_seed(course, options.resume)
        self.calibrations: dict[str, Calibration] = {}

    def digest(self, release: Release) -> str:
        """Return a digest of what a submission's outcome depends on besides its files."""
        how = (self.options.strict, self.options.calibrate, self.options.notebook_seconds)
        return f"{release.digest} {how}"

    def grade(self, todo: list[_Todo], executor: Runner | None) -> Iterator[Outcome]:
        """Run submissions, several at a time, and record each when it is done."""
        with (
            nullcontext(executor) if executor else _start_runner(self.options) as runner,
            ThreadPoolExecutor(self.options.workers) as pool,
        ):
            for release in {item.release.unit: item.release for item in todo}.values():
                self._calibrate(release, runner)
            for submission, results in self._run_all(iter(todo), runner, pool):
                outcome = self._record(submission, results)
                outcome.seconds = round(time.monotonic() - submission.started, 2)
                outcome.timings = total_timings(results)
                outcome.isolation = runner.isolation.name
                outcome.replayed = bool(results) and all(r.replayed for r in results.values())
                state.remember(self.course, outcome, submission.fingerprint)
                yield outcome

    def _calibrate(self, release: Release, runner: Runner) -> None:
        """Find out which questions can be judged separately, and report which cannot."""
        found = Calibration(release.digest)
        if self.options.calibrate:

            def make_job(notebooks: Mapping[str, RebuiltNotebook], student: str) -> Job:
                folder = release.source or Path()
                files, _ = submission_files.read_files(folder, set(release.given))
                return self._job(release, student, notebooks, files | release.files)

            found = calibrate(self.course, release, runner.run, make_job)
        self.calibrations[release.unit] = found
        for notice in [*release.notices, *found.notices(release.unit, self.options.strict)]:
            self.on_notice(notice)

    def _run_all(
        self, waiting: Iterator[_Todo], runner: Runner, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[Submission, dict[str, NotebookResult]]]:
        running: dict[Future[dict[str, NotebookResult]], Submission] = {}
        while True:
            # Prepare only a few at a time: a whole class may not fit into memory.
            while len(running) < 2 * self.options.workers and (item := next(waiting, None)):
                submission = Submission(item.release.unit, item.student, item.fingerprint)
                try:
                    job = self._prepare(submission, item.release)
                except Exception as error:
                    # Whatever is wrong with one submission's files must not stop the others.
                    reason = f"it could not be read ({_one_line(error)})"
                    self._set_aside(submission, item.release, reason)
                    yield submission, {}
                else:
                    running[pool.submit(self._execute, runner, job)] = submission
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                submission, failure = running.pop(future), future.exception()
                yield submission, _not_run(submission, failure) if failure else future.result()

    def _execute(self, runner: Runner, job: Job) -> dict[str, NotebookResult]:
        if self.calibrations[job.unit].source:
            results = runner.run(job)
        else:
            results = run_without_solution(runner.run, job, strict=self.options.strict)
        calls.keep(self.course, job, results)
        return results

    def _prepare(self, submission: Submission, release: Release) -> Job:
        """Read a submission, and turn it into a job."""
        folder = self.course.path("submitted", submission.student, release.unit)
        if submission_files.printable(submission.student) != submission.student:
            submission.problems.append("the name of its folder is not UTF-8; rename it")
        for name, released in release.notebooks.items():
            path = folder / f"{name}.ipynb"
            submission.notebooks[name] = self._rebuild(submission, name, released, path)
        files, left_out = submission_files.read_files(
            folder, {f"{name}.ipynb" for name in release.notebooks}
        )
        submission.files = files | release.files
        for notebook in submission.notebooks.values():
            notebook.suspicions += left_out
            left_out = []
        usable = {n: r for n, r in submission.notebooks.items() if not r.set_aside}
        job = self._job(release, submission.student, usable, submission.files)
        job.key = calls.key(job)
        if self.options.replay:
            job.transcripts = calls.recall(self.course, job)
        return job

    def _rebuild(
        self, submission: Submission, name: str, released: ReleasedNotebook, path: Path
    ) -> RebuiltNotebook:
        calibration = self.calibrations[submission.unit]
        try:
            notebook = intake.rebuild(*released, submission_files.read_cells(path))
        except submission_files.UnreadableSubmission as error:
            submission.problems.append(f"{error}. It has to be submitted again.")
            return intake.set_aside(*released, str(error))
        if not self.options.strict:
            questions = calibration.shared.get(name, {})
            share_process(notebook, questions, only_there=name in calibration.only_there)
        return notebook

    def _set_aside(self, submission: Submission, release: Release, reason: str) -> None:
        """Leave a whole submission to a human."""
        submission.problems.append(reason)
        submission.notebooks = {
            name: intake.set_aside(*released, reason)
            for name, released in release.notebooks.items()
        }

    def _job(
        self,
        release: Release,
        student: str,
        notebooks: Mapping[str, RebuiltNotebook],
        files: dict[str, bytes],
    ) -> Job:
        seconds = self.options.notebook_seconds or release.notebook_seconds
        seed = hashlib.sha256(f"{self.seed} {release.unit} {student}".encode()).digest()
        given_mb = sum(map(len, release.given.values())) >> 20
        default = Limits()
        return Job(
            release.unit,
            student,
            {name: notebook.cells for name, notebook in notebooks.items()},
            files,
            release.given,
            seed=int.from_bytes(seed[:8]),
            cell_seconds=release.cell_seconds,
            seconds=seconds,
            limits=Limits(
                cpu_s=max(default.cpu_s or 0, seconds),
                file_mb=default.file_mb + given_mb,
                disk_mb=default.disk_mb + given_mb,
            ),
        )

    def _record(self, submission: Submission, results: dict[str, NotebookResult]) -> Outcome:
        """Record a submission; a failure to do so must not stop the others."""
        unit = submission.unit
        recorder = Recorder(
            self.course, self.gradebook, unit, self.calibrations[unit], strict=self.options.strict
        )
        try:
            return recorder.record(submission, results)
        except Exception as error:
            self.gradebook.db.rollback()
            outcome = Outcome(unit, submission_files.printable(submission.student), NEEDS_HUMAN)
            for problem in [
                *submission.problems,
                f"it could not be recorded ({_one_line(error)})",
            ]:
                outcome.leave_to_a_human(problem, recorded=False)
            return outcome


def _one_line(error: BaseException) -> str:
    """Describe an error in one printable line."""
    message = " ".join(submission_files.printable(str(error)).split())
    return f"{type(error).__name__}: {message[:300]}"


def _not_run(submission: Submission, error: BaseException) -> dict[str, NotebookResult]:
    """Return the results of a submission that could not even be run."""
    reason = f"it could not be run ({_one_line(error)})"
    return {
        name: ungraded(notebook.cells, reason)
        for name, notebook in submission.notebooks.items()
        if not notebook.set_aside
    }


def _start_runner(options: GradingOptions) -> AbstractContextManager[Runner]:
    if options.cluster:
        from autograder.grading.cluster import cluster

        return cluster(options)
    from autograder.grading.local import local

    return local(options)
