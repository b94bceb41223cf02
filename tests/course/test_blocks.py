"""Initializers, block specs and deep stacks, which most networks share."""

import dataclasses

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures
from course.blocks.conv import conv, he_normal
from course.blocks.head import classifier
from course.blocks.residual_variants import ablated_block, residual_unit
from course.blocks.stack import MAX_FLAT_BLOCKS, stack_blocks
from course.blocks.stages import BlockSpec, block_specs
from course.errors import UsageError

keras = pytest.importorskip("keras")


def _two_convolutions():
    keras.utils.set_random_seed(5)
    x = inputs = keras.Input((8, 8, 4))
    for name in "ab":
        x = conv(x, 4, 3, name=name)
    return keras.Model(inputs, classifier(x, 3, None))


def test_layers_start_differently_and_seeds_repeat():
    (a, b, *_), (again, *_) = _two_convolutions().weights, _two_convolutions().weights
    np.testing.assert_array_equal(a, again)
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_he_normal_is_not_truncated_and_has_variance_2_over_fan(mode):
    keras.utils.set_random_seed(1)
    shape = (3, 3, 64, 128)
    numbers = np.array(he_normal(mode)(shape)) / np.sqrt(2 / (9 * shape[2 + (mode == "fan_out")]))
    assert numbers.std() == pytest.approx(1, abs=0.01)
    assert np.abs(numbers).max() > 3  # truncated numbers end at 2 / 0.88


def test_models_are_saved_with_keras_own_initializers():
    convolution, _, *_, dense = _two_convolutions().get_config()["layers"][1:]
    saved = [layer["config"]["kernel_initializer"] for layer in (convolution, dense)]
    assert [(i["module"], i["class_name"]) for i in saved] == [
        ("keras.initializers", "VarianceScaling"),
        ("keras.initializers", "GlorotUniform"),
    ]
    assert saved[0]["config"] == he_normal().get_config()
    # Models of older versions name the class as one of the course's, too.
    old = saved[0] | {"registered_name": "VarianceScaling"}
    assert keras.initializers.deserialize(old).get_config() == he_normal().get_config()


def test_a_block_specs_place_decides_and_not_its_name():
    block, _ = ablated_block("full_preactivation", "A")
    inputs = keras.Input((8, 8, 16))
    first, second = block_specs([[16, 16]])
    for spec, has_preactivation in ((first, False), (second, True)):
        for name in (spec.name, "conv2_block1", "anything"):
            model = keras.Model(inputs, block(inputs, dataclasses.replace(spec, name=name)))
            names = {layer.name for layer in model.layers}
            assert (f"{name}_preact_bn" in names) == has_preactivation


@pytest.mark.parametrize("ablation", ["original", {}, "full_preactivation"])
def test_a_shortcut_that_does_not_exist_is_refused(ablation):
    for shortcut in ("Z", None):
        with pytest.raises(UsageError, match=f"received shortcut={shortcut!r}"):
            architectures.build("resnet20_cifar", ablation=ablation, shortcut=shortcut)


@pytest.mark.parametrize("shortcut", ["Z", None])
def test_a_path_is_one_of_the_shortcuts(shortcut):
    inputs = keras.Input((8, 8, 4))
    with pytest.raises(UsageError, match=f"received shortcut={shortcut!r}"):
        residual_unit(inputs, 4, shortcut=shortcut, name="unit")


def test_an_ablation_changes_arguments_of_the_unit():
    with pytest.raises(UsageError, match="An ablation can change order, .*; received nonsense"):
        architectures.build("resnet20_cifar", ablation={"nonsense": 1, "order": "original"})


def test_a_first_stage_can_stride():
    specs = block_specs([[4, 4], [8]], first_strides=2)
    assert [spec.strides for spec in specs] == [2, 1, 2]


def test_block_specs_count_blocks_stages_and_positions():
    specs = block_specs([[16, 16], [32]])
    assert specs[0] == BlockSpec(0, 2, 1, 16, 1, "conv2_block1")
    assert specs[2] == BlockSpec(2, 3, 1, 32, 2, "conv3_block1")


def test_more_than_100_blocks_are_nested():
    specs = block_specs([[4] * (MAX_FLAT_BLOCKS + 1)])
    inputs = keras.Input((2, 2, 4))

    def block(x, spec):
        return keras.layers.Activation("relu", name=spec.name)(x)

    model = keras.Model(inputs, stack_blocks(inputs, block, specs))
    assert [layer.name for layer in model.layers[1:]] == [
        "blocks1_50",
        "blocks51_100",
        "blocks101_101",
    ]
