"""What an answer may not use, and may not loop over: found where it is broken, and only there."""

import itertools
import re

import numpy as np
import pytest

from autograder.checks import ChecksFailed, Question
from autograder.checks.reading import forbidden_uses
from autograder.checks.rules import SLACK, _growth

GIVEN = """
import numpy as np
import scipy.signal
import scipy.signal as sg
from scipy.signal import correlate2d as slide
from autograder import checks

def by_trying(loss, array):
    return loss(array)
"""
TEST = """
question = checks.Question("q", points=2)
image, kernel = np.arange(42.0).reshape(6, 7), np.ones((3, 3))
question.rules(f, without=("scipy", "by_trying"), costs={costs})
windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
question.check("valid", f, image, kernel).gives_array((windows * kernel).sum((-1, -2)))
question.score()
"""
HONEST = """
def f(x, k):
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape)
    return (windows * k).sum((-1, -2))
"""
names = itertools.count()


def notebook(*cells: str) -> dict:
    """What cells leave behind, as in a notebook: with `In`, and a file name for each."""
    namespace: dict = {"In": []}
    for cell in cells:
        namespace["In"].append(cell)
        exec(compile(cell, f"<cell {next(names)}>", "exec"), namespace)
    return namespace


def marked(answer: str, costs: float = 1, test: str = TEST) -> tuple[float, str]:
    """The points of a question, and what it says."""
    namespace = notebook(GIVEN, answer)
    lines = test.format(costs=costs).strip().splitlines()
    question = "\n".join(lines[:-1])
    exec(compile(question, "<test>", "exec"), namespace)
    try:
        return namespace["question"].score(), ""
    except ChecksFailed as failure:
        return 0, re.sub(r"\s+", " ", str(failure))


@pytest.mark.parametrize(
    "answer",
    [
        HONEST,
        "import scipy\nfrom scipy import ndimage" + HONEST,  # not used
        HONEST + "\n\n# scipy.signal.correlate2d(x, k)\nnote = 'scipy.signal'",
        HONEST
        + "\n\nassert f(np.eye(4), np.eye(2)).shape == slide(np.eye(4), np.eye(2), 'valid').shape",
        "scipy_like = np.lib.stride_tricks" + HONEST.replace("np.lib.stride_tricks", "scipy_like"),
        HONEST.replace("windows", "by_trying"),  # a variable of that name
        HONEST.replace("f(x, k)", "f(x: scipy.ndarray, k) -> 'scipy'").replace(
            "scipy.ndarray", "'scipy.ndarray'"
        ),
        HONEST.replace(
            "    return", "    assert not isinstance(x, scipy.signal.StateSpace)\n    return"
        ),
        "def by_hand(x, k):\n    return slide(x, k, 'valid')\n" + HONEST,  # never called
        "def by_hand(x, k):\n    return slide(x, k)\n" + HONEST + "def by_hand(x):\n    return x",
    ],
)
def test_what_is_not_used_is_no_breach(answer):
    assert marked(answer) == (2, "")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("def f(x, k):\n    return scipy.signal.correlate2d(x, k, 'valid')",
         "f uses scipy.signal.correlate2d; the text asks for an answer without scipy."),
        ("def f(x, k):\n    return sg.correlate2d(x, k, 'valid')", "f uses scipy.signal."),
        ("f = lambda x, k: slide(x, k, 'valid')", "f uses scipy.signal.correlate2d"),
        ("import functools\nf = functools.partial(slide, mode='valid')", "f uses scipy.signal.cor"),
        ("def f(x, k):\n    from scipy import signal\n    return signal.correlate2d(x, k, 'valid')",
         "f uses scipy.signal.correlate2d"),
        ("def f(x, k, slide=slide):\n    return slide(x, k, 'valid')", "f uses scipy.signal"),
        ("s = scipy\ndef f(x, k):\n    return s.signal.correlate2d(x, k, 'valid')", "f uses scipy"),
        ("def f(x, k):\n    return __import__('scipy.signal').signal.correlate2d(x, k, 'valid')",
         "f uses scipy"),
        ("import importlib\ndef f(x, k):\n"
         "    return importlib.import_module('scipy.signal').correlate2d(x, k, 'valid')",
         "f uses scipy"),
        ("import sys\ndef f(x, k):\n"
         "    return sys.modules['scipy.signal'].correlate2d(x, k, 'valid')",
         "f uses scipy.signal"),
        ("def f(x, k):\n    return getattr(scipy, 'signal').correlate2d(x, k, 'valid')",
         "f uses scipy"),
        ("def h(x, k):\n    return slide(x, k, 'valid')\ndef g(x, k):\n    return h(x, k)\n"
         "def f(x, k):\n    return g(x, k)", "f calls h, which uses scipy.signal.correlate2d"),
        ("class Tool:\n    def run(self, x, k):\n        return slide(x, k, 'valid')\n"
         "tool = Tool()\ndef f(x, k):\n    return tool.run(x, k)", "f calls Tool, which uses sci"),
        ("ways = {}\nways['valid'] = slide\ndef f(x, k):\n    return ways['valid'](x, k, 'valid')",
         "f calls ways, which uses scipy"),
        ("def f(x, k):\n" + HONEST.split("\n", 2)[2] + "\n", None),
        (HONEST.replace("f(", "g(") + "\ndef f(x, k):\n    return by_trying(lambda x: g(x, k), x)",
         "f uses by_trying; the text asks for an answer without by_trying"),
        (HONEST.replace("f(", "g(") + "\ntry_out = by_trying\n"
         "def f(x, k):\n    return try_out(lambda x: g(x, k), x)", "f uses by_trying"),
        # Only seen where it runs.
        ("import importlib\ndef f(x, k):\n    name = 'sci' + 'py.signal'\n"
         "    return importlib.import_module(name).correlate2d(x, k, 'valid')", "f calls scipy;"),
        ("def f(x, k):\n    return eval('slide')(x, k, 'valid')", "f calls scipy;"),
        (HONEST.replace("f(", "g(") + "\ndef f(x, k):\n"
         "    return globals()['by_try' + 'ing'](lambda x: g(x, k), x)", "f calls by_trying;"),
    ],
)  # fmt: skip
def test_what_is_used_costs_the_points_and_is_named(answer, says):
    points, said = marked(answer)
    if says is None:
        assert (points, said) == (2, "")
    else:
        assert points == 0
        assert f"✗ not allowed: {says}" in said


