"""Unit 02: its lecture and its assignment teach the right numbers; test_units.py has the rest."""

import re
from types import SimpleNamespace

import pytest

from course import sizing
from tests.course.units import figures, unit

UNIT = unit("02_sizing")


# The numbers that the unit teaches, each by its question in the independent list


@pytest.fixture(scope="module")
def taught():
    return UNIT.teach()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 5


@pytest.fixture(scope="module")
def solution():
    return SimpleNamespace(**UNIT.answered())


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
    table = [(numbers_in(said), numbers_in(right)) for _, _, said, right, _ in taught.corrections]
    for row in facts("sizing_questions.json"):
        if row["slide_ok"] is False and row["question"] in NUMBERS:
            wrong, correct = numbers_in(row["slide_answer"]), numbers_in(row["correct"])
            assert any(said & wrong and right & correct for said, right in table), row["question"]


# Numbers of a student's own


def test_a_neighbors_answers_are_no_help(monkeypatch):
    answers = UNIT.answered()["own_answers"]
    assert UNIT.mark("test_own_answers", UNIT.answered())[0] == 3
    copied = UNIT.answered(own_answers=f"own_answers = {answers!r}")
    monkeypatch.setenv("JUPYTERHUB_USER", "bela")
    points, said = UNIT.mark("test_own_answers", copied)
    assert points == 0
    assert said.count("those are the numbers of ada, but bela hands this in") == 4


def test_everybody_has_numbers_of_their_own():
    own_network = UNIT.answered()["own_network"]
    networks = [repr(own_network(f"student-{n}")) for n in range(300)]
    assert len(set(networks)) == 300


def test_own_numbers_tell_every_mistake():
    """Whoever it belongs to, a network gives another number for each mistake that has a name."""
    namespace = UNIT.answered()
    UNIT.mark("test_own_answers", namespace)
    right_answers, own_network = namespace["right_answers"], namespace["own_network"]
    for student in (f"student-{n}" for n in range(300)):
        net, right = own_network(student), right_answers(student)
        reach = net["conv2"]["kernel_size"] * net["conv2"]["dilation"]
        wrong = [
            right_answers(student, **mistake)
            for mistake in ({"both_sides": 0}, {"both_sides": 1}, {"dilation": 1}, {"reach": reach})
        ]
        strides = [right_answers(student, **{mistake: 1}) for mistake in ("moved", "strides")]
        for name, others in (("output_shape", wrong), ("receptive_field", wrong[2:] + strides)):
            values = [answers[name] for answers in (right, *others)]
            assert len(set(values)) == len(values), (student, name)


def test_an_answer_that_uses_up_a_table_leaves_it_to_others():
    used = UNIT.answered(lenet5_table="while TABLE_I: TABLE_I.pop()[:] = []")
    assert used["TABLE_I"] == []
    assert list(map(len, UNIT.answered()["TABLE_I"])) == [3] * 6 + [4] * 9 + [6]


ROUNDED = [  # a question, what its answer says, and what also rounds
    ("test_lenet5_table", "pool_output_size(size, 2)", ["-(-size // 2)", "round(size / 2)"]),
    ("test_predict_lenet", "pool_output_size(size, 2)", ["-(-size // 2)", "round(size / 2)"]),
    (
        "test_alexnet_table",
        "pool_output_size(size, 3, strides=2)",
        ["-((3 - size) // 2) + 1", "round((size - 3) / 2) + 1"],
    ),
    (
        "test_own_answers",
        "- reach - 1) // stride + 1",
        ["- reach - 2 + stride) // stride + 1", "- reach - 1 + stride / 2) // stride + 1"],
    ),
]


@pytest.mark.parametrize(("question", "right", "wrong"), ROUNDED)
def test_every_draw_tells_how_sizes_are_rounded(question, right, wrong):
    """Inputs leave a rest by construction."""
    answer = question.removeprefix("test_")
    source = UNIT.sources[answer]
    assert right in source
    for other in wrong:
        namespace = UNIT.answered(question, **{answer: source.replace(right, other)})
        for _ in range(25):
            assert UNIT.mark(question, namespace)[0] < UNIT.points[question]
