"""`make demo`: a class, from the solution notebook to grades, feedback and a report."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from autograder import mutants
from autograder.course_directory import CourseDirectory, CourseError
from autograder.demo import ablations, convolution, residual, sizing
from autograder.demo.samples import Sample, read_answers

ROSTERS = {
    "01_convolution": convolution.ROSTER,
    "02_sizing": sizing.ROSTER,
    "07_residual": residual.ROSTER,
    "08_residual_ablations": ablations.ROSTER,
}

# So that an endless loop costs the demo seconds. Training takes a few on a slow machine; questions
# of units without such a loop may take the time that the project gives them.
CELL_SECONDS = {"02_sizing": 25}
MARK = "# The demo's own."


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
        unit: one that has a class.
        out: the new course directory; None for `demo`. What is there is replaced.
        variants: try the unit's mutants and alternatives before its release.
        pages: whose feedback is written, as a glob of students.

    Returns:
        0 if every submission got the score and the status it deserves, else 1.

    Raises:
        CourseError: a unit without a class, `out` is something else than an earlier demo, or a
            gate is closed.
    """
    if unit not in ROSTERS:
        raise CourseError(f"A demo is of one of {', '.join(ROSTERS)}; received {unit!r}.")
    samples = ROSTERS[unit]
    from autograder.feedback import write_feedback
    from autograder.grading import GradingOptions, grade
    from autograder.grading.local import local
    from autograder.progress import bar, console
    from autograder.release import release
    from autograder.report import write_report

    started = time.monotonic()
    scratch = _fresh_course(course, unit, out or course.root / "demo", variants)
    with bar() as progress, local(GradingOptions()) as executor:
        task = progress.add_task(f"release {unit}", total=1, note="through its gates")
        (report,) = release(scratch, [unit], executor=executor)
        if not report.ok:
            raise CourseError(f"{unit} does not pass its gates:\n" + "\n".join(report.problems))
        note = f"{report.questions} questions, {report.points:g} points"
        progress.update(task, completed=1, note=note)

        task = progress.add_task("students hand in", total=len(samples), note="")
        for sample in samples:
            hand_in(scratch, unit, sample, _base_answers(course, unit, sample.base))
            progress.update(task, advance=1, note=f"{sample.student}: {sample.story}")
        progress.update(task, note=f"{len(samples)} submissions")

        task = progress.add_task("grade", total=len(samples), note="")
        outcomes = grade(
            scratch,
            executor=executor,
            on_done=lambda o: progress.update(task, advance=1, note=f"{o.student} {o.score:g}"),
        )
        progress.update(task, note=f"{sum(o.seconds for o in outcomes):.0f} s")

        task = progress.add_task("feedback", total=None, note="")
        written = write_feedback(
            scratch,
            students=pages,
            on_start=lambda total: progress.update(task, total=total),
            on_done=lambda student: progress.update(task, advance=1, note=student),
        )
        progress.update(task, note=f"{len(written)} pages")
        page = write_report(scratch)

    right = _print_table(unit, samples, outcomes)
    console.print(
        f"\n{right} of {len(samples)} scores as deserved, in {time.monotonic() - started:.0f} s.",
        style="bold green" if right == len(samples) else "bold red",
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
    return 0 if right == len(samples) else 1


def _fresh_course(
    course: CourseDirectory, unit: str, root: Path, variants: bool
) -> CourseDirectory:
    """An empty course directory with this project's configuration and one unit."""
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


def hand_in(course: CourseDirectory, unit: str, sample: Sample, answers: Mapping[str, str]) -> None:
    """Write one student's submission: the released notebook, filled in.

    Args:
        course: the one to hand in to.
        unit: what is handed in.
        sample: whose.
        answers: by grade id, where the sample has none of its own.
    """
    import nbformat

    notebook = nbformat.read(course.path("release", ".", unit) / f"{unit}.ipynb", as_version=4)
    answers = dict(answers) | dict(sample.answers or {})
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.pop(name, cell.source)
    if answers:
        raise CourseError(f"{unit} has no cell {', '.join(answers)}, which {sample.student} fills.")
    folder = course.path("submitted", sample.student, unit)
    folder.mkdir(parents=True)
    data = nbformat.writes(notebook, version=4).encode()
    (folder / f"{unit}.ipynb").write_bytes(sample.damage(data))


def _base_answers(course: CourseDirectory, unit: str, base: str) -> dict[str, str]:
    import nbformat

    if base == "untouched":
        return {}
    if base not in ("solution", "alternatives"):
        return read_answers(base)
    path = course.path("source", ".", unit) / f"{unit}.ipynb"
    source = nbformat.read(path, as_version=4)
    marker = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.M)
    answers = {
        cell.metadata.nbgrader.grade_id: marker.sub("", cell.source)
        for cell in source.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    if base == "alternatives":
        variants = mutants.read(path.with_suffix(mutants.SUFFIX), source)
        answers |= {variant.answer: variant.source for variant in variants if not variant.wrong}
    return answers


def _print_table(unit: str, samples, outcomes) -> int:
    """Show deserved beside given scores; the number of students who got what they deserve."""
    from rich.table import Table

    from autograder.progress import console

    table = Table("student", "handed in", title=unit)
    for name in ("deserved", "given"):
        table.add_column(name, justify="right")
    table.add_column("status")
    table.add_column("")
    given = {outcome.student: outcome for outcome in outcomes}
    right = 0
    for sample in samples:
        outcome = given[sample.student]
        as_deserved = (
            abs(outcome.score - sample.deserved) < 0.005 and outcome.status == sample.status
        )
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
