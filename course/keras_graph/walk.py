"""A Keras model as steps from its inputs to its outputs, whatever style it is written in.

Functional and Sequential models, nested ones, activations as arguments, as layers or as functions,
and ``a + b`` and ``Add()`` come out alike, so that two models can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import keras

from course import keras_compat
from course.keras_types import Array, KerasTensor, Model, Operation, TensorFunction, Variable


def normalized_kind(kind: str) -> str:
    """Return one spelling for the name of a layer, a function or an operation.

    Example:
        >>> normalized_kind("LeakyReLU") == normalized_kind("leaky_relu")
        True
    """
    return kind.replace("_", "").lower()


def function_name(function: object) -> str:
    """Return the name of a function, or of the class of a callable object."""
    name: str = getattr(function, "__name__", type(function).__name__)
    return name


@dataclass(eq=False)
class Step:
    """One use of one layer or operation.

    Attributes:
        layer: the layer or operation.
        node: Keras' record of this use.
        sources: the steps whose outputs it takes, and which of their outputs.
        prefix: names of the nested models that it is in, each followed by a slash.
    """

    layer: Operation
    node: keras_compat.Node
    sources: list[tuple[Step, int]] = field(default_factory=list)
    prefix: str = ""

    @property
    def is_input(self) -> bool:
        """Whether it stands for an input of the model."""
        return self.node.is_input

    @property
    def parents(self) -> list[Step]:
        """The steps whose outputs it takes."""
        return [step for step, _ in self.sources]

    @property
    def input_tensors(self) -> list[KerasTensor]:
        """The symbolic tensors that it takes."""
        return self.node.arguments.keras_tensors

    @property
    def output_tensors(self) -> list[KerasTensor]:
        """The symbolic tensors that it gives."""
        return self.node.outputs

    @property
    def weights(self) -> list[Variable]:
        """Weights of the layer; operations have none."""
        found: list[Variable] = getattr(self.layer, "weights", [])
        return found

    @property
    def activation(self) -> TensorFunction | None:
        """The activation function that is an argument of the layer, unless it is linear."""
        function: TensorFunction | None = getattr(self.layer, "activation", None)
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
            return normalized_kind(function_name(self.layer.activation))
        kind = normalized_kind(type(self.layer).__name__)
        limit = getattr(self.layer, "max_value", None) if kind == "relu" else None
        return kind if limit is None else f"relu{limit:g}"

    @property
    def kinds(self) -> list[str]:
        """The step's kind, and that of an activation in its argument."""
        if self.activation is None:
            return [self.kind]
        return [self.kind, normalized_kind(function_name(self.activation))]

    def __str__(self) -> str:
        return f"{self.layer.name!r} ({type(self.layer).__name__})"


class Graph:
    """The steps of a model, those of nested models included, in an order of computation.

    Args:
        model: built, and Functional or Sequential: :func:`has_graph` is true of it.

    Attributes:
        steps: all steps.
        inputs: the steps that stand for the model's inputs, in the order of ``model.inputs``.
        outputs: for each output of the model, the step that gives it, and which of its outputs.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu")])
        >>> [step.kinds for step in Graph(model).steps]
        [['inputlayer'], ['dense', 'relu']]
    """

    def __init__(self, model: Model):
        self.steps: list[Step] = []
        self.outputs, made = self._walk(model, None, "")
        self.inputs = [made[id(tensor)][0] for tensor in keras_compat.functional(model).inputs]

    def _walk(
        self, model: Model, sources: list[tuple[Step, int]] | None, prefix: str
    ) -> tuple[list[tuple[Step, int]], dict[int, tuple[Step, int]]]:
        """Add the steps of a model, which gets the outputs of `sources` if it is nested.

        Returns:
            What gives its outputs; and what gives each tensor in it, by the tensor's ID.
        """
        graph = keras_compat.functional(model)
        made: dict[int, tuple[Step, int]] = {}
        if sources is not None:
            made |= {id(t): source for t, source in zip(graph.inputs, sources, strict=True)}
        for node in keras_compat.nodes(graph):
            if node.is_input and sources is not None:
                continue
            given = [made[id(tensor)] for tensor in node.arguments.keras_tensors]
            if keras_compat.has_graph(node.operation):
                inner = f"{prefix}{node.operation.name}/"
                outputs, _ = self._walk(node.operation, given, inner)
            else:
                step = Step(node.operation, node, given, prefix)
                self.steps.append(step)
                outputs = [(step, number) for number in range(len(node.outputs))]
            made.update((id(t), out) for t, out in zip(node.outputs, outputs, strict=True))
        return [made[id(tensor)] for tensor in graph.outputs], made

    @property
    def weighted(self) -> list[Step]:
        """The steps with weights; a layer that is used twice at its first use."""
        first = {id(step.layer): step for step in reversed(self.steps) if step.weights}
        return [step for step in self.steps if first.get(id(step.layer)) is step]

    def children(self) -> dict[int, list[tuple[Step, int]]]:
        """For each step's ID: the steps that take its outputs, and at which position."""
        found: dict[int, list[tuple[Step, int]]] = {id(step): [] for step in self.steps}
        for step in self.steps:
            for position, parent in enumerate(step.parents):
                found[id(parent)].append((step, position))
        return found

    def values(self, inputs: list[Array]) -> dict[int, list[Array]]:
        """Compute what each step gives at inference, before an activation in its argument.

        Args:
            inputs: an array for each input of the model.

        Returns:
            The step's outputs, by the step's ID.
        """
        given: dict[int, list[Array]] = {
            id(step): [value] for step, value in zip(self.inputs, inputs, strict=True)
        }
        before = dict(given)
        for step in self.steps:
            if step.is_input:
                continue
            tensors = {
                id(tensor): given[id(parent)][number]
                for tensor, (parent, number) in zip(step.input_tensors, step.sources, strict=True)
            }
            before[id(step)], given[id(step)] = _computed(step, tensors)
        return {
            number: [cast(Array, keras.ops.convert_to_numpy(value)) for value in values]
            for number, values in before.items()
        }


def _computed(step: Step, tensors: dict[int, Array]) -> tuple[list[Array], list[Array]]:
    """Return a step's outputs before and after an activation in its argument."""
    args, kwargs = keras_compat.call_arguments(step.node, tensors)
    function = step.activation
    if function is None:
        outputs: list[Array] = keras.tree.flatten(step.layer(*args, **kwargs))
        return outputs, outputs
    step.layer.activation = keras.activations.linear
    try:
        outputs = keras.tree.flatten(step.layer(*args, **kwargs))
    finally:
        step.layer.activation = function
    return outputs, [function(value) for value in outputs]
