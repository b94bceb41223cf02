"""Operations of the cells that architecture search combines.

Reference:
    Zoph et al., "Learning transferable architectures for scalable image recognition", CVPR 2018,
    section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from keras import layers

from course.blocks import conv as blocks
from course.errors import UsageError
from course.keras_types import Layer, Tensor

batch_norm = partial(blocks.batch_norm, epsilon=blocks.TENSORFLOW_EPSILON, momentum=0.9997)
conv_bn = partial(
    blocks.conv_bn, activation=None, epsilon=blocks.TENSORFLOW_EPSILON, momentum=0.9997
)


def relu_conv_bn(
    x: Tensor,
    filters: int,
    kernel_size: int | tuple[int, int] = 1,
    *,
    strides: int | tuple[int, int] = 1,
    name: str,
) -> Tensor:
    """Apply ReLU, a convolution and batch normalization, in this order.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output.
        kernel_size: kernel size of the convolution.
        strides: strides in both directions.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    x = layers.Activation("relu", name=f"{name}_relu")(x)
    return conv_bn(x, filters, kernel_size, strides=strides, name=name)


def separable(
    x: Tensor, filters: int, *, size: int, dilation: int = 1, strides: int = 1, name: str
) -> Tensor:
    """Apply ReLU, a separable convolution and batch normalization, twice; strides come first.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.
        size: height and width of the kernels.
        dilation: dilation rate of the convolutions without strides.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    for number, stride in ((1, strides), (2, 1)):
        part = f"{name}_{number}"
        x = layers.Activation("relu", name=f"{part}_relu")(x)
        x = layers.SeparableConv2D(
            filters,
            size,
            strides=stride,
            padding="same",
            dilation_rate=dilation if stride == 1 else 1,
            use_bias=False,
            name=f"{part}_sep",
        )(x)
        x = batch_norm(x, name=part)
    return x


def pool(
    x: Tensor,
    filters: int,
    *,
    kind: Callable[..., Layer],
    size: int,
    zeros: bool = False,
    strides: int = 1,
    name: str,
) -> Tensor:
    """Apply pooling, and a 1x1 convolution if the number of channels differs from `filters`.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.
        kind: Keras' pooling layer.
        size: height and width of the windows.
        zeros: whether strided windows see zeros beyond the border.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    padding = "same"
    if zeros and strides > 1:
        before_and_after = [(size // 2 - 1 + side % 2, size // 2) for side in x.shape[1:3]]
        x = layers.ZeroPadding2D(before_and_after, name=f"{name}_pad")(x)
        padding = "valid"
    x = kind(size, strides=strides, padding=padding, name=f"{name}_pool")(x)
    return x if x.shape[-1] == filters else conv_bn(x, filters, 1, name=name)


def bottleneck(
    x: Tensor,
    filters: int,
    *,
    kernels: tuple[tuple[int, int], ...],
    strides: int = 1,
    name: str,
) -> Tensor:
    """Apply convolutions with a quarter of the channels between two 1x1 convolutions.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.
        kernels: (height, width) of the convolutions in the middle; each has strides along the axes
            on which it is longer than 1.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    quarter = max(1, filters // 4)
    x = relu_conv_bn(x, quarter, name=f"{name}_1")
    for number, kernel in enumerate(kernels, start=2):
        height, width = (strides if side > 1 else 1 for side in kernel)
        x = relu_conv_bn(x, quarter, kernel, strides=(height, width), name=f"{name}_{number}")
    return relu_conv_bn(x, filters, name=f"{name}_{len(kernels) + 2}")


def identity(x: Tensor, filters: int, *, strides: int = 1, name: str) -> Tensor:
    """Return the input, or apply a 1x1 convolution if the shape changes.

    Args:
        x, filters, strides, name: as for :func:`relu_conv_bn`.

    Returns:
        Tensor of shape (batch, ceil(height / strides), ceil(width / strides), filters).
    """
    if strides == 1 and x.shape[-1] == filters:
        return x
    return relu_conv_bn(x, filters, strides=strides, name=name)


# Functions of (x, filters, *, strides, name) by the names that genotypes use.
OPERATIONS: Mapping[str, Callable[..., Tensor]] = {
    "none": identity,
    "1x1": relu_conv_bn,
    "3x3": partial(bottleneck, kernels=((3, 3),)),
    "1x7_7x1": partial(bottleneck, kernels=((1, 7), (7, 1))),
    "avg3x3": partial(pool, kind=layers.AveragePooling2D, size=3),
    "max2x2": partial(pool, kind=layers.MaxPooling2D, size=2),
    "max3x3": partial(pool, kind=layers.MaxPooling2D, size=3),
    "sep3x3": partial(separable, size=3),
    "sep5x5": partial(separable, size=5),
    "sep7x7": partial(separable, size=7),
    "dil2_sep5x5": partial(separable, size=5, dilation=2),
}


def factorized_reduction(x: Tensor, filters: int, *, name: str) -> Tensor:
    """Halve the size by two 1x1 convolutions, each of which sees every other pixel.

    Args:
        x: tensor of shape (batch, height, width, channels).
        filters: channels of the output, an even number.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, ceil(height / 2), ceil(width / 2), filters).

    Raises:
        UsageError: for an odd number of filters.
    """
    if filters % 2:
        raise UsageError(
            "A factorized reduction needs an even number of filters; received "
            f"filters={filters}. Choose a multiple of 8 for the network's filters."
        )
    shifted = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_2_pad")(x)
    shifted = layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_2_crop")(shifted)
    halves = [
        blocks.conv(
            layers.AveragePooling2D(1, strides=2, name=f"{name}_{number}_pool")(half),
            filters // 2,
            1,
            name=f"{name}_{number}",
        )
        for number, half in enumerate((x, shifted), start=1)
    ]
    return batch_norm(layers.Concatenate(name=f"{name}_concat")(halves), name=name)
