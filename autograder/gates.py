"""What must hold before students see an assignment.

Text gates read the source. Running gates grade the solution, the untouched release, and every
mutant and alternative (``mutants.py``) like so many students' work. Each returns problems in words,
none if the gate is open.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from autograder import mutants, source_gates
from autograder.course_directory import CourseDirectory
from autograder.generate import generate


@dataclass
class GateReport:
    """What the gates said of one unit.

    Attributes:
        unit: its name.
        points: of the assignment.
        found: for each question, how many `mutants` and `alternatives` were tried, and how many
            were `caught` and `accepted`, as they should be.
        seconds: for all of it.
        problems: what keeps the gates shut, in words.
    """

    unit: str
    points: float = 0
    found: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: float = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def questions(self) -> int:
        return len(self.found)

    @property
    def totals(self) -> Counter[str]:
        """What was found, of all questions together."""
        return sum(self.found.values(), Counter())


def run_gates(
    course: CourseDirectory, unit: str, on_step: Callable[[str], None], executor=None
) -> GateReport:
    """Release a unit into a scratch course and put it through every gate.

    The scratch course has a student who hands in the solution, one with the untouched release, and
    one for each mutant and each alternative.
    """
    report, started = GateReport(unit), time.monotonic()
    source_folder = course.path("source", ".", unit)
    sources = {
        name: nbformat.read(source_folder / f"{name}.ipynb", 4) for name in course.notebooks(unit)
    }
    variants: dict[str, list[mutants.Variant]] = {}
    for name, notebook in sources.items():
        report.problems += source_gates.check_pair(source_folder / f"{name}.ipynb")
        report.problems += source_gates.check_markers(notebook) + source_gates.check_cells(notebook)
        try:
            variants[name] = mutants.read(source_folder / f"{name}{mutants.SUFFIX}", notebook)
        except mutants.VariantError as error:
            report.problems.append(str(error))
    if report.problems:
        return report  # what follows would only repeat them, less clearly
    with tempfile.TemporaryDirectory(prefix="autograder-gates-") as folder:
        scratch = _scratch_course(course, unit, Path(folder))
        on_step("release")
        report.problems += generate(scratch, unit)
        if report.problems:
            return report
        release_folder = scratch.path("release", ".", unit)
        report.problems += source_gates.check_files(scratch, unit, release_folder)
        for name, source in sources.items():
            released = nbformat.read(release_folder / f"{name}.ipynb", 4)
            report.problems += source_gates.check_leaks(source, released)
        _grade_variants(report, scratch, sources, variants, on_step, executor)
    report.seconds = round(time.monotonic() - started, 1)
    return report


def _grade_variants(
    report: GateReport, scratch: CourseDirectory, sources, variants, on_step, executor
) -> None:
    """Let everybody in the scratch course hand in, and look at what they score."""
    from autograder.grading import GradingOptions, grade
    from autograder.grading.local import local

    release_folder = scratch.path("release", ".", report.unit)
    source_folder = scratch.path("source", ".", report.unit)
    for student, work in (("solution", source_folder), ("untouched", release_folder)):
        shutil.copytree(work, scratch.path("submitted", student, report.unit))
    students: dict[str, mutants.Variant] = {}
    ends: dict[str, dict[str, int]] = {}
    for name, source in sources.items():
        released = nbformat.read(release_folder / f"{name}.ipynb", 4)
        for variant in variants[name]:
            student = f"variant-{len(students):03d}"
            students[student] = variant
            if variant.wrong:
                ends[student] = {name: mutants.cells_until(variant, released)}
            folder = scratch.path("submitted", student, report.unit)
            shutil.copytree(source_folder, folder, ignore=shutil.ignore_patterns("*.py", "*.toml"))
            nbformat.write(mutants.hand_in(variant, source, released), folder / f"{name}.ipynb")
    total, outcomes = len(students) + 2, {}

    def on_done(outcome) -> None:
        outcomes[outcome.student] = outcome
        on_step(f"{len(outcomes)} of {total} answers")

    on_step(f"0 of {total} answers")
    # The solution is among those that are graded, and must pass where students' work is judged.
    options = GradingOptions(workers=len(os.sched_getaffinity(0)), calibrate=False)
    with nullcontext(executor) if executor else local(options) as running:
        cutting = mutants.TruncatingRunner(running, ends)
        grade(scratch, [report.unit], options=options, executor=cutting, on_done=on_done)
    solution = outcomes["solution"]
    report.points = solution.max_score
    report.found = {question.question: Counter() for question in solution.questions}
    report.problems += _check_scores(solution, outcomes["untouched"])
    for student, variant in students.items():
        problem = mutants.verdict_on(variant, outcomes[student])
        report.problems += [problem] if problem else []
        tried, passed = ("mutants", "caught") if variant.wrong else ("alternatives", "accepted")
        found = report.found.setdefault(variant.question, Counter())
        found.update({tried: 1, passed: not problem})


def _check_scores(solution, untouched) -> list[str]:
    problems = [
        f"{outcome.student}: {outcome.reason}"
        for outcome in (solution, untouched)
        if outcome.reason
    ]
    for question in solution.questions:
        # An example that fails costs nothing, and so would not be seen by the score.
        if question.score is not None and (
            question.score != question.max_score or question.failures
        ):
            said = "; ".join(failure.message for failure in question.failures)
            problems.append(
                f"the solution scores {question.score:g} of {question.max_score:g} on "
                f"{question.question!r}: {said}"
            )
    problems += [
        f"the untouched release scores {question.score:g} on {question.question!r}, not 0"
        for question in untouched.questions
        if question.score
    ]
    return problems


def _scratch_course(course: CourseDirectory, unit: str, root: Path) -> CourseDirectory:
    """A course of one unit in an empty folder, configured like the real one."""
    if (config := course.root / "nbgrader_config.py").exists():
        shutil.copy(config, root)
    scratch = CourseDirectory(root)
    shutil.copytree(course.path("source", ".", unit), scratch.path("source", ".", unit))
    return scratch
