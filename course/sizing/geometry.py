"""Output sizes and receptive fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import overload

from course.errors import UsageError
from course.sizing._arguments import Size, axes, common_axes, is_scalar

_PADDINGS = ("valid", "same", "full")


def _named_padding(padding: str, kernel: tuple[int, ...]) -> tuple[int, ...]:
    """Return the number of zeros added on each side of each axis."""
    if padding == "valid":
        return (0,) * len(kernel)
    if padding == "full":
        return tuple(k - 1 for k in kernel)
    raise UsageError(
        f"padding must be one of {', '.join(map(repr, _PADDINGS))} or the number of zeros "
        f"added on each side; received padding={padding!r}."
    )


def _strided_positions(size: int, kernel: int, stride: int, padding: int, given: str) -> int:
    padded = size + 2 * padding
    if kernel > padded:
        raise UsageError(
            f"The kernel must fit into the padded input; received {given}: it covers {kernel} "
            f"values and the padded input has {size} + 2 x {padding} = {padded}. "
            "Use a smaller kernel or dilation, or more padding."
        )
    return (padded - kernel) // stride + 1


@overload
def conv_output_size(
    size: int,
    kernel_size: int,
    strides: int = 1,
    padding: str | int = "valid",
    dilation: int = 1,
) -> int: ...
@overload
def conv_output_size(
    size: Size,
    kernel_size: Size,
    strides: Size = 1,
    padding: str | Size = "valid",
    dilation: Size = 1,
) -> Size: ...
def conv_output_size(
    size: Size,
    kernel_size: Size,
    strides: Size = 1,
    padding: str | Size = "valid",
    dilation: Size = 1,
) -> Size:
    """Compute the output size of a convolution along each axis.

    With ``p`` zeros on each side, stride ``s`` and a kernel that covers ``K = d * (k - 1) + 1``
    values at dilation ``d``, the output has ``floor((n + 2p - K) / s) + 1`` values.

    Args:
        size: input size ``n``, at least 1.
        kernel_size: ``k``, at least 1.
        strides: ``s``, at least 1.
        padding: ``"valid"`` (p = 0), ``"full"`` (p = K - 1), ``"same"`` (as many zeros as make
            the output ``ceil(n / s)``), or ``p`` itself, at least 0.
        dilation: ``d``, at least 1.

    Returns:
        An int if every argument is one number, otherwise a tuple with one int per axis.

    Raises:
        UsageError: a value out of range, an unknown padding, or a kernel that does not fit.

    Example:
        >>> conv_output_size(227, 11, strides=4)
        55
        >>> conv_output_size((9, 12), 3, padding="full")
        (11, 14)

    Reference:
        Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.
    """
    sizes, kernels, steps, dilations, given = common_axes(
        size=axes(size, "size"),
        kernel_size=axes(kernel_size, "kernel_size"),
        strides=axes(strides, "strides"),
        dilation=axes(dilation, "dilation"),
        padding=(0,) if isinstance(padding, str) else axes(padding, "padding", minimum=0),
    )
    covered = tuple(d * (k - 1) + 1 for k, d in zip(kernels, dilations, strict=True))
    if padding == "same":
        result = tuple(-(-n // s) for n, s in zip(sizes, steps, strict=True))
    else:
        pads = _named_padding(padding, covered) if isinstance(padding, str) else given
        result = tuple(
            _strided_positions(
                n, c, s, p, f"size={n}, kernel_size={k}, dilation={d}, padding={padding!r}"
            )
            for n, k, c, s, d, p in zip(
                sizes, kernels, covered, steps, dilations, pads, strict=True
            )
        )
    return result[0] if is_scalar(size, kernel_size, strides, padding, dilation) else result


@overload
def pool_output_size(
    size: int, pool_size: int, strides: int | None = None, padding: str | int = "valid"
) -> int: ...
@overload
def pool_output_size(
    size: Size, pool_size: Size, strides: Size | None = None, padding: str | Size = "valid"
) -> Size: ...
def pool_output_size(
    size: Size, pool_size: Size, strides: Size | None = None, padding: str | Size = "valid"
) -> Size:
    """Compute the output size of a pooling layer along each axis.

    The same arithmetic as :func:`conv_output_size`; as in Keras, ``strides=None`` means
    ``strides=pool_size``, windows side by side.

    Args:
        size: input size, at least 1.
        pool_size: window, at least 1.
        strides: at least 1; smaller than the window for overlapping pooling.
        padding: as in :func:`conv_output_size`.

    Returns:
        An int, or a tuple with one int per axis.

    Raises:
        UsageError: as in :func:`conv_output_size`.

    Example:
        >>> pool_output_size(55, 3, strides=2)
        27
    """
    axes(pool_size, "pool_size")
    return conv_output_size(size, pool_size, pool_size if strides is None else strides, padding)


@overload
def conv_transpose_output_size(
    size: int, kernel_size: int, strides: int = 1, padding: str = "valid"
) -> int: ...
@overload
def conv_transpose_output_size(
    size: Size, kernel_size: Size, strides: Size = 1, padding: str = "valid"
) -> Size: ...
def conv_transpose_output_size(
    size: Size, kernel_size: Size, strides: Size = 1, padding: str = "valid"
) -> Size:
    """Compute the output size of a transposed convolution as Keras' ``Conv*DTranspose`` layers do.

    Each of the ``n`` input values writes a kernel, ``s`` apart: ``(n - 1) * s + k`` values, at
    least ``n * s``; ``"same"`` crops to ``n * s``.

    Args:
        size: input size, at least 1.
        kernel_size: at least 1.
        strides: at least 1.
        padding: ``"valid"`` or ``"same"``.

    Returns:
        An int, or a tuple with one int per axis.

    Raises:
        UsageError: a value out of range or an unknown padding.

    Example:
        >>> conv_transpose_output_size(7, 3, strides=2)
        15
    """
    if padding not in ("valid", "same"):
        raise UsageError(
            f"padding of a transposed convolution must be 'valid' or 'same'; "
            f"received padding={padding!r}."
        )
    sizes, kernels, steps = common_axes(
        size=axes(size, "size"),
        kernel_size=axes(kernel_size, "kernel_size"),
        strides=axes(strides, "strides"),
    )
    result = tuple(
        n * s + (max(k - s, 0) if padding == "valid" else 0)
        for n, k, s in zip(sizes, kernels, steps, strict=True)
    )
    return result[0] if is_scalar(size, kernel_size, strides) else result


@overload
def receptive_field(layers: Iterable[tuple[int, ...]]) -> int: ...
@overload
def receptive_field(layers: Iterable[tuple[Size, ...]]) -> Size: ...
def receptive_field(layers: Iterable[tuple[Size, ...]]) -> Size:
    """Compute the size of the input patch that one output value of a stack of layers sees.

    Each layer widens the field by ``d * (k - 1)`` steps, and a step is as wide in the input as
    the product of the strides before it.

    Args:
        layers: rows ``(kernel, stride)`` or ``(kernel, stride, dilation)``, first layer first;
            convolutions and pooling layers alike.

    Returns:
        An int, or a tuple with one int per axis if any entry is a tuple. 1 for no layers.

    Raises:
        UsageError: a row of another length, or a value below 1.

    Example:
        >>> receptive_field([(3, 1), (3, 1), (3, 1)])
        7
    """
    field: tuple[int, ...] = (1,)
    step: tuple[int, ...] = (1,)
    scalar = True
    for number, row in enumerate(layers):
        if is_scalar(row) or len(row) not in (2, 3):
            raise UsageError(
                "A layer must be (kernel, stride) or (kernel, stride, dilation); "
                f"received {row!r} as layer {number}."
            )
        kernel, stride = axes(row[0], "kernel"), axes(row[1], "stride")
        dilation: tuple[int, ...] = axes(row[2], "dilation") if len(row) == 3 else (1,)
        scalar = scalar and is_scalar(*row)
        field, step, kernel, stride, dilation = common_axes(
            field=field, step=step, kernel=kernel, stride=stride, dilation=dilation
        )
        field = tuple(
            f + s * d * (k - 1) for f, s, k, d in zip(field, step, kernel, dilation, strict=True)
        )
        step = tuple(a * b for a, b in zip(step, stride, strict=True))
    return field[0] if scalar else field
