"""The release gates: what must hold before students see an assignment.

Some gates read the source (``source_gates.py``). Others grade the solution, the untouched release,
and every mutant and alternative (``mutants.py``) as if students had submitted them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder import mutants, source_gates
from autograder.course_directory import CourseDirectory, CourseError
from autograder.engine.job import Runner
from autograder.generate import generate
from autograder.grading import GradingOptions, Outcome, grade
from autograder.grading.local import local
from autograder.mutants import Variant


@dataclass
class GateReport:
    """What the gates found in one unit.

    Attributes:
        unit: its name.
        points: what the assignment is worth.
        found: for each question, how many `mutants` and `alternatives` were tried, and how many
            were `caught` and `accepted`, as all should be.
        seconds: how long it took.
        problems: why the unit may not be released, in words.
    """

    unit: str
    points: float = 0
    found: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: float = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every gate is open."""
        return not self.problems

    @property
    def questions(self) -> int:
        """The number of questions."""
        return len(self.found)

    @property
    def totals(self) -> Counter[str]:
        """The counts of `found`, summed over all questions."""
        total = Counter(mutants=0, caught=0, alternatives=0, accepted=0)
        for counts in self.found.values():
            total.update(counts)
        return total


def run_gates(
    course: CourseDirectory,
    unit: str,
    on_step: Callable[[str], None],
    executor: Runner | None = None,
    question: str | None = None,
) -> GateReport:
    """Release a unit into a scratch course and put it through every gate.

    In the scratch course one student submits the solution, one the untouched release, and one each
    mutant and each alternative.

    Args:
        course: the course with the unit's source.
        unit: the assignment's name.
        on_step: called with what is about to happen.
        executor: as for :func:`autograder.grading.grade`.
        question: try the mutants and alternatives of this test cell only; None for all.

    Raises:
        CourseError: a question that no mutant or alternative belongs to.
    """
    report, started = GateReport(unit), time.monotonic()
    source_folder = course.path("source", ".", unit)
    sources = {
        name: nbformat.read(source_folder / f"{name}.ipynb", 4) for name in course.notebooks(unit)
    }
    variants: dict[str, list[Variant]] = {}
    for name, notebook in sources.items():
        report.problems += source_gates.check_pair(source_folder / f"{name}.ipynb")
        report.problems += source_gates.check_markers(notebook) + source_gates.check_cells(notebook)
        try:
            variants[name] = mutants.read(source_folder / f"{name}{mutants.SUFFIX}", notebook)
        except mutants.VariantError as error:
            report.problems.append(str(error))
    if report.problems:
        return report  # the other gates would only report them again, less clearly
    if question:
        variants = _only(question, variants)
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
        submissions = _submit_all(scratch, unit, sources, variants)
        outcomes = _grade_all(scratch, unit, submissions, on_step, executor)
        _judge_all(report, submissions, outcomes)
    report.seconds = round(time.monotonic() - started, 1)
    return report


def _only(question: str, variants: Mapping[str, list[Variant]]) -> dict[str, list[Variant]]:
    """Return the variants that belong to a question."""
    known = {variant.question for found in variants.values() for variant in found}
    if question not in known:
        raise CourseError(
            f"no mutant or alternative belongs to the question {question!r}. "
            f"Choose one of {', '.join(sorted(known))}."
        )
    return {name: [v for v in found if v.question == question] for name, found in variants.items()}


@dataclass
class _Submissions:
    """What the students of the scratch course submit.

    Attributes:
        variants: the variant of each student who submits one.
        ends: for the students with a mutant, and the notebook that it is in, how many of its cells
            have to run.
    """

    variants: dict[str, Variant] = field(default_factory=dict)
    ends: dict[str, dict[str, int]] = field(default_factory=dict)


def _submit_all(
    scratch: CourseDirectory,
    unit: str,
    sources: Mapping[str, NotebookNode],
    variants: Mapping[str, list[Variant]],
) -> _Submissions:
    """Submit the solution, the untouched release and all variants."""
    release_folder = scratch.path("release", ".", unit)
    source_folder = scratch.path("source", ".", unit)
    for student, work in (("solution", source_folder), ("untouched", release_folder)):
        shutil.copytree(work, scratch.path("submitted", student, unit))
    submissions = _Submissions()
    for name, source in sources.items():
        released = nbformat.read(release_folder / f"{name}.ipynb", 4)
        for variant in variants[name]:
            student = f"variant-{len(submissions.variants):03d}"
            submissions.variants[student] = variant
            if variant.wrong:
                submissions.ends[student] = {name: mutants.cells_until(variant, released)}
            folder = scratch.path("submitted", student, unit)
            shutil.copytree(source_folder, folder, ignore=shutil.ignore_patterns("*.py", "*.toml"))
            nbformat.write(mutants.fill_in(variant, source, released), folder / f"{name}.ipynb")
    return submissions


def _grade_all(
    scratch: CourseDirectory,
    unit: str,
    submissions: _Submissions,
    on_step: Callable[[str], None],
    executor: Runner | None,
) -> dict[str, Outcome]:
    """Grade everybody in the scratch course; return the outcomes by student."""
    total = len(submissions.variants) + 2
    outcomes: dict[str, Outcome] = {}

    def on_done(outcome: Outcome) -> None:
        outcomes[outcome.student] = outcome
        on_step(f"{len(outcomes)} of {total} answers")

    on_step(f"0 of {total} answers")
    # No calibration: the solution is among the submissions, and has to pass like any other.
    options = GradingOptions(workers=len(os.sched_getaffinity(0)), calibrate=False)
    with nullcontext(executor) if executor else local(options) as running:
        truncating = mutants.TruncatingRunner(running, submissions.ends)
        grade(scratch, [unit], options=options, executor=truncating, on_done=on_done)
    return outcomes


def _judge_all(
    report: GateReport, submissions: _Submissions, outcomes: Mapping[str, Outcome]
) -> None:
    """Add to the report which scores are not what they should be."""
    solution = outcomes["solution"]
    report.points = solution.max_score
    report.found = {question.question: Counter() for question in solution.questions}
    report.problems += _check_scores(solution, outcomes["untouched"])
    for student, variant in submissions.variants.items():
        problem = mutants.verdict_on(variant, outcomes[student])
        report.problems += [problem] if problem else []
        tried, passed = ("mutants", "caught") if variant.wrong else ("alternatives", "accepted")
        found = report.found.setdefault(variant.question, Counter())
        found.update({tried: 1, passed: int(not problem)})


def _check_scores(solution: Outcome, untouched: Outcome) -> list[str]:
    """Check that the solution scores everything, and the untouched release nothing."""
    problems = [
        f"{outcome.student}: {outcome.reason}"
        for outcome in (solution, untouched)
        if outcome.reason
    ]
    for question in solution.questions:
        if question.score is not None and not question.perfect:
            problems.append(
                f"the solution scores {question.score:g} of {question.max_score:g} on "
                f"{question.question!r}: {question.messages}"
            )
    problems += [
        f"the untouched release scores {question.score:g} on {question.question!r}, not 0"
        for question in untouched.questions
        if question.score
    ]
    return problems


def _scratch_course(course: CourseDirectory, unit: str, root: Path) -> CourseDirectory:
    """Create a course of one unit in an empty folder, configured like the real one."""
    if (config := course.root / "nbgrader_config.py").exists():
        shutil.copy(config, root)
    scratch = CourseDirectory(root)
    shutil.copytree(course.path("source", ".", unit), scratch.path("source", ".", unit))
    return scratch
