"""Every unit: its assignment marks justly, and students get what it says.

A mutant is the reference solution with one plausible mistake: it must lose points. An alternative
is another honest way to write it: it must lose none. Both lie beside the notebook and are graded by
the release gates as well, each as a student's work; here each is asked several times. By day a
part of them is asked once, as the units' ledgers say what the gates found.
"""

import re

import nbformat
import numpy as np
import pytest

from autograder import checks
from autograder.checks.causes import pairs
from tests import parts
from tests.conftest import ROOT
from tests.course.units import NAMES, defined, meta, notebook_of, unit, variant_id

QUESTIONS = [(name, question) for name in NAMES for question in unit(name).points]
VARIANTS = [(name, variant) for name in NAMES for variant in unit(name).variants]
# How often a right answer is asked in a whole run, and a variant: a draw of networks takes seconds.
DRAWS = {"01_convolution": (10, 2), "02_sizing": (10, 2)}
OTHERS = (3, 1)


def by_day(pairs: list[tuple], count: int, what: str) -> list:
    """`count` of all units together on each day, the same from each, and at least one.

    Of a unit whose gates nobody has recorded, all.
    """
    found = []
    for name in NAMES:
        own = [pair for pair in pairs if pair[0] == name]
        some = count // len(NAMES) if parts.has_ledger(name) else len(own)
        found += parts.by_day(own, max(1, some), f"{name} {what}")
    return found


each_question = pytest.mark.parametrize(("name", "question"), QUESTIONS)
some_questions = pytest.mark.parametrize(("name", "question"), by_day(QUESTIONS, 32, "questions"))
WRONG = by_day([pair for pair in VARIANTS if pair[1].wrong], 64, "mutants")
RIGHT = by_day([pair for pair in VARIANTS if not pair[1].wrong], 16, "alternatives")


@pytest.fixture
def draws(whole, name):
    """How often a right answer is asked, and a variant."""
    return DRAWS.get(name, OTHERS) if whole else (1, 1)


@each_question
def test_a_question_says_its_points_and_has_an_example(name, question):
    source = unit(name).sources[question]
    assert f"points={unit(name).points[question]}" in source
    visible = source.split("### BEGIN HIDDEN TESTS")[0]
    assert "question.example(" in visible or "share=0" in visible


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_points_is_right(name):
    """The table in the introduction, the cells' points and the questions in them agree."""
    cells = [cell for cell in notebook_of(unit(name).script).cells if meta(cell).get("grade")]
    points = [meta(cell)["points"] for cell in cells]
    introduction = notebook_of(unit(name).script).cells[0].source
    rows = re.findall(r"^\| (\d+) [^|]*\| (\d+) \|", introduction, re.MULTILINE)
    assert [(int(number), int(worth)) for number, worth in rows] == list(enumerate(points, 1))
    for number, cell in enumerate(cells, 1):
        if cell.cell_type == "code":
            asked = re.search(r"""Question\(["'](\d+)\. .*?["'], points=(\d+)\)""", cell.source)
            assert (int(asked[1]), int(asked[2])) == (number, points[number - 1])


@pytest.mark.parametrize("name", NAMES)
def test_every_question_has_mutants_and_some_have_alternatives(name):
    tried = unit(name).variants
    for question in unit(name).points:
        assert sum(v.wrong for v in tried if v.question == question) >= 3, question
    assert sum(not v.wrong for v in tried) >= 5
    labels = [(v.question, v.wrong, v.name, v.source) for v in tried]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", NAMES)
def test_no_test_takes_the_name_of_an_answer(name):
    """What a test cell defines is the judge's from there on, and no longer the student's."""
    sources = unit(name).sources
    written = "\n".join(sources[answer] for answer in unit(name).answers)
    answers = set(re.findall(r"^def (\w+)", written, re.MULTILINE))
    for question in unit(name).points:
        assert not answers & defined(sources[question]), question


def test_cells_run_as_in_a_notebook():
    """A class that a dataclass is made of looks up its module by name."""
    question = next(iter(unit(NAMES[0]).points))
    assert unit(NAMES[0]).answered(question)["__name__"] == "__main__"


@pytest.mark.parametrize("name", NAMES)
def test_a_question_is_marked_by_hand(name):
    """Its scheme is in the solution, which students do not get."""
    cells = notebook_of(unit(name).script).cells
    (cell,) = (c for c in cells if c.cell_type == "markdown" and meta(c).get("grade"))
    assert meta(cell)["solution"] and meta(cell)["points"] >= 3
    before, hidden = cell.source.split("### BEGIN SOLUTION")
    assert "Marking scheme" in hidden and not before.strip()


