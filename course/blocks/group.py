"""Convolutions on groups of rotations and reflections.

The group p4 has the quarter turns, p4m also their mirror images. Their elements are numbered
``4 * mirrored + quarter_turns``: first mirror left and right if ``mirrored``, then turn
counterclockwise. Number 0 changes nothing; p4 is the first four of p4m.

Feature maps on a group have shape (batch, height, width, elements, channels), so batch
normalization over the last axis has a scale, an offset and statistics for each map, shared by the
elements, and Keras' global 3D pooling pools over positions and elements.

Reference:
    Cohen, Welling, "Group equivariant convolutional networks", ICML 2016.
"""

from __future__ import annotations

from math import prod

import keras
import numpy as np
from keras import layers, ops

from course.blocks.conv import conv
from course.blocks.initializers import HeNormal
from course.errors import UsageError

ORDERS = {"p4": 4, "p4m": 8}  # elements of each group, translations apart


def product(first: int, second: int) -> int:
    """The element that acts as `second`, then `first`.

    Args:
        first, second: numbers of elements, 0 to 7.

    Example:
        >>> product(1, 4), product(4, 1)  # mirrored, then turned; turned, then mirrored
        (5, 7)
    """
    mirrored, turns = divmod(first, 4)
    mirrored_before, turns_before = divmod(second, 4)
    # Seen in a mirror, a turn goes the other way round.
    turns += -turns_before if mirrored else turns_before
    return 4 * ((mirrored + mirrored_before) % 2) + turns % 4


