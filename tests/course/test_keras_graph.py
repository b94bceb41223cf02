"""Models as graphs: their steps, and which layer corresponds to which."""

import subprocess
import sys

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course.keras_graph import (
    Graph,
    pairings,
    roles,
    signatures,
    squeezed,
    structural_order,
    weight_shapes,
)

keras = pytest.importorskip("keras")
layers = keras.layers


def functional(*parts, shape=(8, 8, 3)):
    x = keras.Input(shape)
    y = x
    for part in parts:
        y = part(y)
    return keras.Model(x, y)


def kinds(model):
    return [kind for step in Graph(model).steps for kind in step.kinds]


def test_styles_look_the_same():
    def conv():
        return layers.Conv2D(4, 3, activation="relu")

    plain = functional(conv(), layers.Flatten(), layers.Dense(2))
    nested = functional(functional(conv()), keras.Sequential([layers.Flatten(), layers.Dense(2)]))
    sequential = keras.Sequential(
        [keras.Input((8, 8, 3)), conv(), layers.Flatten(), layers.Dense(2)]
    )
    expected = ["inputlayer", "conv2d", "relu", "flatten", "dense"]
    assert kinds(plain) == kinds(nested) == kinds(sequential) == expected
    apart = functional(layers.Conv2D(4, 3), layers.ReLU(max_value=6), keras.ops.square)
    assert kinds(apart) == ["inputlayer", "conv2d", "relu6", "square"]


def test_inner_steps_know_the_models_around_them():
    inner = keras.Model(x := keras.Input((4,)), layers.Dense(4, name="d")(x), name="inner")
    outer = keras.Model(x := keras.Input((4,)), inner(x), name="middle")
    model = functional(outer, layers.Dense(1, name="last"), shape=(4,))
    assert [step.prefix + step.layer.name for step in Graph(model).steps[1:]] == [
        "middle/inner/d", "last",
    ]  # fmt: skip


def test_sources_and_children_of_a_sum():
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(4, name="d")(x) + x)
    graph = Graph(model)
    start, dense, add = graph.steps
    assert [(step, number) for step, number in add.sources] == [(dense, 0), (start, 0)]
    assert graph.children()[id(start)] == [(dense, 0), (add, 1)]
    assert graph.outputs == [(add, 0)]
    assert graph.inputs == [start]


def test_inputs_are_in_the_models_order():
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    model = keras.Model([b, a], [layers.Dense(1)(a), layers.Dense(1)(b)])
    assert [step.layer.name for step in Graph(model).inputs] == ["b", "a"]


def test_a_shared_layer_is_weighted_once():
    dense = layers.Dense(4)
    graph = Graph(functional(dense, dense, shape=(4,)))
    assert len(graph.steps) == 3
    assert [step.layer for step in graph.weighted] == [dense]


def test_values_are_those_of_the_layers():
    inner = functional(layers.Conv2D(4, 3, activation="relu"), layers.Flatten())
    model = functional(inner, layers.Dense(2, activation="softmax"))
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")
    graph = Graph(model)
    values = graph.values([x])
    logits = values[id(graph.outputs[0][0])][0]
    np.testing.assert_allclose(
        keras.ops.softmax(logits), keras.ops.convert_to_numpy(model(x)), rtol=1e-5, atol=1e-6
    )
    conv = next(step for step in graph.steps if step.kind == "conv2d")
    assert (values[id(conv)][0] < 0).any()  # before the activation
    assert conv.layer.activation is keras.activations.relu  # it has it back


def test_roles_and_shapes():
    (step,) = Graph(functional(layers.SeparableConv2D(5, 3))).weighted
    assert [role for role, _ in roles(step)] == ["kernel", "kernel 2", "bias"]
    assert weight_shapes(step, biases=False) == (("kernel", (3, 3, 3)), ("kernel 2", (3, 5)))
    assert squeezed((1, 1, 3, 5)) == (3, 5)


def two_branches(swapped, joined=layers.Add):
    """A sum of two branches of two layers each, with the same shapes in all four."""
    x = keras.Input((4,))
    branches = []
    for name in "ab":
        y = layers.Dense(4, name=f"{name}1")(x)
        branches.append(layers.Dense(4, name=f"{name}2")(y))
    branches[0] = layers.Activation("tanh")(branches[0])
    return keras.Model(x, joined()(branches[::-1] if swapped else branches))


def names(pairs):
    return {(one.layer.name, other.layer.name) for one, other in pairs}


def test_the_terms_of_a_sum_may_be_swapped():
    one, other = (Graph(two_branches(swapped)) for swapped in (False, True))
    found = [names(pairs) for pairs in pairings(one, other, weight_shapes)]
    assert {(name, name) for name in ("a1", "a2", "b1", "b2")} in found
    # What stays together in a branch is paired together.
    assert found[0] in (
        {("a1", "a1"), ("a2", "a2"), ("b1", "b1"), ("b2", "b2")},
        {("a1", "b1"), ("a2", "b2"), ("b1", "a1"), ("b2", "a2")},
    )


def test_the_parts_of_a_concatenation_may_not():
    one = Graph(two_branches(False, layers.Concatenate))
    other = Graph(two_branches(True, layers.Concatenate))
    (pairs,) = pairings(one, other, weight_shapes)
    assert names(pairs) == {("a1", "b1"), ("a2", "b2"), ("b1", "a1"), ("b2", "a2")}


def test_outputs_tell_layers_apart():
    def net(swapped):
        x = keras.Input((4,))
        outputs = [layers.Dense(2, name=name)(x) for name in "ab"]
        return keras.Model(x, outputs[::-1] if swapped else outputs)

    (pairs,) = pairings(Graph(net(False)), Graph(net(True)), weight_shapes)
    assert names(pairs) == {("a", "b"), ("b", "a")}


def test_other_weights_have_no_pairing():
    one, other = (Graph(functional(layers.Dense(n), shape=(4,))) for n in (3, 5))
    assert list(pairings(one, other, weight_shapes)) == []


def test_order_follows_the_paths():
    graph = Graph(two_branches(False, layers.Concatenate))
    order = [step.layer.name for step in structural_order(graph, weight_shapes)]
    assert order == ["a1", "a2", "b1", "b2"]


def test_signatures_are_the_same_in_every_process():
    code = """
from tests.course.test_keras_graph import Graph, signatures, two_branches, weight_shapes
graph = Graph(two_branches(False))
print([signatures(graph, weight_shapes)[id(step)] for step in graph.weighted])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    graph = Graph(two_branches(False))
    here = [signatures(graph, weight_shapes)[id(step)] for step in graph.weighted]
    assert done.stdout.strip() == str(here)
