"""GoogLeNet, the first Inception network, with and without its auxiliary classifiers.

Reference:
    Szegedy et al., "Going deeper with convolutions", CVPR 2015.
"""

from __future__ import annotations

from functools import partial

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.classic import LocalResponseNormalization
from course.blocks.conv import conv
from course.blocks.head import classifier
from course.blocks.inception import googlenet_module, inception_module
from course.keras_types import ImageShape, Model, Tensor

PAPER = "Szegedy et al., Going deeper with convolutions, 2015"

# Table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOLED = ("3b", "4e")
# Section 5: the auxiliary classifiers' inputs, and the weights of the three losses.
AUXILIARY = {"4a": "auxiliary1", "4d": "auxiliary2"}
LOSS_WEIGHTS = (1.0, 0.3, 0.3)

conv_fn = partial(conv, use_bias=True, activation="relu", kernel_initializer="glorot_uniform")
pool = partial(layers.MaxPooling2D, 3, strides=2, padding="same")
# Caffe's constants; its alpha is divided by n, 5.
normalize = partial(LocalResponseNormalization, n=5, k=1.0, alpha=1e-4 / 5, beta=0.75)


def auxiliary_classifier(x: Tensor, classes: int, activation: str | None, *, name: str) -> Tensor:
    """Apply a small classifier in the middle of the network, which helps gradients reach below it.

    Args:
        x: tensor of shape (batch, height, width, channels), at least 5x5.
        classes: number of classes.
        activation: activation of the last layer; None to return logits.
        name: prefix of the layers' names, and the last layer's name.

    Returns:
        Tensor of shape (batch, classes).

    Reference:
        Section 5.
    """
    x = layers.AveragePooling2D(5, strides=3, name=f"{name}_pool")(x)
    x = conv_fn(x, 128, 1, name=f"{name}")
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(1024, activation="relu", name=f"{name}_fc")(x)
    x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return layers.Dense(classes, activation=activation, dtype="float32", name=name)(x)


def googlenet(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    auxiliary: bool = False,
) -> Model:
    """Build GoogLeNet: nine Inception modules between a small stem and global average pooling.

    Args:
        input_shape: (height, width, channels), at least 65x65 with auxiliary classifiers.
        classes: number of classes.
        classifier_activation: activation of the last layers; None to return logits.
        name: the model's name.
        auxiliary: whether the model returns a list of its output and those of two auxiliary
            classifiers. Train with ``LOSS_WEIGHTS`` as loss weights.

    Raises:
        UsageError: if the images are too small for the auxiliary classifiers.
    """
    if auxiliary:
        require_size(input_shape, 65, name)
    inputs = keras.Input(input_shape)
    x = conv_fn(inputs, 64, 7, strides=2, padding=3, name="conv1")
    x = normalize(name="norm1")(pool(name="pool1")(x))
    x = conv_fn(x, 64, 1, name="conv2_reduce")
    x = normalize(name="norm2")(conv_fn(x, 192, 3, name="conv2"))
    x = pool(name="pool2")(x)
    extra = []
    for module, row in MODULES.items():
        x = inception_module(x, googlenet_module(*row), conv_fn=conv_fn, name=f"inception_{module}")
        if auxiliary and module in AUXILIARY:
            head = AUXILIARY[module]
            extra.append(auxiliary_classifier(x, classes, classifier_activation, name=head))
        if module in POOLED:
            x = pool(name=f"pool{module[0]}")(x)
    main = classifier(x, classes, classifier_activation, dropout=0.4)
    return keras.Model(inputs, [main, *extra] if extra else main, name=name)


for name, auxiliary in (("googlenet", False), ("googlenet_aux", True)):
    register(
        name,
        googlenet,
        arguments={"auxiliary": auxiliary},
        input_shape=(224, 224, 3),
        classes=1000,
        paper=PAPER,
        table="Table 1; the error in Table 3",
        depth=22,
        published=imagenet_errors(top5=10.07),
        recipe="googlenet",
        notes="One network, one crop. Constants of the response normalization and Glorot's "
        "initializer are from Caffe's replication."
        + (" Returns three outputs, the main one first." if auxiliary else ""),
    )
