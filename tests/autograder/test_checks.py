"""Graded cells: partial credit, messages, and no way for wrong answers to pass."""

import subprocess
import sys

import numpy as np
import pytest

from autograder.checks import ChecksFailed, Question, student_rng
from autograder.context import set_student


def double(x):
    return 2 * x


def outcome(expected, value, **kwargs):
    """The result of one check of a function that returns `value`."""
    question = Question("q", points=1)
    question.check("name", lambda: value).gives(expected, **kwargs)
    return question.results[0]


@pytest.mark.parametrize(
    ("expected", "value", "credit"),
    [
        (float("inf"), float("inf"), 1),
        (float("inf"), 3.0, 0),
        (float("inf"), -float("inf"), 0),
        (float("nan"), float("nan"), 1),
        (float("nan"), 0.0, 0),
        (1.5, float("nan"), 0),
        (1.5, 10**400, 0),
        ([1.0, float("inf")], [1.0, 7.0], 0),
    ],
)
def test_infinities_and_nan_are_only_themselves(expected, value, credit):
    assert outcome(expected, value).credit == credit


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (5, 5),
        (5, np.int64(5)),
        (0.5, 0.5 + 1e-12),
        (2.0, 2),
        ((1, 2), [1, 2]),
        ([1, (2, 3)], (1, [2, 3])),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ("x", "x"),
        (True, True),
        (True, np.bool_(True)),
        (np.bool_(False), False),
        ([True, False], [np.bool_(True), False]),
        (None, None),
    ],
)
def test_right_answers(expected, value):
    assert outcome(expected, value).credit == 1


@pytest.mark.parametrize(
    ("expected", "value", "says"),
    [
        (5, 6, "should give 5, but gave 6"),
        (True, np.bool_(False), "should give True, but gave False"),
        (1, np.bool_(True), "should give 1, but gave True"),
        (
            0.1,
            np.float32(0.1),
            "should give 0.1 (type float), but gave 0.10000000149011612 (type float32)",
        ),
        (5, np.array(5), "should give 5 (type int), but gave 5 (type ndarray)"),
        (5, 5.0, "a float: a count is an int"),
        (1, True, "but gave True"),
        (5, None, "is there a return?"),
        (5, "5", "but gave '5'"),
        (0.5, 0.50001, "but gave 0.50001"),
        (1.0, float("nan"), "but gave nan"),
        ((1, 2), (2, 1), "but gave (2, 1)"),
        ((1, 2), (1, 2, 3), "but gave (1, 2, 3)"),
        ((1, 2), 1, "but gave 1"),
        ({"a": 1, "b": 2}, {"a": 1}, "an entry 'b'"),
        ({"a": 1}, {"a": 2}, "should give 1 for 'a', but gave 2"),
        ({"a": 1}, {"a": 1, "b": 2}, "should give the entries ['a'], but also has ['b']"),
        ([{"a": 1}], [{"a": 1, "b": 2}], "but gave [{'a': 1, 'b': 2}]"),
        ({"a": 1}, [1], "but gave [1]"),
        ("x", "y", "but gave 'y'"),
        (True, 1, "but gave 1"),
    ],
)
def test_wrong_answers_say_what_was_expected_and_what_came(expected, value, says):
    result = outcome(expected, value)
    assert result.credit == 0
    assert says in result.text


def test_an_answer_that_claims_to_equal_everything_does_not():
    class Liar:
        def __eq__(self, other):
            return True

        __hash__ = object.__hash__

    for expected in (5, 0.5, (1, 2), "x", {"a": 1}, True, None):
        assert outcome(expected, Liar()).credit == 0


def test_known_mistakes_are_named_and_replace_the_hint():
    result = outcome(5, 6, hint="look here", mistakes={"one too many": 6})
    assert "one too many" in result.text
    assert "look here" not in result.text
    assert "look here" in outcome(5, 7, hint="look here", mistakes={"no": 6}).text
    assert outcome(5, [6], mistakes={"no": 6}).credit == 0  # an answer that cannot be looked up


def test_points_are_shared_out():
    question = Question("q", points=4)
    question.check("a", double, 2).gives(4)
    question.check("b", double, 2, share=3).gives(5)
    assert question.score() == 1


def test_examples_count_only_alone(grading):
    question = Question("q", points=4)
    question.example("a", double, 2).gives(4)
    question.example("b", double, 2).gives(5)
    assert question.score() == 2
    question.check("hidden", double, 3).gives(7)
    with pytest.raises(ChecksFailed):
        question.score()  # a visible answer alone earns nothing


