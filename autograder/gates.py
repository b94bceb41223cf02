"""What must hold before students see an assignment.

Text gates read the source. Running gates grade the solution, the untouched release, and every
mutant and alternative (``mutants.py``) like so many students' work. Each returns problems in words,
none if the gate is open.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from autograder import mutants, notebooks
from autograder.course import Course, failure_reason

MARKERS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
_COMMENT = re.compile(r"\s*#+\s*(\w[\w ]*?)\s*#*\s*$")


@dataclass
class GateReport:
    """What the gates said of one unit.

    Attributes:
        unit: its name.
        points: of the assignment.
        found: for each question, how many `mutants` and `alternatives` were tried, and how many
            were `killed` and `accepted`, as they should be.
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


def _regions(source: str) -> tuple[list[str], list[str]]:
    """Lines inside and outside of solution, hidden test and mark scheme regions."""
    inside, outside, within = [], [], False
    for line in source.splitlines():
        if any(f"BEGIN {marker}" in line for marker in MARKERS):
            within = True
        elif any(f"END {marker}" in line for marker in MARKERS):
            within = False
        else:
            (inside if within else outside).append(line.strip())
    return inside, outside


def check_markers(notebook) -> list[str]:
    """Markers that are misspelt, unpaired, or in a cell that nbgrader does not clear.

    nbgrader publishes a region whose marker it does not recognize, and says nothing.
    """
    exact = [f"{edge} {marker}" for marker in MARKERS for edge in ("BEGIN", "END")]
    problems = []
    for number, cell in enumerate(notebook.cells):
        meta = cell.metadata.get("nbgrader", {})
        where = f"cell {meta.get('grade_id', number)!r}"
        open_marker = None
        for line in cell.source.splitlines():
            found = next((text for text in exact if text in line), None)
            if found is None:
                comment = _COMMENT.match(line)
                text = comment.group(1).upper() if comment else ""
                near = difflib.get_close_matches(text, exact, n=1, cutoff=0.8)
                if near:
                    problems.append(f"{where}: {line.strip()!r} looks like '### {near[0]}'")
                continue
            edge, _, marker = found.partition(" ")
            if edge == "BEGIN":
                if open_marker:
                    problems.append(f"{where}: '{found}' inside of 'BEGIN {open_marker}'")
                open_marker = marker
            else:
                if open_marker != marker:
                    problems.append(f"{where}: '{found}' without its 'BEGIN {marker}'")
                open_marker = None
            if marker == "SOLUTION" and not meta.get("solution"):
                problems.append(f"{where}: '{found}' in a cell that is no solution cell")
            if marker == "HIDDEN TESTS" and not meta.get("grade"):
                problems.append(f"{where}: '{found}' in a cell that is not graded")
        if open_marker:
            problems.append(f"{where}: 'BEGIN {open_marker}' without an end")
    return problems


def check_cells(notebook) -> list[str]:
    """Grade ids that repeat, test cells that students could change or that are worth nothing."""
    problems, seen = [], set()
    for number, cell in enumerate(notebook.cells):
        meta = cell.metadata.get("nbgrader")
        if not meta:
            continue
        name = meta.get("grade_id") or f"number {number}"
        if name in seen:
            problems.append(f"cell {name!r}: another cell has the same grade_id")
        seen.add(name)
        if meta.get("grade") and not meta.get("points", 0) > 0:
            problems.append(f"cell {name!r}: graded, but worth {meta.get('points')!r} points")
        if meta.get("grade") and not meta.get("solution") and not meta.get("locked"):
            problems.append(f"cell {name!r}: a test cell must be locked")
        if (
            meta.get("solution")
            and cell.cell_type == "code"
            and "BEGIN SOLUTION" not in cell.source
        ):
            problems.append(f"cell {name!r}: a solution cell without '### BEGIN SOLUTION'")
    return problems


