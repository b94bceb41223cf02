"""A course of small questions, one habit each, and a class of two: everything right, and wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.course_directory import CourseDirectory
from autograder.generate import generate

HERE = Path(__file__).parent
DATA = HERE / "habits.toml"
GRADES = HERE / "grades.json"
UNIT = "habits"
STUDENTS = ("right", "wrong")
HELPER = "def check(received, expected):\n    assert received == expected, received\n"


@dataclass(frozen=True)
class Habit:
    """A question.

    Attributes:
        name: of its test.
        test, right, wrong, given: sources of cells.
        needs: modules that a machine may lack.
        differs: grades that ours give on purpose, by student; and ``because``.
    """

    name: str
    test: str
    right: str
    wrong: str
    given: str = ""
    needs: tuple[str, ...] = ()
    differs: dict | None = None


def notebooks() -> dict[str, list[Habit]]:
    """The questions of each notebook."""
    tables = tomllib.loads(DATA.read_text())
    return {
        notebook: [Habit(name, **parts) for name, parts in questions.items()]
        for notebook, questions in tables.items()
    }


def habits() -> dict[str, Habit]:
    """All questions by name."""
    return {habit.name: habit for questions in notebooks().values() for habit in questions}


def digest() -> str:
    """Of everything that nbgrader's grades depend on, but for its own version."""
    made = [
        [name, nbformat.writes(_source(questions)), [habit.wrong for habit in questions]]
        for name, questions in notebooks().items()
    ]
    return hashlib.sha256(json.dumps([made, HELPER]).encode()).hexdigest()


def _cell(source: str, name: str, **meta):
    cell = nbformat.v4.new_code_cell(source.strip("\n"), id=name)
    plain = {"grade": False, "solution": False, "locked": True, "task": False}
    cell.metadata["nbgrader"] = plain | {"grade_id": name, "schema_version": 3} | meta
    return cell


def _source(questions: list[Habit]):
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {
        "display_name": "Python 3", "language": "python", "name": "python3",
    }  # fmt: skip
    for number, habit in enumerate(questions):
        if habit.given:
            made.cells.append(_cell(habit.given, f"given_{number}"))
        solution = f"### BEGIN SOLUTION\n{habit.right.strip()}\n### END SOLUTION"
        made.cells.append(_cell(solution, f"answer_{number}", solution=True, locked=False))
        made.cells.append(_cell(habit.test, habit.name, grade=True, points=1))
    return made


def make(root: Path) -> CourseDirectory:
    """A released course in an empty folder, with what both students hand in."""
    source = root / "source" / UNIT
    source.mkdir(parents=True)
    (source / "helper_mod.py").write_text(HELPER)
    for notebook, questions in notebooks().items():
        nbformat.write(_source(questions), source / f"{notebook}.ipynb")
    course = CourseDirectory(root)
    if problems := generate(course, UNIT):
        raise RuntimeError("; ".join(problems))
    for student in STUDENTS:
        folder = course.path("submitted", student, UNIT)
        shutil.copytree(course.path("release", ".", UNIT), folder)
        for notebook, questions in notebooks().items():
            _answer(folder / f"{notebook}.ipynb", questions, student)
    return course


def _answer(path: Path, questions: list[Habit], student: str) -> None:
    work = nbformat.read(path, as_version=4)
    answers = {f"answer_{n}": getattr(habit, student) for n, habit in enumerate(questions)}
    for cell in work.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source).strip("\n")
    nbformat.write(work, path)


def grades(course: CourseDirectory) -> dict[str, dict[str, float | None]]:
    """What the gradebook has: for each student, each question's automatic score."""
    with course.gradebook() as gradebook:
        return {
            student: {
                grade.name: grade.auto_score
                for notebook in gradebook.find_submission(UNIT, student).notebooks
                for grade in notebook.grades
            }
            for student in STUDENTS
        }