def test_all_right_is_all_points(capsys):
    question = Question("q", points=3)
    question.check("a", double, 2).gives(4)
    assert question.score() == 3.0
    assert "✓ q: 1 check passed." in capsys.readouterr().out


def test_exceptions_cost_only_their_check(capsys):
    def fragile(x):
        if x > 1:
            raise KeyError("gone")
        return x

    question = Question("q", points=2)
    question.check("small", fragile, 1).gives(1)
    question.check("large", fragile, 2).gives(2)
    assert question.score() == 1
    assert "✗ large: fragile(2) should give 2, but it raised KeyError" in capsys.readouterr().out


def test_nothing_written_fails_with_one_readable_error(grading):
    def stub():
        raise NotImplementedError

    question = Question("sizes", points=2)
    question.example("first", stub).gives(2, hint="count")
    with pytest.raises(ChecksFailed) as failed:
        question.score()
    shown = failed.value._render_traceback_()
    assert shown == [
        "sizes: 0 of 1 check passed.",
        "✗ not written yet.",
    ]


def test_raises():
    def refuse(kind):
        raise kind("no")

    question = Question("q", points=4)
    question.check("the kind", refuse, ValueError).raises(ValueError)
    question.check("a subclass", refuse, UnicodeError).raises(ValueError)
    question.check("another kind", refuse, KeyError).raises(ValueError)
    question.check("none", double, 1).raises(ValueError)
    assert [r.credit for r in question.results] == [1, 1, 0, 0]
    assert "should raise ValueError, but it raised KeyError" in question.results[2].text
    assert "should raise ValueError, but gave 2" in question.results[3].text


def test_tables_earn_row_by_row():
    rows = [("a", 1), ("b", 2), ("c", 3), ("d", 4)]

    def table(value):
        question = Question("q", points=4)
        question.check("t", lambda: value).gives_rows(rows)
        return question.results[0]

    assert table(rows).credit == 1
    assert table([list(row) for row in rows]).credit == 1
    wrong = table([("a", 1), ("b", 9), ("c", 3), ("d", 4)])
    assert wrong.credit == 0.75
    assert "has 1 wrong row out of 4" in wrong.text
    assert "has 2 wrong rows out of 4" in table([("a", 1), ("b", 9), ("c", 9), ("d", 4)]).text
    assert "row 1 (the first is 0) should give ('b', 2), but gave ('b', 9)" in wrong.text
    assert table(rows[:2]).credit == 0.5
    assert table([*rows, ("e", 5)]).credit == 0.75
    assert table(None).credit == 0
    assert table([]).credit == 0


def test_known_wrong_rows_and_tables_are_named():
    rows = [("a", 1), ("b", 2), ("c", 3)]
    doubled = (("a", 2), ("b", 4), ("c", 6))

    def said(value, mistakes):
        question = Question("q", points=1)
        question.check("t", lambda: value).gives_rows(rows, hint="count", mistakes=mistakes)
        return question.results[0].text.partition("Hint: ")[2]

    assert said([("a", 1), ["b", 9], ("c", 3)], {"nine": ("b", 9)}) == "nine"
    assert said([("a", 2), ("b", 4), ("c", 6)], {"twice": doubled}) == "twice"
    assert (
        said([("a", 1), ("b", 4), ("c", 6)], {"twice": doubled}) == "twice"
    )  # one right by chance
    assert said([("a", 2), ("b", 5), ("c", 3)], {"twice": doubled}) == "count"
    assert said([("a", 2)], {"twice": doubled}) == "twice"
    assert said([], {"twice": doubled}) == "count"
    assert said([("a", {2}), ("b", 2), ("c", 3)], {"two": ("a", 2)}) == "count"


def test_an_exception_may_count_only_beside_a_right_answer(capsys, grading):
    def careful(x):
        if x < 0:
            raise ValueError("negative")
        return 2 * x

    def refuse(x):
        raise ValueError("no")

    def question(function):
        question = Question("q", points=4)
        question.check("refused", function, -1).raises(ValueError, requires_other_credit=True)
        question.check("two", function, 2).gives(4)
        question.check("three", function, 3).gives(6)
        question.check("four", function, 4).gives(9 if function is careful else 8)
        return question

    assert question(careful).score() == 3  # whatever the order of the checks
    with pytest.raises(ChecksFailed, match="1 of 4 checks passed"):
        question(refuse).score()
    assert question(lambda x: 4).score() == 1  # beside a right one, it counts as wrong

    for function in (careful, refuse):
        only = Question("q", points=2)
        only.check("refused", function, -1).raises(ValueError, requires_other_credit=True)
        with pytest.raises(ChecksFailed, match="count only beside another graded check"):
            only.score()

    alone = Question("q", points=2)
    alone.example("refused", refuse, 1).raises(ValueError, requires_other_credit=True)
    assert alone.score() == 2  # a student's notebook may show nothing else


