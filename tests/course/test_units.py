"""Every unit: its assignment marks justly, and students get what it says.

A mutant is the reference solution with one plausible mistake: it must lose points. An alternative
is another honest way to write it: it must lose none. Both lie beside the notebook and are graded by
the release gates as well, each as a student's work; here each is asked several times.
"""

import nbformat
import numpy as np
import pytest

from autograder import checks
from tests.conftest import ROOT
from tests.course.units import NAMES, meta, notebook_of, unit

QUESTIONS = [(name, question) for name in NAMES for question in unit(name).points]
VARIANTS = [(name, variant) for name in NAMES for variant in unit(name).variants]
WRONG = [pair for pair in VARIANTS if pair[1].wrong]
RIGHT = [pair for pair in VARIANTS if not pair[1].wrong]
# How often a right answer is asked, and a variant: a draw of networks takes seconds.
DRAWS = {"07_residual": (3, 1), "08_residual_ablations": (3, 1)}
OTHERS = (10, 2)


def named(value) -> str:
    return getattr(value, "name", value)


each_question = pytest.mark.parametrize(("name", "question"), QUESTIONS)


@each_question
def test_a_question_says_its_points_and_has_an_example(name, question):
    source = unit(name).sources[question]
    assert f"points={unit(name).points[question]}" in source
    visible = source.split("### BEGIN HIDDEN TESTS")[0]
    assert "question.example(" in visible or "share=0" in visible


@pytest.mark.parametrize("name", NAMES)
def test_every_question_has_mutants_and_some_have_alternatives(name):
    tried = unit(name).variants
    for question in unit(name).points:
        assert sum(v.wrong for v in tried if v.question == question) >= 3, question
    assert sum(not v.wrong for v in tried) >= 5
    labels = [(v.question, v.wrong, v.name, v.source) for v in tried]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", NAMES)
def test_a_question_is_marked_by_hand(name):
    """Its scheme is in the solution, which students do not get."""
    cells = notebook_of(unit(name).script).cells
    (cell,) = (c for c in cells if c.cell_type == "markdown" and meta(c).get("grade"))
    assert meta(cell)["solution"] and meta(cell)["points"] >= 3
    before, hidden = cell.source.split("### BEGIN SOLUTION")
    assert "Marking scheme" in hidden and not before.strip()


@each_question
def test_solution_scores_full_marks_on_every_draw(name, question, monkeypatch):
    """And no draw makes a right answer look like a known mistake."""
    gives = checks.Call.gives

    def looked_at(call, expected, *, hint="", mistakes=None):
        assert not isinstance(expected, int | tuple) or expected not in (mistakes or {}), call
        gives(call, expected, hint=hint, mistakes=mistakes)

    monkeypatch.setattr(checks.Call, "gives", looked_at)
    namespace = unit(name).answered()
    for _ in range(DRAWS.get(name, OTHERS)[0]):
        score, message = unit(name).mark(question, namespace)
        assert score == unit(name).points[question] and "✗" not in message, message


@each_question
def test_untouched_release_scores_nothing(name, question):
    namespace = unit(name).answered(**unit(name).release)
    for source in (unit(name).release[question], unit(name).sources[question]):
        score, message = unit(name).mark(question, namespace, source)
        assert score == 0
        assert "it is not written yet" in message and "Hint: " in message


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


@pytest.mark.parametrize("otherwise", ["nothing", "last", "error"])
@pytest.mark.parametrize(("name", "question"), FUNCTIONS)
def test_learning_the_examples_by_heart_scores_nothing(name, question, otherwise):
    namespace = unit(name).answered()
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
    for _ in range(DRAWS.get(name, OTHERS)[0]):
        assert unit(name).mark(question, namespace)[0] == 0


@pytest.mark.parametrize(("name", "variant"), WRONG, ids=named)
def test_mutant_loses_points(name, variant):
    namespace = unit(name).answered(**{variant.answer: variant.source})
    for _ in range(DRAWS.get(name, OTHERS)[1]):
        score, message = unit(name).mark(variant.question, namespace)
        assert score < unit(name).points[variant.question]
        assert variant.says in message


@pytest.mark.parametrize(("name", "variant"), RIGHT, ids=named)
def test_alternative_scores_full_marks(name, variant):
    namespace = unit(name).answered(**{variant.answer: variant.source})
    for _ in range(DRAWS.get(name, OTHERS)[1]):
        score, message = unit(name).mark(variant.question, namespace)
        assert score == unit(name).points[variant.question] and "✗" not in message, message


@pytest.mark.parametrize("name", NAMES)
def test_the_release_is_up_to_date(name):
    path = ROOT / "assignments" / name / f"{name}.ipynb"
    assert path.exists(), f"run `autograder release {name}`"
    released = nbformat.read(path, as_version=4)
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in released.cells}
    for grade_id, source in unit(name).release.items():
        assert cells[grade_id].source == source, f"run `autograder release {name}`"
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]
