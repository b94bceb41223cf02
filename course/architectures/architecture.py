"""What is known about an architecture, and how it is built."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any, Protocol

from course.architectures.published import Dataset, Measure, Published
from course.errors import UsageError
from course.keras_types import ImageShape, Model

if TYPE_CHECKING:
    from course.sizing import Report

# The arguments that every builder takes; the others are the family's own.
_COMMON = {"input_shape", "classes", "classifier_activation", "name"}


class Builder(Protocol):
    """Function that builds a family's models.

    Besides the four arguments below, it takes the family's own as keywords.
    """

    __module__: str

    def __call__(
        self,
        input_shape: ImageShape,
        classes: int,
        classifier_activation: str | None,
        name: str,
        /,
        *args: Any,
        **arguments: Any,
    ) -> Model: ...


@dataclass(frozen=True)
class Architecture:
    """Everything known about a registered architecture, as
    :func:`course.architectures.describe` returns it.

    Attributes:
        name: the name that :func:`course.architectures.build` takes.
        builder: function that builds the model.
        arguments: the family's own arguments that make this architecture.
        input_shape: the paper's (height, width, channels).
        classes: the paper's number of classes.
        paper: the paper that introduced it.
        table: where the paper specifies the layers.
        depth: number of weight layers as the paper counts them; None if it does not.
        published: errors that the paper or its authors report.
        recipe: name of the paper's training recipe; None if it published none.
        keras_application: name in ``keras.applications`` of a network whose weights fit; None if
            none was tried.
        notes: deviations from the paper, and how its errors were measured.
    """

    name: str
    builder: Builder
    arguments: Mapping[str, Any]
    input_shape: ImageShape
    classes: int
    paper: str
    table: str
    depth: int | None
    published: tuple[Published, ...] = ()
    recipe: str | None = None
    keras_application: str | None = None
    notes: str = ""

    @cached_property
    def _report(self) -> Report:
        from course import sizing

        return sizing.profile(self.build())

    @property
    def params(self) -> int:
        """Number of parameters, including the moving statistics of batch normalization."""
        return self._report.params

    @property
    def params_trainable(self) -> int:
        """Number of trainable parameters."""
        return self._report.params_trainable

    @property
    def macs(self) -> int:
        """Multiply-adds of convolution and dense kernels for one example."""
        return self._report.macs

    @property
    def family(self) -> str:
        """Name of the module that registered the architecture."""
        return self.builder.__module__.rpartition(".")[2]

    @property
    def own_arguments(self) -> dict[str, Any]:
        """The family's own arguments, which :meth:`build` takes, with their defaults."""
        parameters = inspect.signature(self.builder).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.name not in _COMMON}
        return defaults | dict(self.arguments)

    def error(
        self, dataset: Dataset, measure: Measure = "top-1 error", *, crops: int = 1
    ) -> float | None:
        """The published error in percent, or None if there is none.

        Example:
            >>> from course import architectures
            >>> architectures.describe("resnet20_cifar").error("cifar10")
            8.75
        """
        wanted = (dataset, measure, crops)
        found = (p.value for p in self.published if (p.dataset, p.measure, p.crops) == wanted)
        return next(found, None)

    def __str__(self) -> str:
        rows = {
            "paper": self.paper,
            "table": self.table,
            "depth": f"{self.depth} weight layers" if self.depth else "",
            "input": " x ".join(map(str, self.input_shape)),
            "classes": self.classes,
            "parameters": f"{self.params:,} ({self.params_trainable:,} trainable)",
            "MACs": f"{self.macs:,}",
            "published": ", ".join(map(str, self.published)),
            "recipe": self.recipe or "none published; `course train` uses the course's default",
            "Keras": f"keras.applications.{self.keras_application}"
            if self.keras_application
            else "",
            "arguments": ", ".join(f"{k}={v!r}" for k, v in self.own_arguments.items()),
            "notes": self.notes,
        }
        return "\n".join(
            [self.name, *(f"  {key:<11} {value}" for key, value in rows.items() if value)]
        )

    def build(
        self,
        *,
        input_shape: ImageShape | None = None,
        classes: int | None = None,
        classifier_activation: str | None = "softmax",
        name: str | None = None,
        **overrides: Any,
    ) -> Model:
        """Build a model, as :func:`course.architectures.build` does."""
        from course import keras_compat

        if unknown := sorted(set(overrides) - set(self.own_arguments)):
            raise UsageError(
                f"{self.name} does not take {', '.join(unknown)}. Its own arguments are "
                f"{', '.join(self.own_arguments) or 'none'}."
            )
        shape = self.input_shape if input_shape is None else _image_shape(input_shape)
        classes = self.classes if classes is None else classes
        if not _is_size(classes):
            raise UsageError(f"classes must be an integer of at least 1; received {classes=}.")
        arguments = dict(self.arguments) | overrides
        try:
            return self.builder(
                shape, classes, classifier_activation, name or self.name, **arguments
            )
        except ValueError as error:
            if not keras_compat.is_too_small(error):
                raise
            raise UsageError(
                f"input_shape must be larger for {self.name}, whose paper has {self.input_shape}; "
                f"received input_shape={shape}, of which a layer would leave nothing."
            ) from error


def _image_shape(value: Any) -> ImageShape:
    sizes = tuple(value) if isinstance(value, Iterable) else ()
    if len(sizes) != 3 or not all(map(_is_size, sizes)):
        raise UsageError(
            "input_shape must be (height, width, channels), three positive integers; "
            f"received input_shape={value!r}."
        )
    height, width, channels = map(int, sizes)
    return height, width, channels


def _is_size(value: Any) -> bool:
    """Return whether a value is a positive integer, which NumPy's may be as well."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0