def check_pair(notebook_path: Path) -> list[str]:
    """The notebook must be what its script gives, where there is a script."""
    script = notebook_path.with_suffix(".py")
    if not script.exists():
        return []
    if notebooks.to_ipynb(script.read_text()) != notebook_path.read_text():
        return [f"{notebook_path.name} and {script.name} differ: run `make notebooks`"]
    return []


def check_leaks(source, released) -> list[str]:
    """Lines of solutions or hidden tests that the released notebook shows.

    A line counts as secret if it stands in no visible part of the source.
    """
    secret, visible = set(), set()
    for cell in source.cells:
        inside, outside = _regions(cell.source)
        secret.update(inside)
        visible.update(outside)
    shown = {line.strip() for cell in released.cells for line in cell.source.splitlines()}
    problems = [
        f"the release shows {line!r}" for line in sorted((secret - visible) & shown) if line
    ]
    for cell in released.cells:
        if cell.get("outputs"):
            problems.append(f"the release has outputs in cell {cell.id!r}")
    return problems


def check_files(course: Course, unit: str, release: Path) -> list[str]:
    """Files that would reach students though they hold solutions."""
    return [
        f"the release would contain {path.name}, which holds solutions"
        for path in release.rglob("*")
        if path.stem in course.notebooks(unit) and path.suffix != ".ipynb"
    ]


def rehearse(
    course: Course, unit: str, on_step: Callable[[str], None], executor=None
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
        report.problems += check_pair(source_folder / f"{name}.ipynb")
        report.problems += check_markers(notebook) + check_cells(notebook)
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
        report.problems += check_files(scratch, unit, release_folder)
        for name, source in sources.items():
            released = nbformat.read(release_folder / f"{name}.ipynb", 4)
            report.problems += check_leaks(source, released)
        _play(report, scratch, sources, variants, on_step, executor)
    report.seconds = round(time.monotonic() - started, 1)
    return report


def _play(report: GateReport, scratch: Course, sources, variants, on_step, executor) -> None:
    """Let everybody in the scratch course hand in, and look at what they score."""
    from autograder.grading import Options, grade
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
                ends[student] = {name: mutants.end_of(variant, released)}
            folder = scratch.path("submitted", student, report.unit)
            shutil.copytree(source_folder, folder, ignore=shutil.ignore_patterns("*.py", "*.toml"))
            nbformat.write(mutants.hand_in(variant, source, released), folder / f"{name}.ipynb")
    total, outcomes = len(students) + 2, {}

    def on_done(outcome) -> None:
        outcomes[outcome.student] = outcome
        on_step(f"{len(outcomes)} of {total} answers")

    on_step(f"0 of {total} answers")
    # The solution is among those that are graded, and must pass where students' work is judged.
    options = Options(workers=len(os.sched_getaffinity(0)), calibrate=False)
    with nullcontext(executor) if executor else local(options) as running:
        cutting = mutants.UpTo(running, ends)
        grade(scratch, [report.unit], options=options, executor=cutting, on_done=on_done)
    solution = outcomes["solution"]
    report.points = solution.max_score
    report.found = {question.question: Counter() for question in solution.questions}
    report.problems += _check_scores(solution, outcomes["untouched"])
    for student, variant in students.items():
        problem = mutants.judge(variant, outcomes[student])
        report.problems += [problem] if problem else []
        tried, passed = ("mutants", "killed") if variant.wrong else ("alternatives", "accepted")
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


def _scratch_course(course: Course, unit: str, root: Path) -> Course:
    """A course of one unit in an empty folder, configured like the real one."""
    if (config := course.root / "nbgrader_config.py").exists():
        shutil.copy(config, root)
    scratch = Course(root)
    shutil.copytree(course.path("source", ".", unit), scratch.path("source", ".", unit))
    return scratch


def generate(course: Course, unit: str) -> list[str]:
    """Write a unit's release and its gradebook entries with nbgrader; what went wrong, if so."""
    result = course.api().generate_assignment(unit, force=True)
    if result["success"]:
        return []
    return [f"nbgrader could not generate {unit}: {failure_reason(result)}"]
