"""Unit 02: its lecture teaches the right numbers, and its assignment marks justly.

The notebooks' code cells run here in one namespace, without a kernel; the cell that trains is left
out. A mutant is the reference solution with one plausible mistake: it must lose points. An
alternative is another honest way to write it: it must lose none.
"""

import ast
import contextlib
import io
import re
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

import course.quiet  # noqa: F401
from autograder import checks
from autograder.notebooks import to_ipynb
from course import sizing

ROOT = Path(__file__).parents[2]
LECTURE = ROOT / "course/lectures/02_sizing.py"
SOLUTION = ROOT / "solutions/02_sizing/02_sizing.py"


# Running notebooks


def run(source: str, namespace: dict):
    """Run a cell, and give the value of its last line if that is an expression."""
    tree, last = ast.parse(source), None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, "<cell>", "exec"), namespace)
    return eval(compile(last, "<cell>", "eval"), namespace) if last else None


@cache
def code_cells(script: Path) -> tuple:
    notebook = nbformat.reads(to_ipynb(script.read_text()), as_version=4)
    return tuple(cell for cell in notebook.cells if cell.cell_type == "code")


ASSIGNMENT = {cell.metadata.nbgrader.grade_id: cell for cell in code_cells(SOLUTION)}
SOURCES = {name: cell.source for name, cell in ASSIGNMENT.items()}
POINTS = {
    name: cell.metadata.nbgrader.points
    for name, cell in ASSIGNMENT.items()
    if cell.metadata.nbgrader.grade
}
UNGRADED = [name for name in ASSIGNMENT if name not in POINTS and name != "train_lenet"]
# The cell that a graded cell tests has its name without "test_".
ANSWERS = {question: question.removeprefix("test_") for question in POINTS}


@cache
def digits_model():
    """What the training cell leaves behind, untrained: its sizes are the same."""
    from course import architectures

    return architectures.build("lenet5_modern")


def answered(**replaced: str) -> dict:
    """A namespace after every solution cell; `replaced` has other sources by grade id."""
    namespace = {}
    for name in UNGRADED:
        run(replaced.get(name, SOURCES[name]), namespace)
    return namespace


def mark(question: str, namespace: dict, source: str | None = None) -> tuple[float, str]:
    """The points that a graded cell gives, and what it says."""
    if question == "test_predict_lenet":
        namespace["model"] = digits_model()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            return run(source or SOURCES[question], namespace), printed.getvalue()
    except checks.ChecksFailed as failure:
        return 0, str(failure)


# The two faces


@pytest.mark.parametrize("script", [LECTURE, SOLUTION], ids=["lecture", "solution"])
def test_notebook_is_made_from_its_script(script):
    assert script.with_suffix(".ipynb").read_text() == to_ipynb(script.read_text())


def test_points():
    assert sum(POINTS.values()) == 30
    for question, points in POINTS.items():
        assert re.search(rf"checks\.Question\(.*points={points}\)", SOURCES[question]), question
        assert "question.example(" in SOURCES[question].split("### BEGIN HIDDEN TESTS")[0]


# The numbers that the unit teaches, each by its question in the independent list


