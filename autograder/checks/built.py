"""A student's model, and how one check of it is made and recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypedDict, TypeVar, Unpack

import keras
import numpy as np

from autograder.checks.causes import Mistakes, cause_of, pairs
from autograder.checks.keeping import undone
from autograder.checks.values import difference, got, is_about_values, raised, short
from autograder.wire import models
from course.keras_types import Model, Shape

if TYPE_CHECKING:
    from autograder.checks.question import Question

Value = TypeVar("Value")
# What makes a model, and a model itself.
Source: TypeAlias = Callable[..., Any] | Model
# What is wrong and its known cause; with the part that is earned all the same.
Finding: TypeAlias = tuple[str, str] | tuple[str, str, float] | None


class About(TypedDict, total=False):
    """What every check takes.

    Attributes:
        share: its weight among the question's checks; else that of ``question.model``.
        hint: where to look.
    """

    share: float
    hint: str


def build(
    source: Source, input_shape: Shape | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Make what a function makes: a model, or with an input's shape the model of a block.

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

    def __init__(
        self,
        question: Question,
        name: str,
        share: float,
        source: Source,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        input_shape: Shape | None = None,
    ):
        self._question, self._name, self._share = question, name, share
        self._source, self._input_shape = source, input_shape
        self._args, self._kwargs = args, kwargs
        self._hints = False  # whether a hint may help where there is no model
        self.model, self._problem = self._made(input_shape, args)
        self._rng = np.random.default_rng(question.random.getrandbits(64))

    def _made(self, input_shape: Shape | None, args: tuple[Any, ...]) -> tuple[Model | None, str]:
        """Make the student's model for these arguments; or return None, and why there is none."""
        try:
            with self._question.watching():
                model = undone(build, self._source, input_shape, args, self._kwargs)
            if models.is_graph(model):
                model = models.plain(model)
        except Exception as error:
            self._hints = is_about_values(error)
            return None, f"there is no model: {raised(error)}"
        if not isinstance(model, keras.Model):
            return None, f"a Keras model is expected, but this is {got(model)}"
        if not models.is_graph(model):
            return None, (
                f"the layers of a {type(model).__name__} cannot be seen; make the model with "
                "keras.Model(inputs, outputs), or with keras.Sequential and a keras.Input"
            )
        try:
            models.check_config(keras.saving.serialize_keras_object(model))
        except models.RebuildError as error:
            return None, str(error)
        return model, ""

    def _check(self, what: str, check: Callable[[Model], Finding], about: About) -> Self:
        """Record what `check` finds."""
        unknown = about.keys() - About.__annotations__.keys()
        if unknown:
            names = f"argument{'s' if len(unknown) > 1 else ''} {', '.join(sorted(unknown))}"
            raise TypeError(f"Unknown {names}; the arguments are share and hint.")
        share, hint = about.get("share", self._share), about.get("hint", "")
        name = f"{self._name}, {what}"
        if self.model is None:
            hint = hint if self._hints else ""
            self._question.record(name, share, 0, self._problem, hint)
            return self
        try:
            found = check(self.model)
        except Exception as error:
            found = f"it cannot be checked: {raised(error)}", ""
        if found is None:
            self._question.record(name, share, 1)
        else:
            message, cause, *credit = found
            self._question.record(name, share, credit[0] if credit else 0, message, cause or hint)
        return self

    def _equal(
        self,
        what: str,
        expected: Value,
        measure: Callable[[Model], Value],
        mistakes: Mistakes | None,
        **about: Unpack[About],
    ) -> Self:
        """Record whether what is measured is the expected value."""
        pairs(mistakes)  # refuses what an author has written the wrong way round

        def check(model: Model) -> Finding:
            value = measure(model)
            if difference(expected, value) is None:
                return None
            wanted, found = _number(expected), _number(value)
            return f"expected {wanted}, has {found}", cause_of(value, expected, mistakes)

        return self._check(what, check, about)


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else short(value)
