"""A Keras model as steps from its inputs to its outputs, whatever style it is written in.

Functional and Sequential models, nested ones, activations as arguments, as layers or as functions,
and ``a + b`` beside ``Add()`` come out alike, so that two models can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, permutations, product

import keras
import numpy as np

from autograder.wire.models import is_graph

# They only hand their input on, or belong to a convolution's padding.
PASSED_OVER = {"inputlayer", "identity", "dropout", "flatten", "reshape", "zeropadding2d", "pad"}
COMMUTATIVE = {"add", "multiply", "maximum", "minimum", "average"}
MAX_ASSIGNMENTS = 24


def normalized_kind(kind: str) -> str:
    """A kind's name in one spelling: a layer's, a function's or an operation's."""
    return kind.replace("_", "").lower()


@dataclass(eq=False)
class Step:
    """One use of one layer or operation.

    Attributes:
        layer: the layer.
        node: Keras' record of this use; None for a model's input.
        sources: the steps whose outputs it takes, and which of their outputs.
    """

    layer: keras.Operation
    node: object = None
    sources: list[tuple[Step, int]] = field(default_factory=list)

    @property
    def parents(self) -> list[Step]:
        """The steps whose outputs it takes."""
        return [step for step, _ in self.sources]

    @property
    def weights(self) -> list:
        """Weights of the layer; operations have none."""
        return getattr(self.layer, "weights", [])

    @property
    def activation(self):
        """An activation function that is an argument of the layer and does something."""
        function = getattr(self.layer, "activation", None)
        if hasattr(self.layer, "cell") or self._is_activation or function is None:
            return None
        return None if function is keras.activations.linear else function

    @property
    def _is_activation(self) -> bool:
        return type(self.layer).__name__ == "Activation"

    @property
    def kind(self) -> str:
        """What the step does, in one spelling."""
        if self._is_activation:
            return normalized_kind(_name(self.layer.activation))
        kind = normalized_kind(type(self.layer).__name__)
        limit = getattr(self.layer, "max_value", None) if kind == "relu" else None
        return kind if limit is None else f"relu{limit:g}"

    @property
    def kinds(self) -> list[str]:
        """The step's kind, and that of an activation in its argument."""
        return [self.kind] + ([normalized_kind(_name(self.activation))] if self.activation else [])

    def __str__(self) -> str:
        return f"{self.layer.name!r} ({type(self.layer).__name__})"


def _name(function) -> str:
    return getattr(function, "__name__", type(function).__name__)


class Graph:
    """The steps of a model, in an order in which they can be computed."""

    def __init__(self, model: keras.Model):
        self.steps: list[Step] = []
        inputs = []
        for tensor in model.inputs:
            inputs.append((Step(tensor._keras_history.operation), 0))
            self.steps.append(inputs[-1][0])
        self.inputs = [step for step, _ in inputs]
        self.outputs = self._walk(model, inputs)

    def _walk(self, model, sources: list) -> list[tuple[Step, int]]:
        # Sequential keeps its graph in a Functional model of its own.
        graph = getattr(model, "_functional", None) or model
        made = {id(t): source for t, source in zip(graph.inputs, sources, strict=True)}
        for depth in sorted(graph._nodes_by_depth, reverse=True):
            for node in graph._nodes_by_depth[depth]:
                if node.is_input:
                    continue
                given = [made[id(tensor)] for tensor in node.arguments.keras_tensors]
                if is_graph(node.operation):
                    outputs = self._walk(node.operation, given)
                else:
                    step = Step(node.operation, node, given)
                    self.steps.append(step)
                    outputs = [(step, number) for number in range(len(node.outputs))]
                made.update((id(t), out) for t, out in zip(node.outputs, outputs, strict=True))
        return [made[id(tensor)] for tensor in graph.outputs]

    @property
    def weighted(self) -> list[Step]:
        """The steps with weights; a layer that is used twice at its first use."""
        first = {id(step.layer): step for step in reversed(self.steps) if step.weights}
        return [step for step in self.steps if first.get(id(step.layer)) is step]

    def children(self) -> dict[int, list[tuple[Step, int]]]:
        """For each step's id: the steps that take its outputs, and at which position."""
        found: dict[int, list] = {id(step): [] for step in self.steps}
        for step in self.steps:
            for position, parent in enumerate(step.parents):
                found[id(parent)].append((step, position))
        return found

    def values(self, inputs: list[np.ndarray]) -> dict[int, list[np.ndarray]]:
        """What each step gives at inference, by id, before an activation in its argument."""
        given: dict[int, list] = {
            id(step): [value] for step, value in zip(self.inputs, inputs, strict=True)
        }
        before = dict(given)
        for step in self.steps[len(self.inputs) :]:
            tensors = {
                id(tensor): given[id(parent)][number]
                for tensor, (parent, number) in zip(
                    step.node.arguments.keras_tensors, step.sources, strict=True
                )
            }
            args, kwargs = step.node.arguments.fill_in(tensors)
            function = step.activation
            if function:
                step.layer.activation = keras.activations.linear
            try:
                outputs = keras.tree.flatten(step.layer(*args, **kwargs))
            finally:
                if function:
                    step.layer.activation = function
            before[id(step)] = outputs
            given[id(step)] = [function(value) for value in outputs] if function else outputs
        return {
            number: [keras.ops.convert_to_numpy(v) for v in values]
            for number, values in before.items()
        }


