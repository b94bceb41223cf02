"""A network that is small and has all that fine-tuning has to look after, and runs of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import pytest
from keras import layers

import course.quiet  # noqa: F401
from course.architectures import registry
from course.training import train
from course.training.observers import RunObserver

NAME = "tiny_tuned"
SHAPE = (8, 8, 1)


def tiny(input_shape=SHAPE, classes=10, classifier_activation=None, name=NAME, *, width=6):
    """Two convolutions with batch normalization, dropout in the body and before the head."""
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(width, 3, strides=2, use_bias=False, name="conv1")(inputs)
    x = layers.BatchNormalization(momentum=0.9, name="bn1")(x)
    x = layers.ReLU(name="relu1")(x)
    x = layers.Dropout(0.3, name="drop1")(x)
    x = layers.Conv2D(2 * width, 3, use_bias=False, name="conv2")(x)
    x = layers.BatchNormalization(momentum=0.9, name="bn2")(x)
    x = layers.ReLU(name="relu2")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="drop2")(x)
    outputs = layers.Dense(classes, classifier_activation, dtype="float32", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


@contextmanager
def known() -> Iterator[str]:
    """The network's name, registered for as long as it is needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_registry", dict(registry._registry))
        registry.register(
            NAME,
            tiny,
            arguments={"width": 6},
            input_shape=SHAPE,
            classes=10,
            paper="",
            table="",
            depth=3,
        )
        yield NAME


class Interrupted(RunObserver):
    """Stops a run after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, step, logs):
        if step == self.step:
            raise KeyboardInterrupt


def run(options, folder, **how):
    """Train with a checkpoint after each step."""
    return train(options, folder, quiet=True, checkpoint_every=1, checkpoint_overhead=None, **how)
