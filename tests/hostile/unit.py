"""A small unit whose class is handed in by people who want points, secrets or trouble.

Seven questions, twelve points: text, whole numbers, lists and dicts, arrays, a class with state, a
model, a function on symbolic tensors. One test cell is bare asserts, as in a stranger's course.
"""

from __future__ import annotations

import nbformat

UNIT = "hostile"

# Stands in hidden tests only and is never handed to a student's function. Whoever shows it has read
# a test. It is put together here so that looking for it does not find this line.
SECRET = "-".join(("hidden", "5e7f", "9c21", "d0b4"))
SECRET_PATTERN = "hidden-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}"

IMPORTS = """\
import keras
import numpy as np
from keras import layers

from autograder import checks"""

ANSWERS = {
    "greet": '''\
def greet(name):
    """Hello, and the name."""
    ### BEGIN SOLUTION
    return f"Hello, {name}!"
    ### END SOLUTION''',
    "steps": '''\
def steps(n):
    """How often n is halved, or tripled and increased by one, until it is 1."""
    ### BEGIN SOLUTION
    count = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        count += 1
    return count
    ### END SOLUTION''',
    "tally": '''\
def tally(words):
    """How often each word stands in a list, as a dict."""
    ### BEGIN SOLUTION
    return {word: words.count(word) for word in words}
    ### END SOLUTION''',
    "normalize": '''\
def normalize(x):
    """Columns with mean 0 and standard deviation 1."""
    ### BEGIN SOLUTION
    return (x - x.mean(axis=0)) / x.std(axis=0)
    ### END SOLUTION''',
    "mean": '''\
class RunningMean:
    """Subtracts a mean, which it learns while training."""

    ### BEGIN SOLUTION
    def __init__(self, momentum):
        self.momentum, self.mean = momentum, 0.0

    def __call__(self, x, training=False):
        if training:
            self.mean = self.momentum * self.mean + (1 - self.momentum) * float(np.mean(x))
        return x - self.mean
    ### END SOLUTION''',
    "net": '''\
def tiny_net(classes):
    """3x3 convolution to 4 channels, ReLU, global average, softmax over the classes."""
    ### BEGIN SOLUTION
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    ### END SOLUTION''',
    "block": '''\
def block(x, filters):
    """A same convolution, batch normalization and ReLU beside a shortcut."""
    ### BEGIN SOLUTION
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    return layers.Add()([x, y])
    ### END SOLUTION''',
}

_HIDDEN = f"### BEGIN HIDDEN TESTS\n# {SECRET}\nkey = {SECRET!r}\n"

