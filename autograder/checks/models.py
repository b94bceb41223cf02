"""Checks of a Keras model: shapes and counts, the order of layers, what it computes and learns.

Each method makes one check. It looks at nothing but layers, weights and outputs, which is all that
is left of a student's model when it is graded, so it gives the same in the student's notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from math import prod

import keras
import numpy as np

from autograder.checks import behavior, whole
from autograder.checks.behavior import preserve_weights, random_inputs
from autograder.checks.built import BuiltModel, build
from autograder.checks.causes import cause_where
from autograder.checks.comparison import Comparison
from autograder.checks.graph import Graph, LayerPattern, has_path, longest_path, normalized_kind
from autograder.checks.values import short


class ModelChecks(BuiltModel):
    """A model, waiting for what should hold of it. Every method gives the object itself back.

    All methods take `share` (else that of ``question.model``) and `hint`, where to look; many take
    `mistakes`, wrong answers that have a known cause, and the cause in words.
    """

    # Shapes and counts

    def has_output_shape(self, shape: tuple, *, mistakes: Mapping | None = None, **about):
        """One example's outputs have this shape (without the batch); a list for several outputs."""
        return self._equal("output shape", shape, lambda m: _shape(m.outputs), mistakes, about)

    def has_input_shape(self, shape: tuple, *, mistakes: Mapping | None = None, **about):
        """One example's inputs have this shape (without the batch); a list for several inputs."""
        return self._equal("input shape", shape, lambda m: _shape(m.inputs), mistakes, about)

    def has_params(self, count: int, *, mistakes: Mapping | None = None, **about):
        """The number of all weights, BatchNorm's statistics included."""
        return self._equal("parameters", count, lambda m: m.count_params(), mistakes, about)

    def has_trainable_params(self, count: int, *, mistakes: Mapping | None = None, **about):
        """The number of weights that are learned."""

        def learned(model):
            return sum(prod(weight.shape) for weight in model.trainable_weights)

        return self._equal("trainable parameters", count, learned, mistakes, about)

    def has_macs(self, count: int, *, mistakes: Mapping | None = None, **about):
        """The multiply-adds of one example, as ``course.sizing.profile`` counts them."""

        def macs(model):
            from course.sizing import profile

            return profile(model).macs

        return self._equal("multiply-adds", count, macs, mistakes, about)

    def has_layers(
        self, kind: str, count: int, where: Mapping | None = None, *, mistakes=None, **about
    ):
        """So many uses of layers of a kind, with the settings in `where`: {"strides": 2}.

        Activations count however they are written: ``"relu"`` is an argument, a layer or a
        function.
        """
        wanted = LayerPattern.of((kind, where or {}))

        def uses(model):
            steps = Graph(model).steps
            return sum(wanted.fits(found, step.layer) for step in steps for found in step.kinds)

        settings = str(wanted).removeprefix(wanted.kind)
        return self._equal(f"{kind}{settings} layers", count, uses, mistakes, about)

    def has_order(self, order: Sequence, *, anywhere: bool = False, mistakes=None, **about):
        """Some path from input to output meets these kinds of layers, in this order.

        Args:
            order: kinds, or pairs of a kind and settings: ("Conv2D", {"strides": 2}). Kinds that
                are not named here may stand anywhere. Activations count however they are written.
            anywhere: the order may be a stretch of the path; else it must be all of it.
            mistakes: other orders, as tuples, that have a known cause.
        """
        wanted = [LayerPattern.of(item) for item in order]

        def check(model):
            graph = Graph(model)
            if has_path(graph, wanted, anywhere):
                return None
            kinds = _spelled(order)
            expected = [_item(item) for item in order]
            met = [kinds[kind] for kind in longest_path(graph, set(kinds))]
            return (
                f"expected {'somewhere ' if anywhere else ''}{' → '.join(expected)} on a path from "
                f"input to output; the longest has {' → '.join(met) or 'none of these'}",
                cause_where(
                    mistakes,
                    lambda other: has_path(
                        graph, [LayerPattern.of(item) for item in other], anywhere
                    ),
                ),
            )

        return self._check("order of layers", check, about)

    # What it computes

    def computes(
        self,
        reference: keras.Model,
        *,
        any_bias: bool = False,
        tolerance: float = 1e-4,
        mistakes: Mapping | None = None,
        **about,
    ):
        """With the same weights, it computes the same as a reference, however it is written.

        Both get the same random weights; which layer answers to which is found by its place in the
        graph. Names, the order in which layers were made, Functional or Sequential, activations as
        arguments or layers, and padding by a layer of its own don't matter.

        Args:
            reference: a model that is right.
            any_bias: a bias may be there or not.
            tolerance: how far outputs may differ, relative to the largest.
            mistakes: wrong models, or functions that make them, and the cause in words.
        """

        def check(model):
            reason = self._compared(model, reference, any_bias, tolerance)
            if reason is None:
                return None
            return reason, self._known(model, mistakes, any_bias, tolerance)

        return self._check("what it computes", check, about)

    def _compared(self, model, other, *how) -> str | None:
        """What is wrong with a model beside another; `how` as for :class:`Comparison`."""
        with preserve_weights(model), preserve_weights(other):
            comparison = self._comparison(model, other, *how)
            return comparison.difference(random_inputs(other, self._rng))

    def _comparison(self, model, other, any_bias, tolerance, any_epsilon=False) -> Comparison:
        graphs = Graph(other), Graph(model)
        return Comparison(*graphs, any_bias, tolerance, self._rng, any_epsilon)

    def _known(self, model, mistakes: Mapping | None, *how) -> str:
        """The cause of the known mistake that the model makes."""

        def made(wrong) -> bool:
            return self._compared(model, build(wrong, None, (), {}), *how) is None

        return cause_where(mistakes, made)

    def behaves_like(
        self,
        reference: Callable | keras.Model,
        *,
        also: Sequence[tuple] = (),
        prescribed: Collection[str] = (),
        any_bias: bool = False,
        tolerance: float = 1e-4,
        mistakes: Mapping | None = None,
        **about,
    ):
        """It is as a reference in all that a model does; the check that every question makes.

        With the same weights it computes the same, and trains the same: each weight gets the
        reference's gradient along every path, none is frozen or shared between layers, nothing is
        random that is not random in the reference, statistics move in training and stay at
        inference, no seed is fixed, and the function makes new layers each time, for other sizes as
        well. What does not compute the same earns nothing; what does, and is wrong in something
        else, earns half.

        Args:
            reference: a function with the student's arguments (for a block, the tensor first) that
                makes the right model; or a model, where `also` is empty.
            also: other calls that must be right: for a block shapes of inputs, or tuples of a shape
                and other arguments; for a function that makes a model tuples of its arguments.
            prescribed: of "epsilon", "momentum" and "initializer" those that must be the
                reference's, as the text says so.
            any_bias: a bias may be there or not.
            tolerance: how far outputs may differ, relative to the largest.
            mistakes: wrong models, or functions that make them, and the cause in words.
        """
        unknown = set(prescribed) - {"epsilon", "momentum", "initializer"}
        if unknown:
            raise ValueError(f"A text can prescribe no {', '.join(unknown)} here.")

        how = any_bias, tolerance, True

        def check(model):
            right = self._reference(reference, self._input_shape, self._args)
            cause = whole.misbuilt(Graph(right), Graph(model))
            with preserve_weights(model), preserve_weights(right) as epsilons:
                starts = _weights(right), _weights(model)
                inputs = random_inputs(right, self._rng)
                comparison = self._comparison(model, right, *how)
                reason = comparison.difference(inputs)
                if reason is not None:
                    return reason, cause or self._known(model, mistakes, *how)
                found = whole.faults(
                    right, model, comparison.pairs, inputs, starts, epsilons, frozenset(prescribed)
                )
            found += self._elsewhere(model, reference, also, *how)
            said = f"it computes what it should, but {'; '.join(found)}"
            return (said, "", 0.5) if found else None

        return self._check("as a whole", check, about)

    def shares_no_layer_with(self, other: keras.Model, **about):
        """None of its weights is a weight of another model, such as one that the call was given."""

        def check(model):
            shared = whole.sharing(other, model)
            return (f"expected layers of its own, but {shared}", "") if shared else None

        return self._check("layers of its own", check, about)

    def _elsewhere(self, model, reference, also, *how) -> list[str]:
        """What is wrong in other calls of the student's function."""
        calls = [self._call(call) for call in also] or [(self._input_shape, self._args)]
        if isinstance(self._source, keras.Model):
            return []
        for input_shape, args in calls:
            other, problem = self._made(input_shape, args)
            said = f"for {_call_text(input_shape, args if args != self._args else ())} "
            if other is None:
                return [said + problem]
            if shared := whole.sharing(model, other):
                return [f"a new call does not make new layers: {shared}"]
            if also:
                right = self._reference(reference, input_shape, args)
                reason = self._compared(other, right, *how)
                if reason is not None:
                    return [said + reason]
        return []

    def _call(self, call: tuple) -> tuple[tuple | None, tuple]:
        """An input's shape and arguments, from an item of `also`."""
        if self._input_shape is None:
            return None, call
        return (call[0], call[1:]) if isinstance(call[0], tuple) else (call, self._args)

    def _reference(self, reference, input_shape: tuple | None, args: tuple) -> keras.Model:
        """The right model for these arguments, made once a question."""
        if isinstance(reference, keras.Model):
            return reference
        key = repr((id(reference), input_shape, args, self._kwargs))
        made = self._question.references
        if key not in made:
            made[key] = reference, build(reference, input_shape, args, self._kwargs)
        return made[key][1]

    # How it learns

    def gets_gradients(self, **about):
        """A gradient reaches every trainable weight, for random inputs and weights."""
        return self._check("gradients", lambda m: behavior.gradients(m, self._rng), about)

    def differs_in_training(self, differs: bool = True, **about):
        """Training and inference give other outputs (dropout, BatchNorm); or, if False, the same.

        Inference must give the same output each time, in both cases.
        """
        return self._check(
            "training and inference",
            lambda m: behavior.training_vs_inference(m, self._rng, differs),
            about,
        )

    def moves_statistics(self, moves: bool = True, **about):
        """A step in training moves every moving statistic, or, if False, none; inference none."""
        return self._check(
            "moving statistics", lambda m: behavior.statistics(m, self._rng, moves), about
        )

    def survives(
        self, probability: float, *, unit: str = "value", dropped: Callable = np.zeros_like,
        least: int = 2000, sigmas: float = 5, mistakes: Mapping | None = None, **about,
    ):  # fmt: skip
        """In training, this part of the units survives on average, as far as chance lets us see.

        Args:
            probability: expected part, from 0 to 1.
            unit: what is dropped as a whole: "value", "channel" (of a map) or "example".
            dropped: what the inputs become if they are dropped; with a shortcut, the inputs.
            least: how many units to look at, at least.
            sigmas: how many standard errors the part may be away.
            mistakes: wrong parts that have a known cause.
        """

        def check(model):
            survived = behavior.survivors(model, self._rng, unit, dropped, least)
            return behavior.mean(survived, probability, sigmas, f"{unit}s to survive", mistakes)

        return self._check(f"surviving {unit}s", check, about)

    def keeps_mean(self, *, repeats: int = 64, sigmas: float = 5, **about):
        """The outputs in training are those of inference on average, as far as chance lets us see.

        What survives dropout must be scaled up by as much as was dropped.
        """
        return self._check(
            "mean in training",
            lambda m: behavior.unbiased(m, self._rng, repeats, sigmas),
            about,
        )


def _weights(model: keras.Model) -> dict[int, np.ndarray]:
    return {id(weight): np.array(weight) for weight in model.weights}


def _call_text(input_shape: tuple | None, args: tuple) -> str:
    inputs = f"inputs of shape {input_shape}" if input_shape else ""
    others = f"arguments {', '.join(map(short, args))}" if args else ""
    return " and ".join(part for part in (inputs, others) if part) or "the same call again"


def _shape(tensors: list) -> tuple | list:
    shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
    return shapes[0] if len(shapes) == 1 else shapes


def _spelled(order: Sequence) -> dict[str, str]:
    """From a kind's one spelling to the author's."""
    names = [item if isinstance(item, str) else item[0] for item in order]
    return {normalized_kind(name): name for name in names}


def _item(item) -> str:
    if isinstance(item, str):
        return item
    return f"{item[0]}({', '.join(f'{k}={v!r}' for k, v in item[1].items())})"
