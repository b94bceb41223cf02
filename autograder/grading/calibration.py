"""Find out which of a unit's questions can be judged separately from the student's code.

The judge runs the instructor's own solution like any submission. A question on which that does not
get full points would cost every student points without a mistake of theirs. Such a test runs as in
nbgrader, in the student's own sandboxed process, where a score can be forged, and the instructor is
told so.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace

from autograder.course_directory import CourseDirectory, CourseError
from autograder.engine import intake, submission_files
from autograder.engine.intake import RebuiltNotebook
from autograder.engine.job import CellResult, Job, NotebookResult, Role
from autograder.engine.matching import nbgrader_metadata
from autograder.grading import state
from autograder.grading.release import Release

SOLUTION = "solution"  # the student's name in the solution's job
MAX_REASON = 160
Run = Callable[[Job], dict[str, NotebookResult]]
MakeJob = Callable[[Mapping[str, RebuiltNotebook], str], Job]


@dataclass
class Calibration:
    """What running the instructor's solution has shown.

    Attributes:
        release: the digest of the release that it was run for.
        shared: by notebook and grade id, why a question cannot be judged separately.
        broken: by notebook and grade id, what the solution gets wherever its test runs.
        only_there: notebooks in which the tests of `shared` disturb the judge, which skips them.
        incidents: what the solution itself does that would be reported about a student.
        source: whether there was a solution.
    """

    release: str
    shared: dict[str, dict[str, str]] = field(default_factory=dict)
    broken: dict[str, dict[str, str]] = field(default_factory=dict)
    only_there: list[str] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    source: bool = True

    def notices(self, unit: str, strict: bool) -> list[str]:
        """Return what an instructor has to know before anybody is graded, one line each."""
        if not self.source:
            return [
                f"{unit}: there is no solution to try the tests with. A question whose test uses "
                "values that cannot be sent between processes is graded in the student's own "
                "process, where a score can be forged; outcomes say so."
            ]
        lines = []
        if shared := _listed(self.shared):
            how = "left to a human (--strict)" if strict else "graded in the student's own process"
            more = "" if strict else ", where a score can be forged"
            lines.append(f"{unit}: not judged separately, but {how}{more}: {shared}")
        if broken := _listed(self.broken):
            lines.append(f"{unit}: the instructor's own solution does not pass: {broken}")
        return lines


def _listed(found: dict[str, dict[str, str]]) -> str:
    return "; ".join(f"{name} ({why})" for names in found.values() for name, why in names.items())


def calibrate(
    course: CourseDirectory, release: Release, run: Run, make_job: MakeJob
) -> Calibration:
    """Try a unit's tests with its solution, unless that was done before for the same release.

    Args:
        course: where the result is kept.
        release: the unit.
        run: runs a job.
        make_job: creates a job from notebooks by name, and a student's name.

    Raises:
        CourseError: the solution could not be run to its end, twice. Nothing is then known of the
            tests, so nobody is graded in a process where a score can be forged.
    """
    path = course.records / f"{release.unit}.calibration"
    known = state.read(path)
    if isinstance(known, dict) and known.get("release") == release.digest:
        return Calibration(**known)
    found = Calibration(release.digest, source=release.source is not None)
    try:
        if found.source:
            _try_solution(found, release, run, make_job)
    except submission_files.UnreadableSubmission:
        found.source = False
    with contextlib.suppress(OSError):  # a full disk: the next run tries again
        state.write(path, asdict(found))
    return found


def _try_solution(found: Calibration, release: Release, run: Run, make_job: MakeJob) -> None:
    assert release.source is not None
    notebooks = {
        name: intake.rebuild(
            *released, submission_files.read_cells(release.source / f"{name}.ipynb")
        )
        for name, released in release.notebooks.items()
    }
    seed = _seed(release)

    def try_all() -> dict[str, NotebookResult]:
        return _run_to_the_end(run, replace(make_job(notebooks, SOLUTION), seed=seed))

    results = try_all()
    failing = {name: _failing(notebook, results[name]) for name, notebook in notebooks.items()}
    found.incidents = [incident for r in results.values() for incident in r.incidents]
    if not any(failing.values()):
        return
    found.only_there = [name for name, r in results.items() if failing[name] and r.incidents]
    for name, notebook in notebooks.items():
        share_process(notebook, failing[name], only_there=name in found.only_there)
    again = try_all()
    for name, notebook in notebooks.items():
        still = _failing(notebook, again[name])
        for question, why in failing[name].items():
            group = found.broken if question in still else found.shared
            group.setdefault(name, {})[question] = still.get(question, why)


def _run_to_the_end(run: Run, job: Job) -> dict[str, NotebookResult]:
    """Run a job, and once more if it did not end: the machine may only have been busy.

    Raises:
        CourseError: it did not end the second time, either.
    """
    for _ in range(2):
        results = run(job)
        failures = [f"{name}: {r.failure}" for name, r in results.items() if r.failure]
        if not failures:
            return results
    raise CourseError(
        f"{job.unit}: the instructor's solution could not be run to its end in two tries "
        f"({'; '.join(failures)}). Grade again when the machine has more time and memory to spare; "
        "if it does not help, a test needs too much of them, or ends the process that it runs in."
    )


def run_without_solution(run: Run, job: Job, *, strict: bool) -> dict[str, NotebookResult]:
    """Run a job of a unit that could not be calibrated.

    A test that failed because a value of its own cannot be sent to the student's code runs again as
    in nbgrader: without a solution, only this shows that it was not the student's mistake.

    Args:
        run: runs a job.
        job: the job.
        strict: do not run such a test again; only note why it failed.

    Returns:
        The results; `not_separate` in a test's result says why it was not judged separately.
    """
    results = run(job)
    reasons = {
        (name, number): _shortfall(result, 0)
        for name, notebook in results.items()
        for number, result in enumerate(notebook.cells)
        if result.unsendable
    }
    if reasons and not strict:
        notebooks = {
            name: [replace(c, separate=(name, n) not in reasons) for n, c in enumerate(cells)]
            for name, cells in job.notebooks.items()
        }
        results = run(replace(job, notebooks=notebooks))
    for (name, number), reason in reasons.items():
        results[name].cells[number].not_separate = reason
    return results


def _seed(release: Release) -> int:
    return int.from_bytes(hashlib.sha256(release.digest.encode()).digest()[:8])


def share_process(
    notebook: RebuiltNotebook, questions: Collection[str], *, only_there: bool
) -> None:
    """Let the tests of these questions run in the student's process.

    Args:
        notebook: the notebook, which is changed.
        questions: grade ids.
        only_there: do not run them in the judge as well, for what they define.
    """
    for number, (cell, shown) in enumerate(
        zip(notebook.cells, notebook.notebook.cells, strict=True)
    ):
        if cell.role == Role.TEST and nbgrader_metadata(shown).get("grade_id") in questions:
            notebook.cells[number] = replace(cell, separate=False, only_there=only_there)


def _failing(notebook: RebuiltNotebook, result: NotebookResult) -> dict[str, str]:
    """Return the questions that did not get full points, and why."""
    found = {}
    for cell, shown, ran in zip(notebook.cells, notebook.notebook.cells, result.cells, strict=True):
        if cell.role != Role.TEST:
            continue
        metadata = nbgrader_metadata(shown)
        if reason := _shortfall(ran, float(metadata.get("points") or 0)):
            found[metadata["grade_id"]] = reason
    return found


def _shortfall(ran: CellResult, points: float) -> str:
    """Return why a test's outputs do not mean full points; "" if they do."""
    for output in ran.outputs:
        if output["output_type"] == "error":
            text = " ".join(f"{output['ename']}: {output['evalue']}".split()).removesuffix(":")
            return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}…"
        if output["output_type"] == "execute_result":
            try:
                score = float(output["data"].get("text/plain", ""))
            except ValueError:
                return ""
            return "" if not 0 <= score < points else f"{score:g} of {points:g} points"
    return ""
