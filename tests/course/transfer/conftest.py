"""A network that is small and has all that fine-tuning has to look after."""

import keras
import pytest
from keras import layers

import course.quiet  # noqa: F401
from course.architectures import registry

SHAPE = (8, 8, 1)


def tiny(input_shape=SHAPE, classes=10, classifier_activation=None, name="tiny_tuned", *, width=6):
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


@pytest.fixture(scope="session")
def registered():
    """The network's name, for as long as it has to be known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_registry", dict(registry._registry))
        registry.register(
            "tiny_tuned",
            tiny,
            arguments={"width": 6},
            input_shape=SHAPE,
            classes=10,
            paper="",
            table="",
            depth=3,
        )
        yield "tiny_tuned"