@pytest.fixture(scope="module")
def taught():
    """The lecture's names after it has run from start to end."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    namespace = {}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
        for cell in code_cells(LECTURE):
            run(cell.source, namespace)
    plt.close("all")
    return SimpleNamespace(**namespace)


@pytest.fixture(scope="module")
def solution():
    return SimpleNamespace(**answered())


def numbers_in(text: str) -> set[str]:
    return {number.replace(",", "") for number in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


conv, pool, field = sizing.conv_output_size, sizing.pool_output_size, sizing.receptive_field
params, dense, macs = sizing.conv_params, sizing.dense_params, sizing.conv_macs
connections = sizing.conv_connections


def weights(*args):
    return params(*args, use_bias=False)


def billions(count):
    return f"{count / 1e9:.2f}"


# Question -> the numbers of its right answer, computed. `t` has the lecture's names, `s` the
# reference solution's functions. A string is a number rounded as the list has it.
NUMBERS = {
    # Lecture 1
    "7x7 input, 3x3 filter, stride 1 / 2 / 3": lambda t, s: [conv(7, 3), conv(7, 3, 2)],
    "32x32x3 input, four 4x4x3 filters, only where the filter fully overlaps: output neurons": (
        lambda t, s: [conv(32, 4), conv(32, 4) ** 2 * 4]
    ),
    "same example: parameters FC with 500 neurons / conv": lambda t, s: [t.dense, t.conv],
    "Weights per neuron for CIFAR-10 / for a 200x200 RGB image": (
        lambda t, s: [t.cifar10, t.picture]
    ),
    "LeNet-5 input": lambda t, s: [params(1, 6, 5), params(3, 6, 5)],
    "LeNet C1 (6 filters 5x5): map size": lambda t, s: s.lenet5_table()[0][1],
    "LeNet C1: trainable parameters": (
        lambda t, s: [s.lenet5_table()[0][2], params(3, 6, 5), weights(1, 6, 5) * 3]
    ),
    "LeNet C1: connections": lambda t, s: [connections(c, 6, 5, conv(32, 5)) for c in (1, 3)],
    "LeNet S2: size / parameters": lambda t, s: [pool(28, 2), *s.lenet5_table()[1][2:]],
    "LeNet C3: size / parameters": (
        lambda t, s: [
            conv(14, 5), *s.lenet5_table()[2][2:], params(6, 16, 5), connections(6, 16, 5, 10)
        ]
    ),
    "LeNet S4": lambda t, s: [pool(10, 2), *s.lenet5_table()[3][2:]],
    "LeNet C5": lambda t, s: s.lenet5_table()[4][2:],
    "LeNet F6": lambda t, s: s.lenet5_table()[5][2:],
    "LeNet totals": lambda t, s: [t.lenet_params, t.lenet_connections, t.report.params],
    "AlexNet item 6, second NORM": lambda t, s: s.alexnet_table()[6][1],
    "CONV2 output and filter": (
        lambda t, s: [*s.alexnet_table()[4][1], weights(96, 256, 5, 2), weights(96, 256, 5)]
    ),
    "shape of the two CONV(128) rows": lambda t, s: s.vgg16_table()[4][1],
    "VGG-16 FC1 share": (
        lambda t, s: [
            t.fc[0], sum(t.fc), f"{100 * t.fc[0] / t.vgg_weights:.1f}",
            f"{100 * s.table_totals(s.vgg16_table())['fc_share']:.1f}",
        ]
    ),
    "VGG-16 layer pattern": lambda t, s: [sum(row[3] > 0 for row in s.vgg16_table())],
    "3x3x192 conv operations, naive": lambda t, s: [t.naive["3x3, 192"]],
    "naive total": lambda t, s: [t.naive_total],
    "padding for the 3x3 / 5x5 branches": lambda t, s: [(k - 1) // 2 for k in (3, 5)],
    "can the concatenated depth be smaller than the input depth": lambda t, s: [t.naive_depth],
    "reduced inception total": lambda t, s: [t.reduced_total],
    "reduction factor": (
        lambda t, s: [f"{t.naive_total / n:.2f}" for n in (t.reduced_total, t.twice)]
    ),
    "GoogLeNet parameters": lambda t, s: [t.googlenet],
    "GoogLeNet layer count": lambda t, s: [t.layers],
    # Lecture 2
    "9x9 image, 3x3: valid / full / same / stride-2 valid": lambda t, s: t.sizes.values(),
    "Connections of a FC unit on a 9x9 image (gray / RGB); of a 3x3 locally connected unit": (
        lambda t, s: [f(c) for c in (1, 3) for f in (lambda c: 81 * c, lambda c: weights(c, 1, 3))]
    ),
    "Receptive field of two stacked 3x3": lambda t, s: [field([(3, 1)] * 2)],
    "AlexNet first layer output": lambda t, s: [conv(227, 11, 4), conv(224, 11, 4, "same")],
    "AlexNet first max-pool": lambda t, s: s.alexnet_table()[2][1],
    "ResNet-152 vs VGG-19 compute": (
        lambda t, s: map(
            billions, [t.resnet152(False), t.resnet152(True), t.vgg_macs(t.vgg19_parts)]
        )
    ),
    # Lecture 0
    "AlexNet CONV1 output (227, 96 11x11, stride 4, pad 0)": lambda t, s: s.alexnet_table()[1][1],
    "CONV1 parameters": lambda t, s: [weights(3, 96, 11), s.alexnet_table()[1][2]],
    "POOL1 output, parameters": lambda t, s: [*s.alexnet_table()[2][1], 0],
    "the whole table of [H x W x C]": (
        lambda t, s: ["-".join(str(max(row[1][0], row[1][0] == 1 and row[1][2]))
                               for row in s.alexnet_table()[1:])]
    ),
    "AlexNet full parameter count": lambda t, s: [t.alexnet_one, t.alexnet_two],
    "receptive field of three 3x3": lambda t, s: [field([(3, 1)] * 3)],
    "parameters: three 3x3 vs one 7x7": (
        lambda t, s: [3 * weights(1, 1, 3), weights(1, 1, 7), f"{27 / 49:.3f}"]
    ),
    "VGG-16 activation memory": (
        lambda t, s: [
            t.vgg_values, t.conv_values, f"{t.memory / 2**20:.2f}", f"{t.memory / 1e6:.2f}"
        ]
    ),
    "VGG-16 parameters": lambda t, s: [t.vgg_weights, t.vgg_biases, t.vgg_params],
    "naive inception output sizes on 28x28x256: 1x1-128, 3x3-192, 5x5-96, pool": (
        lambda t, s: [conv(28, k, padding="same") for k in (1, 3, 5)]
    ),
    "naive inception concatenated depth": lambda t, s: [s.inception_depth(256, 128, 192, 96)],
    "naive inception total operations": (
        lambda t, s: [s.inception_macs((28, 28), 256, 128, 192, 96)]
    ),
    "reduced inception total (1x1-64 before 3x3, before 5x5, and after pool)": (
        lambda t, s: [
            s.inception_macs((28, 28), 256, 128, 192, 96, 64, 64, 64), t.twice, *t.reduced.values()
        ]
    ),
    "reduced inception concatenated depth": (
        lambda t, s: [t.reduced_depth, s.inception_depth(256, 128, 192, 96, 64)]
    ),
    # Lecture 3
    "cost of grouped 3x3, 64 channels in 32 groups of 4": (
        lambda t, s: [weights(64, 64, 1), 32 * weights(4, 4, 1)]
    ),
    "separable vs standard 3x3": (
        lambda t, s: [f"{s.separable_saving(n, n):.2f}" for n in (64, 1024)]
    ),
    "EfficientNet scaling": lambda t, s: [f"{t.depth * t.width**2 * t.resolution**2:.5f}"],
}  # fmt: skip

# These are rules and not numbers; test_rules has them.
RULES = {
    "Size of a 2-D convolution of w x h input with w_f x h_f filter, full overlap only",
    "With padding: output",
    "With stride: output",
    "Pooling output and parameters",
    "SE block parameters, r=16",
    "EfficientNet constraint",
}

# These are not about sizes, or are counted in other units.
ELSEWHERE = {
    "cross-correlation formulas", "Effect of removing a middle layer", "ZFNet error",
    "relative reductions 16.4->11.7 and 11.7->7.3", "VGG date", "VGG-19 vs VGG-16",
    "auxiliary loss weight", "ResNet weight decay", "ResNet initialisation", "ResNet depths",
    "basic residual block", "DenseNet remark", "GoogLeNet/VGG/ResNet top-5",
    "ImageNet challenge size", "EfficientNet year / EfficientNetV2 image limit",
    "B0 vs ResNet-50; B1 vs ResNet-152", "stochastic depth mean survival with p_L=0.5",
}  # fmt: skip


def test_every_question_has_its_place(facts):
    asked = {row["question"] for row in facts("sizing_questions.json")}
    assert asked == NUMBERS.keys() | RULES | ELSEWHERE


@pytest.mark.parametrize("question", NUMBERS)
def test_number(question, facts, taught, solution):
    right = [
        f"{row['correct']} {row['derivation']}"
        for row in facts("sizing_questions.json")
        if row["question"] == question
    ]
    assert right
    for number in map(str, NUMBERS[question](taught, solution)):
        for text in right:
            assert number in numbers_in(text) or ("-" in number and number in text), text


def test_rules():
    for w, f, pad, stride in [(32, 4, 0, 1), (224, 7, 3, 2), (15, 4, 1, 3), (9, 3, 1, 1)]:
        assert conv((w, w + 5), (f, f + 1)) == (w - f + 1, (w + 5) - (f + 1) + 1)
        assert conv(w, f, padding=pad) == w - f + 1 + 2 * pad
        assert conv(w, f, stride, pad) == (w - f + 2 * pad) // stride + 1
        assert pool(w, f, stride) == (w - f) // stride + 1
        if f % 2:
            assert conv(w, f, padding=(f - 1) // 2) == w


def test_squeeze_and_excitation_rule(solution):
    assert all(solution.se_params(c) == c * c // 8 for c in (64, 256, 2048))


def test_blocks(facts, taught, solution):
    blocks = facts("blocks.json")
    layers = {row["layer"]: row for row in blocks["alexnet_layers"]}
    one, two = ({row[0]: row for row in solution.alexnet_table(groups=g)} for g in (1, 2))
    for name, row in layers.items():
        kind, _, variant = name.partition(" ")
        ours = (two if "groups" in variant else one)[kind]
        assert ours[2] == row["weights"] + row["biases"], name
        assert row["output"] in ("x".join(map(str, ours[1])), str(ours[1][2])), name
    listed = [
        (row["layer"], tuple(row["shape"]), row["memory"], row["weights"])
        for row in blocks["vgg16_table"]
    ]
    assert solution.vgg16_table() == listed
    totals = solution.table_totals(listed)
    assert totals["values"] == blocks["vgg16_totals"]["memory_values"]
    assert round(totals["mebibytes"], 2) == blocks["vgg16_totals"]["memory_MiB"]
    ops = blocks["inception_ops"]
    assert sorted(taught.naive.values()) == sorted(
        ops["naive"][k] for k in ("c1x1", "c3x3", "c5x5")
    )
    assert sorted([*taught.reduced.values(), taught.reduced_total]) == sorted(
        ops["reduced"].values()
    )
    without = solution.inception_macs((28, 28), 256, 128, 192, 96, 64, 64)
    assert without == ops["reduced_without_pool_proj"]
    known = blocks["facts"]
    assert solution.bottleneck_params(256, 64) == known["resnet_bottleneck"]["bottleneck_256_64"]
    assert solution.basic_block_params(256) == known["resnet_bottleneck"]["basic_256"]
    assert solution.basic_block_params(64) == known["resnet_bottleneck"]["basic_64"]
    for name, count in known["resnext_equal_complexity"]["rows"].items():
        groups, width = map(int, re.findall(r"\d+", name))
        assert solution.bottleneck_params(256, groups * width, groups) == count, name
    for channels, ratio in known["separable"]["ratios"].items():
        assert round(solution.separable_saving(64, int(channels)), 3) == ratio


def test_googlenet_against_the_others(taught):
    assert f"{taught.alexnet_one / taught.googlenet:.1f}" == "8.9"
    assert f"{taught.vgg_params / taught.googlenet:.1f}" == "19.8"


def test_corrections_name_every_wrong_size(facts, taught):
    """The closing table holds each slide that the list finds wrong about a size."""
    table = [(numbers_in(said), numbers_in(right)) for _, said, right, _ in taught.corrections]
    for row in facts("sizing_questions.json"):
        if row["slide_ok"] is False and row["question"] in NUMBERS:
            wrong, correct = numbers_in(row["slide_answer"]), numbers_in(row["correct"])
            assert any(said & wrong and right & correct for said, right in table), row["question"]


# The hidden tests are just


@pytest.mark.parametrize("question", POINTS)
def test_solution_scores_full_marks_on_every_draw(question, monkeypatch):
    """And no draw makes a right answer look like a known mistake."""
    gives = checks.Call.gives

    def looked_at(call, expected, *, hint="", mistakes=None):
        assert expected not in (mistakes or {}), call
        gives(call, expected, hint=hint, mistakes=mistakes)

    monkeypatch.setattr(checks.Call, "gives", looked_at)
    namespace = answered()
    for _ in range(20):
        assert mark(question, namespace)[0] == POINTS[question]


@pytest.fixture(scope="module")
def release():
    """The assignment as students get it, by grade id."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

    notebook = nbformat.reads(to_ipynb(SOLUTION.read_text()), as_version=4)
    for preprocessor in (ClearSolutions(), ClearHiddenTests()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    text = nbformat.writes(notebook)
    assert "SOLUTION" not in text and "HIDDEN" not in text and "mistakes" not in text
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in cells}


