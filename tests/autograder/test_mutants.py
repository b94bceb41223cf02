"""The gate for mutants and alternatives closes on what it is there for, and says so."""

import functools

import pytest

from autograder import mutants
from autograder import release as releasing
from autograder.course_directory import CourseError
from autograder.engine.job import CellPlan, Role
from autograder.grading.outcome import Outcome, QuestionScore
from tests.autograder.conftest import notebook
from tests.autograder.test_gates import course_with

GOOD = """
[test_double]
mutants = [
    ["added", "2 * x", "2 + x"],
    ["nothing returned", "", "def double(x): 2 * x", "is there a return?"],
]
[test_double.alternatives]
"added to itself" = '''
def double(x):
    return x + x
'''
[test_square]
mutants = [["cubed", "x * x", "x * x * x"]]
"""


@pytest.fixture
def check(tmp_path, executor):
    """The gates' report of the small unit with these variants."""

    def checked(text, **options):
        course = course_with(tmp_path)
        (tmp_path / "source" / "small" / "small.toml").write_text(text)
        with (tmp_path / "nbgrader_config.py").open("a") as config:
            config.write('c.CourseDirectory.ignore = ["*.toml"]\n')
        (report,) = functools.partial(releasing.release, executor=executor)(
            type(course)(course.root), check_only=True, **options
        )
        return report

    return checked


def test_good_variants_pass(check):
    report = check(GOOD)
    assert report.problems == []
    assert (report.totals["mutants"], report.totals["caught"]) == (3, 3)
    assert (report.totals["alternatives"], report.totals["accepted"]) == (1, 1)
    assert report.seconds > 0


def test_one_question_is_tried_alone(check):
    report = check(GOOD, question="test_double")
    assert report.problems == []
    assert (report.totals["mutants"], report.totals["alternatives"]) == (2, 1)


def test_a_question_without_variants_is_refused(check):
    with pytest.raises(CourseError, match=r"'test_x'. Choose one of test_double, test_square"):
        check(GOOD, question="test_x")


def test_a_surviving_mutant_shuts_the_gate(check):
    report = check(GOOD.replace('["cubed", "x * x", "x * x * x"]', '["same", "x * x", "x ** 2"]'))
    assert (report.totals["mutants"], report.totals["caught"]) == (3, 2)
    assert report.problems == ["mutant 'same' of 'test_square' survives: it scores all 3 points"]


def test_a_mutant_that_a_human_must_grade_does_not_survive():
    variant = mutants.Variant("test_square", "square", "lost", "", True)
    lost = QuestionScore("test_square", None, 3)
    outcome = Outcome("small", "s", "needs a human", questions=[lost])
    problem = mutants.verdict_on(variant, outcome)
    assert problem.startswith("mutant 'lost' of 'test_square' was not scored, it needs a human")


def test_a_refused_alternative_shuts_the_gate(check):
    report = check(GOOD.replace("return x + x", "return abs(x) + abs(x)"))
    assert (report.totals["alternatives"], report.totals["accepted"]) == (1, 0)
    (problem,) = report.problems
    assert problem.startswith(
        "alternative 'added to itself' of 'test_double' is refused: it scores 1"
    )


def test_a_message_that_does_not_name_the_mistake_shuts_the_gate(check):
    report = check(GOOD.replace("is there a return?", "where is your return?"))
    assert (report.totals["mutants"], report.totals["caught"]) == (3, 2)
    assert "no message contains 'where is your return?'" in report.problems[0]
    assert "is there a return?" in report.problems[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[test_double", "is not valid TOML"),
        ("[test_triple]", "no graded cell 'test_triple'"),
        ("[test_double]\nanswer = 'triple'", "no solution cell 'triple'"),
        ("[test_double]\nmutant = []", "unknown keys ['mutant']"),
        ("[test_double]\nmutants = [['a', '3 * x', 'x']]", "no longer applies"),
        ("[test_double]\nmutants = [['a', '2 * x', '2 * x']]", "no longer applies"),
        ("[test_double]\nmutants = [['a', '2 * x']]", "is [name, old, new]"),
        ("[test_double]\nmutants = [['a', '2 * x', '2 *']]", "is not valid Python"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, problem):
    path = tmp_path / "small.toml"
    path.write_text(text)
    with pytest.raises(mutants.VariantError) as error:
        mutants.read(path, notebook())
    assert problem in str(error.value)


def test_a_mutant_runs_the_tests_that_its_question_needs_and_no_others():
    def judge(source, echo=""):
        return CellPlan(Role.TEST, source, visible_source=echo, echoed=bool(echo))

    answer = CellPlan(Role.STUDENT, "def double(x):\n    return 2 * x")
    unused, echoed = judge("q = 1"), judge("q = 2", "shown = 1")
    # What a function of the test's own calls its argument is no name of another test's.
    used, asked = judge("limit = 3"), judge("def twice(q): return 2 * q\nr = twice(double(limit))")
    needed = mutants._needed([answer, unused, echoed, used, asked])
    assert [needed[0], needed[3], needed[4]] == [answer, used, asked]
    assert needed[1].role == Role.SKIP
    assert (needed[2].role, needed[2].source) == (Role.STUDENT, "shown = 1")


def test_variants_must_not_reach_students(tmp_path, executor):
    course = course_with(tmp_path)
    (tmp_path / "source" / "small" / "small.toml").write_text(GOOD)
    (report,) = releasing.release(course, executor=executor, check_only=True)
    assert any("small.toml, which contains solutions" in problem for problem in report.problems)
