"""The cost of a Keras model, layer by layer: shapes, activation memory, parameters, MACs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from math import prod
from typing import TYPE_CHECKING

from course.errors import UsageError
from course.sizing.cost import activation_bytes

if TYPE_CHECKING:
    from course.keras_graph import Step
    from course.keras_types import KerasTensor, Model, Operation

# At inference these return their input, so they add no activations.
_PASS_THROUGH = {
    "Flatten", "Reshape", "Identity", "Dropout", "SpatialDropout1D", "SpatialDropout2D",
    "SpatialDropout3D", "GaussianDropout", "GaussianNoise", "ActivityRegularization",
}  # fmt: skip
# Layers whose weights of rank two or more are multiplied elementwise: they are no kernels.
_ELEMENTWISE = {
    "PReLU", "LayerNormalization", "RMSNormalization", "BatchNormalization", "GroupNormalization",
    "Normalization",
}  # fmt: skip
# Operations of keras.ops that multiply and add; how often, no weights say.
_PRODUCTS = {"Matmul", "Dot", "Einsum", "Tensordot", "Conv", "DepthwiseConv", "SeparableConv"}


@dataclass(frozen=True)
class Row:
    """One use of one layer, for one example.

    Attributes:
        name: of the layer.
        kind: of the layer, such as `"Conv2D"`.
        output_shape: without the axis of examples.
        params: weights; 0 where a layer is used again.
        macs: multiply-adds.
        activation_bytes: of the output.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    params: int
    macs: int
    activation_bytes: int


