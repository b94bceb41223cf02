"""The random numbers that kernels begin with."""

from __future__ import annotations

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
        import tensorflow as tf

        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=np.array([self.seed, 0]))
        numbers = tf.raw_ops.StatelessRandomNormalV2(
            shape=shape,
            key=key,
            counter=counter,
            alg=tf.random.Algorithm.AUTO_SELECT.value,
            dtype=dtype,
        )
        return numbers * deviation


# A saved network names Keras' initializer, and loads where this package is not installed.
HeNormal.__module__, HeNormal.__name__ = "keras.initializers", "VarianceScaling"


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
