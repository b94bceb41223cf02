"""Where kernels' numbers are Keras' own, and what they are where they are not."""

from statistics import NormalDist

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course.blocks import initializers
from course.blocks.initializers import BLOCK, GlorotUniform, HeNormal

keras = pytest.importorskip("keras")


def keras_own(mode, seed=None):
    return keras.initializers.VarianceScaling(2.0, mode, "untruncated_normal", seed=seed)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("dtype", [None, "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(3, 3, 16, 8), (5, 5, 12, 1), (7, 3), (3, 3, 4, 2, 6)])
def test_the_numbers_are_keras_own(shape, mode, dtype):
    ours = HeNormal(mode)
    numbers, expected = ours(shape, dtype), keras_own(mode, ours.seed)(shape, dtype)
    assert numbers.dtype == expected.dtype
    np.testing.assert_array_equal(numbers, expected)


@pytest.mark.parametrize("dtype", [None, "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(3, 3, 16, 8), (700, 300), (49, 10), (1, 1, 511, 64)])
def test_glorots_numbers_are_keras_own(shape, dtype):
    ours = GlorotUniform()
    numbers = ours(shape, dtype)
    expected = keras.initializers.GlorotUniform(seed=ours.seed)(shape, dtype)
    assert numbers.dtype == expected.dtype
    np.testing.assert_array_equal(numbers, expected)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compiled on TensorFlow")
def test_one_compiled_function_draws_glorots_numbers_of_all_shapes():
    initializers._compiled_uniform.cache_clear()
    for shape in ((3, 3, 4, 8), (30, 20), (49, 10)):
        GlorotUniform()(shape)
    assert initializers._compiled_uniform().experimental_get_tracing_count() == 1


@pytest.mark.parametrize("blocks", [1, 2.5])
@pytest.mark.parametrize("filters", [64, 63])  # 63: an odd number of numbers in the last block
def test_large_kernels_are_normal_block_by_block(blocks, filters):
    shape = (1, 1, int(blocks * BLOCK) // 63 + 1, filters)
    keras.utils.set_random_seed(1)  # the bounds below are those of chance
    initializer = HeNormal()
    numbers = np.array(initializer(shape))
    np.testing.assert_array_equal(numbers, initializer(shape))
    half = initializer(shape, "bfloat16")
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    np.testing.assert_array_equal(half, keras.ops.cast(numbers, "bfloat16"))
    fan = shape[2]
    standard = np.sort(numbers.ravel()) / np.sqrt(2 / fan)
    normal = NormalDist().inv_cdf
    expected = [normal((n + 0.5) / len(standard)) for n in range(len(standard))]
    assert np.abs(standard - expected)[len(standard) // 1000 : -len(standard) // 1000].max() < 0.1
    assert len(np.unique(numbers)) > 0.95 * numbers.size  # no block is another's copy


def test_layers_begin_differently_and_seeds_repeat():
    def kernels():
        keras.utils.set_random_seed(5)
        return [HeNormal()((3, 3, 4, 4)) for _ in range(2)]

    (a, b), (again, _) = kernels(), kernels()
    np.testing.assert_array_equal(a, again)
    assert not np.array_equal(a, b)


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (HeNormal("fan_out"), keras_own("fan_out")),
        (GlorotUniform(), keras.initializers.GlorotUniform()),
    ],
    ids=["He", "Glorot"],
)
def test_saved_they_are_keras_own(ours, theirs):
    saved, expected = map(keras.initializers.serialize, (ours, theirs))
    assert {**saved, "registered_name": None} == expected
    loaded = keras.initializers.deserialize(saved)
    assert type(loaded) is type(theirs)
    assert loaded.get_config() == theirs.get_config() == ours.clone().get_config()