def test_averages():
    draw = np.random.default_rng(0)

    def checked(function, expected, **kwargs):
        question = Question("q", points=1)
        question.check("mean", function).averages(expected, repeats=400, **kwargs)
        return question.results[0]

    assert checked(lambda: draw.random() < 0.3, 0.3).credit == 1
    assert checked(lambda: draw.random(5), 0.5, of=np.mean).credit == 1
    assert checked(lambda: 0.5, 0.5).credit == 1
    wrong = checked(lambda: draw.random() < 0.3, 0.7, mistakes={"that is what is dropped": 0.3})
    assert wrong.credit == 0
    assert "should give 0.7 on average, but 400 calls gave 0." in wrong.text
    assert "that is what is dropped" in wrong.text
    assert checked(lambda: 0.5, 0.501).credit == 0
    assert "but gave 'x'" in checked(lambda: "x", 0.5).text
    assert "it raised KeyError" in checked(lambda: {}["gone"], 0.5).text
    assert checked(lambda: float("nan"), 0.5).credit == 0
    assert "gave inf" in checked(iter([1.0, float("inf"), -float("inf")]).__next__, 0.5).text
    wild = lambda: draw.choice([-1e6, 1e6])  # noqa: E731
    assert checked(wild, 0.3).credit == 1  # how far answers may vary is not known here
    assert checked(wild, 0.3, deviation=1).credit == 0
    assert checked(lambda: draw.random() < 0.3, 0.3, deviation=0.5).credit == 1


def test_checks_are_imported_without_keras():
    code = "import sys; from autograder import checks; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_misuse_by_the_author_is_loud():
    with pytest.raises(ValueError, match="made no check"):
        Question("q", points=1).score()
    with pytest.raises(TypeError, match="No rule to compare with a set"):
        outcome({1}, {1})


def test_the_result_is_handed_over(monkeypatch, grading):
    results = []
    monkeypatch.setattr("autograder.checks.question.report", results.append)
    question = Question("q", points=2)
    question.check("right", double, 1).gives(2)
    question.check("wrong", double, 1).gives(3)
    assert question.score() == 1
    (result,) = results
    assert (result.question, result.points, result.score) == ("q", 2, 1)
    assert [check.credit for check in result.checks] == [1, 0]


def test_draws_differ_between_runs():
    draws = {Question("q", 1).random.random() for _ in range(20)}
    assert len(draws) == 20


# Arrays


def of_array(value, expected, **how):
    q = Question("q", 1)
    q.check("c", lambda: value).gives_array(expected, hint="look", **how)
    return q.results[0]


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2], [3, 4]],
        ((1, 2.0), (3, 4)),
        np.array([[1, 2], [3, 4]], "float32"),
    ],
)
def test_an_array_may_come_in_any_form(value):
    assert of_array(value, [[1, 2], [3, 4]]).credit == 1


NO_ARRAYS = (
    "should give an array of shape (2, 2), but gave '1 2 3 4'",
    "nothing (None): is there a return?",
    "should give an array of shape (2, 2), but gave <ndarray",
)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([[1, 3], [2, 4]], "should give [[1, 2], [3, 4]], but gave [[1, 3], [2, 4]]"),
        (np.ones((2, 2, 1)), "(2, 2), but gave an array of shape (2, 2, 1)"),
        (np.full((2, 2), np.nan), "gave [[nan, nan], [nan, nan]]"),
        ([[1, 2], [3]], "should give an array of shape (2, 2), but gave [[1, 2], [3]]"),
        ("1 2 3 4", NO_ARRAYS[0]),
        (None, NO_ARRAYS[1]),
        (np.array([[object()] * 2] * 2), NO_ARRAYS[2]),
    ],
)
def test_another_array_is_wrong(value, says):
    result = of_array(value, [[1, 2], [3, 4]])
    assert result.credit == 0
    assert says in result.text
    # Where to look for a value does not help with what is no array.
    is_array = says not in NO_ARRAYS
    assert ("Hint: look" in result.text) == is_array


