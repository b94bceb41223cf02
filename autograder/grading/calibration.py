"""Which of a unit's questions can be judged apart from the student's code.

The instructor's own solution goes through the judge as one more submission. A question on which it
does not get full marks there would cost everybody points for nothing they did. Its test runs as
nbgrader runs it, in the student's own sandboxed process, where a score can be forged, and that is
said.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

from autograder.course_directory import CourseDirectory
from autograder.engine import intake, submission_files
from autograder.engine.job import CellResult, Job, NotebookResult, Role
from autograder.engine.matching import nbgrader_metadata
from autograder.grading import state
from autograder.grading.release import Release

SOLUTION = "solution"  # whose work it is, for questions that ask
MAX_REASON = 160


@dataclass
class Calibration:
    """What the instructor's solution has shown.

    Attributes:
        mark: of the release that it was found for.
        together: by notebook and grade id, why a question is not judged apart.
        broken: by notebook and grade id, what the solution gets wherever its test runs.
        alone: notebooks in which the tests of `together` disturb the judge, and are left out there.
        incidents: what the solution itself does that would be noted of a student.
        source: whether there was a solution.
    """

    mark: str
    together: dict[str, dict[str, str]] = field(default_factory=dict)
    broken: dict[str, dict[str, str]] = field(default_factory=dict)
    alone: list[str] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    source: bool = True

    def notices(self, unit: str, strict: bool) -> list[str]:
        """What an instructor has to know before anybody is graded, a line for each matter."""
        if not self.source:
            return [
                f"{unit}: there is no source solution to try its tests with. A question whose test "
                "uses what cannot cross to the judge is graded in the student's own process, where "
                "a score can be forged; it is marked in each outcome."
            ]
        said = []
        if together := _listed(self.together):
            how = "left to a human (--strict)" if strict else "graded in the student's own process"
            more = "" if strict else ", where a score can be forged"
            said.append(f"{unit}: not judged apart, but {how}{more}: {together}")
        if broken := _listed(self.broken):
            said.append(f"{unit}: the instructor's own solution does not pass its test: {broken}")
        return said


def _listed(found: dict[str, dict[str, str]]) -> str:
    return "; ".join(f"{name} ({why})" for names in found.values() for name, why in names.items())


def calibrate(
    course: CourseDirectory,
    release: Release,
    run: Callable[[Job], dict[str, NotebookResult]],
    make_job,
):
    """Try a unit's tests with its solution, unless that was done before for the same release.

    Args:
        course: where the result is kept.
        release: the unit.
        run: runs a job.
        make_job: from plans by name, and a student's name, the job.

    Returns:
        The calibration.
    """
    path = course.records / f"{release.unit}.calibration"
    known = state.read(path)
    if isinstance(known, dict) and known.get("mark") == release.mark:
        return Calibration(**known)
    found = Calibration(release.mark, source=release.source is not None)
    try:
        if found.source:
            _try(found, release, run, make_job)
    except submission_files.UnreadableSubmission:
        found.source = False
    with contextlib.suppress(OSError):  # a full disk: it will be tried again
        state.write(path, asdict(found))
    return found


def _try(found: Calibration, release: Release, run, make_job) -> None:
    plans = {
        name: intake.rebuild(
            *notebook, submission_files.read_cells(release.source / f"{name}.ipynb")
        )
        for name, notebook in release.notebooks.items()
    }
    job = replace(make_job(plans, SOLUTION), seed=_seed(release))
    ran = run(job)
    failing = {name: _failing(plan, ran[name]) for name, plan in plans.items()}
    found.incidents = [what for result in ran.values() for what in result.incidents]
    if not any(failing.values()):
        return
    found.alone = [name for name, r in ran.items() if failing[name] and (r.failure or r.incidents)]
    for name, plan in plans.items():
        put_together(plan, failing[name], alone=name in found.alone)
    again = run(job)
    for name, plan in plans.items():
        still = _failing(plan, again[name])
        for question, why in failing[name].items():
            group = found.broken if question in still else found.together
            group.setdefault(name, {})[question] = still.get(question, why)


def without_solution(run: Callable[[Job], dict[str, NotebookResult]], job: Job, *, strict: bool):
    """Run a job of a unit that could not be calibrated.

    A test that was ended by a value of its own that cannot be handed to the student's code is run
    as nbgrader runs it. Nothing else says that it was not the student's mistake.

    Args:
        strict: only note it.

    Returns:
        As `run`; `not_separate` in a test's result says why it was not judged apart.
    """
    ran = run(job)
    why = {
        (name, number): _shortfall(result, 0)
        for name, notebook in ran.items()
        for number, result in enumerate(notebook.cells)
        if result.unsendable
    }
    if why and not strict:
        notebooks = {
            name: [replace(c, separate=(name, n) not in why) for n, c in enumerate(cells)]
            for name, cells in job.notebooks.items()
        }
        ran = run(replace(job, notebooks=notebooks))
    for (name, number), reason in why.items():
        ran[name].cells[number].not_separate = reason
    return ran


def _seed(release: Release) -> int:
    return int.from_bytes(hashlib.sha256(release.mark.encode()).digest()[:8])


def put_together(plan: intake.RebuiltNotebook, questions, *, alone: bool) -> None:
    """Have a plan's tests of these questions run in the student's process.

    Args:
        alone: and there only; else the judge runs them, too, for what they define.
    """
    for number, (cell, shown) in enumerate(zip(plan.cells, plan.notebook.cells, strict=True)):
        if cell.role == Role.TEST and nbgrader_metadata(shown).get("grade_id") in questions:
            plan.cells[number] = replace(cell, separate=False, only_there=alone)


def _failing(plan: intake.RebuiltNotebook, result: NotebookResult) -> dict[str, str]:
    """The questions that did not get full marks, and what was said."""
    found = {}
    for cell, shown, ran in zip(plan.cells, plan.notebook.cells, result.cells, strict=True):
        if cell.role != Role.TEST:
            continue
        points = float(nbgrader_metadata(shown).get("points") or 0)
        why = _shortfall(ran, points)
        if why:
            found[nbgrader_metadata(shown)["grade_id"]] = why
    return found


def _shortfall(ran: CellResult, points: float) -> str:
    """Why a test's outputs are no full marks; "" if they are."""
    for output in ran.outputs:
        if output["output_type"] == "error":
            said = " ".join(f"{output['ename']}: {output['evalue']}".split()).removesuffix(":")
            return said if len(said) <= MAX_REASON else f"{said[:MAX_REASON]}…"
        if output["output_type"] == "execute_result":
            try:
                score = float(output["data"].get("text/plain", ""))
            except ValueError:
                return ""
            return "" if not 0 <= score < points else f"{score:g} of {points:g} points"
    return ""
