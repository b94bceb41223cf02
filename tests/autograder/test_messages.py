"""What a failed check says: it fits the mistake, and nothing that an answer does changes it."""

import numpy as np
import pytest

from autograder.checks import MORE, ChecksFailed, Question


def said(value, method="gives", *args, **about) -> str:
    """The message of one check of a function that gives a value, or raises it."""
    question = Question("q", points=1)

    def answer():
        if isinstance(value, Exception):
            raise value
        return value

    getattr(question.check("c", answer), method)(*args, **about)
    return question.results[0].text


COUNT = "a count is an int (use // to divide)"


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (5, 5.0),
        ((2, 2), (2.0, 2.0)),
        ([("a", (2, 3))], [("a", (2, 3.0))]),
        ({"params": 3}, {"params": np.float64(3)}),
    ],
)
def test_a_float_where_a_count_is_asked_says_so_and_no_more(expected, value):
    message = said(value, "gives", expected, hint="the number is wrong", mistakes=[("no", value)])
    assert message.endswith(f"{COUNT}.") and "Hint" not in message


def test_a_count_that_is_wrong_as_well_hears_of_the_number():
    message = said((2.0, 3.0), "gives", (2, 2), hint="look")
    assert COUNT not in message and message.endswith("Hint: look")
    rows = said([("a", 1.0)], "gives_rows", [("a", 1)], hint="look")
    assert COUNT in rows and "look" not in rows


def test_two_causes_of_one_answer_are_both_named_and_of_more_none():
    two = [("one too many", 6), ("rounded up", 6), ("no", 7)]
    assert said(6, "gives", 5, mistakes=two).endswith("Hint: one too many, or rounded up")
    three = [*two, ("shifted", 6)]
    assert said(6, "gives", 5, mistakes=three, hint="look").endswith("Hint: look")
    arrays = {"a": np.ones(3), "b": np.ones(3), "c": np.zeros(3)}
    message = said(np.ones(3), "gives_array", np.arange(3), mistakes=arrays)
    assert message.endswith("Hint: a, or b")


def test_a_cause_is_not_named_where_it_gives_the_right_answer():
    assert "never" not in said(6, "gives", 5, mistakes=[("never", 5)])
    assert "never" not in said(6, "gives", 5, mistakes={"never": 5}, hint="look")


def test_a_list_is_known_by_its_values():
    assert said([2, 1], "gives", (1, 2), mistakes={"swapped": (2, 1)}).endswith("Hint: swapped")


def test_a_cause_of_rows_explains_all_of_them():
    rows = [("a", 1), ("b", 2), ("c", 3)]
    value = [("a", 9), ("b", 2), ("c", 7)]
    about = {"hint": "look", "mistakes": {"nine": ("a", 9)}}
    assert said(value, "gives_rows", rows, **about).endswith("Hint: look")
    about["mistakes"] = [("odd", ("a", 9)), ("odd", ("c", 7))]
    assert said(value, "gives_rows", rows, **about).endswith("Hint: odd")


def test_an_exception_may_have_a_known_cause():
    error = AttributeError("'NoneType' object has no attribute 'numpy'")
    mistakes = {"nothing was watched": AttributeError("NoneType"), "no": KeyError}
    assert said(error, "gives", 5, mistakes=mistakes).endswith("Hint: nothing was watched")
    assert "Hint" not in said(AttributeError("other"), "gives", 5, mistakes=mistakes)
    arrays = {"nothing was watched": AttributeError("NoneType"), "no": np.ones(2)}
    message = said(error, "gives_array", np.zeros(2), mistakes=arrays, hint="look")
    assert message.endswith("Hint: nothing was watched")
    assert said(IndexError("x"), "gives_rows", [1], mistakes={"a": LookupError}).endswith("Hint: a")


def test_a_number_is_no_array():
    message = said(ValueError("empty"), "gives_array", 0.5)
    assert "should give a number, but it raised" in message
    assert "should give a number, but gave an array of shape (2,)" in said(
        np.ones(2), "gives_array", 0.5
    )
    assert "should give an array of shape (2,), but gave a number" in said(
        0.5, "gives_array", np.ones(2)
    )


def test_that_an_answer_is_not_written_is_said_once(grading):
    question = Question("q", points=1)
    for name in "abc":
        question.example(name, untouched).gives(1, hint=f"hint of {name}")
    question.example("other", lambda: 2).gives(1, hint="of its own")
    with pytest.raises(ChecksFailed) as failed:
        question.score()
    assert str(failed.value).splitlines() == [
        "q: 0 of 4 checks passed.",
        "✗ other: <lambda>() should give 1, but gave 2.",
        "  Hint: of its own",
        "✗ not written yet: a, b, c.",
    ]


def untouched():
    raise NotImplementedError