@pytest.mark.parametrize("question", POINTS)
def test_untouched_release_scores_nothing(question, release):
    namespace = answered(**release)
    for source in (release[question], SOURCES[question]):
        score, message = mark(question, namespace, source)
        assert score == 0
        assert "it is not written yet" in message and "Hint: " in message


@pytest.mark.parametrize("otherwise", ["None", "the last answer", "ValueError"])
@pytest.mark.parametrize("question", POINTS)
def test_learning_the_examples_by_heart_scores_nothing(question, otherwise, release):
    answers = {}

    def key(args, kwargs):
        return repr((args, sorted(kwargs.items())))

    def learning(name, function):
        def call(*args, **kwargs):
            try:
                answer = function(*args, **kwargs)
            except ValueError as error:
                answer = error
            answers[name, key(args, kwargs)] = answer
            return recite(answer)

        return call

    def recite(answer):
        if isinstance(answer, Exception):
            raise answer
        return answer

    def reciting(name):
        def call(*args, **kwargs):
            if (known := (name, key(args, kwargs))) in answers:
                return recite(answers[known])
            last = [answer for (owner, _), answer in answers.items() if owner == name][-1]
            return recite(
                {"None": None, "the last answer": last, "ValueError": ValueError()}[otherwise]
            )

        return call

    names = re.findall(r"^def (\w+)", SOURCES[ANSWERS[question]], flags=re.MULTILINE)
    namespace = answered()
    namespace |= {name: learning(name, namespace[name]) for name in names}
    assert mark(question, namespace, release[question])[0] == POINTS[question]
    namespace |= {name: reciting(name) for name in names}
    assert mark(question, namespace, release[question])[0] == POINTS[question]
    assert mark(question, namespace)[0] == 0


