"""Kinds of layers along a path from a model's input to its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from course.keras_graph import Graph, normalized_kind
from course.keras_graph.walk import function_name
from course.keras_types import Operation

# A kind, or a kind and settings: ("Conv2D", {"strides": 2}).
Item = str | tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class LayerPattern:
    """A kind of layer, and what its settings must be."""

    kind: str
    settings: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, item: Item) -> LayerPattern:
        """Make a pattern of "Conv2D" or ("Conv2D", {"strides": 2})."""
        if isinstance(item, str):
            return cls(normalized_kind(item))
        kind, settings = item
        return cls(normalized_kind(kind), tuple(settings.items()))

    def fits(self, kind: str, layer: Operation) -> bool:
        """Return whether a layer is of this kind and has these settings."""
        return kind == self.kind and all(
            _equal(wanted, getattr(layer, name, None)) for name, wanted in self.settings
        )

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings)
        return self.kind + (f"({settings})" if settings else "")


def _equal(wanted: Any, value: Any) -> bool:
    """Return whether a layer's setting is the wanted one; 2 stands for (2, 2)."""
    if isinstance(wanted, str):
        name = value if isinstance(value, str) else function_name(value)
        return normalized_kind(name) == normalized_kind(wanted)
    if isinstance(value, tuple | list):
        wanted = wanted if isinstance(wanted, tuple | list) else [wanted] * len(value)
        return list(wanted) == list(value)
    return value is wanted or bool(value == wanted)


def has_path(graph: Graph, order: list[LayerPattern], anywhere: bool = False) -> bool:
    """Return whether some path from an input to an output has the kinds in this order.

    Args:
        graph: the model's.
        order: the kinds; others may be between them.
        anywhere: whether a part of the path suffices, before and after which there may be more of
            these kinds.
    """
    named, end = {wanted.kind for wanted in order}, len(order)
    # For each step, how many of the order's kinds a path that ends there may have passed.
    met: dict[int, set[int]] = {}
    for step in graph.steps:
        places = set[int]().union(*(met[id(parent)] for parent in step.parents)) or {0}
        for kind in step.kinds:
            if kind not in named:
                continue
            on = {p + 1 for p in places if 0 <= p < end and order[p].fits(kind, step.layer)}
            if anywhere:
                on |= {0} | ({end} & places)
                on |= {1} if order[0].fits(kind, step.layer) else set()
            places = on
        # With no place left, no path through here fits. An empty set would mean a start.
        met[id(step)] = places or {-1}
    return any(end in met[id(step)] for step, _ in graph.outputs)


def longest_path(graph: Graph, named: set[str]) -> list[str]:
    """Return the kinds in `named` along the path that has most of them."""
    best: dict[int, list[str]] = {}
    for step in graph.steps:
        before: list[str] = max((best[id(p)] for p in step.parents), key=len, default=[])
        best[id(step)] = before + [kind for kind in step.kinds if kind in named]
    return max((best[id(step)] for step, _ in graph.outputs), key=len)