TESTS = {
    "greet": (
        1,
        'assert greet("Ada") == "Hello, Ada!"\n'
        + _HIDDEN
        + 'assert greet("Bo") == "Hello, Bo!"\nassert greet("") == "Hello, !", key\n'
        "### END HIDDEN TESTS",
    ),
    "steps": (
        2,
        'question = checks.Question("Steps", points=2)\n'
        'question.example("six", steps, 6).gives(8, hint="6, 3, 10, 5, 16, 8, 4, 2, 1")\n'
        + _HIDDEN
        + """\
import colorsys  # which nothing has imported yet
from fractions import Fraction


def expected(n):
    found, value = 0, Fraction(n)
    while value != 1:
        value = value / 2 if value % 2 == 0 else 3 * value + 1
        found += 1
    return found


assert colorsys.rgb_to_hls(1, 0, 0)[2] == 1
for _ in range(4):
    number = question.random.randint(257, 5000)  # none of them takes 8 steps, as the example does
    question.check("any number", steps, number).gives(expected(number))
### END HIDDEN TESTS
question.score()""",
    ),
    "tally": (
        2,
        'question = checks.Question("Tally", points=2)\n'
        'question.example("two", tally, ["a", "b", "a"]).gives({"a": 2, "b": 1})\n'
        + _HIDDEN
        + """\
for _ in range(4):
    words = question.random.choices(["deep", "wide", "slim", "flat"], k=30)
    right = {word: words.count(word) for word in words}
    question.check("many words", tally, list(words)).gives(right)
### END HIDDEN TESTS
question.score()""",
    ),
    "normalize": (
        2,
        'question = checks.Question("Normalize", points=2)\n'
        "x = np.array([[1.0, 2.0], [3.0, 6.0]])\n"
        "right = [[-1.0, -1.0], [1.0, 1.0]]\n"
        'question.example("two rows", lambda: normalize(x).tolist()).gives(right)\n'
        + _HIDDEN
        + """\
draw = np.random.default_rng(question.random.getrandbits(32))
for rows in (5, 40):
    x = draw.normal(2, 3, (rows, 3))
    right = (x - x.mean(0)) / x.std(0)
    question.check("random rows", lambda: np.allclose(normalize(x), right)).gives(True)
### END HIDDEN TESTS
question.score()""",
    ),
    "mean": (
        1,
        'question = checks.Question("Running mean", points=1)\n'
        "layer = RunningMean(0.5)\n"
        'question.example("at rest", lambda: layer(np.ones(2)).tolist()).gives([1.0, 1.0])\n'
        + _HIDDEN
        + """\
value = question.random.randint(2, 90)
layer = RunningMean(0.75)
layer(np.full(3, 4.0 * value), training=True)
question.check("it learns", lambda: layer.mean).gives(1.0 * value)
question.check("it subtracts", lambda: layer(np.full(2, 2.0 * value)).tolist()).gives(
    [1.0 * value, 1.0 * value]
)
### END HIDDEN TESTS
question.score()""",
    ),
    "net": (
        2,
        'question = checks.Question("Tiny net", points=2)\n'
        'question.model("three classes", tiny_net, 3, share=0).has_output_shape((3,))\n'
        + _HIDDEN
        + """\
classes = question.random.randint(4, 20)
image = keras.Input((8, 8, 3))
y = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.Conv2D(4, 3)(image)))
right = keras.Model(image, layers.Dense(classes, activation="softmax")(y))
net = question.model("your net", tiny_net, classes)
net.has_params(112 + 5 * classes).computes(right, share=3)
### END HIDDEN TESTS
question.score()""",
    ),
    "block": (
        2,
        'question = checks.Question("Block", points=2)\n'
        'question.block("4 filters", block, (8, 8, 4), 4, share=0).has_output_shape((8, 8, 4))\n'
        + _HIDDEN
        + """\
filters = question.random.randint(5, 12)
tensor = keras.Input((8, 8, filters))
y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(tensor)
y = layers.ReLU()(layers.BatchNormalization()(y))
right = keras.Model(tensor, layers.Add()([tensor, y]))
mine = question.block("your block", block, (8, 8, filters), filters)
mine.has_order(["Conv2D", "BatchNormalization", "ReLU", "Add"]).computes(right, share=3)
### END HIDDEN TESTS
question.score()""",
    ),
}

POINTS = {name: points for name, (points, _) in TESTS.items()}
ALL = tuple(ANSWERS)
QUICK = ("greet", "steps", "tally")  # what needs no Keras


def points(*names: str) -> float:
    """What right answers to these questions are worth."""
    return sum(POINTS[name] for name in names)


def _right(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if "SOLUTION" not in line)


RIGHT = {name: _right(source) for name, source in ANSWERS.items()}

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "hostile"
c.ExecutePreprocessor.timeout = 8
"""


def source_notebook():
    """The instructor's notebook, with solutions and hidden tests."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3", "language": "python", "name": "python3",
    }  # fmt: skip

    def add(name: str, source: str, **meta):
        cell = nbformat.v4.new_code_cell(source, id=name.replace("_", "-"))
        cell.metadata["nbgrader"] = {
            "grade_id": name, "schema_version": 3, "task": False, "grade": False,
            "solution": False, "locked": not meta.get("solution", False),
        } | meta  # fmt: skip
        notebook.cells.append(cell)

    notebook.cells.append(nbformat.v4.new_markdown_cell("# A small unit", id="intro"))
    add("imports", IMPORTS)
    for name, answer in ANSWERS.items():
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"## {name}", id=f"text-{name}"))
        add(name, answer, solution=True)
        worth, test = TESTS[name]
        add(f"test_{name}", test, grade=True, points=worth)
    return notebook