@dataclass(frozen=True)
class Report:
    """The result of :func:`profile`. Prints as a table, and renders as one in a notebook.

    Attributes:
        model: its name.
        rows: one for each use of a layer, in order of computation.
        params: all weights, with the statistics of batch normalization.
        params_trainable: weights that are learned.
    """

    model: str
    rows: tuple[Row, ...]
    params: int
    params_trainable: int

    @property
    def macs(self) -> int:
        """Multiply-adds of one forward pass of one example."""
        return sum(row.macs for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all activations of one forward pass of one example."""
        return sum(row.activation_bytes for row in self.rows)

    def _cells(self) -> Iterator[tuple[str, ...]]:
        yield "layer", "kind", "output shape", "memory", "parameters", "MACs"
        for row in self.rows:
            shape = " x ".join(map(str, row.output_shape))
            numbers = (_binary(row.activation_bytes), f"{row.params:,}", f"{row.macs:,}")
            yield row.name, row.kind, shape, *numbers
        totals = (_binary(self.activation_bytes), f"{self.params:,}", f"{self.macs:,}")
        yield "total", "", "", *totals

    def __str__(self) -> str:
        table = list(self._cells())
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if column < 3 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        ]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join([self.model, rule, lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def _repr_html_(self) -> str:
        head, *body, total = self._cells()

        def line(cells: Iterable[str], tag: str) -> str:
            sides = ["left"] * 3 + ["right"] * 3
            row = "".join(
                f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>'
                for cell, side in zip(cells, sides, strict=True)
            )
            return f"<tr>{row}</tr>"

        return (
            f"<table><caption>{escape(self.model)}</caption>"
            f"<thead>{line(head, 'th')}</thead>"
            f"<tbody>{''.join(line(cells, 'td') for cells in body)}</tbody>"
            f"<tfoot>{line(total, 'th')}</tfoot></table>"
        )


def profile(model: Model, dtype: str = "float32") -> Report:
    """Count the parameters, multiply-adds and memory of every layer, for one example.

    A layer that is used twice is listed twice: its MACs and activations count at each use, its
    parameters at the first. Nested models are listed layer by layer. Layers that return their
    input (Flatten, Reshape, dropout) add no activations. A layer of your own that multiplies by a
    kernel needs a method ``macs(input_shape, output_shape)``.

    Args:
        model: a built Functional or Sequential model with a fixed input size, channels last.
        dtype: type of the activations, which decides their memory.

    Returns:
        A :class:`Report` with ``rows``, ``params``, ``params_trainable``, ``macs``,
        ``activation_bytes``.

    Raises:
        UsageError: a model without a graph or with unknown sizes, channels first, or a layer
            whose MACs are not known.

    Example:
        >>> from course import architectures
        >>> report = profile(architectures.build("lenet5_modern"))
        >>> report.params, report.macs
        (61706, 416520)
    """
    rows: list[Row] = []
    counted: set[int] = set()
    for step in _steps(model):
        rows.append(_row(step, dtype, is_first_use=id(step.layer) not in counted))
        counted.add(id(step.layer))
    return Report(
        model=model.name,
        rows=tuple(rows),
        params=model.count_params(),
        params_trainable=sum(prod(w.shape) for w in model.trainable_weights),
    )


def _steps(model: Model) -> list[Step]:
    """Return every use of a layer in a model, in the order of its computation."""
    import keras

    from course.keras_graph import Graph, has_graph

    if isinstance(model, keras.Sequential) and not model.built:
        raise UsageError(
            f"profile needs a built model; Sequential {model.name!r} does not know its input "
            "size yet. Give it a keras.Input as its first layer."
        )
    steps = Graph(model).steps if has_graph(model) else []
    inner = (step.layer for step in steps if hasattr(step.layer, "layers"))
    without_graph = next(inner, None) if steps else model
    if without_graph is not None:
        raise UsageError(
            "profile needs a Functional or Sequential model, whose layers and shapes are known "
            f"without running it; received {type(without_graph).__name__} {without_graph.name!r}."
        )
    return steps


def _row(step: Step, dtype: str, is_first_use: bool) -> Row:
    layer, kind = step.layer, type(step.layer).__name__
    if getattr(layer, "data_format", None) == "channels_first":
        raise UsageError(
            f"profile counts channels_last models only; layer {layer.name!r} has "
            "data_format='channels_first'."
        )
    outputs = [_sizes(tensor, layer) for tensor in step.output_tensors]
    values = 0 if kind in _PASS_THROUGH else sum(activation_bytes(s, dtype) for s in outputs)
    return Row(
        name=step.prefix + layer.name,
        kind=kind,
        output_shape=outputs[0],
        params=_params(layer) if is_first_use else 0,
        macs=_layer_macs(layer, [_sizes(t, layer) for t in step.input_tensors], outputs),
        activation_bytes=values,
    )


def _sizes(tensor: KerasTensor, layer: Operation) -> tuple[int, ...]:
    shape: tuple[int, ...] = tuple(tensor.shape[1:])
    if None in shape:
        raise UsageError(
            f"profile needs fixed sizes; layer {layer.name!r} has shape {tuple(tensor.shape)}. "
            "Build the model with a keras.Input of a known height and width."
        )
    return shape or (1,)


def _params(layer: Operation) -> int:
    return sum(prod(weight.shape) for weight in getattr(layer, "weights", ()))


def _layer_macs(
    layer: Operation, inputs: list[tuple[int, ...]], outputs: list[tuple[int, ...]]
) -> int:
    """Count the multiply-adds of one use of a layer; channels are the last axis."""
    from keras import layers

    if not inputs:
        return 0
    (*in_spatial, in_channels), (*out_spatial, _) = inputs[0], outputs[0]
    if hasattr(layer, "macs"):
        return layer.macs(inputs[0], outputs[0])
    match layer:
        case layers.SeparableConv1D() | layers.SeparableConv2D():
            depthwise, pointwise = layer.depthwise_kernel.shape, layer.pointwise_kernel.shape
            return prod(out_spatial) * (prod(depthwise) + prod(pointwise))
        case layers.DepthwiseConv1D() | layers.DepthwiseConv2D():
            return prod(out_spatial) * prod(layer.kernel.shape)
        case layers.Conv1DTranspose() | layers.Conv2DTranspose() | layers.Conv3DTranspose():
            # Every input value is multiplied by its channel's part of the kernel.
            return prod(in_spatial) * prod(layer.kernel.shape)
        case layers.Conv1D() | layers.Conv2D() | layers.Conv3D():
            return prod(out_spatial) * prod(layer.kernel.shape)
        case layers.Dense():
            return prod(out_spatial) * in_channels * layer.units
    kind = type(layer).__name__
    has_kernel = any(len(weight.shape) > 1 for weight in getattr(layer, "weights", ()))
    if kind in _PRODUCTS or (has_kernel and kind not in _ELEMENTWISE):
        raise UsageError(
            f"profile does not know the MACs of {layer.name!r} ({kind}). Use one of Keras' layers, "
            "or a layer of your own with a method macs(input_shape, output_shape)."
        )
    return 0


def _binary(count: float) -> str:
    """Format a number of bytes in binary units."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.4g} {unit}" if unit != "B" else f"{count} B"
        count /= 1024
    return f"{count:.4g} GiB"