def test_the_first_wrong_value_of_a_large_array_is_shown():
    wrong = np.zeros((5, 5))
    wrong[2, 3] = 1.5
    assert (
        "has 1 wrong value out of 25; the first, at [2, 3], should be 0, but is 1.5"
        in of_array(wrong, np.zeros((5, 5))).text
    )


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("value", "credit"),
    [
        ([1, INF, -INF, NAN, 2], 1),
        ([1 + 1e-6, INF, -INF, NAN, 2], 1),
        ([1.1, INF, -INF, NAN, 2], 0),  # an infinity does not make the others right
        ([1, -INF, -INF, NAN, 2], 0),
        ([1, 1e300, -INF, NAN, 2], 0),
        ([1, INF, -INF, 0, 2], 0),
        ([1, INF, -INF, INF, 2], 0),
        ([INF, INF, -INF, NAN, 2], 0),
        ([NAN, INF, -INF, NAN, 2], 0),
    ],
)
def test_infinities_and_nans_must_be_the_same(value, credit):
    assert of_array(value, [1, INF, -INF, NAN, 2]).credit == credit


def test_values_that_are_infinite_alone():
    assert of_array([INF, INF], [INF, INF]).credit == 1
    assert of_array([3.0, 4.0], [INF, INF]).credit == 0
    assert of_array(np.full((4, 5), 3.0), np.full((4, 5), NAN)).credit == 0
    assert of_array([np.iinfo("int8").min], np.array([127], "int8")).credit == 0


@pytest.mark.parametrize("value", [[[1.0]], [[1.0], [2.0], [3.0]], [[1.0], "x"], 3, None])
def test_as_many_arrays_as_asked_for(value):
    question = Question("q", 1)
    question.check("c", lambda: value).gives_arrays([[1.0], [2.0]])
    (result,) = question.results
    assert result.credit == 0 and "2 arrays" in result.text


def test_values_may_be_off_by_a_part_of_the_largest():
    right = np.array([1000.0, 1.0])
    assert of_array(right + 0.009, right).credit == 1
    assert of_array(right + 0.02, right).credit == 0
    assert of_array(right + 0.02, right, tolerance=1e-4).credit == 1
    assert of_array(right * 1e-6 + 2e-9, right * 1e-6).credit == 1
    assert of_array(right * 1e-6 + 2e-8, right * 1e-6).credit == 0


def test_a_part_of_what_came_may_be_looked_at():
    assert of_array(([1], [2, 3]), [2, 3], of=lambda pair: pair[1]).credit == 1
    assert "gave 7" in of_array(7, [2, 3], of=lambda pair: pair[1]).text


def test_a_known_wrong_array_is_named():
    def impossible():
        raise ValueError("cannot even be made")

    mistakes = {
        "never": impossible, "as it should be": [1, 2], "turned around": lambda: np.array([2, 1]),
    }  # fmt: skip
    assert "Hint: turned around" in of_array([2, 1], [1, 2], mistakes=mistakes).text
    assert "Hint: look" in of_array([3, 1], [1, 2], mistakes=mistakes).text
    # A mistake that makes no difference here is not to blame.
    assert of_array([1, 2], [1, 2], mistakes=mistakes).credit == 1


def test_arrays_among_a_call_s_arguments_are_short():
    q = Question("q", 1)
    q.check("c", lambda image, kernel: 0, np.zeros((40, 30)), np.eye(2)).gives(1)
    said = q.results[0].text
    assert "<array of shape (40, 30)>, [[1., 0.], [0., 1.]]" in said and "\n" not in said


# Numbers of a student's own


def test_own_numbers_are_the_students():
    def drawn(*whose):
        return [student_rng(*whose).randint(0, 10**9) for _ in range(2)]

    assert len({*drawn("ada", "a"), *drawn(" ada ", "a")}) == 1
    assert len({*drawn("ada", "a"), *drawn("bela", "a"), *drawn("ada", "b")}) == 3
    for nobody in ("", " ", None, 7):
        with pytest.raises(ValueError, match=f"your id in this course.*received {nobody!r}") as it:
            student_rng(nobody, "a")
        assert it.value._render_traceback_() == [str(it.value)]  # a line, not a traceback


def test_whose_notebook_it_is(monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    assert Question("q", points=1).student is None
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    assert Question("q", points=1).student == "ada"
    set_student("bela")  # the grader knows better
    try:
        assert Question("q", points=1).student == "bela"
    finally:
        set_student(None)