def transform(x, element: int, *, axis: int = 0, elements: int = 0) -> np.ndarray:
    """Mirror and turn images or feature maps by an element of p4m.

    A feature map on a group does not only turn: its elements change places, since what was found
    by the kernel at element h is found by the kernel at ``product(element, h)`` in a turned image.

    Args:
        x: array with height and width at `axis` and the axis after it.
        element: number of the element, 0 to 7.
        axis: of the height.
        elements: how many elements maps on a group have, on the axis after the width; 0 for
            images.

    Returns:
        Array with height and width turned.
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

    A turned input gives turned outputs whose elements have changed places (:func:`transform`),
    exactly where the kernel's steps end at the border on both sides: where ``size + 2 * padding -
    kernel_size`` is a multiple of `strides`, which no step of 2 does at an even size with kernels
    of 3 and padding of 1.

    Args:
        filters: feature maps of the output, each on all elements.
        kernel_size: height and width of the kernels.
        group: ``"p4"`` or ``"p4m"``.
        strides: step in both directions.
        padding: zeros on every side.
        use_bias: whether each map has a bias, shared by the elements.
        kernel_initializer: of the kernel; He's by default.

    Input shape: (batch, height, width, channels), an image, or (batch, height, width, elements,
        channels), maps on the same group.
    Output shape: (batch, new height, new width, elements, filters).

    Raises:
        UsageError: an unknown group, maps on another group, an input smaller than the kernel.

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
        kernel_initializer=HeNormal,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if group not in ORDERS:
            raise UsageError(f"group must be one of {', '.join(ORDERS)}; received group={group!r}.")
        self.filters = filters
        self.kernel_size = kernel_size
        self.group = group
        self.strides = strides
        self.padding = padding
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        *elements, channels = input_shape[3:]
        if elements not in ([], [ORDERS[self.group]]):
            raise UsageError(
                f"GroupConv2D on {self.group} takes images or maps with {ORDERS[self.group]} "
                f"elements on axis 3; received shape {tuple(input_shape)}."
            )
        size = self.kernel_size
        # Where the value at each place of each turned kernel is found in the kernel.
        places = np.arange(prod((size, size, *elements))).reshape(size, size, *elements)
        turned = [transform(places, g, elements=sum(elements)) for g in self._elements]
        self._table = np.stack(turned, axis=-1).reshape(-1)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(size, size, *elements, channels, self.filters),
            initializer=self.kernel_initializer,
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    @property
    def _elements(self) -> range:
        return range(ORDERS[self.group])

    def turned_kernels(self):
        """Every kernel in every orientation, as the kernel of a convolution of images.

        One lookup in a table is several times faster than turning the kernels one by one.

        Returns:
            Tensor of shape (size, size, elements in * channels, elements out * filters).
        """
        channels, filters = self.kernel.shape[-2:]
        kernel = ops.reshape(self.kernel, (-1, channels, filters))
        order = len(self._elements)
        kernel = ops.reshape(ops.take(kernel, self._table, axis=0), (-1, order, channels, filters))
        kernel = ops.transpose(kernel, (0, 2, 1, 3))
        return ops.reshape(kernel, (self.kernel_size, self.kernel_size, -1, order * filters))

    def call(self, inputs):
        batch = ops.shape(inputs)[0]
        height, width = inputs.shape[1:3]
        x = ops.reshape(inputs, (batch, height, width, -1))
        if self.padding:
            border = (self.padding, self.padding)
            x = ops.pad(x, ((0, 0), border, border, (0, 0)))
        x = ops.conv(
            x,
            self.turned_kernels(),
            strides=self.strides,
            padding="valid",
            data_format="channels_last",
        )
        x = ops.reshape(x, (batch, *self.compute_output_shape(inputs.shape)[1:]))
        return x + self.bias if self.use_bias else x

    def compute_output_shape(self, input_shape):
        batch, *sides = input_shape[:3]
        if min(sides) + 2 * self.padding < self.kernel_size:
            raise UsageError(
                f"The input must not be smaller than the kernel, {self.kernel_size}, after padding "
                f"by {self.padding}; received shape {tuple(input_shape)}."
            )
        sides = [(n + 2 * self.padding - self.kernel_size) // self.strides + 1 for n in sides]
        return batch, *sides, len(self._elements), self.filters

    def macs(self, input_shape, output_shape) -> int:
        """Multiply-adds for one example: every kernel in every orientation at every position."""
        height, width, elements, _ = output_shape
        return height * width * elements * prod(self.kernel.shape)

    def get_config(self):
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
    x, filters: int, kernel_size: int, *, group: str, strides: int = 1, padding: int = 0, name: str
):
    """Convolution with biases, on the plane for the group ``"z2"``, which has translations alone.

    Args:
        x: tensor of shape (batch, height, width, channels), or with elements before the channels.
        filters: feature maps of the output.
        kernel_size: height and width of the kernels.
        group: ``"z2"``, ``"p4"`` or ``"p4m"``.
        strides: step in both directions.
        padding: zeros on every side.
        name: prefix of the layers' names.

    Returns:
        Tensor of shape (batch, new height, new width, filters), or with elements before filters.
    """
    if group == "z2":
        options = {"strides": strides, "padding": padding, "use_bias": True}
        return conv(x, filters, kernel_size, **options, name=name)
    return GroupConv2D(filters, kernel_size, group, strides, padding, name=f"{name}_conv")(x)


def group_max_pool(x, size: int, *, name: str):
    """Maximum of windows side by side, in each element's map.

    Args:
        x: tensor of shape (batch, height, width, channels), or with elements before the channels.
        size: height and width of the windows.
        name: of the pooling layer.

    Returns:
        Tensor of shape (batch, height // size, width // size, ...).
    """
    if len(x.shape) == 4:
        return layers.MaxPooling2D(size, name=name)(x)
    # Elements as channels: TensorFlow has no 3D pooling in half precision on CPUs.
    _, height, width, *maps = x.shape
    x = layers.Reshape((height, width, -1), name=f"{name}_flat")(x)
    x = layers.MaxPooling2D(size, name=name)(x)
    return layers.Reshape((height // size, width // size, *maps), name=f"{name}_maps")(x)


def group_global_pool(x, kind: str = "mean", *, name: str):
    """Mean or maximum over positions and the group's elements, the same for a turned image.

    Args:
        x: tensor of shape (batch, height, width, channels), or with elements before the channels.
        kind: ``"mean"`` or ``"max"``.
        name: of the layer.

    Returns:
        Tensor of shape (batch, channels).
    """
    two, three = {
        "mean": (layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D),
        "max": (layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D),
    }[kind]
    return (two if len(x.shape) == 4 else three)(name=name)(x)
