"""Cells from genotypes: NASNet as keras.applications has it, AmoebaNet as its authors wrote it."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures, sizing

keras = pytest.importorskip("keras")

from course.architectures.amoebanet import GENOTYPES
from course.architectures.nasnet import NASNET_A
from course.blocks import cell_operations, cells

# What was found in the authors' model_specs.py: operations, the states they take, and which states
# are used in the cell and therefore not in its output.
SPECS = {
    "A": ("avg max sep3 none none avg sep3 sep5 avg sep3", "0011010250", "1010010",
          "sep3 avg max sep7 max max sep3 1x7 avg sep7", "1002104010", "1100000"),
    "B": ("1x1 max none sep3 1x1 sep3 1x1 none avg 1x1", "1110102215", "0110010",
          "max2 max none 3x3 dil5 max none sep3 avg 1x1", "0021223143", "1111100"),
    "C": ("avg sep3 none sep3 avg sep3 none sep3 avg sep3", "0000210130", "1001000",
          "max max sep7 sep3 sep7 max sep5 sep5 max sep3", "0020014411", "0100000"),
    "D": ("1x1 max none 1x7 1x1 1x7 max none avg 1x1", "1110002215", "0110010",
          "max2 max none 3x3 1x7 max none max2 avg 1x1", "0021223123", "1111000"),
}  # fmt: skip
SHORT = {"avg3x3": "avg", "max3x3": "max", "max2x2": "max2", "sep3x3": "sep3", "sep5x5": "sep5",
         "sep7x7": "sep7", "1x7_7x1": "1x7", "dil2_sep5x5": "dil5"}  # fmt: skip


@pytest.mark.parametrize("letter", SPECS)
def test_genotypes_are_the_authors(letter):
    spec = SPECS[letter]
    for cell, (operations, states, used) in zip(
        GENOTYPES[letter], (spec[:3], spec[3:]), strict=True
    ):
        pairs = [pair for row in cell.rows for pair in row]
        assert [SHORT.get(operation, operation) for _, operation in pairs] == operations.split()
        assert "".join(str(state) for state, _ in pairs) == states
        assert cell.output == tuple(n for n, flag in enumerate(used) if flag == "0")


@pytest.mark.parametrize("genotype", [NASNET_A, *GENOTYPES.values()])
def test_every_state_is_used(genotype):
    for cell in genotype:
        used = {state for row in cell.rows for state, _ in row} | set(cell.output)
        assert used == set(range(len(cell.rows) + 2))
        for number, row in enumerate(cell.rows, start=2):
            assert all(state < number for state, _ in row)


@pytest.mark.parametrize("skip_reduction", [False, True])
@pytest.mark.parametrize("size", [64, 75])
def test_nasnet_is_keras_applications(skip_reduction, size):
    """The same weights give the same output, also where windows reach over the border."""
    from keras.src.applications.nasnet import NASNet

    theirs = NASNet(
        input_shape=(size, size, 3),
        penultimate_filters=96,
        num_blocks=2,
        stem_block_filters=8,
        skip_reduction=skip_reduction,
        filter_multiplier=2,
        weights=None,
        classes=5,
        name="theirs",
    )
    ours = architectures.build(
        "nasnet_mobile",
        input_shape=(size, size, 3),
        classes=5,
        penultimate_filters=96,
        cells=2,
        stem_filters=8,
        skip_reduction=skip_reduction,
    )
    assert ours.count_params() == theirs.count_params()
    rng = np.random.default_rng(0)
    moved = 0
    for layer in ours.layers:
        if layer.weights:
            other = theirs.get_layer(_their_name(layer.name))
            for weight, source in zip(layer.weights, other.weights, strict=True):
                assert weight.shape == source.shape, layer.name
                if len(weight.shape) == 1:
                    source.assign(rng.uniform(0.5, 1.5, source.shape))
                weight.assign(source)
            moved += layer.count_params()
    assert moved == ours.count_params()
    x = rng.normal(size=(2, size, size, 3)).astype("float32")
    y = np.asarray(theirs(x, training=False))
    assert y.std() > 1e-3
    np.testing.assert_allclose(ours(x, training=False), y, rtol=1e-4, atol=1e-6)


# Blocks of a net with two cells a stage: ours, theirs.
BLOCKS = {"stem1": "stem_1", "stem2": "stem_2", "stage1_cell1": "0", "stage1_cell2": "1",
          "reduction1": "reduce_2", "stage2_cell1": "3", "stage2_cell2": "4",
          "reduction2": "reduce_4", "stage3_cell1": "5", "stage3_cell2": "6"}  # fmt: skip


def _their_name(name: str) -> str:
    plain = {"stem_conv": "stem_conv1", "stem_bn": "stem_bn1", "predictions": "predictions"}
    if name in plain:
        return plain[name]
    block = next(b for b in BLOCKS if name.startswith(f"{b}_"))
    number, part = BLOCKS[block], name.removeprefix(f"{block}_")
    kind = "normal" if "stage" in block else "reduction"
    match part.split("_"):
        case ["input", "conv" | "bn" as layer]:
            return f"{kind}_{layer}_1_{number}"
        case ["previous", "conv"]:
            return f"adjust_conv_projection_{number}"
        case ["previous", "bn"]:
            return f"adjust_bn_{number}"
        case ["previous", half, "conv"]:
            return f"adjust_conv_{half}_{number}"
        case [row, side, step, layer]:
            row = "4" if (kind, row, side) == ("reduction", "5", "left") else row
            bn = "_bn" if layer == "bn" else ""
            return f"separable_conv_{step}{bn}_{kind}_{side}{row}_{number}"
    raise AssertionError(name)


def test_amoebanet_b_has_the_parameters_of_the_papers_large_one():
    """AmoebaNet-B (6, 128): 34.9 million."""
    inputs = keras.Input((64, 64, 3))
    x = cells.build_cell_network(
        inputs, GENOTYPES["B"], cells=6, filters=128, stem_filters=384, stem_cells=0
    )
    trainable = sizing.profile(keras.Model(inputs, x)).params_trainable
    assert round((trainable + x.shape[-1] * 10 + 10) / 1e6, 1) == 34.9


@pytest.mark.parametrize("operation", cell_operations.OPERATIONS)
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("filters", [3, 8])
def test_operations_halve_what_they_should(operation, strides, filters):
    inputs = keras.Input((7, 10, 3))
    y = cell_operations.OPERATIONS[operation](inputs, filters, strides=strides, name="o")
    assert y.shape == (None, -(-7 // strides), -(-10 // strides), filters)


def test_a_factorized_reduction_sees_every_other_pixel_twice():
    inputs = keras.Input((5, 6, 1))
    model = keras.Model(inputs, cell_operations.factorized_reduction(inputs, 2, name="f"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel.assign(np.ones((1, 1, 1, 1)))
    x = np.random.default_rng(0).random((1, 5, 6, 1), "float32")
    y = np.asarray(model(x, training=False)) * np.sqrt(1.001)
    shifted = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))[:, 1:, 1:]
    np.testing.assert_allclose(y[..., 0], x[:, ::2, ::2, 0], rtol=1e-5)
    np.testing.assert_allclose(y[..., 1], shifted[:, ::2, ::2, 0], rtol=1e-5)


def test_drop_path_is_on_every_operation_but_the_identity():
    model = architectures.build(
        "amoebanet_a_6_32_cifar", cells=1, filters=8, stem_filters=8, drop_path_rate=0.5
    )
    drops = [layer for layer in model.layers if layer.name.endswith("_drop")]
    assert len(drops) == 3 * 8 + 2 * 10  # two of the normal cell's ten are none
    assert sorted({layer.rate for layer in drops}) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_refusals_say_what_to_do():
    with pytest.raises(ValueError, match=r"even number of filters; received filters=25.*of 8"):
        architectures.build("amoebanet_c_4_48_mobile", filters=50)
    with pytest.raises(ValueError, match=r"multiple of 96.*received penultimate_filters=1000"):
        architectures.build("nasnet_mobile", penultimate_filters=1000)
    with pytest.raises(ValueError, match=r"A, B, C, D; received genotype='E'"):
        architectures.build("amoebanet_a_6_192", genotype="E")
