"""Throughput, and its fraction of the machine's measured convolution peak."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from course.keras_types import Model

# Multiply-adds are two operations each, and a backward pass costs about two forward passes.
FLOPS_PER_MAC = 6


def convolution_peak(dtype: str = "float32", rounds: int = 5) -> float:
    """Return the operations per second of a large 3x3 convolution, the best of some rounds.

    Args:
        dtype: of the numbers.
        rounds: number of measurements.
    """
    import keras

    batch, side, channels = (256 if _gpu() else 16), 56, 128
    rng = np.random.default_rng(0)
    x = keras.ops.cast(rng.normal(size=(batch, side, side, channels)), dtype)
    kernel = keras.ops.cast(rng.normal(size=(3, 3, channels, channels)), dtype)

    def convolve() -> None:
        y = keras.ops.conv(x, kernel, padding="same")
        np.asarray(keras.ops.cast(y[0, 0, 0], "float32"))  # waits for the device

    convolve()
    operations = 2 * batch * side**2 * 9 * channels**2
    return operations / min(_seconds(convolve) for _ in range(rounds))


def report(net: Model, images_per_second: float, devices: int, dtype: str) -> dict[str, float]:
    """Return the speed of training, in images and in operations, and its fraction of the peak.

    Args:
        net: Keras model.
        images_per_second: on all devices together.
        devices: that share the batch.
        dtype: of the convolutions.
    """
    from course import sizing

    macs = sizing.profile(net).macs
    reached, peak = FLOPS_PER_MAC * macs * images_per_second, convolution_peak(dtype)
    # Parts of one CPU have one peak together.
    peak *= devices if _gpu() else 1
    return {
        "images_per_second": round(images_per_second, 1),
        "gflops": round(reached / 1e9, 1),
        "convolution_peak_gflops": round(peak / 1e9, 1),
        "share_of_peak": round(reached / peak, 3),
    }


def _gpu() -> bool:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() != "cpu"
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _seconds(function: Callable) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin
