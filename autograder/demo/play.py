"""Play a made-up class from the solution notebook to grades, feedback and a report."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from rich.progress import Progress
from rich.table import Table

from autograder import mutants
from autograder.classroom.feedback import write_feedback
from autograder.classroom.report import write_report
from autograder.course_directory import CourseDirectory, CourseError
from autograder.demo import (
    ablations,
    convolution,
    distributed,
    efficient,
    regularization,
    residual,
    sizing,
    transfer,
)
from autograder.demo.samples import Sample, read_answers
from autograder.engine.executor import Executor
from autograder.grading import GradingOptions, Outcome, grade
from autograder.grading.local import local
from autograder.mark.questions import split_scheme
from autograder.progress import bar, console
from autograder.release import release

ROSTERS: dict[str, Sequence[Sample]] = {
    "01_convolution": convolution.ROSTER,
    "02_sizing": sizing.ROSTER,
    "07_residual": residual.ROSTER,
    "08_residual_ablations": ablations.ROSTER,
    "09_efficient": efficient.ROSTER,
    "10_regularization": regularization.ROSTER,
    "11_transfer": transfer.ROSTER,
    "12_distributed": distributed.ROSTER,
}

# A short limit, as an endless loop runs into it; training takes a few seconds on a slow machine.
# In units without such a loop cells may take as long as the project's configuration allows.
CELL_SECONDS = {"02_sizing": 25}
MARK = "# Written by the demo."


def run_demo(
    course: CourseDirectory,
    unit: str = "02_sizing",
    out: Path | None = None,
    *,
    variants: bool = True,
    pages: str = "*",
) -> int:
    """Play a unit's class in a course directory of its own.

    Args:
        course: this project.
        unit: a unit with a class.
        out: the new course directory, which replaces an earlier demo; None for `demo`.
        variants: try the unit's mutants and alternatives before its release.
        pages: a glob of the students whose feedback is written.

    Returns:
        0 if every submission got the expected score and status, else 1.

    Raises:
        CourseError: the unit has no class, `out` is not an earlier demo, or a gate is closed.
    """
    if unit not in ROSTERS:
        raise CourseError(f"There is a demo of {', '.join(ROSTERS)}; received {unit!r}.")
    samples = ROSTERS[unit]
    started = time.monotonic()
    scratch = _fresh_course(course, unit, out or course.root / "demo", variants)
    with bar() as progress, local(GradingOptions()) as executor:
        _release(scratch, unit, progress, executor)
        task = progress.add_task("submit", total=len(samples), note="")
        for sample in samples:
            submit(scratch, unit, sample, _base_answers(course, unit, sample.base))
            progress.update(task, advance=1, note=f"{sample.student}: {sample.story}")
        progress.update(task, note=f"{len(samples)} submissions")
        outcomes = _grade(scratch, progress, executor, len(samples))
        page = _explain(scratch, progress, pages)
    right = _print_table(unit, samples, outcomes)
    _print_summary(scratch, unit, page, right, len(samples), time.monotonic() - started)
    return 0 if right == len(samples) else 1


def _release(scratch: CourseDirectory, unit: str, progress: Progress, executor: Executor) -> None:
    task = progress.add_task(f"release {unit}", total=1, note="through its gates")
    (report,) = release(scratch, [unit], executor=executor)
    if not report.ok:
        raise CourseError(f"{unit} does not pass its gates:\n" + "\n".join(report.problems))
    note = f"{report.questions} questions, {report.points:g} points"
    progress.update(task, completed=1, note=note)


def _grade(
    scratch: CourseDirectory, progress: Progress, executor: Executor, total: int
) -> list[Outcome]:
    task = progress.add_task("grade", total=total, note="")
    outcomes = grade(
        scratch,
        executor=executor,
        on_done=lambda o: progress.update(task, advance=1, note=f"{o.student} {o.score:g}"),
    )
    progress.update(task, note=f"{sum(o.seconds for o in outcomes):.0f} s")
    return outcomes


def _explain(scratch: CourseDirectory, progress: Progress, pages: str) -> Path:
    """Write feedback pages and the report; return the report's path."""
    task = progress.add_task("feedback", total=None, note="")
    written = write_feedback(
        scratch,
        students=pages,
        on_start=lambda total: progress.update(task, total=total),
        on_done=lambda student: progress.update(task, advance=1, note=student),
    )
    progress.update(task, note=f"{len(written)} pages")
    return write_report(scratch)


