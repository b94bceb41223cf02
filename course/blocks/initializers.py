"""The random numbers that kernels begin with."""

from __future__ import annotations

import functools
import math

import keras
import numpy as np

BLOCK = 2**16  # numbers that NumPy draws in one go, few enough to stay in a core's cache


class HeNormal(keras.initializers.VarianceScaling):
    """A normal distribution of variance 2 / fan, not truncated.

    Keras' ``VarianceScaling``, drawn in less time. A kernel below a block has Keras' numbers for
    the seed; on TensorFlow they come from three operations where Keras takes a dozen, most of them
    to prepare the seed. A larger one is drawn by NumPy, whose logarithms, sines and cosines of
    arrays take half the time of its own normal numbers, and of TensorFlow's.

    Args:
        mode: ``"fan_in"``, the numbers that a value of the output is computed from, or
            ``"fan_out"``, which is what Keras calls them for depthwise kernels.

    Reference:
        He et al. 2015, equation 10. Box and Muller 1958 for how normal numbers are made.
    """

    from_config = keras.initializers.VarianceScaling.from_config

    def __init__(self, mode: str = "fan_in"):
        super().__init__(2.0, mode, "untruncated_normal")

    def __call__(self, shape, dtype=None):
        """A new kernel's numbers.

        Args:
            shape: ints: (..., channels, filters).
            dtype: name of a type; Keras' default for None.
        """
        dtype = dtype or keras.config.floatx()
        *places, fan_in, fan_out = shape
        fan = math.prod(places) * (fan_in if self.mode == "fan_in" else fan_out)
        deviation = math.sqrt(2 / fan)
        if math.prod(shape) >= BLOCK:
            numbers = _box_muller(self.seed, math.prod(shape), deviation).reshape(shape)
            return keras.ops.convert_to_tensor(numbers, dtype)
        if keras.backend.backend() != "tensorflow":
            return super().__call__(shape, dtype)
        return _standard("Normal", shape, np.array([self.seed, 0]), dtype) * deviation


class GlorotUniform(keras.initializers.GlorotUniform):
    """A uniform distribution of variance 2 / (fan_in + fan_out).

    Keras' own numbers for the seed; on TensorFlow a compiled function draws float32 numbers.

    Reference:
        Glorot and Bengio 2010, equation 16.
    """

    from_config = keras.initializers.GlorotUniform.from_config

    def __call__(self, shape, dtype=None):
        """A new kernel's numbers.

        Args:
            shape: ints: (..., channels, filters).
            dtype: name of a type; Keras' default for None.
        """
        dtype = dtype or keras.config.floatx()
        if keras.backend.backend() != "tensorflow" or dtype != "float32":
            return super().__call__(shape, dtype)
        *places, fan_in, fan_out = shape
        fans = math.prod(places) * (fan_in + fan_out)
        limit = math.sqrt(3 * (2 / fans))  # rounded as Keras' is
        return _compiled_uniform()(shape, [self.seed, 0], limit)


# A saved network names Keras' initializers, and loads where this package is not installed.
HeNormal.__module__, HeNormal.__name__ = "keras.initializers", "VarianceScaling"
GlorotUniform.__module__ = "keras.initializers"


def _standard(distribution: str, shape, seed, dtype: str):
    """TensorFlow's numbers of a standard distribution, ``"Normal"`` or ``"Uniform"``."""
    import tensorflow as tf

    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    draw = getattr(tf.raw_ops, f"StatelessRandom{distribution}V2")
    algorithm = tf.random.Algorithm.AUTO_SELECT.value
    return draw(shape=shape, key=key, counter=counter, alg=algorithm, dtype=dtype)


@functools.cache
def _compiled_uniform():
    """Uniform numbers between a limit's negative and the limit, compiled once for all shapes."""
    import tensorflow as tf

    specs = tf.TensorSpec([None], "int32"), tf.TensorSpec([2], "int64"), tf.TensorSpec([])

    @tf.function(input_signature=specs, autograph=False)
    def uniform(shape, seed, limit):
        return _standard("Uniform", shape, seed, "float32") * (limit + limit) - limit

    return uniform


def _box_muller(seed: int, count: int, deviation: float) -> np.ndarray:
    """Normal numbers, two from each pair of uniform ones: a radius and an angle."""
    numbers = np.empty(count, "float32")
    generator = np.random.Generator(np.random.SFC64(seed))
    for start in range(0, count, BLOCK):
        block = numbers[start : start + BLOCK]
        half = (len(block) + 1) // 2
        radius, angle = generator.random((2, half), "float32")
        radius = np.sqrt(-2 * deviation**2 * np.log(1 - radius))
        angle *= 2 * math.pi
        block[:half] = radius * np.cos(angle)
        block[half:] = (radius * np.sin(angle))[: len(block) - half]
    return numbers
