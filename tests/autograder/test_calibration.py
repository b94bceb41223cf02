"""Questions that cannot be judged separately from the student's code."""

import functools
import shutil

import nbformat
import pytest

from autograder import grading
from autograder.classroom.report import write_report
from autograder.course_directory import CourseDirectory, CourseError
from autograder.engine.job import ungraded
from autograder.generate import generate
from autograder.grading.calibration import SOLUTION
from tests.autograder.conftest import CONFIG, notebook

# A function's globals are nowhere but in its own process.
SOURCE = {
    "half": (
        "code",
        "def half(x):\n    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION",
        {"solution": True},
    ),
    "test_inside": (
        "code",
        "shown = 4\nassert half(shown) == 2\n### BEGIN HIDDEN TESTS\nunseen = 8\n"
        "assert half.__globals__['half'] is half and half(unseen) == 4\n### END HIDDEN TESTS",
        {"grade": True, "points": 2},
    ),
    "test_apart": (
        "code",
        "assert half(6) == 3\n### BEGIN HIDDEN TESTS\nassert half(10) == 5\n### END HIDDEN TESTS",
        {"grade": True, "points": 3},
    ),
    "broken": (
        "code",
        "answer = 1 ### BEGIN SOLUTION ###\n### END SOLUTION",
        {"solution": True},
    ),
    "test_broken": ("code", "assert half(2) == 7", {"grade": True, "points": 1}),
}
RIGHT = "def half(x):\n    return 0.5 * x"


@pytest.fixture(scope="module")
def _released(tmp_path_factory):
    root = tmp_path_factory.mktemp("inside")
    (root / "nbgrader_config.py").write_text(CONFIG)
    (root / "source" / "small").mkdir(parents=True)
    nbformat.write(notebook(SOURCE), root / "source" / "small" / "small.ipynb")
    assert generate(CourseDirectory(root), "small") == []
    return root


@pytest.fixture
def course(_released, tmp_path):
    shutil.copytree(_released, tmp_path / "course")
    return CourseDirectory(tmp_path / "course")


def submit(course, student, source, last=""):
    folder = course.path("submitted", student, "small")
    folder.mkdir(parents=True)
    work = nbformat.read(course.path("release", ".", "small") / "small.ipynb", 4)
    work.cells[0].source = source
    work.cells.append(nbformat.v4.new_code_cell(last, id="last"))
    nbformat.write(work, folder / "small.ipynb")


class Counting:
    """An executor that knows for whom it was asked."""

    def __init__(self, executor):
        self.isolation, self._executor, self.asked = executor.isolation, executor, []

    def run(self, job):
        self.asked.append(job.student)
        return self._executor.run(job)


@pytest.fixture
def grade(executor):
    return functools.partial(grading.grade, executor=executor)


def scores(outcome):
    return {question.question: question.score for question in outcome.questions}


def test_a_question_that_cannot_be_judged_apart_is_graded_and_said(course, grade):
    look = "print('unseen' in globals(), 'shown' in globals(), [line for line in In if line])"
    submit(course, "right", RIGHT, look)
    submit(course, "wrong", "def half(x):\n    return 2")
    notices = []
    right, wrong = grade(course, on_notice=notices.append)
    assert scores(right) == {"test_inside": 2, "test_apart": 3, "test_broken": 0}
    assert scores(wrong) == {"test_inside": 0, "test_apart": 0, "test_broken": 0}
    inside, apart, broken = right.questions
    assert (inside.protected, apart.protected, broken.protected) == (False, True, True)
    assert inside.reason.startswith("not judged separately: ")
    assert "the instructor's own solution does not pass" in broken.reason
    assert len(notices) == 2
    assert "small: not judged separately, but graded in the student's own process" in notices[0]
    assert "test_inside" in notices[0] and "test_apart" not in notices[0]
    assert "instructor's own solution does not pass: test_broken" in notices[1]
    page = write_report(course).read_text()
    assert "Questions that need attention" in page and "not judged separately: " in page
    # The other run, in which the test is, shows nothing to the cells that count.
    graded = nbformat.read(course.path("autograded", "right", "small") / "small.ipynb", 4)
    said = graded.cells[-1].outputs[0].text
    assert said.startswith("False ") and "half(10)" not in said and "unseen =" not in said


def test_strict_leaves_only_that_question_to_a_human(course, grade):
    submit(course, "right", RIGHT)
    notices = []
    (outcome,) = grade(
        course, options=grading.GradingOptions(strict=True), on_notice=notices.append
    )
    assert scores(outcome) == {"test_inside": None, "test_apart": 3, "test_broken": 0}
    assert outcome.status == "needs a human"
    assert "test_inside: cannot be judged separately, so not graded" in outcome.reason
    assert "left to a human (--strict)" in notices[0]
    with course.gradebook() as gradebook:
        book = gradebook.find_submission_notebook("small", "small", "right")
        assert {g.name for g in book.grades if g.needs_manual_grade} == {"test_inside"}
        assert book.score == 3