def test_lines_break_between_words():
    question = Question("q", points=1)
    words = " ".join(f"word{n}" for n in range(60))
    question.check("long", lambda: 1).gives(2, hint=words)
    with pytest.raises(ChecksFailed) as failed:
        question.score()
    lines = str(failed.value).splitlines()
    assert max(map(len, lines)) <= 96
    assert str(failed.value).replace(f"\n{MORE}", " ").endswith(words)


# Nothing that an answer does to its arguments changes what is expected


def test_an_argument_that_is_expected_cannot_be_changed():
    kernel = np.arange(6.0).reshape(2, 3)

    def cheat(array):
        array[...] = 0
        return array

    question = Question("q", points=1)
    question.check("c", cheat, kernel).gives_array(kernel)
    question.check("again", np.copy, kernel).gives_array(np.arange(6.0).reshape(2, 3))
    assert [result.credit for result in question.results] == [0, 1]


def test_arguments_are_what_they_were_with_type_and_layout():
    base = np.arange(24, dtype="int16").reshape(4, 6)
    given = [base[:, ::2], {"a": [1, 2]}, [3, [4]]]

    def spoil(view, table, rows):
        view *= 0
        table["b"] = [*table.pop("a"), 1]
        rows.append(rows[1].pop())

    question = Question("q", points=1)
    question.check("c", spoil, *given).gives(None)
    assert np.array_equal(base, np.arange(24).reshape(4, 6)) and given[0].base is base.base
    assert given[1:] == [{"a": [1, 2]}, [3, [4]]]


# Several arrays at once


def test_arrays_are_looked_at_one_by_one():
    right = [np.arange(3.0), np.arange(2.0)]
    assert said(tuple(right), "gives_arrays", right) == ""
    assert "should give 2 arrays, of the shapes (3,) and (2,), but gave" in said(
        right[0], "gives_arrays", right
    )
    message = said([right[0], right[1][None]], "gives_arrays", right)
    assert "part 1 (the first is 0)" in message and "gave an array of shape (1, 2)" in message
    swapped = {"swapped": right[::-1], "negative": [-part for part in right]}
    message = said([-part for part in right], "gives_arrays", right, mistakes=swapped)
    assert message.endswith("Hint: negative")


def test_shapes_alone():
    assert said((np.ones(4), np.ones(2)), "gives_shapes", [(4,), (2,)]) == ""
    message = said((np.ones((4, 1)), np.ones((1, 2))), "gives_shapes", [(4,), (2,)], hint="axes")
    assert "of the shapes (4,) and (2,), but gave (4, 1) and (1, 2)" in message
    assert "Hint: axes" in message


# Inputs of all kinds


def test_kinds_of_arrays():
    made = dict(Question("q", points=1).kinds((2, 5, 7, 3)))
    assert {array.shape for array in made.values()} == {(2, 5, 7, 3)}
    assert [made[name].dtype.name for name in ("uint8", "int64", "float32", "float64")] == [
        "uint8", "int64", "float32", "float64",
    ]  # fmt: skip
    assert not made["view"].flags.c_contiguous and not made["view"].flags.f_contiguous
    assert made["Fortran order"].flags.f_contiguous and not made["read-only"].flags.writeable
    assert made["int64"].min() < 0 < made["int64"].max()
    assert made["uint8"].max() > 99
    (pair,) = Question("q", points=1).kinds((4,), "view")
    assert pair[1].strides == (16,)
    with pytest.raises(ValueError, match="received strided"):
        Question("q", points=1).kinds((4,), "strided")


def test_sizes_of_all_kinds():
    for _ in range(20):
        made = Question("q", points=1).sizes(least=3)
        assert all(size % 2 for size in made["odd"])
        assert not any(size % 2 for size in made["even"])
        assert 2 * made["flat"][0] < made["flat"][1] and made["tall"][0] > 2 * made["tall"][1]
        assert min(min(pair) for pair in made.values()) >= 3
        assert all(height != width for height, width in made.values())


# Examples


def test_an_answer_that_fails_an_example_does_not_get_everything(capsys):
    question = Question("q", points=4)
    question.example("seen", lambda: 1).gives(2)
    for n in range(3):
        question.check(f"hidden {n}", lambda: 1).gives(1)
    assert question.score() == 3  # as one of four


def test_a_mistake_that_hidden_checks_find_costs_once(capsys):
    question = Question("q", points=4)
    question.example("seen", lambda: 1).gives(2)
    question.check("hidden", lambda: 1).gives(2)
    question.check("other", lambda: 1).gives(1)
    assert question.score() == 2


def test_an_example_earns_nothing():
    question = Question("q", points=4)
    for _ in range(5):
        question.example("seen", lambda: 1).gives(1)
    question.check("hidden", lambda: 1).gives(2)
    with pytest.raises(ChecksFailed):
        question.score()