# Mutants: what is mistaken, in which answer, the text replaced and its replacement, and what the
# message must say (a few words of it; empty where the mistake is not a known misconception).
MUTANTS = [
    ("first place forgotten", "valid_output_size", "// strides + 1", "// strides",
     "the first place needs no step"),
    ("rounded up", "valid_output_size", "(size - kernel_size) // strides",
     "-((kernel_size - size) // strides)", "hangs over the end"),
    ("rounded", "valid_output_size", "(size - kernel_size) // strides",
     "round((size - kernel_size) / strides)", "hangs over the end"),
    ("one added before dividing", "valid_output_size", "(size - kernel_size) // strides + 1",
     "(size - kernel_size + 1) // strides", "the first place needs no step"),
    ("a float", "valid_output_size", "// strides", "/ strides", "use // to divide"),
    ("full for valid", "valid_output_size", "(size - kernel_size)", "(size + kernel_size - 2)",
     "the full convolution"),
    ("stride left out", "valid_output_size", "// strides", "", "the stride was left out"),
    ("no error", "valid_output_size", "if kernel_size > size:", "if False:", "ValueError"),
    ("an exact fit refused", "valid_output_size", "kernel_size > size:",
     "(size - kernel_size) % strides == 0 and strides > 1:", ""),
    ("same without ceil", "conv_output_size", "-(-size // strides)", "size // strides",
     "a rest at the end gets a place of its own"),
    ("same keeps the size", "conv_output_size", "-(-size // strides)", "size",
     "only with stride 1"),
    ("same is half the kernel", "conv_output_size", "return -(-size // strides)",
     "padding = kernel_size // 2", "too many for an even kernel"),
    ("same is (k-1)/2", "conv_output_size", "return -(-size // strides)",
     "padding = (kernel_size - 1) // 2", "too few for an even kernel"),
    ("valid for full", "conv_output_size", "padding = reach - 1", "padding = 0",
     "with no zeros at all"),
    ("full by the kernel", "conv_output_size", "reach - 1", "kernel_size - 1",
     "room for the kernel's reach"),
    ("full with one zero more", "conv_output_size", "reach - 1", "reach", "touches no input"),
    ("zeros on one side", "conv_output_size", "2 * padding", "padding", "both sides"),
    ("padding left out", "conv_output_size", "size + 2 * padding", "size", "left out"),
    ("rounded", "conv_output_size", "return valid_output_size(size + 2 * padding, reach, strides)",
     "return round((size + 2 * padding - reach) / strides) + 1", "hangs over the end"),
    ("dilation left out", "conv_output_size", "dilation * (kernel_size - 1) + 1", "kernel_size",
     "the dilation was left out"),
    ("dilation times kernel", "conv_output_size", "dilation * (kernel_size - 1) + 1",
     "dilation * kernel_size", "nothing to leave out behind it"),
    ("any word is valid", "conv_output_size",
     "raise ValueError(f\"padding is 'valid', 'same', 'full' or a number, not {padding!r}.\")",
     "padding = 0", "pass silently"),
    ("windows move by one", "pool_output_size", "pool_size if strides is None",
     "1 if strides is None", "this is stride 1"),
    ("always side by side", "pool_output_size", "pool_size if strides is None else strides",
     "pool_size", "need not lie side by side"),
    ("a window for the rest", "pool_output_size", "return ", "return (size % pool_size > 0) + ",
     "rounded up"),
    ("rounded", "pool_output_size", "return valid_output_size(size, pool_size, pool_size if",
     "return round(size / pool_size) or (pool_size if", "rounded up"),
    ("size divided by stride", "pool_output_size", "valid_output_size(size, pool_size, ",
     "size // (", "completely inside"),
    ("no biases", "conv_params", "(weights + int(use_bias))", "weights", "biases are missing"),
    ("one bias in all", "conv_params", "filters * (weights + int(use_bias))",
     "filters * weights + int(use_bias)", "a bias of its own"),
    ("always a bias", "conv_params", "(weights + int(use_bias))", "(weights + 1)",
     "use_bias=False was not heeded"),
    ("kernel not squared", "conv_params", "kernel_size * kernel_size", "kernel_size", "square"),
    ("groups left out", "conv_params", "(in_channels // groups)", "in_channels",
     "only the channels of its own group"),
    ("groups multiplied", "conv_params", "(in_channels // groups)", "in_channels * groups",
     "divide instead of multiply"),
    ("filters divided, too", "conv_params", "return filters *", "return filters // groups *",
     "count all of them"),
    ("only channels must divide", "conv_params", " or filters % groups", "", "ValueError"),
    ("dense without biases", "conv_params", "(inputs + int(use_bias))", "inputs",
     "biases are missing"),
    ("dense bias for each input", "conv_params", "units * (inputs + int(use_bias))",
     "inputs * (units + int(use_bias))", "not for each input"),
    ("bias no connection", "conv_costs", "conv_params(in_channels, filters, kernel_size)",
     "conv_params(in_channels, filters, kernel_size, use_bias=False)", "a connection too"),
    ("connections are parameters", "conv_costs",
     "height * width * conv_params(in_channels, filters, kernel_size)",
     "conv_params(in_channels, filters, kernel_size)", "used at every position"),
    ("FLOPs", "conv_costs", "height * width * weights", "2 * height * width * weights",
     "counted once"),
    ("MACs with biases", "conv_costs", "groups, use_bias=False", "groups", "leave it out"),
    ("MACs without groups", "conv_costs", "kernel_size, groups, use_bias",
     "kernel_size, 1, use_bias", "the groups were left out"),
    ("a square output", "conv_costs", "height * width * weights", "height * height * weights",
     "not a square"),
    ("values for bytes", "conv_costs", " * bytes_per_value", "", "several bytes"),
    ("C3 sees all maps", "lenet5_table", "len(seen), 1, 5", "6, 1, 5",
     "only the S2 maps of its row"),
    ("plain pooling", "lenet5_table", "2 * maps, 5 *", "0, 5 *", "coefficient and a bias"),
    ("a coefficient without bias", "lenet5_table", "2 * maps, 5 *", "maps, 4 *",
     "not only one of them"),
    ("patterns trained", "lenet5_table", "0, 84 * classes", "84 * classes, 84 * classes",
     "they are not trained"),
    ("patterns left out", "lenet5_table", "0, 84 * classes", "0, 0", "count, though nothing"),
    ("F6 on 120 values", "lenet5_table", "size * size * 120, 84", "120, 84", ""),
    ("color images", "lenet5_table", "conv_params(1, 6, 5)", "conv_params(3, 6, 5)", "grayscale"),
    ("strides left out", "receptive_field", "step *= stride", "pass", "strides were left out"),
    ("own stride first", "receptive_field",
     "field += step * dilation * (kernel - 1)\n        step *= stride",
     "step *= stride\n        field += step * dilation * (kernel - 1)", "not on itself"),
    ("kernels added", "receptive_field", "(kernel - 1)\n", "kernel\n", ""),
    ("field from nothing", "receptive_field", "return field", "return field - 1", "is 1, not 0"),
    ("last stride for step", "receptive_field", "step *= stride", "step = stride", ""),
    ("dilation not heeded", "receptive_field", "rest[0] if rest else 1", "1",
     "dilations were left out"),
    ("one layer too many", "receptive_field", "* layers) < field", "* layers) <= field",
     "one layer fewer"),
    ("layers rounded down", "receptive_field", "return layers",
     "return (field - 1) // (kernel_size - 1)", "round up"),
    ("layers rounded", "receptive_field", "return layers",
     "return round((field - 1) / (kernel_size - 1))", "round up"),
    ("no groups", "alexnet_table", "padding=2, groups=groups", "padding=2",
     "CONV2 is grouped, too"),
    ("CONV3 grouped", "alexnet_table", '"CONV3", 384, 3, padding=1',
     '"CONV3", 384, 3, padding=1, groups=groups', "the channels of both GPUs"),
    ("weights alone", "alexnet_table", "kernel_size, groups)",
     "kernel_size, groups, use_bias=False)", ""),
    ("CONV2 valid", "alexnet_table", "5, padding=2", "5, padding=0", ""),
    ("pools side by side", "alexnet_table", "(size, 3, strides=2)", "(size, 3)", ""),
    ("pools of two", "alexnet_table", "(size, 3, strides=2)", "(size, 2)", ""),
    ("CONV1 same", "alexnet_table", '96, 11, strides=4', '96, 11, strides=4, padding="same"', ""),
    ("FC6 on 9216 values", "alexnet_table", "values = size * size * channels", "values = 9216", ""),
    ("the slide's pattern", "vgg16_table", "(3, 256)", "(2, 256)", "three in the other three"),
    ("VGG biases", "vgg16_table", "filters, 3, use_bias=False", "filters, 3", ""),
    ("width before height", "vgg16_table", "(height, width, filters)", "(width, height, filters)",
     ""),
    ("bytes for values", "vgg16_table", "prod(shape), weights", "4 * prod(shape), weights",
     "those are bytes"),
    ("FC on 7x7x512", "vgg16_table", "inputs = height * width * channels", "inputs = 7 * 7 * 512",
     ""),
    ("megabytes", "vgg16_table", "2**20", "10**6", "1,000,000 bytes"),
    ("four bytes always", "vgg16_table", "values * bytes_per_value", "values * 4",
     "bytes_per_value was not heeded"),
    ("percent", "vgg16_table", "in_fc / weights", "100 * in_fc / weights", "not in percent"),
    ("share of the rest", "vgg16_table", "in_fc / weights", "in_fc / (weights - in_fc)",
     "divide by all weights"),
    ("projection free", "inception", "if pool_proj is not None:\n        total",
     "if False:\n        total", "after the pooling is missing"),
    ("reductions free", "inception", "if reduced is not None:", "if False:", "cost something"),
    ("reductions without use", "inception", "channels if reduced is None else reduced", "channels",
     "see fewer channels"),
    ("1x1 everywhere", "inception", "kernel_size, size)", "1, size)", "1x1, 3x3 and 5x5"),
    ("the slide's 358M", "inception", "return total", "return total + bool(reduce3) * "
     "conv_macs(reduce3 or 1, conv3, 3, size)", "counted twice"),
    ("pooling left out", "inception", " + (channels if pool_proj is None else pool_proj)", "",
     "put beside the others"),
    ("projection beside the input", "inception", "channels if pool_proj is None else pool_proj",
     "channels + (pool_proj or 0)", "replaces the input's channels"),
    ("one convolution", "cheaper_blocks", "return 2 * conv_params", "return conv_params",
     "there are two convolutions"),
    ("wide 3x3", "cheaper_blocks", "(width, width, 3", "(channels, width, 3",
     "from width to width"),
    ("groups not heeded", "cheaper_blocks", "3, groups, use_bias", "3, 1, use_bias",
     "the groups were left out"),
    ("one SE layer", "cheaper_blocks", "return 2 * dense_params", "return dense_params",
     "there and back"),
    ("ratio not heeded", "cheaper_blocks", "channels // ratio", "channels // 16",
     "ratio was not heeded"),
    ("upside down", "cheaper_blocks", "return ordinary / (depthwise + conv_params(in_channels, "
     "filters, 1, use_bias=False))", "return (depthwise + conv_params(in_channels, filters, 1, "
     "use_bias=False)) / ordinary", "the other way round"),
    ("no pointwise part", "cheaper_blocks", "(depthwise + conv_params(in_channels, filters, 1, "
     "use_bias=False))", "depthwise", "the 1x1 part"),
    ("no biases in LeNet", "predict_lenet", "conv_params(channels, filters, 5)\n",
     "conv_params(channels, filters, 5, use_bias=False)\n", ""),
    ("400 values into fc1", "predict_lenet", "inputs = size * size * channels", "inputs = 400",
     "400"),
    ("dense MACs left out", "predict_lenet", "macs += dense_params", "0 and dense_params",
     "multiply, too"),
    ("image left out", "predict_lenet", "0, 0\n    values = size * size * channels",
     "0, 0\n    values = 0", "the image itself"),
    ("pools left out", "predict_lenet",
     "filters\n        values += size * size * filters\n    inputs",
     "filters\n    inputs", "what the pools give"),
    ("channels first", "predict_lenet", "(size, size, channels),", "(channels, size, size),", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "right", "wrong", "says"),
    [mutant[1:] for mutant in MUTANTS],
    ids=[f"{mutant[1]}: {mutant[0]}" for mutant in MUTANTS],
)
def test_mutant_loses_points(answer, right, wrong, says):
    source = SOURCES[answer]
    assert right in source, "the mutant no longer applies"
    namespace = answered(**{answer: source.replace(right, wrong)})
    question = f"test_{answer}"
    for _ in range(3):
        score, message = mark(question, namespace)
        assert score < POINTS[question]
        assert says in message