# Kinds along a path


@dataclass(frozen=True)
class LayerPattern:
    """A kind of layer, and what its settings must be."""

    kind: str
    settings: tuple[tuple[str, object], ...] = ()

    @classmethod
    def of(cls, item) -> LayerPattern:
        """From "Conv2D" or ("Conv2D", {"strides": 2})."""
        if isinstance(item, str):
            return cls(normalized_kind(item))
        kind, settings = item
        return cls(normalized_kind(kind), tuple(settings.items()))

    def fits(self, kind: str, layer) -> bool:
        """True if a layer is of this kind, with these settings."""
        return kind == self.kind and all(
            _equal(wanted, getattr(layer, name, None)) for name, wanted in self.settings
        )

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings)
        return self.kind + (f"({settings})" if settings else "")


def _equal(wanted, value) -> bool:
    """True if a layer's setting is the wanted one; 2 stands for (2, 2)."""
    if isinstance(wanted, str):
        name = value if isinstance(value, str) else _name(value)
        return normalized_kind(name) == normalized_kind(wanted)
    if isinstance(value, tuple | list):
        wanted = wanted if isinstance(wanted, tuple | list) else [wanted] * len(value)
        return list(wanted) == list(value)
    return value is wanted or bool(value == wanted)


def has_path(graph: Graph, order: list[LayerPattern], anywhere: bool = False) -> bool:
    """True if some path from an input to an output meets the kinds in this order.

    Kinds that the order does not name are passed over. With `anywhere`, the order may be a stretch
    of the path; else it must be all of it.
    """
    named, end = {wanted.kind for wanted in order}, len(order)
    # For each step, how many of the order's kinds a path that ends there can have met.
    met: dict[int, set[int]] = {}
    for step in graph.steps:
        places = set().union(*(met[id(parent)] for parent in step.parents)) or {0}
        for kind in step.kinds:
            if kind not in named:
                continue
            on = {p + 1 for p in places if 0 <= p < end and order[p].fits(kind, step.layer)}
            if anywhere:
                on |= {0} | ({end} & places)
                on |= {1} if order[0].fits(kind, step.layer) else set()
            places = on
        # No place is left, so no path through here fits. An empty set would mean a start.
        met[id(step)] = places or {-1}
    return any(end in met[id(step)] for step, _ in graph.outputs)


def longest_path(graph: Graph, named: set[str]) -> list[str]:
    """The kinds in `named` along the path that meets most of them."""
    best: dict[int, list[str]] = {}
    for step in graph.steps:
        before = max((best[id(parent)] for parent in step.parents), key=len, default=[])
        best[id(step)] = before + [kind for kind in step.kinds if kind in named]
    return max((best[id(step)] for step, _ in graph.outputs), key=len)


# Two models of the same function


