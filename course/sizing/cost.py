"""The cost of a layer: parameters, connections, multiply-adds and activation memory.

MACs are multiply-adds of convolution and dense kernels, for one example. Biases, normalization,
activations and pooling are left out, as in the papers' tables; a "FLOP" count is twice as large.
"""

from __future__ import annotations

from math import prod

from course.errors import UsageError
from course.sizing._arguments import Size, axes, integer

BYTES = {
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
    "int8": 1, "uint8": 1, "int16": 2, "int32": 4, "int64": 8, "bool": 1,
}  # fmt: skip


def _kernel(kernel_size: Size) -> tuple[int, ...]:
    """Return the kernel's size per axis; one number stands for a square kernel in 2-D."""
    kernel = axes(kernel_size, "kernel_size")
    return kernel if isinstance(kernel_size, tuple | list) else kernel * 2


def _positions(output_size: Size, kernel: tuple[int, ...]) -> int:
    output = axes(output_size, "output_size")
    if not isinstance(output_size, tuple | list):
        output *= len(kernel)
    if len(output) != len(kernel):
        raise UsageError(
            f"output_size must have one entry for each of the kernel's {len(kernel)} axes; "
            f"received output_size={output_size!r}."
        )
    return prod(output)


def _grouped(in_channels: int, filters: int, groups: int) -> tuple[int, int]:
    """Return the number of input channels that one filter sees, and the number of filters."""
    in_channels, filters = integer(in_channels, "in_channels"), integer(filters, "filters")
    groups = integer(groups, "groups")
    if in_channels % groups or filters % groups:
        raise UsageError(
            "groups must divide both in_channels and filters; "
            f"received groups={groups}, in_channels={in_channels}, filters={filters}."
        )
    return in_channels // groups, filters


def conv_params(
    in_channels: int, filters: int, kernel_size: Size, groups: int = 1, use_bias: bool = True
) -> int:
    """Count the parameters of a convolution: per filter one weight per input value, and a bias.

    Args:
        in_channels: channels of the input, at least 1.
        filters: channels of the output, at least 1.
        kernel_size: ``k`` for a ``k`` x ``k`` kernel, or a tuple with one entry per axis.
        groups: a filter sees ``in_channels / groups`` channels; divides both.
        use_bias: count one bias per filter.

    Raises:
        UsageError: a value below 1, or groups that do not divide.

    Example:
        >>> conv_params(3, 96, 11)
        34944
    """
    seen, filters = _grouped(in_channels, filters, groups)
    return filters * (prod(_kernel(kernel_size)) * seen + bool(use_bias))


def depthwise_conv_params(
    in_channels: int, kernel_size: Size, depth_multiplier: int = 1, use_bias: bool = True
) -> int:
    """Count the parameters of a depthwise convolution: `depth_multiplier` filters per channel.

    Args, Raises: as :func:`conv_params`.

    Example:
        >>> depthwise_conv_params(32, 3, use_bias=False)
        288
    """
    multiplier = integer(depth_multiplier, "depth_multiplier")
    filters = integer(in_channels, "in_channels") * multiplier
    return conv_params(in_channels, filters, kernel_size, groups=in_channels, use_bias=use_bias)


def separable_conv_params(
    in_channels: int,
    filters: int,
    kernel_size: Size,
    depth_multiplier: int = 1,
    use_bias: bool = True,
) -> int:
    """Count the parameters of a depthwise convolution without biases followed by a 1x1 convolution.

    Args, Raises: as :func:`conv_params`. Keras' ``SeparableConv2D`` has its only bias at the end.

    Example:
        >>> separable_conv_params(32, 64, 3, use_bias=False)
        2336
    """
    depthwise = depthwise_conv_params(in_channels, kernel_size, depth_multiplier, use_bias=False)
    pointwise = conv_params(in_channels * depth_multiplier, filters, 1, use_bias=use_bias)
    return depthwise + pointwise


def dense_params(inputs: int, units: int, use_bias: bool = True) -> int:
    """Count the parameters of a dense layer: per unit a weight for each input, and a bias.

    Args:
        inputs: values in, at least 1.
        units: values out, at least 1.
        use_bias: count one bias per unit.

    Raises:
        UsageError: a value below 1.

    Example:
        >>> dense_params(9216, 4096)
        37752832
    """
    return integer(units, "units") * (integer(inputs, "inputs") + bool(use_bias))


def conv_macs(
    in_channels: int, filters: int, kernel_size: Size, output_size: Size, groups: int = 1
) -> int:
    """Count the multiply-adds of a convolution: all weights once per output position.

    Args:
        in_channels, filters, kernel_size, groups: as :func:`conv_params`.
        output_size: spatial size of the output, one number for a square or a tuple.

    Raises:
        UsageError: as :func:`conv_params`, or an output of another rank than the kernel.

    Example:
        >>> conv_macs(3, 96, 11, output_size=(55, 55))
        105415200
    """
    weights = conv_params(in_channels, filters, kernel_size, groups, use_bias=False)
    return weights * _positions(output_size, _kernel(kernel_size))


def depthwise_conv_macs(
    in_channels: int, kernel_size: Size, output_size: Size, depth_multiplier: int = 1
) -> int:
    """Count the multiply-adds of a depthwise convolution. Arguments as :func:`conv_macs`.

    Example:
        >>> depthwise_conv_macs(32, 3, output_size=112)
        3612672
    """
    weights = depthwise_conv_params(in_channels, kernel_size, depth_multiplier, use_bias=False)
    return weights * _positions(output_size, _kernel(kernel_size))


def separable_conv_macs(
    in_channels: int,
    filters: int,
    kernel_size: Size,
    output_size: Size,
    depth_multiplier: int = 1,
) -> int:
    """Count the multiply-adds of a separable convolution. Arguments as :func:`conv_macs`.

    Example:
        >>> separable_conv_macs(32, 64, 3, output_size=112)
        29302784
    """
    weights = separable_conv_params(
        in_channels, filters, kernel_size, depth_multiplier, use_bias=False
    )
    return weights * _positions(output_size, _kernel(kernel_size))


def dense_macs(inputs: int, units: int) -> int:
    """Count the multiply-adds of a dense layer: one per weight.

    Example:
        >>> dense_macs(9216, 4096)
        37748736
    """
    return dense_params(inputs, units, use_bias=False)


def conv_connections(
    in_channels: int,
    filters: int,
    kernel_size: Size,
    output_size: Size,
    groups: int = 1,
    use_bias: bool = True,
) -> int:
    """Count the connections of a convolution: links into all output values, shared weights or not.

    As in LeCun's paper, a unit's bias is a connection too.

    Args, Raises: as :func:`conv_macs`.

    Example:
        >>> conv_connections(1, 6, 5, output_size=28)
        122304

    Reference:
        LeCun et al., "Gradient-based learning applied to document recognition", 1998, II.B.
    """
    shared = conv_params(in_channels, filters, kernel_size, groups, use_bias)
    return shared * _positions(output_size, _kernel(kernel_size))


def activation_bytes(shape: Size, dtype: str = "float32") -> int:
    """Compute the bytes that the values of one tensor take.

    Args:
        shape: the tensor's shape, without the batch axis for one example.
        dtype: name of the type of a value.

    Raises:
        UsageError: an entry below 1, or an unknown type.

    Example:
        >>> activation_bytes((224, 224, 64))
        12845056
    """
    if dtype not in BYTES:
        raise UsageError(f"dtype must be one of {', '.join(BYTES)}; received dtype={dtype!r}.")
    return prod(axes(shape, "shape")) * BYTES[dtype]