def _print_summary(
    scratch: CourseDirectory, unit: str, page: Path, right: int, total: int, seconds: float
) -> None:
    console.print(
        f"\n{right} of {total} scores as expected, in {seconds:.0f} s.",
        style="bold green" if right == total else "bold red",
    )
    root = scratch.root
    example = scratch.path("feedback", "dara", unit) / f"{unit}.html"
    console.print(
        f"Where to look next:\n  report     {page}\n  feedback   {example}\n"
        f"  gradebook  {root / 'gradebook.db'}\n"
        f"  formgrader jupyter lab --ServerApp.root_dir={root} (then Nbgrader, Formgrader)\n"
        "  a student's view: make lab",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _fresh_course(
    course: CourseDirectory, unit: str, root: Path, variants: bool
) -> CourseDirectory:
    """Create a course directory with this project's configuration and one unit."""
    source = course.path("source", ".", unit)
    if not source.is_dir():
        raise CourseError(f"The demo needs {source}. Run it in the project's folder.")
    if root.exists() and any(root.iterdir()) and not _is_demo(root):
        raise CourseError(f"{root} is not an earlier demo. Name another folder with --out DIR.")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    config = (course.root / "nbgrader_config.py").read_text()
    config += f"\n{MARK}\n"
    if unit in CELL_SECONDS:
        config += f"c.ExecutePreprocessor.timeout = {CELL_SECONDS[unit]}\n"
    (root / "nbgrader_config.py").write_text(config)
    scratch = CourseDirectory(root)
    ignore = None if variants else shutil.ignore_patterns(f"*{mutants.SUFFIX}")
    shutil.copytree(source, scratch.path("source", ".", unit), ignore=ignore)
    return scratch


def _is_demo(root: Path) -> bool:
    config = root / "nbgrader_config.py"
    return config.is_file() and MARK in config.read_text()


def submit(course: CourseDirectory, unit: str, sample: Sample, answers: Mapping[str, str]) -> None:
    """Write a student's submission: the released notebook, filled in.

    Args:
        course: the course directory.
        unit: the assignment's name.
        sample: the student.
        answers: sources by grade id, where the sample has none of its own.
    """
    notebook = nbformat.read(course.path("release", ".", unit) / f"{unit}.ipynb", as_version=4)
    left = dict(answers) | dict(sample.answers or {})
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = left.pop(name, cell.source)
    if left:
        raise CourseError(f"{unit} has no cell {', '.join(left)}, which {sample.student} fills in.")
    folder = course.path("submitted", sample.student, unit)
    folder.mkdir(parents=True)
    data = nbformat.writes(notebook, version=4).encode()
    (folder / f"{unit}.ipynb").write_bytes(sample.damage(data))


def _base_answers(course: CourseDirectory, unit: str, base: str) -> dict[str, str]:
    """Return the answers that a sample starts from, by grade id."""
    if base == "untouched":
        return {}
    if base not in ("solution", "alternatives"):
        return read_answers(base)
    path = course.path("source", ".", unit) / f"{unit}.ipynb"
    source = nbformat.read(path, as_version=4)
    marker = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.M)
    answers = {
        # Nobody hands in a marking scheme.
        cell.metadata.nbgrader.grade_id: split_scheme(marker.sub("", cell.source))[0]
        for cell in source.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    if base == "alternatives":
        variants = mutants.read(path.with_suffix(mutants.SUFFIX), source)
        answers |= {variant.answer: variant.source for variant in variants if not variant.wrong}
    return answers


def _print_table(unit: str, samples: Sequence[Sample], outcomes: Sequence[Outcome]) -> int:
    """Print expected and actual scores; return how many submissions got what they deserve."""
    table = Table("student", "submitted", title=unit)
    for name in ("expected", "actual"):
        table.add_column(name, justify="right")
    table.add_column("status")
    table.add_column("")
    given = {outcome.student: outcome for outcome in outcomes}
    right = 0
    for sample in samples:
        outcome = given[sample.student]
        same_score = abs(outcome.score - sample.deserved) < 0.005
        as_deserved = same_score and outcome.status == sample.status
        right += as_deserved
        table.add_row(
            sample.student,
            sample.story,
            f"{sample.deserved:g}",
            f"{outcome.score:g}",
            outcome.status,
            "[green]✓[/]" if as_deserved else f"[red]✗ should be {sample.status}[/]",
        )
    console.print(table)
    return right
