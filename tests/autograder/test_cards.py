"""What a student's notebook shows: cards and the summary, and neither points nor errors."""

import json

import nbformat
import pytest
from nbgrader.utils import determine_grade

from autograder.checks import ChecksFailed, Question, overview, summary
from autograder.checks.card import Card
from autograder.checks.outline import read_outline
from autograder.checks.report import FORBIDDEN
from autograder.engine.cell_runner import CellRun, make_shell
from autograder.wire.results import CheckResult

SETUP = "from autograder import checks\ndef double(x):\n    return 2 * x\n"
ASKED = "q = checks.Question('1. Twice', points=2)\n"
RIGHT = "q.example('two', double, 1).gives(2)\n"
WRONG = "q.example('three', double, 1).gives(3, hint='count')\n"
HIDDEN = "q.check('hidden', double, 4).gives({})\n"


@pytest.fixture(autouse=True)
def student_notebook(monkeypatch):
    """A kernel in which nobody grades and no test has run."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    for name in overview._NOTEBOOK:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(overview, "_shown", {})


def double(x):
    return 2 * x


def unwritten(x):
    raise NotImplementedError


def card(*examples) -> Card:
    """The card of a question with these examples: a name, a function, what it should give."""
    question = Question("2. Padding", points=3)
    for name, function, expected in examples:
        question.example(name, function, 3).gives(expected, hint="look there")
    assert question.score() is None
    return overview._shown["2. Padding"]


def ran(*parts: str) -> list:
    """The outputs of a cell in a notebook's shell."""
    shell = make_shell()
    CellRun(shell).run(SETUP)
    return CellRun(shell).run(ASKED + "".join(parts) + "q.score()")["outputs"]


def grade(outputs) -> float:
    """What nbgrader makes of a test cell with these outputs."""
    marks = {"grade": True, "solution": False, "points": 2, "grade_id": "t", "locked": True}
    cell = nbformat.v4.new_code_cell("", metadata={"nbgrader": marks | {"schema_version": 3}})
    cell.outputs = [nbformat.from_dict(output) for output in outputs]
    return determine_grade(cell)[0]


# No points in a student's notebook


@pytest.mark.parametrize("parts", [(RIGHT,), (WRONG,), (RIGHT, WRONG)])
def test_a_students_notebook_shows_neither_a_number_nor_an_error(parts):
    (output,) = ran(*parts)
    assert output["output_type"] == "display_data"
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert "marked on other inputs" in output["data"]["text/plain"]


