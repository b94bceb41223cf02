"""`make demo`: a class of twelve, from the solution notebook to grades, feedback and a report."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.demo.samples import CLASS, POINTS, UNIT, Sample, read_answers

# So that an endless loop costs the demo seconds. Training takes a few on a slow machine.
CELL_SECONDS = 25
MARK = "# The demo's own."


def run_demo(course: Course, out: Path | None = None) -> int:
    """Play the class in a course directory of its own.

    Args:
        course: this project, whose unit 02_sizing is used.
        out: the new course directory; None for `demo`. What is there is replaced.

    Returns:
        0 if every submission got the score and the status it deserves, else 1.

    Raises:
        CourseError: `out` is something else than an earlier demo, or a gate is closed.
    """
    from autograder.feedback import write_feedback
    from autograder.grading import Options, grade
    from autograder.grading.local import local
    from autograder.progress import bar, console
    from autograder.release import release
    from autograder.report import write_report

    started = time.monotonic()
    scratch = _fresh_course(course, out or course.root / "demo")
    with bar() as progress, local(Options()) as executor:
        task = progress.add_task(f"release {UNIT}", total=1, note="solution and untouched release")
        (report,) = release(scratch, [UNIT], executor=executor)
        if not report.ok:
            raise CourseError(f"{UNIT} does not pass its gates:\n" + "\n".join(report.problems))
        note = f"{report.questions} questions, {report.points:g} points"
        progress.update(task, completed=1, note=note)

        task = progress.add_task("students hand in", total=len(CLASS), note="")
        for sample in CLASS:
            hand_in(scratch, sample)
            progress.update(task, advance=1, note=f"{sample.student}: {sample.story}")
        progress.update(task, note=f"{len(CLASS)} submissions")

        task = progress.add_task("grade, LeNet on digits", total=len(CLASS), note="")
        outcomes = grade(
            scratch,
            executor=executor,
            on_done=lambda o: progress.update(task, advance=1, note=f"{o.student} {o.score:g}"),
        )
        progress.update(task, note=f"{sum(o.seconds for o in outcomes):.0f} s")

        task = progress.add_task("feedback", total=len(CLASS), note="")
        write_feedback(
            scratch, on_done=lambda student: progress.update(task, advance=1, note=student)
        )
        progress.update(task, note=f"{len(CLASS)} pages")
        page = write_report(scratch)

    right = _print_table(outcomes)
    console.print(
        f"\n{right} of {len(CLASS)} scores as deserved, in {time.monotonic() - started:.0f} s.",
        style="bold green" if right == len(CLASS) else "bold red",
    )
    root = scratch.root
    example = scratch.path("feedback", "dara", UNIT) / f"{UNIT}.html"
    console.print(
        f"Where to look next:\n  report     {page}\n  feedback   {example}\n"
        f"  gradebook  {root / 'gradebook.db'}\n"
        f"  formgrader jupyter lab --ServerApp.root_dir={root} (then Nbgrader, Formgrader)\n"
        "  a student's view: make lab",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 0 if right == len(CLASS) else 1


def _fresh_course(course: Course, root: Path) -> Course:
    """An empty course directory with this project's configuration and one unit."""
    source = course.path("source", ".", UNIT)
    if not source.is_dir():
        raise CourseError(f"The demo needs {source}. Run it in the project's folder.")
    if root.exists() and any(root.iterdir()) and not _is_demo(root):
        raise CourseError(f"{root} is not an earlier demo. Name another folder with --out DIR.")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    config = (course.root / "nbgrader_config.py").read_text()
    config += f"\n{MARK}\nc.ExecutePreprocessor.timeout = {CELL_SECONDS}\n"
    (root / "nbgrader_config.py").write_text(config)
    scratch = Course(root)
    shutil.copytree(source, scratch.path("source", ".", UNIT))
    return scratch


def _is_demo(root: Path) -> bool:
    config = root / "nbgrader_config.py"
    return config.is_file() and MARK in config.read_text()


def hand_in(course: Course, sample: Sample) -> None:
    """Write one student's submission: the released notebook, filled in."""
    import nbformat

    notebook = nbformat.read(course.path("release", ".", UNIT) / f"{UNIT}.ipynb", as_version=4)
    answers = _base_answers(course, sample.base) | dict(sample.answers or {})
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.pop(name, cell.source)
    if answers:
        raise CourseError(f"{UNIT} has no cell {', '.join(answers)}, which {sample.student} fills.")
    folder = course.path("submitted", sample.student, UNIT)
    folder.mkdir(parents=True)
    data = nbformat.writes(notebook, version=4).encode()
    (folder / f"{UNIT}.ipynb").write_bytes(sample.damage(data))


def _base_answers(course: Course, base: str) -> dict[str, str]:
    import nbformat

    if base == "untouched":
        return {}
    if base != "solution":
        return read_answers(base)
    source = nbformat.read(course.path("source", ".", UNIT) / f"{UNIT}.ipynb", as_version=4)
    marker = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.M)
    return {
        cell.metadata.nbgrader.grade_id: marker.sub("", cell.source)
        for cell in source.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def _print_table(outcomes) -> int:
    """Show deserved beside given scores; the number of students who got what they deserve."""
    from rich.table import Table

    from autograder.progress import console

    table = Table("student", "handed in", title=f"{UNIT}, {POINTS} points")
    for name in ("deserved", "given"):
        table.add_column(name, justify="right")
    table.add_column("status")
    table.add_column("")
    given = {outcome.student: outcome for outcome in outcomes}
    right = 0
    for sample in CLASS:
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
