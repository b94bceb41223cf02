"""A student's model, and how one check of it is made and recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from autograder.checks.causes import cause_of
from autograder.checks.keeping import undone
from autograder.checks.values import difference, got, raised, short


def build(source, input_shape: tuple | None, args: tuple, kwargs: Mapping):
    """What a function makes: a model, or with an input's shape the model of a block.

    Args:
        source: the function; a model stands for itself.
        input_shape: of the tensor that a block, a function on tensors, is given; None for a
            function that makes the whole model.
        args, kwargs: its other arguments.
    """
    if isinstance(source, keras.Model):
        return source
    if input_shape is None:
        return source(*args, **kwargs)
    tensor = keras.Input(input_shape)
    result = source(tensor, *args, **kwargs)
    if not isinstance(result, keras.KerasTensor):
        raise TypeError(f"should give the tensor after its last layer, but gave {got(result)}")
    return keras.Model(tensor, result)


class BuiltModel:
    """A model that a student's function made, or the reason why there is none.

    Attributes:
        model: the model; None if there is none, which then fails each check.
    """

    def __init__(self, question, name: str, share: float, source, args, kwargs, input_shape=None):
        self._question, self._name, self._share = question, name, share
        self._source, self._input_shape = source, input_shape
        self._args, self._kwargs = args, kwargs
        self.model, self._problem = self._made(input_shape, args)
        self._rng = np.random.default_rng(question.random.getrandbits(64))

    def _made(self, input_shape: tuple | None, args: tuple) -> tuple[keras.Model | None, str]:
        """The student's model for these arguments; or None, and why there is none."""
        from autograder.wire import models

        try:
            with self._question.watching():
                model = undone(build, self._source, input_shape, args, self._kwargs)
            if models.is_graph(model):
                model = models.plain(model)
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
            message, cause, *credit = wrong
            self._question.record(name, share, *(credit or [0]), message, cause or hint)
        return self

    def _equal(self, what: str, expected, measure: Callable, mistakes, about: dict):
        def check(model):
            value = measure(model)
            if difference(expected, value) is None:
                return None
            said = f"{value:,}" if isinstance(value, int) else short(value)
            wanted = f"{expected:,}" if isinstance(expected, int) else short(expected)
            return f"expected {wanted}, has {said}", cause_of(value, expected, mistakes)

        return self._check(what, check, about)