def shapes(step: Step, biases: bool) -> tuple:
    """What a layer's weights are, in a form that other layers for the same purpose share."""
    found = ((role, squeezed(weight.shape)) for role, weight in roles(step))
    return tuple(sorted(pair for pair in found if biases or not pair[0].startswith("bias")))


def roles(step: Step) -> list[tuple[str, object]]:
    """The weights of a layer, each with its role: "kernel", "bias", "gamma", "kernel 2"."""
    seen: Counter = Counter()
    found = []
    for weight in step.weights:
        role = "kernel" if weight.name.endswith("_kernel") else weight.name
        seen[role] += 1
        found.append((role if seen[role] == 1 else f"{role} {seen[role]}", weight))
    return found


def squeezed(shape) -> tuple[int, ...]:
    """A shape without its ones: a Dense layer is a 1x1 convolution of a 1x1 map."""
    return tuple(size for size in shape if size != 1)


def signatures(graph: Graph, biases: bool) -> dict[int, int]:
    """For each weighted step's id, a number for its place among the weights and merges around."""

    def own(step: Step):
        if step.weights:
            return shapes(step, biases)
        return step.kind if len(step.sources) > 1 else None

    up: dict[int, int] = {}
    for step in graph.steps:
        before = [up[id(parent)] for parent in step.parents]
        if step.kind in COMMUTATIVE:
            before.sort()
        mine = own(step)
        up[id(step)] = hash((mine, *before)) if mine or len(before) != 1 else before[0]
    children, down = graph.children(), {}
    for step in reversed(graph.steps):
        after = []
        for child, position in children[id(step)]:
            ordered = len(child.sources) > 1 and child.kind not in COMMUTATIVE
            after.append(hash((down[id(child)], position)) if ordered else down[id(child)])
        after += [-1 - n for n, (out, _) in enumerate(graph.outputs) if out is step]
        mine = own(step)
        down[id(step)] = hash((mine, *sorted(after))) if mine or len(after) != 1 else after[0]
    return {id(step): hash((up[id(step)], down[id(step)])) for step in graph.weighted}


def assignments(one: Graph, other: Graph, biases: bool) -> Iterator[list[tuple[Step, Step]]]:
    """Ways to pair the weighted steps of two models that have the same weights, likely ones first.

    By place in the graph; if the graphs differ, by the weights' shapes in order of computation.
    """
    groups = None
    for sign in (signatures, lambda graph, b: {id(s): hash(shapes(s, b)) for s in graph.weighted}):
        sides = []
        for graph in (one, other):
            signs, side = sign(graph, biases), {}
            for step in graph.weighted:
                side.setdefault(signs[id(step)], []).append(step)
            sides.append(side)
        if {k: len(v) for k, v in sides[0].items()} == {k: len(v) for k, v in sides[1].items()}:
            groups = [(steps, sides[1][sign]) for sign, steps in sides[0].items()]
            break
    if groups is None:
        return
    orders = [
        list(permutations(steps)) if len(steps) <= 4 else [tuple(steps)] for _, steps in groups
    ]
    for chosen in islice(product(*orders), MAX_ASSIGNMENTS):
        yield [
            pair
            for (mine, _), theirs in zip(groups, chosen, strict=True)
            for pair in zip(mine, theirs, strict=True)
        ]


def unweighted_before(graph: Graph, step: Step | None) -> list[Step]:
    """The steps without weights that lead to a step, or to the outputs, and those before them."""
    waiting = [out for out, _ in graph.outputs] if step is None else list(step.parents)
    found: dict[int, Step] = {}
    while waiting:
        current = waiting.pop()
        if id(current) not in found:
            found[id(current)] = current
            if not current.weights:
                waiting += current.parents
    return [step for step in graph.steps if id(step) in found]


def kinds_between(graph: Graph, step: Step | None) -> Counter:
    """How often each kind stands between the weighted steps before and a step, or the outputs."""
    return Counter(
        kind
        for current in unweighted_before(graph, step)
        for kind in (current.kinds[1:] if current.weights else current.kinds)
        if kind not in PASSED_OVER and kind != "linear"
    )
