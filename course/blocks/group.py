"""Convolutions on groups of rotations and reflections.

The group p4 consists of the rotations by 90 degrees, p4m also of their mirror images. Elements are
numbered ``4 * mirrored + quarter_turns``: first mirror left and right if ``mirrored``, then rotate
counterclockwise. Element 0 is the identity; p4 is the first four elements of p4m.

Feature maps on a group have shape (batch, height, width, elements, channels), so that batch
normalization over the last axis has one scale, offset and statistics per feature map, shared by the
elements, and Keras' global 3D pooling pools over positions and elements.

Reference:
    Cohen, Welling, "Group equivariant convolutional networks", ICML 2016.
"""

from __future__ import annotations

from math import prod
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from course.blocks.conv import conv, get_initializer
from course.errors import UsageError
from course.keras_types import Array, Tensor

GROUP_ORDER = {"p4": 4, "p4m": 8}  # number of elements, not counting translations


def product(first: int, second: int) -> int:
    """Compose two elements: `second` is applied first, then `first`.

    Args:
        first, second: elements, 0 to 7.

    Example:
        >>> product(1, 4), product(4, 1)  # mirror, then rotate; rotate, then mirror
        (5, 7)
    """
    mirrored, turns = divmod(first, 4)
    mirrored_before, turns_before = divmod(second, 4)
    # Mirroring reverses the direction of a rotation.
    turns += -turns_before if mirrored else turns_before
    return 4 * ((mirrored + mirrored_before) % 2) + turns % 4


def transform(x: Any, element: int, *, axis: int = 0, elements: int = 0) -> Array:
    """Mirror and rotate images or feature maps by an element of p4m.

    A feature map on a group is not only rotated: its elements are also permuted, because what the
    kernel at element h detects, the kernel at ``product(element, h)`` detects in a rotated image.

    Args:
        x: array with the height at `axis` and the width on the next axis.
        element: the element, 0 to 7.
        axis: axis of the height.
        elements: number of elements of feature maps on a group, on the axis after the width; 0 for
            images.

    Returns:
        The transformed array.
    """
    mirrored, turns = divmod(element, 4)
    x = np.asarray(x)
    x = np.rot90(np.flip(x, axis + 1) if mirrored else x, turns, (axis, axis + 1))
    if not elements:
        return x
    places = np.argsort([product(element, h) for h in range(elements)])
    return np.take(x, places, axis=axis + 2)


