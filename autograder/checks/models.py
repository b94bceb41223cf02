"""Checks of a Keras model: its structure, what it computes, and how it trains.

Each method makes one check. It looks at nothing but layers, weights and outputs, which is all that
is left of a student's model when it is graded, so it gives the same in the student's notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Self, Unpack

import keras
import numpy as np

from autograder.checks import behavior, whole
from autograder.checks.behavior import preserve_weights, random_inputs
from autograder.checks.built import About, Finding, Source, build
from autograder.checks.causes import Mistakes, cause_where, pairs
from autograder.checks.comparison import Comparison
from autograder.checks.starts import Weights
from autograder.checks.structure import StructureChecks
from autograder.checks.values import short
from course.keras_graph import Graph
from course.keras_types import Array, Model, Shape

_PRESCRIBED = {"epsilon", "momentum", "initializer"}
# Whether a bias may be there or not; the tolerance; whether any epsilon will do.
_How = tuple[bool, float, bool]


class ModelChecks(StructureChecks):
    """A student's model and the checks of it. Every check returns the object itself.

    All take `share` (else that of ``question.model``) and `hint`, where to look; many take
    `mistakes`, causes in words and the wrong answer that each of them gives.
    """

    # What it computes

    def computes(
        self,
        reference: Model,
        *,
        any_bias: bool = False,
        tolerance: float = 1e-4,
        mistakes: Mistakes | None = None,
        **about: Unpack[About],
    ) -> Self:
        """Check that with the same weights it computes the same as a reference.

        Both get the same random weights; which layer corresponds to which is found by its place in
        the graph. Names, the order in which layers were made, Functional or Sequential, activations
        as arguments or layers, and padding by a layer of its own don't matter.

        Args:
            reference: a model that is right.
            any_bias: whether a bias may be there or not.
            tolerance: how far outputs may differ, relative to the largest.
            mistakes: causes in words, and wrong models, or functions that make them.
        """
        how = any_bias, tolerance, False
        pairs(mistakes)  # refuses what an author has written the wrong way round

        def check(model: Model) -> Finding:
            reason = self._compared(model, reference, how)
            return None if reason is None else (reason, self._known(model, mistakes, how))

        return self._check("what it computes", check, about)

    def _compared(self, model: Model, other: Model, how: _How) -> str | None:
        """Say what is wrong with a model compared with another."""
        with preserve_weights(model), preserve_weights(other):
            comparison = self._comparison(model, other, how)
            return comparison.difference(random_inputs(other, self._rng))

    def _comparison(self, model: Model, other: Model, how: _How) -> Comparison:
        any_bias, tolerance, any_epsilon = how
        graphs = Graph(other), Graph(model)
        return Comparison(*graphs, any_bias, tolerance, self._rng, any_epsilon)

    def _known(self, model: Model, mistakes: Mistakes | None, how: _How) -> str:
        """Return the cause of the known mistake that the model makes."""

        def made(wrong: Source) -> bool:
            return self._compared(model, build(wrong, None, (), {}), how) is None

        return cause_where(mistakes, made)

    def behaves_like(
        self,
        reference: Source,
        *,
        also: Sequence[tuple[Any, ...]] = (),
        prescribed: Collection[str] = (),
        any_bias: bool = False,
        tolerance: float = 1e-4,
        mistakes: Mistakes | None = None,
        **about: Unpack[About],
    ) -> Self:
        """Check that it is like a reference in everything; every question on a model needs this.

        With the same weights it computes the same, and trains the same: each weight gets the
        reference's gradient along every path, none is frozen or shared between layers, nothing is
        random that is not random in the reference, statistics move in training and stay at
        inference, no seed is fixed, and the function makes new layers each time, for other sizes as
        well. What does not compute the same earns nothing; what does, and is wrong in something
        else, earns half.

        Args:
            reference: a function with the student's arguments (for a block, the tensor first) that
                makes the right model; or a model, if `also` is empty.
            also: other calls that must be right: for a block shapes of inputs, or tuples of a shape
                and other arguments; for a function that makes a model tuples of its arguments.
            prescribed: which of "epsilon", "momentum" and "initializer" must be the reference's,
                because the text says so.
            any_bias: whether a bias may be there or not.
            tolerance: how far outputs may differ, relative to the largest.
            mistakes: causes in words, and wrong models, or functions that make them.
        """
        unknown = set(prescribed) - _PRESCRIBED
        if unknown:
            raise ValueError(
                f"`prescribed` may only name {', '.join(sorted(_PRESCRIBED))}; "
                f"received {', '.join(sorted(unknown))}."
            )
        how = any_bias, tolerance, True
        pairs(mistakes)

        def check(model: Model) -> Finding:
            right = self._reference(reference, self._input_shape, self._args)
            cause = whole.misbuilt(Graph(right), Graph(model))
            with preserve_weights(model), preserve_weights(right) as epsilons:
                starts = _weights(right), _weights(model)
                inputs = random_inputs(right, self._rng)
                comparison = self._comparison(model, right, how)
                reason = comparison.difference(inputs)
                if reason is not None:
                    return reason, cause or self._known(model, mistakes, how)
                found = whole.faults(
                    right, model, comparison.pairs, inputs, starts, epsilons, frozenset(prescribed)
                )
            found += self._faults_elsewhere(model, reference, also, how)
            said = f"it computes what it should, but {'; '.join(found)}"
            return (said, "", 0.5) if found else None

        return self._check("as a whole", check, about)

    def shares_no_layer_with(self, other: Model, **about: Unpack[About]) -> Self:
        """Check that it shares no weight with another model, such as the one that it was given."""

        def check(model: Model) -> Finding:
            shared = whole.sharing(other, model)
            return (f"expected layers of its own, but {shared}", "") if shared else None

        return self._check("layers of its own", check, about)

    def _faults_elsewhere(
        self, model: Model, reference: Source, also: Sequence[tuple[Any, ...]], how: _How
    ) -> list[str]:
        """Say what is wrong in other calls of the student's function."""
        if isinstance(self._source, keras.Model):
            return []
        for input_shape, args in [self._call(call) for call in also] or [
            (self._input_shape, self._args)
        ]:
            other, problem = self._made(input_shape, args)
            said = f"for {_call_text(input_shape, args if args != self._args else ())} "
            if other is None:
                return [said + problem]
            if shared := whole.sharing(model, other):
                return [f"a new call does not make new layers: {shared}"]
            if also:
                right = self._reference(reference, input_shape, args)
                reason = self._compared(other, right, how)
                if reason is not None:
                    return [said + reason]
        return []

    def _call(self, call: tuple[Any, ...]) -> tuple[Shape | None, tuple[Any, ...]]:
        """Return an input's shape and arguments, from an item of `also`."""
        if self._input_shape is None:
            return None, call
        return (call[0], call[1:]) if isinstance(call[0], tuple) else (call, self._args)

    def _reference(
        self, reference: Source, input_shape: Shape | None, args: tuple[Any, ...]
    ) -> Model:
        """Return the right model for these arguments, made once per question."""
        if isinstance(reference, keras.Model):
            return reference
        key = repr((id(reference), input_shape, args, self._kwargs))
        made = self._question.references
        if key not in made:
            made[key] = reference, build(reference, input_shape, args, self._kwargs)
        return made[key][1]

    # How it trains

    def gets_gradients(self, **about: Unpack[About]) -> Self:
        """Check that a gradient reaches every trainable weight, for random inputs and weights."""
        return self._check("gradients", lambda m: behavior.gradients(m, self._rng), about)

    def differs_in_training(self, differs: bool = True, **about: Unpack[About]) -> Self:
        """Check that training and inference give other outputs (dropout, BatchNorm), or the same.

        Inference must give the same output each time, in both cases.
        """
        return self._check(
            "training and inference",
            lambda m: behavior.training_vs_inference(m, self._rng, differs),
            about,
        )

    def moves_statistics(self, moves: bool = True, **about: Unpack[About]) -> Self:
        """Check that a training step moves every moving statistic, or none; inference none."""
        return self._check(
            "moving statistics", lambda m: behavior.statistics(m, self._rng, moves), about
        )

    def survives(
        self,
        probability: float,
        *,
        unit: str = "value",
        dropped: Callable[[Array], Array] = np.zeros_like,
        least: int = 2000,
        sigmas: float = 5,
        mistakes: Mistakes | None = None,
        **about: Unpack[About],
    ) -> Self:
        """Check the fraction of units that survive in training, within random variation.

        Args:
            probability: expected fraction, from 0 to 1.
            unit: what is dropped as a whole: "value", "channel" (of a feature map) or "example".
            dropped: what the inputs become if they are dropped; with a shortcut, the inputs.
            least: how many units to look at, at least.
            sigmas: how many standard errors the fraction may be off.
            mistakes: causes in words, and the wrong fraction that each gives.
        """

        pairs(mistakes)

        def check(model: Model) -> Finding:
            survived = behavior.survivors(model, self._rng, unit, dropped, least)
            return behavior.mean(survived, probability, sigmas, f"{unit}s to survive", mistakes)

        return self._check(f"surviving {unit}s", check, about)

    def keeps_mean(self, *, repeats: int = 64, sigmas: float = 5, **about: Unpack[About]) -> Self:
        """Check that outputs in training are on average those of inference.

        What survives dropout must be scaled up by as much as was dropped.
        """
        return self._check(
            "mean in training",
            lambda m: behavior.unbiased(m, self._rng, repeats, sigmas),
            about,
        )


def _weights(model: Model) -> Weights:
    return {id(weight): np.array(weight) for weight in model.weights}


def _call_text(input_shape: Shape | None, args: tuple[Any, ...]) -> str:
    inputs = f"inputs of shape {input_shape}" if input_shape else ""
    others = f"arguments {', '.join(map(short, args))}" if args else ""
    return " and ".join(part for part in (inputs, others) if part) or "the same call again"
