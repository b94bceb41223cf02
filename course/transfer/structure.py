"""Head and body of a network: what transfer keeps, and what it makes anew."""

from __future__ import annotations

import difflib

import keras

from course.errors import UsageError
from course.keras_graph import Graph, Step
from course.keras_types import Layer, Model


def head_steps(graph: Graph) -> list[Step]:
    """Return for each output the last layers with weights before it: the classifiers.

    Args:
        graph: of a model.
    """
    found: list[Step] = []
    left = [step for step, _ in graph.outputs]
    while left:
        step = left.pop(0)
        if not step.weights:
            left += step.parents
        elif step not in found:
            found.append(step)
    return found


def head_layers(model: Model) -> list[Layer]:
    """Return the last layers with weights before each output, whatever follows them.

    Args:
        model: built, and Functional or Sequential.

    Raises:
        UsageError: a model without weights.

    Example:
        >>> from course import architectures
        >>> [layer.name for layer in head_layers(architectures.build("resnet20_cifar"))]
        ['predictions']
    """
    found = [step.layer for step in head_steps(Graph(model))]
    if not found:
        raise UsageError(f"{model.name} has no layer with weights, so no head. Pass a network.")
    return found


def trained_from(model: Model, start: str) -> tuple[list[Layer], list[Layer]]:
    """Divide a network's layers, in order of computation.

    Args:
        model: built, and Functional or Sequential.
        start: ``"all"``, ``"head"``, or the name of the first layer to train. Whatever lies between
            the last weights of the body and the head, such as dropout, is a part of the head.

    Returns:
        The layers before it; and that layer with all that follow.

    Raises:
        UsageError: there is no such layer.
    """
    graph = Graph(model)
    steps = [s for s in graph.steps if isinstance(s.layer, keras.Layer) and not s.is_input]
    if start == "all":
        first = 0
    elif start == "head":
        head = head_steps(graph)
        body = [n for n, step in enumerate(steps) if step.weights and step not in head]
        first = max(body, default=-1) + 1
    else:
        names = [step.layer.name for step in steps]
        if start not in names:
            near = difflib.get_close_matches(str(start), names, n=3)
            raise UsageError(
                f"Layers are trained from 'head', 'all', or a layer of {model.name} on; received "
                f"{start!r}." + (f" Did you mean {' or '.join(near)}?" if near else "")
            )
        first = names.index(start)
    after = [step.layer for step in steps[first:]]
    head_too = [step.layer for step in head_steps(graph) if step.layer not in after]
    kept = {id(layer) for layer in [*after, *head_too]}
    before = [step.layer for step in steps[:first] if id(step.layer) not in kept]
    return before, [*head_too, *after]


def finalize(layer: Layer) -> None:
    """Make a layer use weights that were just set: Keras' Normalization copies them."""
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()