@pytest.mark.parametrize(
    ("parts", "points"),
    [
        ((RIGHT,), 2),
        ((WRONG,), 0),
        ((RIGHT, WRONG), 1),
        ((RIGHT, HIDDEN.format(8)), 2),
        ((RIGHT, HIDDEN.format(9)), 0),
        ((RIGHT, HIDDEN.format(8), HIDDEN.format(9)), 1),
        ((WRONG, HIDDEN.format(8)), 1),
    ],
)
@pytest.mark.parametrize("execution", ["autograde", "validate"])
def test_nbgrader_reads_the_points(parts, points, execution, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", execution)
    assert grade(ran(*parts)) == points


def test_hidden_tests_give_points_wherever_they_run():
    assert grade(ran(RIGHT, HIDDEN.format(8), HIDDEN.format(9))) == 1
    assert grade(ran(RIGHT, HIDDEN.format(9))) == 0


def test_our_own_grader_gets_points_for_examples(monkeypatch):
    monkeypatch.setattr("autograder.context._student", "ada")
    question = Question("q", points=4)
    question.example("a", double, 2).gives(4)
    question.example("b", double, 2).gives(5)
    assert question.score() == 2


# The card


def test_a_card_says_how_each_example_went():
    text = repr(card(("fits", double, 6), ("full", double, 11)))
    assert text.splitlines() == [
        "✗ 2. Padding: 1 of 2 examples pass; marked on other inputs.",
        "  ✓ passes: fits",
        "  ✗ fails: full",
        "    double(3)",
        "    expected: 11",
        "    received: 6",
        "    hint: look there",
    ]


def test_one_example_passes():
    assert repr(card(("fits", double, 6))).startswith("✓ 2. Padding: 1 of 1 example passes;")


def test_a_page_says_what_the_text_says():
    shown = card(("fits", double, 6), ("full", double, 11), ("later", unwritten, 1))
    page = shown._repr_html_()
    for said in ("2. Padding", "1 of 3 examples pass", "marked on other inputs", "✓ passes", "fits",
                 "✗ fails", "full", "double(3)", "expected: ", "11", "received: ", "6",
                 "Hint: look there", "○ not written yet", "later"):  # fmt: skip
        assert said in page, said


def test_a_card_shows_names_and_values_as_text():
    page = card(("<b>", lambda x: "<script>", "&"))._repr_html_()
    assert "<script>" not in page and "<b>" not in page
    assert "&lt;script&gt;" in page and "&#x27;&amp;&#x27;" in page


def test_a_card_uses_the_themes_colors_and_breaks_no_word():
    page = card(("fits", double, 6))._repr_html_()
    assert "var(--jp-success-color1" in page and "word-break: normal" in page


def test_that_nothing_is_written_is_said_once():
    shown = card(("a", unwritten, 1), ("b", unwritten, 2))
    assert repr(shown) == "○ 2. Padding: not written yet."
    assert shown._repr_html_().count("not written yet") == 1
    assert "look there" not in shown._repr_html_()


def test_what_is_not_written_is_named_beside_what_is():
    text = repr(card(("a", unwritten, 1), ("b", double, 6), ("c", unwritten, 2)))
    assert "1 of 3 examples pass" in text and text.endswith("○ not written yet: a, c")


@pytest.mark.parametrize(
    ("function", "received", "hint"),
    [
        (lambda x: 4, "received: 4", "hint: look there"),
        (lambda x: 6.0, "received: 6.0, a float", "hint: a count is an int (use // to divide)"),
        (lambda x: None, "received: nothing (None)", "hint: is there a return?"),
        (lambda x: x + "1", "raised: TypeError", None),
        (lambda x: y, "raised: NameError", None),  # noqa: F821
        (lambda x: [][x], "raised: IndexError", "hint: look there"),
    ],
)
def test_a_hint_fits_the_mistake(function, received, hint):
    expected = 6 if "6.0" in received else 5
    lines = [line.strip() for line in repr(card(("fits", function, expected))).splitlines()]
    assert any(line.startswith(received) for line in lines)
    assert [line for line in lines if line.startswith("hint")] == ([hint] if hint else [])


def test_an_expected_exception_is_said_to_be_one():
    question = Question("q", points=1)
    question.example("refuses", double, 1).raises(ValueError, hint="look")
    question.score()
    assert "expected: ValueError (an exception)" in repr(overview._shown["q"])
    question.example("says nothing", lambda: None).raises(ValueError, hint="look")
    question.score()
    assert "received: nothing\n    hint: look" in repr(overview._shown["q"])


def test_a_broken_rule_is_in_the_card():
    broken = CheckResult(FORBIDDEN, 0, 0, "double calls math.prod.")
    text = repr(Card("1. Twice", 2, (broken, CheckResult("two", 0, 1))))
    assert text.splitlines() == [
        "✗ 1. Twice: 1 of 1 example passes; 1 rule broken; marked on other inputs.",
        "  ✗ fails: not allowed",
        "    double calls math.prod.",
        "  ✓ passes: two",
    ]


def test_mistakes_are_written_in_one_direction():
    question = Question("q", points=1)
    with pytest.raises(TypeError, match="received 6 as a cause"):
        question.check("c", lambda: 6).gives(5, mistakes={6: "one too many"})


# The summary


@pytest.fixture
def printed(monkeypatch, capsys):
    """What is displayed, as text."""
    monkeypatch.setattr(overview, "_display", lambda shown: print(repr(shown)))
    return capsys


def notebook(path, *tests: str, by_hand: str = "YOUR ANSWER HERE"):
    """Write a notebook with these test cells, and a question that is marked by hand."""
    marks = {"grade": True, "solution": False, "points": 2}
    cells = [nbformat.v4.new_code_cell(t, metadata={"nbgrader": {**marks, "grade_id": t[:9]}})
             for t in tests]  # fmt: skip
    hand = {"nbgrader": {"grade": True, "solution": True, "points": 4, "grade_id": "words"}}
    cells += [
        nbformat.v4.new_markdown_cell("Text.\n\n## 3 · In your own words\n\nWrite."),
        nbformat.v4.new_markdown_cell(by_hand, metadata=hand),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


TESTS = (
    'question = checks.Question("2. Padding", points=2)',
    "from autograder import checks\nq = checks.Question(name='x', points=1)",
)


def test_the_summary_follows_the_notebook(tmp_path, monkeypatch, printed):
    path = tmp_path / "unit.ipynb"
    notebook(path, *TESTS)
    monkeypatch.setenv("COURSE_NOTEBOOK", str(path))
    card(("fits", double, 6), ("full", double, 11))
    printed.readouterr()
    summary()
    lines = printed.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "question examples points",
        "2. Padding 1 of 2 3 ✗ fails: full",
        "from auto 2 ○ no result: its test has not run to the end",
        "3. In your own words 4 ○ not written yet",
        "",
        "0 of 2 questions pass all their examples, 1 not written yet; 9 points possible.",
        overview._NOTE,
    ]


def test_the_summary_knows_the_notebook_from_jupyters_server(tmp_path, monkeypatch, printed):
    notebook(tmp_path / "unit.ipynb", TESTS[0], by_hand="My answer.")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "/elsewhere/unit.ipynb")
    card(("fits", double, 6))
    summary()
    said = printed.readouterr().out
    assert "– marked by hand" in said and "1 of 1 questions pass" in said


