"""Checks of a model's structure: shapes, counts, and the order of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Self, Unpack

from autograder.checks.built import About, BuiltModel, Finding
from autograder.checks.causes import Mistakes, cause_where, pairs
from autograder.checks.paths import Item, LayerPattern, has_path, longest_path
from course.keras_graph import Graph, normalized_kind
from course.keras_types import KerasTensor, Model, Shape


class StructureChecks(BuiltModel):
    """Checks of a model's structure."""

    def has_output_shape(
        self,
        shape: Shape | list[Shape],
        *,
        mistakes: Mistakes | None = None,
        **about: Unpack[About],
    ) -> Self:
        """Check the shape of one example's output, without the batch; a list for several."""
        return self._equal("output shape", shape, lambda m: _shape(m.outputs), mistakes, **about)

    def has_input_shape(
        self,
        shape: Shape | list[Shape],
        *,
        mistakes: Mistakes | None = None,
        **about: Unpack[About],
    ) -> Self:
        """Check the shape of one example's input, without the batch; a list for several."""
        return self._equal("input shape", shape, lambda m: _shape(m.inputs), mistakes, **about)

    def has_params(
        self, count: int, *, mistakes: Mistakes | None = None, **about: Unpack[About]
    ) -> Self:
        """Check the number of all weights, BatchNorm's statistics included."""

        def params(model: Model) -> int:
            total: int = model.count_params()
            return total

        return self._equal("parameters", count, params, mistakes, **about)

    def has_trainable_params(
        self, count: int, *, mistakes: Mistakes | None = None, **about: Unpack[About]
    ) -> Self:
        """Check the number of weights that are trained."""

        def trained(model: Model) -> int:
            return sum(prod(weight.shape) for weight in model.trainable_weights)

        return self._equal("trainable parameters", count, trained, mistakes, **about)

    def has_macs(
        self, count: int, *, mistakes: Mistakes | None = None, **about: Unpack[About]
    ) -> Self:
        """Check the multiply-adds of one example, as ``course.sizing.profile`` counts them."""

        def macs(model: Model) -> int:
            from course.sizing import profile

            return profile(model).macs

        return self._equal("multiply-adds", count, macs, mistakes, **about)

    def has_layers(
        self,
        kind: str,
        count: int,
        where: Mapping[str, Any] | None = None,
        *,
        mistakes: Mistakes | None = None,
        **about: Unpack[About],
    ) -> Self:
        """Check how many uses there are of layers of a kind.

        Activations count however they are written: ``"relu"`` is an argument, a layer or a
        function.

        Args:
            kind: such as "Conv2D".
            count: the right number.
            where: settings that the layers must have: {"strides": 2}.
            mistakes: causes in words, and the wrong number that each gives.
        """
        pattern = LayerPattern.of((kind, dict(where or {})))

        def uses(model: Model) -> int:
            steps = Graph(model).steps
            return sum(pattern.fits(found, step.layer) for step in steps for found in step.kinds)

        settings = str(pattern).removeprefix(pattern.kind)
        return self._equal(f"{kind}{settings} layers", count, uses, mistakes, **about)

    def has_order(
        self,
        order: Sequence[Item],
        *,
        anywhere: bool = False,
        mistakes: Mistakes | None = None,
        **about: Unpack[About],
    ) -> Self:
        """Check that some path from input to output has these kinds of layers, in this order.

        Args:
            order: kinds, or pairs of a kind and settings: ("Conv2D", {"strides": 2}). Kinds that
                are not named here may be anywhere. Activations count however they are written.
            anywhere: whether the order may be a part of the path; else it must be all of it.
            mistakes: causes in words, and other orders, as tuples.
        """
        wanted = [LayerPattern.of(item) for item in order]
        pairs(mistakes)  # refuses what an author has written the wrong way round

        def check(model: Model) -> Finding:
            graph = Graph(model)
            if has_path(graph, wanted, anywhere):
                return None
            spelled = {normalized_kind(name): name for name in map(_kind, order)}
            met = [spelled[kind] for kind in longest_path(graph, set(spelled))]

            def made(other: Sequence[Item]) -> bool:
                return has_path(graph, [LayerPattern.of(item) for item in other], anywhere)

            return (
                f"expected {'somewhere ' if anywhere else ''}{' → '.join(map(_text, order))} on a "
                "path from input to output; the longest has "
                f"{' → '.join(met) or 'none of these'}",
                cause_where(mistakes, made),
            )

        return self._check("order of layers", check, about)


def _shape(tensors: Sequence[KerasTensor]) -> Shape | list[Shape]:
    shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
    return shapes[0] if len(shapes) == 1 else shapes


def _kind(item: Item) -> str:
    return item if isinstance(item, str) else item[0]


def _text(item: Item) -> str:
    if isinstance(item, str):
        return item
    return f"{item[0]}({', '.join(f'{key}={value!r}' for key, value in item[1].items())})"
