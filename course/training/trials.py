"""One network trained again and again: other seeds, learning rates, scales of its first weights.

A lecture measures for which learning rates a network trains, with several seeds each. Compiling
takes longer than such a training, so a network is built and compiled once, and starts anew from
weights that are drawn here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from course.errors import UsageError
from course.keras_types import Array, Model

_PLAIN = {"gamma": 1.0, "moving_variance": 1.0, "beta": 0.0, "bias": 0.0, "moving_mean": 0.0}


class Trials:
    """Train one network with plain SGD, each time from new weights.

    Args:
        model: gives logits; its weights are replaced. Weights are named as Keras names them:
            kernel, bias, gamma, beta, moving_mean, moving_variance.

    Raises:
        UsageError: a weight with another name.

    Example:
        >>> net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        >>> x, y = np.array([[0, 1], [1, 0]] * 8, "float32"), np.array([0, 1] * 8)
        >>> losses = Trials(net).losses(x, y, rate=1.0, steps=50, batch=4, seed=1)
        >>> bool(losses[-1] < 0.1 < losses[0])
        True
    """

    def __init__(self, model: Model) -> None:
        unknown = {weight.name for weight in model.weights} - _PLAIN.keys() - {"kernel"}
        if unknown:
            raise UsageError(
                f"Weights must be named kernel or {', '.join(_PLAIN)}; received "
                f"{', '.join(sorted(unknown))}."
            )
        self.model = model
        self._weights = [weight.value for weight in model.trainable_variables]
        self._kernels = [weight.name == "kernel" for weight in model.trainable_variables]
        self._step = tf.function(self._update, autograph=False)
        self._training = tf.function(lambda x: model(x, training=True), autograph=False)
        self._inference = tf.function(lambda x: model(x, training=False), autograph=False)

    def start(self, seed: int, scale: float = 1.0) -> None:
        """Draw new weights: kernels after He, biases and betas 0, gammas 1, statistics 0 and 1.

        Args:
            seed: of the kernels.
            scale: factor on the kernels' deviation, the last layer's excepted.
        """
        draw = np.random.default_rng(seed)
        kernels = [weight for weight in self.model.weights if weight.name == "kernel"]
        for weight in self.model.weights:
            if weight.name == "kernel":
                fan_in = int(np.prod(weight.shape[:-1]))
                deviation = (2 / fan_in) ** 0.5 * (1.0 if weight is kernels[-1] else scale)
                weight.assign(draw.normal(0, deviation, weight.shape))
            else:
                weight.assign(np.full(weight.shape, _PLAIN[weight.name]))

    def _update(self, images: Any, labels: Any, rate: Any, decay: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self.model(images, training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            )
        slopes = tape.gradient(loss, self._weights)
        for weight, is_kernel, slope in zip(self._weights, self._kernels, slopes, strict=True):
            weight.assign_sub(rate * (slope + decay * weight if is_kernel else slope))
        return loss

    def losses(
        self,
        images: Array,
        labels: Array,
        *,
        rate: float,
        steps: int,
        batch: int,
        seed: int,
        scale: float = 1.0,
        decay: float = 0.0,
    ) -> Array:
        """Start anew, train, and return the training loss of each step.

        Args:
            images: (examples, ...), as the network takes them.
            labels: integers, (examples,).
            rate: learning rate.
            steps: how many batches, drawn with repetition.
            batch: images in each.
            seed: of weights and batches.
            scale: factor on the kernels' deviation at the start.
            decay: weight decay of kernels, multiplied by the learning rate.

        Returns:
            Losses, (steps,). Infinities and NaNs are those of a network that has diverged.
        """
        self.start(seed, scale)
        return self.more(
            images, labels, rate=rate, steps=steps, batch=batch, seed=seed, decay=decay
        )

    def more(
        self,
        images: Array,
        labels: Array,
        *,
        rate: float,
        steps: int,
        batch: int,
        seed: int,
        decay: float = 0.0,
    ) -> Array:
        """Train on from the present weights; arguments are those of :meth:`losses`."""
        images, labels = np.asarray(images, "float32"), np.asarray(labels, "int64")
        places = np.random.default_rng(seed).integers(len(images), size=(steps, batch))
        found = [
            self._step(
                tf.constant(images[chosen]), tf.constant(labels[chosen]),
                tf.constant(rate, tf.float32), tf.constant(decay, tf.float32),
            )
            for chosen in places
        ]  # fmt: skip
        return np.array([float(loss) for loss in found])

    def logits(self, images: Array, *, training: bool = False, batch: int = 500) -> Array:
        """Return the network's outputs; in training mode statistics are those of each batch.

        Moving statistics stay as they are in both modes.
        """
        images = np.asarray(images, "float32")
        call = self._training if training else self._inference
        moving = [weight for weight in self.model.non_trainable_variables]
        kept = [np.array(weight) for weight in moving]
        parts = [
            call(tf.constant(images[start : start + batch]))
            for start in range(0, len(images), batch)
        ]
        for weight, value in zip(moving, kept, strict=True):
            weight.assign(value)
        found: Array = np.concatenate([np.array(part) for part in parts])
        return found

    def accuracy(
        self, images: Array, labels: Array, *, training: bool = False, batch: int = 500
    ) -> float:
        """Return the fraction of images that are classified rightly."""
        found = np.argmax(self.logits(images, training=training, batch=batch), axis=-1)
        return float((found == np.asarray(labels)).mean())

    def norms(self) -> list[float]:
        """Return the length of each kernel, from the first layer to the last."""
        return [
            float(np.linalg.norm(np.array(weight)))
            for weight in self.model.trainable_variables
            if weight.name == "kernel"
        ]