def test_the_solution_is_tried_once_for_a_release(course, executor):
    submit(course, "right", RIGHT)
    counting = Counting(executor)
    grading.grade(course, executor=counting)
    assert counting.asked.count(SOLUTION) == 2  # apart, and then together
    grading.grade(course, executor=counting)
    assert counting.asked.count(SOLUTION) == 2
    source = course.path("source", ".", "small") / "small.ipynb"
    source.write_text(source.read_text().replace("return x / 2", "return x * 0.5"))
    grading.grade(course, executor=counting)
    assert counting.asked.count(SOLUTION) == 4
    # Nothing of it is left among the students.
    with course.gradebook() as gradebook:
        assert [student.id for student in gradebook.students] == ["right"]
    assert not course.path("autograded", SOLUTION, "small").exists()


def test_what_the_solution_does_is_nothing_to_look_at(course, grade):
    away = "import contextlib\nwith contextlib.suppress(OSError):\n    open('/etc/a-9', 'w')\n"
    source = course.path("source", ".", "small") / "small.ipynb"
    work = nbformat.read(source, 4)
    work.cells[0].source = away + work.cells[0].source
    nbformat.write(work, source)
    submit(course, "same", away + RIGHT)
    submit(course, "other", away.replace("9", "8") + RIGHT)
    other, same = grade(course)
    assert same.status == "graded"
    assert (other.status, "tried to write to /etc/a-8" in other.reason) == ("flagged", True)


def test_a_course_without_its_source(course, grade):
    shutil.rmtree(course.path("source", ".", "small").parent)
    submit(course, "right", RIGHT)
    notices = []
    (outcome,) = grade(course, on_notice=notices.append)
    assert scores(outcome)["test_apart"] == 3
    assert "there is no solution to try the tests with" in notices[0]


class Uncarried:
    """An executor whose judge cannot hand over what one test uses."""

    def __init__(self, executor):
        self.isolation, self._executor = executor.isolation, executor

    def run(self, job):
        ran = self._executor.run(job)
        for name, cells in job.notebooks.items():
            for cell, result in zip(cells, ran[name].cells, strict=True):
                if "half(10)" in cell.source and cell.separate:
                    error = {"output_type": "error", "ename": "CodecError", "traceback": []}
                    result.outputs = [error | {"evalue": "a lock cannot be handed over"}]
                    result.unsendable = True
        return ran


@pytest.mark.parametrize(("strict", "score"), [(False, 3), (True, None)])
def test_what_cannot_be_handed_over_without_a_source(course, executor, strict, score):
    shutil.rmtree(course.path("source", ".", "small").parent)
    submit(course, "right", RIGHT)
    options = grading.GradingOptions(strict=strict)
    (outcome,) = grading.grade(course, executor=Uncarried(executor), options=options)
    apart = next(q for q in outcome.questions if q.question == "test_apart")
    assert (apart.score, apart.protected) == (score, False)
    assert apart.reason == "not judged separately: CodecError: a lock cannot be handed over"
    assert [q.protected for q in outcome.questions].count(False) == 1


def test_only_a_test_can_hand_over_what_cannot_cross(course, executor):
    """A student's exception of that name is the student's mistake."""
    shutil.rmtree(course.path("source", ".", "small").parent)
    source = (
        "class CodecError(Exception):\n    pass\n\ndef half(x):\n    raise CodecError('a lock')"
    )
    submit(course, "sly", source)
    (outcome,) = grading.grade(course, executor=executor)
    assert all(question.protected for question in outcome.questions)
    assert outcome.score == 0


class Busy:
    """An executor whose judge does not get to the end of the solution, so many times."""

    def __init__(self, executor, times):
        self.isolation, self._executor, self.left = executor.isolation, executor, times

    def run(self, job):
        if job.student == SOLUTION and self.left:
            self.left -= 1
            return {n: ungraded(cells, "the judge is late") for n, cells in job.notebooks.items()}
        return self._executor.run(job)


def test_a_busy_machine_makes_no_question_forgeable(course, executor):
    submit(course, "right", RIGHT)
    (outcome,) = grading.grade(course, executor=Busy(executor, 1))
    assert {q.question for q in outcome.questions if not q.protected} == {"test_inside"}


def test_what_a_failed_try_seems_to_show_is_not_kept(course, executor):
    submit(course, "right", RIGHT)
    with pytest.raises(CourseError, match="could not be run to its end.*the judge is late"):
        grading.grade(course, executor=Busy(executor, 2))
    assert not list(course.records.glob("*.calibration"))
    (outcome,) = grading.grade(course, executor=executor)
    assert {q.question for q in outcome.questions if not q.protected} == {"test_inside"}
