"""ConvNeXt: a residual network designed like a vision transformer.

Reference:
    Liu et al., "A ConvNet for the 2020s", CVPR 2022, section 2 and figure 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras
from keras import layers

from course.architectures.published import imagenet_errors
from course.architectures.registry import register, require_size
from course.blocks.conv import conv
from course.blocks.head import classifier
from course.blocks.layer_scale import LayerScale
from course.keras_types import ImageShape, Model, Tensor
from course.regularization import drop_path, linear_decay

PAPER = "Liu et al., A ConvNet for the 2020s, 2022"

# Section 3.1, ConvNeXt-T: filters and blocks of each stage.
TINY = ((96, 3), (192, 3), (384, 9), (768, 3))
INITIALIZER = {"class_name": "TruncatedNormal", "config": {"stddev": 0.02}}

_norm = partial(layers.LayerNormalization, epsilon=1e-6)
_dense = partial(layers.Dense, kernel_initializer=INITIALIZER)


def convnext_block(x: Tensor, *, layer_scale: float, drop_rate: float, name: str) -> Tensor:
    """Apply a 7x7 depthwise convolution, layer normalization, and two dense layers.

    Args:
        x: tensor of shape (batch, height, width, channels).
        layer_scale: initial factor on the residual.
        drop_rate: probability that an example takes only the shortcut during training.
        name: prefix of the layers' names.

    Returns:
        Tensor of the same shape.

    Reference:
        Liu et al. 2022, figure 4, right.
    """
    channels = x.shape[-1]
    y = layers.DepthwiseConv2D(
        7, padding="same", depthwise_initializer=INITIALIZER, name=f"{name}_depthwise_conv"
    )(x)
    y = _norm(name=f"{name}_norm")(y)
    y = _dense(4 * channels, activation="gelu", name=f"{name}_expand")(y)
    y = _dense(channels, name=f"{name}_project")(y)
    y = LayerScale(layer_scale, name=f"{name}_scale")(y)
    return layers.Add(name=f"{name}_add")([x, drop_path(y, drop_rate, name=name)])


def convnext(
    input_shape: ImageShape,
    classes: int,
    classifier_activation: str | None,
    name: str,
    *,
    stages: Sequence[tuple[int, int]] = TINY,
    drop_path_rate: float = 0.1,
    layer_scale: float = 1e-6,
) -> Model:
    """Build a ConvNeXt.

    Args:
        input_shape: (height, width, channels), height and width at least 32.
        classes: number of classes.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name.
        stages: filters and number of blocks of each stage.
        drop_path_rate: rate at which the last block is dropped during training; grows linearly from
            0 at the first block.
        layer_scale: initial factor on every residual.

    Raises:
        UsageError: if the images are too small.
    """
    require_size(input_shape, 2 ** (len(stages) + 1), name)
    patches = partial(conv, padding="valid", use_bias=True, kernel_initializer=INITIALIZER)
    rates = iter(linear_decay(drop_path_rate, sum(n for _, n in stages), "convnext"))
    inputs = keras.Input(input_shape)
    x = inputs
    for stage, (filters, repeats) in enumerate(stages, start=1):
        if stage == 1:
            x = _norm(name="stem_norm")(patches(x, filters, 4, strides=4, name="stem"))
        else:
            x = _norm(name=f"stage{stage}_norm")(x)
            x = patches(x, filters, 2, strides=2, name=f"stage{stage}_down")
        for block in range(1, repeats + 1):
            block_name = f"stage{stage}_block{block}"
            x = convnext_block(x, layer_scale=layer_scale, drop_rate=next(rates), name=block_name)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = _norm(name="norm")(x)
    return keras.Model(inputs, classifier(x, classes, classifier_activation), name=name)


register(
    "convnext_tiny",
    convnext,
    arguments={"stages": TINY},
    input_shape=(224, 224, 3),
    classes=1000,
    paper=PAPER,
    table="Section 3.1 and Table 9; error in Table 1",
    depth=None,
    published=imagenet_errors(17.9),
    recipe="convnext",
    keras_application="ConvNeXtTiny",
    notes="Stochastic depth of 0.1 at the last block and layer scale from 1e-6, as in Table 5.",
)