def test_packages_under_other_names():
    cells = [
        "import tensorflow as tf",
        "def f(x):\n    return tf.keras.ops.relu(x) + tf.nn.relu(x)",
    ]
    assert forbidden_uses(["f"], cells, ["keras"]) == {"keras": "f uses tensorflow.keras.ops.relu"}
    assert list(forbidden_uses(["f"], cells, ["tensorflow.nn"])) == ["tensorflow.nn"]
    assert forbidden_uses(["f"], cells, ["tensorflow.math", "keras_cv"]) == {}
    assert forbidden_uses(["f"], ["this is no Python", "f = 1"], ["keras"]) == {}


def test_an_answer_that_is_data_is_read_by_its_name():
    cells = ["from course import sizing", "rows = [sizing.conv_params(3, 4, 5)]", "total = 1"]
    assert forbidden_uses(["rows"], cells, ["course.sizing"]) == {
        "course.sizing": "rows uses course.sizing.conv_params"
    }
    assert forbidden_uses(["total"], cells, ["course.sizing"]) == {}
    cells.append("rows.append(2)\nfor n in range(3):\n    total += sizing.dense_params(n, n)")
    assert list(forbidden_uses(["total"], cells, ["course.sizing"])) == ["course.sizing"]


def test_a_breach_costs_a_part_of_the_points(capsys):
    answer = "def f(x, k):\n    return slide(x, k, 'valid')"
    assert marked(answer, costs=0.25)[0] == 1.5
    assert "✗ not allowed: f uses scipy" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"costs must be a fraction .* received 2"):
        Question("q", points=1).rules("f", without=("scipy",), costs=2)


# Loops


def loops(body: str, *, before: str = "", axis: int = 0, by: int = 40) -> str:
    """What is said of a function of an image and a kernel about a loop along an axis."""
    cell = f"import numpy as np\nimport functools\n{before}\ndef f(x, k):\n    " + body
    namespace = notebook(cell)
    small = [6, 7]
    large = [size + by * (axis == n) for n, size in enumerate(small)]
    question = namespace["question"] = Question("q", points=1)
    namespace["sizes"] = {
        "the rows": tuple((np.ones(shape), np.ones((3, 2))) for shape in (small, large))
    }
    exec("question.rules(f, no_loop_over=sizes)", namespace)
    question.check("anything", lambda: 1).gives(1)
    try:
        question.score()
    except ChecksFailed as failure:
        return str(failure)
    return ""