# Alternatives: other honest ways to write an answer, in full.
ALTERNATIVES = [
    ("counting the places", "valid_output_size", """
def valid_output_size(size, kernel_size, strides=1):
    places = len(range(0, size - kernel_size + 1, strides))
    if places == 0:
        raise ValueError("does not fit")
    return places
"""),
    ("NumPy's integers", "valid_output_size", """
def valid_output_size(size, kernel_size, strides=1):
    if np.int64(size) < kernel_size:
        raise ValueError("does not fit")
    return np.floor_divide(np.int64(size) - kernel_size, strides) + np.int32(1)
"""),
    ("an error of one's own", "valid_output_size", """
class TooLarge(ValueError):
    pass

def valid_output_size(size, kernel_size, strides=1):
    if kernel_size > size:
        raise TooLarge(kernel_size)
    return int((size - kernel_size) / strides) + 1
"""),
    ("same by padding unevenly", "conv_output_size", """
def conv_output_size(size, kernel_size, strides=1, padding="valid", dilation=1):
    from math import ceil
    reach = kernel_size + (kernel_size - 1) * (dilation - 1)
    before = after = {"valid": 0, "full": reach - 1, "same": None}[padding] if isinstance(
        padding, str) and padding in ("valid", "full", "same") else padding
    if isinstance(before, str):
        raise ValueError(padding)
    if before is None:
        zeros = max((ceil(size / strides) - 1) * strides + reach - size, 0)
        before, after = zeros // 2, zeros - zeros // 2
    rest = size + before + after - reach
    if rest < 0:
        raise ValueError("too large")
    return 1 + rest // strides
"""),
    ("a loop over windows", "pool_output_size", """
def pool_output_size(size, pool_size, strides=None):
    if pool_size > size:
        raise ValueError
    count, start = 0, 0
    while start + pool_size <= size:
        count, start = count + 1, start + (strides or pool_size)
    return count
"""),
    ("group by group", "conv_params", """
def conv_params(in_channels, filters, kernel_size, groups=1, use_bias=True):
    if any(n % groups for n in (in_channels, filters)):
        raise ValueError("groups")
    one = kernel_size ** 2 * (in_channels // groups) * (filters // groups)
    return sum(one for _ in range(groups)) + (filters if use_bias else 0)

dense_params = lambda inputs, units, use_bias=True: inputs * units + units * use_bias
"""),
    ("NumPy's product", "conv_costs", """
def conv_macs(in_channels, filters, kernel_size, output_size, groups=1):
    return np.prod([*output_size, kernel_size, kernel_size, in_channels // groups, filters])

def conv_connections(in_channels, filters, kernel_size, output_size):
    biases = np.prod(output_size) * filters
    return biases + conv_macs(in_channels, filters, kernel_size, output_size)

def activation_bytes(shape, bytes_per_value=4):
    size = bytes_per_value
    for entry in shape:
        size *= entry
    return size
"""),
    ("formulas and lists", "lenet5_table", """
def lenet5_table(size=32, table=TABLE_I, classes=10):
    a = size - 4; b = a // 2; c = b - 4; d = c // 2; e = d - 4; n = len(table)
    p = sum(25 * len(row) for row in table) + n
    f = 84 * (120 * e * e + 1)
    return [["C1", [a, a, 6], 156, 156 * a * a], ["S2", [b, b, 6], 12, 30 * b * b],
            ["C3", [c, c, n], p, p * c * c], ["S4", [d, d, n], 2 * n, 5 * n * d * d],
            ["C5", [e, e, 120], 120 * (25 * n + 1), 120 * (25 * n + 1) * e * e],
            ["F6", [1, 1, 84], f, f], ["OUTPUT", [1, 1, classes], 0, 84 * classes]]
"""),
    ("from the last layer back", "receptive_field", """
def receptive_field(layers):
    field = 1
    for layer in reversed(layers):
        kernel, stride = layer[0], layer[1]
        dilation = layer[2] if len(layer) > 2 else 1
        field = (field - 1) * stride + dilation * (kernel - 1) + 1
    return field

def layers_for_field(field, kernel_size=3):
    return -((1 - field) // (kernel_size - 1))
"""),
    ("a tuple of tuples", "alexnet_table", """
def alexnet_table(input_size=227, classes=1000, units=4096, groups=1):
    a = (input_size - 11) // 4 + 1; b = (a - 3) // 2 + 1; c = (b - 3) // 2 + 1; d = (c - 3) // 2 + 1
    g = groups
    return (("INPUT", (input_size, input_size, 3), 0), ("CONV1", (a, a, 96), 96 * 364),
            ("POOL1", (b, b, 96), 0), ("NORM1", (b, b, 96), 0),
            ("CONV2", (b, b, 256), 256 * (2400 // g + 1)), ("POOL2", (c, c, 256), 0),
            ("NORM2", (c, c, 256), 0), ("CONV3", (c, c, 384), 384 * 2305),
            ("CONV4", (c, c, 384), 384 * (3456 // g + 1)),
            ("CONV5", (c, c, 256), 256 * (3456 // g + 1)), ("POOL3", (d, d, 256), 0),
            ("FC6", (1, 1, units), units * (256 * d * d + 1)),
            ("FC7", (1, 1, units), units * (units + 1)),
            ("FC8", (1, 1, classes), classes * (units + 1)))
"""),
    ("rows as lists, sums by NumPy", "vgg16_table", """
def vgg16_table(height=224, width=224, classes=1000, units=4096):
    h, w, c = height, width, 3
    table = [["INPUT", [h, w, c], h * w * c, 0]]
    for step in [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]:
        if step:
            table.append([f"CONV3-{step}", [h, w, step], h * w * step, 9 * c * step])
            c = step
        else:
            h, w = h // 2, w // 2
            table.append(["POOL2", [h, w, c], h * w * c, 0])
    for before, after in ((h * w * c, units), (units, units), (units, classes)):
        table.append(["FC", [1, 1, after], after, before * after])
    return table

def table_totals(table, bytes_per_value=4):
    values, weights = (np.array([row[i] for row in table]) for i in (2, 3))
    names = np.array([row[0] for row in table])
    return dict(values=values.sum(), weights=weights.sum(), more="is no harm",
                mebibytes=values.sum() * bytes_per_value / 1024 / 1024,
                fc_share=weights[names == "FC"].sum() / weights.sum())
"""),
    ("by formula", "inception", """
def inception_macs(size, channels, conv1, conv3, conv5, reduce3=None, reduce5=None, pool_proj=None):
    def branch(k, filters, reduced):
        if not reduced:
            return k * k * channels * filters
        return channels * reduced + k * k * reduced * filters
    per_pixel = channels * conv1 + branch(3, conv3, reduce3) + branch(5, conv5, reduce5)
    return size[0] * size[1] * (per_pixel + channels * (pool_proj or 0))

def inception_depth(channels, conv1, conv3, conv5, pool_proj=None):
    return sum([conv1, conv3, conv5, pool_proj or channels])
"""),
    ("by formula", "cheaper_blocks", """
def basic_block_params(channels): return 18 * channels ** 2
def bottleneck_params(channels, width, groups=1):
    return 2 * channels * width + 9 * (width // groups) ** 2 * groups
def se_params(channels, ratio=16): return channels * (channels // ratio) * 2
def separable_saving(in_channels, filters, kernel_size=3):
    return np.float64(1) / (1 / filters + 1 / kernel_size ** 2)
"""),
    ("by formula", "predict_lenet", """
def predict_lenet(image_size, channels, classes):
    a = image_size - 4; b = a // 2; c = b - 4; d = c // 2
    dense = 1920 * d * d + 10080 + 84 * classes
    return {"feature_shape": [d, d, 16],
            "params": 150 * channels + 2400 + dense + 6 + 16 + 120 + 84 + classes,
            "macs": 150 * channels * a * a + 2400 * c * c + dense,
            "activation_values": channels * image_size ** 2 + 6 * (a * a + b * b)
            + 16 * (c * c + d * d) + 204 + classes}
"""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "source"),
    [alternative[1:] for alternative in ALTERNATIVES],
    ids=[f"{alternative[1]}: {alternative[0]}" for alternative in ALTERNATIVES],
)
def test_alternative_scores_full_marks(answer, source):
    namespace = answered(**{answer: source})
    question = f"test_{answer}"
    for _ in range(3):
        score, message = mark(question, namespace)
        assert score == POINTS[question], message
