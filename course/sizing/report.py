"""The lectures' table for any Keras model: shape, activation memory, parameters, MACs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from math import prod
from typing import TYPE_CHECKING

from course.errors import UsageError
from course.sizing.cost import activation_bytes

if TYPE_CHECKING:
    import keras

# These hand their input on, at inference unchanged, and leave no activation of their own behind.
_PASS_THROUGH = {
    "Flatten", "Reshape", "Identity", "Dropout", "SpatialDropout1D", "SpatialDropout2D",
    "SpatialDropout3D", "GaussianDropout", "GaussianNoise", "ActivityRegularization",
}  # fmt: skip
# Weights of rank two or more that are multiplied elementwise, not a kernel.
_ELEMENTWISE = {
    "PReLU", "LayerNormalization", "RMSNormalization", "BatchNormalization", "GroupNormalization",
    "Normalization",
}  # fmt: skip
# Operations of keras.ops that multiply and add, and have no weights to tell how much.
_PRODUCTS = {"Matmul", "Dot", "Einsum", "Tensordot", "Conv", "DepthwiseConv", "SeparableConv"}


@dataclass(frozen=True)
class Row:
    """One use of one layer, for one example."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    params: int
    macs: int
    activation_bytes: int


@dataclass(frozen=True)
class Report:
    """What :func:`profile` found. Prints as a table, renders as one in a notebook."""

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

        def line(cells, tag):
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


def profile(model: keras.Model, dtype: str = "float32") -> Report:
    """Count what every layer of a model costs, for one example.

    A layer that is used twice is listed twice: its MACs and activations count at each use, its
    parameters at the first. Nested models are listed layer by layer. Layers that hand their input
    on (Flatten, Reshape, dropout) leave no activation behind. A layer of your own that multiplies
    by a kernel says how often in a method ``macs(input_shape, output_shape)``.

    Args:
        model: a built Functional or Sequential model with a fixed input size, channels last.
        dtype: type of the activations, for their memory.

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
    _walk(model, "", dtype, rows, counted=set())
    return Report(
        model=model.name,
        rows=tuple(rows),
        params=model.count_params(),
        params_trainable=sum(prod(w.shape) for w in model.trainable_weights),
    )


def _walk(model, prefix: str, dtype: str, rows: list[Row], counted: set[int]) -> None:
    for layer, inputs, outputs in _uses(model):
        if hasattr(layer, "layers"):
            _walk(layer, f"{prefix}{layer.name}/", dtype, rows, counted)
            continue
        kind = type(layer).__name__
        if kind == "InputLayer" and prefix:
            continue  # the outer model has listed this tensor already
        shapes = [_sizes(tensor, layer) for tensor in outputs]
        if getattr(layer, "data_format", None) == "channels_first":
            raise UsageError(
                f"profile counts channels_last models only; layer {layer.name!r} has "
                "data_format='channels_first'."
            )
        values = 0 if kind in _PASS_THROUGH else sum(activation_bytes(s, dtype) for s in shapes)
        rows.append(
            Row(
                name=prefix + layer.name,
                kind=kind,
                output_shape=shapes[0],
                params=0 if id(layer) in counted else _params(layer),
                macs=_layer_macs(layer, [_sizes(t, layer) for t in inputs], shapes),
                activation_bytes=values,
            )
        )
        counted.add(id(layer))


def _uses(model) -> Iterator[tuple]:
    """Every use of a layer in a model's graph, in the order of its computation."""
    import keras

    if isinstance(model, keras.Sequential):
        if not model.built:
            raise UsageError(
                f"profile needs a built model; Sequential {model.name!r} does not know its input "
                "size yet. Give it a keras.Input as its first layer."
            )
        # Sequential keeps its graph in a Functional model of its own.
        model = model._functional
    if not hasattr(model, "_nodes_by_depth"):
        raise UsageError(
            f"profile needs a Functional or Sequential model, whose layers and shapes are known "
            f"without running it; received {type(model).__name__} {model.name!r}."
        )
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            yield node.operation, node.arguments.keras_tensors, node.outputs


def _sizes(tensor, layer) -> tuple[int, ...]:
    shape = tuple(tensor.shape[1:])
    if None in shape:
        raise UsageError(
            f"profile needs fixed sizes; layer {layer.name!r} has shape {tuple(tensor.shape)}. "
            "Build the model with a keras.Input of a known height and width."
        )
    return shape or (1,)


def _params(layer) -> int:
    return sum(prod(weight.shape) for weight in getattr(layer, "weights", ()))


def _layer_macs(layer, inputs: list[tuple], outputs: list[tuple]) -> int:
    """Multiply-adds of one use of a layer; channels are the last axis."""
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


def _binary(count: int) -> str:
    """Bytes for people, in binary units."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.4g} {unit}" if unit != "B" else f"{count} B"
        count /= 1024
    return f"{count:.4g} GiB"