@pytest.mark.parametrize(
    ("body", "before"),
    [
        ("v = np.lib.stride_tricks.sliding_window_view(x, k.shape)\n"
         "    return np.einsum('ijkl,kl->ij', v, k)", ""),
        ("h, w = np.subtract(x.shape, k.shape) + 1\n"
         "    return sum(k[i, j] * x[i:i + h, j:j + w] for i, j in np.ndindex(k.shape))", ""),
        ("y = np.zeros(np.subtract(x.shape, k.shape) + 1)\n"
         "    for i in range(k.shape[0]):\n        for j in range(k.shape[1]):\n"
         "            y += k[i, j] * x[i:i + y.shape[0], j:j + y.shape[1]]\n    return y", ""),
        ("return g(x)", "@functools.lru_cache\ndef places(*s):\n    a = s[0]\n    return a\n"
         "def g(x):\n    return np.pad(x, places(*x.shape))"),
        ("x = x.copy()\n    while x.shape[0] > 3:\n        x = x[::2]\n    return x", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("axis", [0, 1])
def test_a_loop_over_the_kernel_is_no_breach(body, before, axis):
    assert loops(body, before=before, axis=axis) == ""


@pytest.mark.parametrize(
    ("body", "before"),
    [
        ("y = []\n    for row in x:\n        y.append(row.sum())\n    return y", ""),
        ("return [row.sum() for row in x]", ""),
        ("return sum(row.sum() for row in x)", ""),
        ("return [r.sum() for row in x for r in row]", ""),
        ("return np.array(list(map(lambda row: row.sum(), x)))", ""),
        ("return np.vectorize(lambda v: v + 1)(x)", ""),
        ("return np.apply_along_axis(lambda row: row.sum(), 1, x)", ""),
        ("return g(x, 0)",
         "def g(x, n):\n    return 0 if n == len(x) else x[n].sum() + g(x, n + 1)"),
        ("n = 0\n    while n < len(x): n += 1\n    return n", ""),
        ("return [x[n].sum() for n in range(0, len(x), 2)]", ""),  # every second: a stride
        ("return sum(g(x))", "def g(x):\n    for row in x:\n        yield row.sum()"),
        ("return Tool()(x)",
         "class Tool:\n    def __call__(self, x):\n        return [r + 1 for r in x]"),
    ],
)  # fmt: skip
def test_a_loop_over_rows_is_found_however_it_is_written(body, before):
    said = loops(body, before=before)
    assert "f loops over the rows: it ran" in said and "40 more along an axis" in " ".join(
        said.split()
    )


def test_a_loop_over_columns_is_none_over_rows():
    body = "return [x[:, n].sum() for n in range(x.shape[1])]"
    assert loops(body) == "" and loops(body, axis=1)


def test_an_answer_that_fails_breaks_no_rule():
    assert loops("raise ValueError('no')") == ""


def test_the_large_input_must_be_larger():
    with pytest.raises(ValueError, match=f"at least {4 * SLACK} more .* received 9 more"):
        loops("return x", by=9)


# In the engine, where the answer runs in a process of its own


def judged(executor, answer: str) -> str:
    """What the graded cell of a submission says."""
    from autograder.engine.job import CellPlan, Job, Role

    test = TEST.format(costs=1).replace(
        '"by_trying"), costs=1)',
        '"by_trying"), no_loop_over={"rows": ((image, kernel), (np.ones((60, 7)), kernel))})',
    )
    cells = [
        CellPlan(Role.STUDENT, GIVEN, instructor_source=GIVEN),
        CellPlan(Role.STUDENT, answer),
        CellPlan(Role.TEST, test),
    ]
    ran = executor.run(Job("unit", "ada", {"a": cells}))["a"]
    assert ran.failure == "" and ran.incidents == []
    return " ".join(
        str(output.get("text") or output.get("evalue") or output["data"]["text/plain"]).strip()
        for output in ran.cells[-1].outputs
    )


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (HONEST, "✓ q: 1 check passed. 2.0"),
        ("def f(x, k):\n    return slide(x, k, 'valid')", "f uses scipy.signal.correlate2d"),
        ("def f(x, k):\n    return eval('slide')(x, k, 'valid')", "f calls scipy;"),
        (
            HONEST.replace("x, k.shape)", "np.array([row for row in x]), k.shape)"),
            "f loops over rows",
        ),
    ],
)
def test_rules_hold_in_the_engine(executor, answer, says):
    assert says in judged(executor, answer)


def test_how_much_an_input_grows():
    image = np.ones((10, 4))
    assert _growth((image,), (np.ones((50, 4)),)) == 40
    assert _growth(([1, 2],), ([1] * 102,)) == 100
    assert _growth((3, "x"), (93, "x")) == 90
    with pytest.raises(ValueError, match="received 5 more"):
        _growth(([1, 2],), ([1] * 7,))