@keras.saving.register_keras_serializable(package="course")
class GroupConv2D(layers.Layer):
    """Convolution with each kernel in every orientation of a group.

    A rotated input gives rotated outputs with permuted elements (:func:`transform`). This is exact
    if the windows reach both borders: if ``size + 2 * padding - kernel_size`` is a multiple of
    `strides`, which it never is with 3x3 kernels, padding 1 and strides 2 at an even size.

    Args:
        filters: feature maps of the output, each with all elements.
        kernel_size: height and width of the kernels.
        group: ``"p4"`` or ``"p4m"``.
        strides: strides in both directions.
        padding: number of zeros on every side.
        use_bias: whether each feature map has a bias, shared by the elements.
        kernel_initializer: initializer of the kernel; None for He's.

    Input shape: (batch, height, width, channels) for images, or (batch, height, width, elements,
        channels) for feature maps on the same group.
    Output shape: (batch, new height, new width, elements, filters).

    Raises:
        UsageError: for an unknown group, feature maps on another group, or an input smaller than
            the kernel.

    Reference:
        Cohen, Welling 2016, equations 10 and 11; section 7 for the kernels as an index table.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        group: str,
        strides: int = 1,
        padding: int = 0,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if group not in GROUP_ORDER:
            raise UsageError(
                f"group must be one of {', '.join(GROUP_ORDER)}; received group={group!r}."
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.group = group
        self.strides = strides
        self.padding = padding
        self.use_bias = use_bias
        self.kernel_initializer = get_initializer(kernel_initializer)

    def build(self, input_shape: tuple[int, ...]) -> None:
        *elements, channels = input_shape[3:]
        order = GROUP_ORDER[self.group]
        if elements not in ([], [order]):
            raise UsageError(
                f"GroupConv2D on {self.group} takes images or feature maps with {order} elements "
                f"on axis 3; received shape {tuple(input_shape)}."
            )
        size = self.kernel_size
        # For each place of each rotated kernel, the index of its value in the kernel.
        sizes: list[int] = [size, size, *elements]
        places = np.arange(prod(sizes)).reshape(sizes)
        rotated = [transform(places, g, elements=sum(elements)) for g in self._elements]
        self._table = np.stack(rotated, axis=-1).reshape(-1)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(size, size, *elements, channels, self.filters),
            initializer=self.kernel_initializer,
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    @property
    def _elements(self) -> range:
        return range(GROUP_ORDER[self.group])

    def rotated_kernels(self) -> Tensor:
        """Return every kernel in every orientation, as the kernel of an ordinary convolution.

        One lookup in a table is several times faster than rotating the kernels one by one.

        Returns:
            Tensor of shape (size, size, elements in * channels, elements out * filters).
        """
        channels, filters = self.kernel.shape[-2:]
        kernel = ops.reshape(self.kernel, (-1, channels, filters))
        order = len(self._elements)
        kernel = ops.reshape(ops.take(kernel, self._table, axis=0), (-1, order, channels, filters))
        kernel = ops.transpose(kernel, (0, 2, 1, 3))
        return ops.reshape(kernel, (self.kernel_size, self.kernel_size, -1, order * filters))

    def call(self, inputs: Tensor) -> Tensor:
        batch = ops.shape(inputs)[0]
        height, width = inputs.shape[1:3]
        x = ops.reshape(inputs, (batch, height, width, -1))
        if self.padding:
            border = (self.padding, self.padding)
            x = ops.pad(x, ((0, 0), border, border, (0, 0)))
        x = ops.conv(
            x,
            self.rotated_kernels(),
            strides=self.strides,
            padding="valid",
            data_format="channels_last",
        )
        x = ops.reshape(x, (batch, *self.compute_output_shape(inputs.shape)[1:]))
        return x + self.bias if self.use_bias else x

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        batch, *sides = input_shape[:3]
        if min(sides) + 2 * self.padding < self.kernel_size:
            raise UsageError(
                f"The input must be at least as large as the kernel, {self.kernel_size}, after "
                f"padding by {self.padding}; received shape {tuple(input_shape)}."
            )
        sides = [(n + 2 * self.padding - self.kernel_size) // self.strides + 1 for n in sides]
        return batch, *sides, len(self._elements), self.filters

    def macs(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
        """Multiply-adds for one example: every kernel in every orientation at every position."""
        height, width, elements, _ = output_shape
        return height * width * elements * prod(self.kernel.shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "group": self.group,
            "strides": self.strides,
            "padding": self.padding,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def group_conv(
    x: Tensor,
    filters: int,
    kernel_size: int,
    *,
    group: str,
    strides: int = 1,
    padding: int = 0,
    name: str,
) -> Tensor:
    """Apply a convolution with biases; an ordinary one for ``"z2"``, the group of translations.

    Args:
        x: tensor of shape (batch, height, width, channels), or with elements before the channels.
        filters: feature maps of the output.
        kernel_size: height and width of the kernels.
        group: ``"z2"``, ``"p4"`` or ``"p4m"``.
        strides: strides in both directions.
        padding: number of zeros on every side.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, new height, new width, filters), or with elements before filters.
    """
    if group == "z2":
        return conv(
            x, filters, kernel_size, strides=strides, padding=padding, use_bias=True, name=name
        )
    return GroupConv2D(filters, kernel_size, group, strides, padding, name=f"{name}_conv")(x)


def group_max_pool(x: Tensor, size: int, *, name: str) -> Tensor:
    """Apply max pooling with non-overlapping windows to each element's feature maps.

    Args:
        x: tensor of shape (batch, height, width, channels), or with elements before the channels.
        size: height and width of the windows.
        name: name of the pooling layer.

    Returns:
        Tensor of shape (batch, height // size, width // size, ...).
    """
    if len(x.shape) == 4:
        return layers.MaxPooling2D(size, name=name)(x)
    # Treat elements as channels: TensorFlow has no 3D pooling in half precision on CPUs.
    _, height, width, *maps = x.shape
    x = layers.Reshape((height, width, -1), name=f"{name}_flat")(x)
    x = layers.MaxPooling2D(size, name=name)(x)
    return layers.Reshape((height // size, width // size, *maps), name=f"{name}_maps")(x)


def group_global_pool(x: Tensor, kind: str = "mean", *, name: str) -> Tensor:
    """Pool over positions and the group's elements, which makes the result invariant.

    Args:
        x: tensor of shape (batch, height, width, channels), or with elements before the channels.
        kind: ``"mean"`` or ``"max"``.
        name: name of the layer.

    Returns:
        Tensor of shape (batch, channels).
    """
    two, three = {
        "mean": (layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D),
        "max": (layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D),
    }[kind]
    return (two if len(x.shape) == 4 else three)(name=name)(x)
