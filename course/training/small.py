"""A very small trained network, and a trainer for it, for experiments that take seconds.

A lecture compares ways of tuning, with several seeds each. That takes a network that is tuned
within a second or two, and a trainer that compiles little.

    python -m course.training.small data/weights/small.npz

trains it on ``course_shapes/source``, in two minutes of one core, and writes its weights.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course import datasets
from course._files import project_path, replacing
from course.datasets.resizing import resize
from course.errors import UsageError
from course.keras_types import Array, Images, Model

WEIGHTS = project_path("data", "weights", "small.npz")
# Filters, kernel size and strides of each convolution.
PLAN = ((16, 5, 2), (32, 3, 2), (32, 3, 1), (64, 3, 2))
MEAN, DEVIATION = 116.0, 60.0  # of course_shapes, about the same for all channels
EPOCHS, BATCH, LEARNING_RATE, SHIFT = 20, 64, 5e-3, 2


def small_network(classes: int = 10, *, seed: int = 0, trained: bool = False) -> Model:
    """Build the network: four convolutions with batch normalization, pooling, a dense head.

    Args:
        classes: of the head, which gives logits.
        seed: of all weights, or of the head's if it is trained.
        trained: with the body that was trained on ``course_shapes/source``.

    Returns:
        A Functional model for 32x32x3 images, as :func:`prepared` makes them.

    Example:
        >>> small_network().count_params()
        34682
    """
    keras.utils.set_random_seed(seed)
    x = images = keras.Input((32, 32, 3))
    for n, (filters, kernel, strides) in enumerate(PLAN, start=1):
        x = layers.Conv2D(
            filters, kernel, strides, padding="same", use_bias=False, name=f"conv{n}"
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"bn{n}")(x)
        x = layers.ReLU(name=f"relu{n}")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(images, layers.Dense(classes, name="head")(x), name="small")
    if trained:
        model.set_weights(trained_weights()[:-2] + model.get_weights()[-2:])
    return model


def trained_weights() -> list[Array]:
    """Return all weights of the network after training on ``course_shapes/source``.

    Raises:
        UsageError: they are not there.
    """
    try:
        with np.load(WEIGHTS) as saved:
            return [saved[name] for name in saved.files]
    except OSError:
        raise UsageError(
            f"The small network's weights are missing; there is no {WEIGHTS}. Write them by "
            "`python -m course.training.small`."
        ) from None


def prepared(images: Images) -> Array:
    """Normalize colors as in the network's own training.

    Args:
        images: (examples, 32, 32, 3), values from 0 to 255, or (examples, height, width, 1) with
            smaller ones, which are enlarged and repeated for each color.

    Returns:
        float32 array, (examples, 32, 32, 3).
    """
    values = np.asarray(images)
    if values.shape[1:3] != (32, 32):
        values = resize(values, (32, 32))
    if values.shape[-1] == 1:
        values = np.repeat(values, 3, axis=-1)
    normalized: Array = (values.astype("float32") - MEAN) / DEVIATION
    return normalized


class Tuner:
    """Train a network with Adam and a learning rate for each layer; 0 freezes it.

    All ways of tuning are rates, so a step is compiled once for all that train the same layers.

    Args:
        model: gives logits.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._weights = [weight.value for weight in model.trainable_variables]
        self._names = [weight.path.split("/")[0] for weight in model.trainable_variables]
        self._moments = [tf.Variable(tf.zeros_like(w)) for w in self._weights * 2]
        self._steps = tf.Variable(0.0)
        self._compiled: dict[tuple[bool, tuple[int, ...]], Any] = {}
        self._logits = tf.function(lambda x: model(x, training=False), autograph=False)

    def _step(self, batch_norm: bool, chosen: tuple[int, ...]) -> Any:
        """Compile an update of some weights; what lies before them gets no gradient."""
        count = len(self._weights)
        trained = [self._weights[n] for n in chosen]
        moments = [(self._moments[n], self._moments[count + n]) for n in chosen]

        @tf.function(autograph=False)
        def step(images: tf.Tensor, labels: tf.Tensor, rates: tf.Tensor) -> None:
            with tf.GradientTape() as tape:
                logits = self.model(images, training=batch_norm)
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
                )
            self._steps.assign_add(1.0)
            slopes = tape.gradient(loss, trained)
            # Adam: Kingma, Ba, "Adam: a method for stochastic optimization", 2015.
            for n, w, (a, b), slope in zip(chosen, trained, moments, slopes, strict=True):
                a.assign(0.9 * a + 0.1 * slope)
                b.assign(0.999 * b + 0.001 * slope * slope)
                size = tf.sqrt(b / (1 - 0.999**self._steps)) + 1e-7
                w.assign_sub(rates[n] * a / (1 - 0.9**self._steps) / size)

        return step

    def train(
        self,
        images: Array,
        labels: Array,
        rates: Mapping[str, float],
        *,
        steps: int,
        seed: int,
        batch: int = 16,
        batch_norm: bool = False,
        constant: bool = False,
        shift: int = 0,
    ) -> None:
        """Train for some steps, with a cosine from the rates down to 0.

        Args:
            images: from :func:`prepared`.
            labels: integers, (examples,).
            rates: learning rates by the layer's name; others are frozen.
            steps: how many batches.
            seed: of their order.
            batch: images in each; at most as many as there are.
            batch_norm: normalize by each batch's statistics, and move the moving ones.
            constant: keep the rates instead.
            shift: move the images of a batch by up to so many pixels, all of them alike.

        Raises:
            UsageError: a name that no layer has.
        """
        if unknown := rates.keys() - set(self._names):
            raise UsageError(
                f"rates must be of {', '.join(dict.fromkeys(self._names))}; received "
                f"{', '.join(sorted(unknown))}."
            )
        for variable in (*self._moments, self._steps):
            variable.assign(tf.zeros_like(variable))
        full = np.array([rates.get(name, 0.0) for name in self._names], "float32")
        kind = batch_norm, tuple(np.flatnonzero(full).tolist())
        update = self._compiled[kind] = self._compiled.get(kind) or self._step(*kind)
        draw, order = np.random.default_rng(seed), np.array([], int)
        for number in range(steps):
            if len(order) < batch:
                order = draw.permutation(len(images))
            chosen, order = order[:batch], order[batch:]
            x = _shifted(images[chosen], shift, draw) if shift else images[chosen]
            pace = 1.0 if constant else 0.5 * (1 + np.cos(np.pi * number / steps))
            update(
                tf.constant(x), tf.constant(labels[chosen]), tf.constant(full * np.float32(pace))
            )

    def accuracy(self, images: Array, labels: Array) -> float:
        """Return the fraction of images that are classified rightly, in inference mode.

        Args:
            images: from :func:`prepared`.
            labels: integers, (examples,).
        """
        parts = [
            np.argmax(self._logits(tf.constant(images[start : start + 500])), axis=-1)
            for start in range(0, len(images), 500)
        ]
        return float((np.concatenate(parts) == labels).mean())


def _shifted(images: Array, most: int, draw: np.random.Generator) -> Array:
    """Move a batch by up to so many pixels; what is missing at the border is repeated."""
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    top, left = draw.integers(0, 2 * most + 1, 2)
    moved: Array = padded[:, top : top + images.shape[1], left : left + images.shape[2]]
    return moved


def main(path: str) -> None:
    """Train the network on ``course_shapes/source``, and write its weights."""
    images, labels = datasets.load_arrays("course_shapes/source", "train")
    model = small_network(seed=1)
    tuner = Tuner(model)
    tuner.train(
        prepared(images), labels, dict.fromkeys(tuner._names, LEARNING_RATE), seed=0, batch=BATCH,
        steps=EPOCHS * (len(images) // BATCH), batch_norm=True, shift=SHIFT,
    )  # fmt: skip
    test_images, test_labels = datasets.load_arrays("course_shapes/source", "test")
    error = 100 * (1 - tuner.accuracy(prepared(test_images), test_labels))
    with replacing(Path(path), suffix=".npz") as temporary:
        np.savez_compressed(temporary, *model.get_weights())
    print(f"{error:.2f} % error; written: {path}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(WEIGHTS))