def test_the_summary_without_a_notebook_shows_what_has_run(printed):
    summary()
    assert printed.readouterr().out.strip() == overview.NOTHING_RAN
    card(("fits", double, 6))
    printed.readouterr()
    summary()
    assert "2. Padding    1 of 1       3  ✓ examples pass" in printed.readouterr().out


def test_the_last_run_of_a_question_counts(printed):
    card(("fits", double, 7))
    card(("fits", double, 6))
    printed.readouterr()
    summary()
    said = printed.readouterr().out
    assert "✓ examples pass" in said and "✗" not in said


def test_the_summary_as_a_page():
    page = overview.Summary([overview.Row("<1>", 2, "✗", "fails: a & b", "0 of 1")])._repr_html_()
    assert "&lt;1&gt;" in page and "fails: a &amp; b" in page and "<td" in page


def test_nothing_is_summed_up_while_somebody_grades(grading, printed):
    summary()
    assert printed.readouterr().out == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 3}', '{"cells": [{}]}', "\x00"])
def test_a_file_that_is_no_notebook_has_no_outline(tmp_path, text):
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    assert read_outline(path) == []
    assert read_outline(tmp_path / "none.ipynb") == []


def test_a_test_that_cannot_be_read_is_known_by_its_id(tmp_path):
    path = tmp_path / "x.ipynb"
    notebook(path, "q = (((")
    assert read_outline(path)[0].name == "q = ((("
    assert json.loads(path.read_text())["cells"]


# Folded


def test_released_tests_are_folded():
    from autograder.folding import FoldTests

    marks = {"grade": True, "solution": False, "points": 1}
    cells = [
        nbformat.v4.new_code_cell("t", metadata={"nbgrader": marks}),
        nbformat.v4.new_code_cell("a", metadata={"nbgrader": marks | {"solution": True}}),
        nbformat.v4.new_markdown_cell("m", metadata={"nbgrader": marks}),
        nbformat.v4.new_code_cell("free"),
    ]
    book, _ = FoldTests().preprocess(nbformat.v4.new_notebook(cells=cells), {})
    assert [cell.metadata.get("jupyter") for cell in book.cells] == [
        {"source_hidden": True}, None, None, None,
    ]  # fmt: skip


def test_grading_still_fails_with_an_error(grading):
    question = Question("q", points=1)
    question.example("a", double, 1).gives(3)
    with pytest.raises(ChecksFailed, match="0 of 1 check passed"):
        question.score()