@some_questions
def test_solution_scores_full_marks_on_every_draw(name, question, draws, monkeypatch):
    """And no draw makes a right answer look like a known mistake."""
    gives = checks.Call.gives

    def looked_at(call, expected, *, hint="", mistakes=None):
        values = [value for value, _ in pairs(mistakes)]
        assert not isinstance(expected, int | tuple) or expected not in values, call
        gives(call, expected, hint=hint, mistakes=mistakes)

    monkeypatch.setattr(checks.Call, "gives", looked_at)
    namespace = unit(name).answered(question)
    for _ in range(draws[0]):
        score, message = unit(name).mark(question, namespace)
        assert score == unit(name).points[question] and "✗" not in message, message


@some_questions
def test_untouched_release_scores_nothing(name, question):
    namespace = unit(name).answered(question, **unit(name).release)
    for source in (unit(name).release[question], unit(name).sources[question]):
        score, message = unit(name).mark(question, namespace, source)
        assert score == 0
        assert message.count("not written yet") == 1


class ByHeart:
    """A student's function that knows the answers to the examples, and nothing else."""

    def __init__(self, function, otherwise: str):
        self.function, self.otherwise = function, otherwise
        self.known, self.learning, self.last = {}, True, None
        self.__name__ = function.__name__

    def __call__(self, *args, **kwargs):
        key = _key((args, sorted(kwargs.items())))
        if self.learning:
            try:
                self.known[key] = self.last = self.function(*args, **kwargs)
            except ValueError as error:
                self.known[key] = error
        answer = self.known.get(key, {"last": self.last, "error": ValueError()}.get(self.otherwise))
        if isinstance(answer, Exception):
            raise answer
        return answer


def _key(value) -> str:
    if isinstance(value, list | tuple):
        return repr([_key(item) for item in value])
    return repr(value.tolist()) if isinstance(value, np.ndarray) else repr(value)


# Data cannot be learned by heart: what is asked for in a cell is what it must hold.
FUNCTIONS = [
    (name, question)
    for name, question in QUESTIONS
    if "def " in unit(name).sources.get(question.removeprefix("test_"), "def ")
]


BY_HEART = [(*pair, otherwise) for pair in FUNCTIONS for otherwise in ("nothing", "last", "error")]


@pytest.mark.parametrize(("name", "question", "otherwise"), by_day(BY_HEART, 24, "by heart"))
def test_learning_the_examples_by_heart_scores_nothing(name, question, otherwise, draws):
    namespace = unit(name).answered(question)
    own = {}
    for answer in unit(name).answers:
        for label, value in namespace.items():
            if callable(value) and f"def {label}(" in unit(name).sources[answer]:
                own[label] = ByHeart(value, otherwise)
    namespace |= own
    released = unit(name).release[question]
    assert unit(name).mark(question, namespace, released)[0] == unit(name).points[question]
    for function in own.values():
        function.learning = False
    for _ in range(draws[0]):
        assert unit(name).mark(question, namespace)[0] == 0


@pytest.mark.parametrize(("name", "variant"), WRONG, ids=variant_id)
def test_mutant_loses_points(name, variant, draws):
    namespace = unit(name).answered(variant.question, **{variant.answer: variant.source})
    for _ in range(draws[1]):
        score, message = unit(name).mark(variant.question, namespace)
        assert score < unit(name).points[variant.question]
        assert variant.expected_message in message


@pytest.mark.parametrize(("name", "variant"), RIGHT, ids=variant_id)
def test_alternative_scores_full_marks(name, variant, draws):
    namespace = unit(name).answered(variant.question, **{variant.answer: variant.source})
    for _ in range(draws[1]):
        score, message = unit(name).mark(variant.question, namespace)
        assert score == unit(name).points[variant.question] and "✗" not in message, message


@pytest.mark.parametrize("name", NAMES)
def test_the_release_is_up_to_date(name):
    path = ROOT / "assignments" / name / f"{name}.ipynb"
    assert path.exists(), f"run `autograder release {name}`"
    released = nbformat.read(path, as_version=4)
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in released.cells}
    for grade_id, source in unit(name).release.items():
        found = cells[grade_id].source if grade_id in cells else None
        assert found == source, f"run `autograder release {name}`"
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]
