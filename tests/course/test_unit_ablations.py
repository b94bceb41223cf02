"""Unit 08: its lecture runs, with recorded runs and without, and what it counts agrees."""

import json
import re

import numpy as np
import pytest
from IPython.display import Markdown

from course.studies import get_study, runs
from course.training import seeds
from course.visualization import ablations, diagrams, display, plots
from tests.course.units import figures, notebook_of, question, unit

UNIT = unit("08_residual_ablations")


def write_runs(folder, study, variants, seeds):
    """Records of invented runs: the last variant fails, the others differ little."""
    for place, variant in enumerate(variants):
        for seed in seeds:
            error = 0.9 if place == len(variants) - 1 else 0.2 + 0.05 * place + 0.01 * seed
            numbers = {"accuracy": 0.9, "test_accuracy": 1 - error - 0.001 * seed}
            record = {
                "command": "", "variant": variant, "seed": seed, "versions": {}, "hardware": "",
                "seconds": 1.0, "result": numbers, "history": {k: [v] for k, v in numbers.items()},
            }  # fmt: skip
            path = folder / study / f"{variant}-seed{seed}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record))


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """The lecture's names after it has run from start to end, and what it showed.

    One of its studies has invented runs, the other has none.
    """
    folder = tmp_path_factory.mktemp("runs")
    variants = list(get_study("shortcuts").variants)[:3]
    write_runs(folder, "shortcuts", variants, (0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "FOLDER", folder)
        return UNIT.teach()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 12


def test_the_lecture_reads_runs_that_are_there_and_says_which_are_not(taught):
    pages = [shown.data for shown in taught.shown if isinstance(shown, Markdown)]
    assert any("`course study run activation_order`" in page for page in pages)
    assert any("constant scaling" in page and "the test says" in page for page in pages)
    (figure,) = (
        s for s in taught.shown if isinstance(s, display.FigureOutput) and "study" in s.words
    )
    assert "(2 runs)" in figure.words


def test_the_lecture_measures_what_it_says(taught):
    assert taught.back["1x1 convolution"][0] > 2.5 * taught.back["nothing (original)"][0]
    assert taught.arrives["full pre-activation"] > taught.arrives["original"]
    assert taught.mean_length < 7
    assert taught.fooled["one seed each, the best wins"][0] > 80
    assert taught.growth["DenseNet"][-1] > taught.growth["ResNet"][-1]


def test_the_lecture_has_recorded_all_that_it_measures(taught):
    recorded = seeds.load("08_residual_ablations")
    assert recorded.keys() == taught.numbers.keys()
    assert {len(values) for values in recorded.values()} == {5}


def test_rows_of_errors_and_corrections_say_where_they_are_from(taught):
    assert all(len(row) == 5 for row in taught.corrections)
    (groups,) = (row for row in taught.corrections if row[0].startswith("32 groups"))
    of_four, of_two = (32 * 9 * width**2 for width in (4, 2))
    assert of_four == 4 * of_two and "four times as many 3x3 weights" in groups[3]
    assert f"{of_four:,} against {of_two:,}" in groups[4]
    assert not any("stochastic depth at the first block" in row[0] for row in taught.corrections)


def test_the_gradient_grows_where_the_shortcut_is_gated():
    """As the lecture measures, and the model answer of the last question says."""
    recorded = seeds.load("08_residual_ablations")
    assert min(recorded["gradient at the start: gate, bias 0"]) > 10
    cells = notebook_of(UNIT.script).cells
    (answer,) = (cell.source for cell in cells if "**Marking scheme**" in cell.source)
    assert "it even *grows*" in answer and "as a whole is said to vanish" in answer


@pytest.mark.parametrize(
    ("beginning", "right", "words"),
    [
        ("DenseNet remark", "WRN-50-2", "that is WRN-50-2"),
        ("cost of grouped 3x3", "32 groups of 4 need 128 channels", "they are 128 channels"),
    ],
)
def test_the_slides_that_are_wrong_are_named(beginning, right, words, taught, facts):
    assert right in question(facts("sizing_questions.json"), beginning)["correct"]
    assert any(words in row[3] for row in taught.corrections)


def test_the_expected_length_is_the_known_one(taught, facts):
    known = question(facts("sizing_questions.json"), "stochastic depth mean")["correct"]
    length = re.search(r"expected with 0.5: ([\d.]+) of 54 blocks", taught.printed)[1]
    assert length in known


def test_cardinality_costs_what_the_paper_says(taught, facts):
    counted = facts("blocks.json")["facts"]["resnext_equal_complexity"]["rows"]
    answered = UNIT.answered()
    for name, weights in counted.items():
        cardinality, width = (int(part.split("=")[1]) for part in name.split(","))
        assert answered["path_weights"](cardinality, width, 256) == weights
        assert answered["equal_width"](cardinality, 256, 64) == width


@pytest.mark.parametrize(("depth", "widening"), [(10, 1), (16, 2)])
def test_wide_weights_are_those_of_the_built_network(depth, widening):
    from course import architectures

    net = architectures.build("wrn_40_2", depth=depth, widening=widening)
    kernels = [w for w in net.weights if w.name == "kernel" and len(w.shape) == 4]
    counted = sum(int(np.prod(weight.shape)) for weight in kernels)
    assert UNIT.answered()["wide_weights"](depth, widening) == counted


def test_channels_are_those_of_the_built_networks(facts):
    answered = UNIT.answered()
    densenets = facts("blocks.json")["facts"]["densenet_channels"]
    assert answered["dense_channels"](64, 32, [6, 12, 24, 16], 0.5) == densenets["121"]
    assert answered["dense_channels"](64, 32, [6, 12, 64, 48], 0.5) == densenets["264"]
    assert answered["pyramid_widths"](16, 48, 54)[-1] == 64


# Figures


def test_words_follow_the_figures():
    words = display.alt_text(
        diagrams.blocks(
            {
                "a": diagrams.Block(("conv", "BN"), shortcut="× 0.5"),
                "b": diagrams.Block(("conv",), after=()),
                "c": diagrams.Block(("conv",), shortcut=None),
            }
        )
    )
    assert "a: on the branch conv, BN; after the addition ReLU; on the shortcut × 0.5" in words
    assert "b: on the branch conv; after the addition nothing; on the shortcut nothing" in words
    assert "c: on the branch conv; no shortcut; then ReLU" in words
    words = display.alt_text(diagrams.channel_links(6, {"all": (1, 9), "apart": (3, 1)}))
    assert "all has 36 links of 9 weights" in words and "apart has 12 links of 1 weights" in words
    words = display.alt_text(ablations.lengths({"paths": [1, 2, 1]}, "blocks"))
    assert "from 0 to 2, on average 1.0 with a standard deviation of 0.7" in words
    words = display.alt_text(ablations.widths({"a net": [4, 8.0]}, "Channels."))
    assert "a net has 4, 8" in words


def test_bars_say_means_and_standard_errors():
    figure = plots.bars(
        {"a": [6, 7, 8], "b": [5]}, "Two bars.", label="error", marks={"a": "worse"}
    )
    words = display.alt_text(figure)
    assert "a 7 ± 0.58 (3 runs), worse" in words and words.endswith("b 5.")
