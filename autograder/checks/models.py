"""Checks of a Keras model: shapes and counts, the order of layers, what it computes and learns.

Each method makes one check. It looks at nothing but layers, weights and outputs, which is all that
is left of a student's model when it is graded, so it gives the same in the student's notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import keras
import numpy as np

from autograder.checks import learning
from autograder.checks.comparison import Comparison
from autograder.checks.graph import Graph, Wanted, has_path, key, longest_path
from autograder.checks.learning import kept, random_inputs
from autograder.checks.values import (
    cause_where,
    difference,
    got,
    known_cause,
    raised,
    short,
)


def as_model(function: Callable, input_shape: tuple) -> Callable:
    """A function that makes the model of a block, which is a function on tensors."""

    def build(*args, **kwargs):
        tensor = keras.Input(input_shape)
        result = function(tensor, *args, **kwargs)
        if not isinstance(result, keras.KerasTensor):
            raise TypeError(f"should give the tensor after its last layer, but gave {got(result)}")
        return keras.Model(tensor, result)

    return build


class ModelChecks:
    """A model, waiting for what should hold of it. Every method gives the object itself back.

    All methods take `share` (else that of ``question.model``) and `hint`, where to look; many take
    `mistakes`, wrong answers that have a known cause, and the cause in words.
    """

    def __init__(self, question, name: str, share: float, source, args, kwargs):
        self._question, self._name, self._share = question, name, share
        self.model, self._problem = self._made(source, args, kwargs)
        self._rng = np.random.default_rng(question.random.getrandbits(64))

    @staticmethod
    def _made(source, args, kwargs) -> tuple[keras.Model | None, str]:
        from autograder.engine import models

        try:
            model = source if isinstance(source, keras.Model) else source(*args, **kwargs)
        except Exception as error:
            return None, f"there is no model: {raised(error)}"
        if not isinstance(model, keras.Model):
            return None, f"a Keras model is expected, but this is {got(model)}"
        if not models.is_graph(model):
            return None, (
                f"the layers of a {type(model).__name__} cannot be seen; make the model with "
                "keras.Model(inputs, outputs), or with keras.Sequential and a keras.Input"
            )
        try:
            models.check(keras.saving.serialize_keras_object(model))
        except models.RebuildError as error:
            return None, str(error)
        return model, ""

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
        wanted = Wanted.of((kind, where or {}))

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
        wanted = [Wanted.of(item) for item in order]

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
                    lambda other: has_path(graph, [Wanted.of(item) for item in other], anywhere),
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

        def same(model, other):
            with kept(model), kept(other):
                comparison = Comparison(Graph(other), Graph(model), any_bias, tolerance, self._rng)
                return comparison.difference(random_inputs(other, self._rng))

        def check(model):
            reason = same(model, reference)
            if reason is None:
                return None

            def as_wrong(other) -> bool:
                other = other if isinstance(other, keras.Model) else other()
                return same(model, other) is None

            return reason, cause_where(mistakes, as_wrong)

        return self._check("what it computes", check, about)

    # How it learns

    def gets_gradients(self, **about):
        """A gradient reaches every trainable weight, for random inputs and weights."""
        return self._check("gradients", lambda m: learning.gradients(m, self._rng), about)

    def differs_in_training(self, differs: bool = True, **about):
        """Training and inference give other outputs (dropout, BatchNorm); or, if False, the same.

        Inference must give the same output each time, in both cases.
        """
        return self._check(
            "training and inference", lambda m: learning.modes(m, self._rng, differs), about
        )

    def moves_statistics(self, moves: bool = True, **about):
        """A step in training moves every moving statistic, or, if False, none; inference none."""
        return self._check(
            "moving statistics", lambda m: learning.statistics(m, self._rng, moves), about
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
            survived = learning.survivors(model, self._rng, unit, dropped, least)
            return learning.mean(survived, probability, sigmas, f"{unit}s to survive", mistakes)

        return self._check(f"surviving {unit}s", check, about)

    def keeps_mean(self, *, repeats: int = 64, sigmas: float = 5, **about):
        """The outputs in training are those of inference on average, as far as chance lets us see.

        What survives dropout must be scaled up by as much as was dropped.
        """
        return self._check(
            "mean in training",
            lambda m: learning.unbiased(m, self._rng, repeats, sigmas),
            about,
        )

    # Making one check

    def _check(self, what: str, check: Callable[[keras.Model], Any], about: dict):
        """Record what `check` gives: None, or what is wrong and its known cause."""
        share, hint = about.pop("share", self._share), about.pop("hint", "")
        if about:
            raise TypeError(f"There is no argument {', '.join(about)}; there are share and hint.")
        name = f"{self._name}, {what}"
        if self._problem:
            self._question.record(name, share, 0, self._problem, hint)
            return self
        try:
            wrong = check(self.model)
        except Exception as error:
            wrong = f"it cannot be checked: {raised(error)}", ""
        if wrong is None:
            self._question.record(name, share, 1)
        else:
            message, cause = wrong
            self._question.record(name, share, 0, message, cause or hint)
        return self

    def _equal(self, what: str, expected, measure: Callable, mistakes, about: dict):
        def check(model):
            value = measure(model)
            if difference(expected, value) is None:
                return None
            said = f"{value:,}" if isinstance(value, int) else short(value)
            wanted = f"{expected:,}" if isinstance(expected, int) else short(expected)
            return f"expected {wanted}, has {said}", known_cause(value, mistakes)

        return self._check(what, check, about)


def _shape(tensors: list) -> tuple | list:
    shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
    return shapes[0] if len(shapes) == 1 else shapes


def _spelled(order: Sequence) -> dict[str, str]:
    """From a kind's one spelling to the author's."""
    names = [item if isinstance(item, str) else item[0] for item in order]
    return {key(name): name for name in names}


def _item(item) -> str:
    if isinstance(item, str):
        return item
    return f"{item[0]}({', '.join(f'{k}={v!r}' for k, v in item[1].items())})"
