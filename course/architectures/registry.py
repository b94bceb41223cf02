"""Registry of the course's architectures: describe one, or build it, by name."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from os import PathLike
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from course.architectures.published import Dataset, Measure, Published
from course.errors import UsageError
from course.keras_types import Model

if TYPE_CHECKING:
    from course.sizing import Report

ImageShape: TypeAlias = tuple[int, int, int]  # height, width, channels

_registry: dict[str, Architecture] = {}

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
    """Everything known about a registered architecture, as :func:`describe` returns it.

    Attributes:
        name: the name that :func:`build` takes.
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

        return sizing.profile(build(self.name))

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
    def overrides(self) -> dict[str, Any]:
        """The family's own arguments, which :func:`build` takes, with their defaults."""
        parameters = inspect.signature(self.builder).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.name not in _COMMON}
        return defaults | dict(self.arguments)

    def error(
        self, dataset: Dataset, measure: Measure = "top-1 error", *, crops: int = 1
    ) -> float | None:
        """The published error in percent, or None if there is none.

        Example:
            >>> describe("resnet20_cifar").error("cifar10")
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
            "arguments": ", ".join(f"{k}={v!r}" for k, v in self.overrides.items()),
            "notes": self.notes,
        }
        return "\n".join(
            [self.name, *(f"  {key:<11} {value}" for key, value in rows.items() if value)]
        )


def register(
    name: str,
    builder: Builder,
    /,
    *,
    arguments: Mapping[str, Any],
    input_shape: ImageShape,
    classes: int,
    paper: str,
    table: str,
    depth: int | None,
    published: tuple[Published, ...] = (),
    recipe: str | None = None,
    keras_application: str | None = None,
    notes: str = "",
) -> None:
    """Add an architecture to the registry.

    Args:
        name: the name that :func:`build` takes.
        builder: function that builds the model, see :class:`Builder`.
        arguments: the family's own arguments that make this architecture.
        input_shape, classes, paper, table, depth, published, recipe, keras_application, notes:
            see :class:`Architecture`.

    Raises:
        UsageError: if the name is already registered.
    """
    if name in _registry:
        raise UsageError(f"An architecture named {name!r} is already registered. Choose another.")
    _registry[name] = Architecture(
        name,
        builder,
        arguments,
        input_shape,
        classes,
        paper,
        table,
        depth,
        published,
        recipe,
        keras_application,
        notes,
    )


def require_size(input_shape: ImageShape, smallest: int, name: str) -> None:
    """Check that an image is large enough for a network.

    Args:
        input_shape: (height, width, channels).
        smallest: the smallest height and width that the network accepts.
        name: the model's name, for the message.

    Raises:
        UsageError: if the height or width is below `smallest`.
    """
    if min(input_shape[:2]) < smallest:
        raise UsageError(
            f"{name} needs images of at least {smallest} x {smallest} pixels; "
            f"received input_shape={tuple(input_shape)}. Use larger images, or resize them."
        )


def _load() -> dict[str, Architecture]:
    """Import every family, and return all architectures ordered by family."""
    families = [module.name for module in iter_modules([str(Path(__file__).parent)])]
    for family in families:
        import_module(f"course.architectures.{family}")
    order = {f"course.architectures.{family}": place for place, family in enumerate(families)}

    def place(entry: Architecture) -> int:
        return order.get(entry.builder.__module__, len(order))

    return {entry.name: entry for entry in sorted(_registry.values(), key=place)}


def names() -> list[str]:
    """List all registered names, family by family."""
    return list(_load())


def describe(name: str) -> Architecture:
    """Look up what is known about an architecture.

    Raises:
        UsageError: if the name is not registered; the message suggests similar names.

    Example:
        >>> describe("resnet20_cifar").depth
        20
    """
    registry = _load()
    if name not in registry:
        near = [known for known in registry if _letters(known).startswith(_letters(str(name)))]
        near.sort(key=lambda known: not known.startswith(f"{name}_"))  # resnet20_cifar: resnet20
        near = near[:5] or difflib.get_close_matches(str(name), registry, n=5, cutoff=0.4)
        raise UsageError(
            f"No architecture named {name!r}. "
            + (f"Did you mean {', '.join(near)}? " if near else "")
            + "architectures.names() lists them all."
        )
    return registry[name]


def _letters(name: str) -> str:
    """Reduce a name to its letters and digits, ignoring case, hyphens and underscores."""
    return "".join(filter(str.isalnum, name)).lower()


def build(
    architecture: str,
    /,
    *,
    input_shape: ImageShape | None = None,
    classes: int | None = None,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **overrides: Any,
) -> Model:
    """Build a Keras model of a registered architecture.

    Args:
        architecture: one of :func:`names`.
        input_shape: (height, width, channels); None for the paper's.
        classes: number of classes; None for the paper's.
        classifier_activation: activation of the last layer; None to return logits.
        name: the model's name; None for the architecture's.
        overrides: the family's own arguments, such as ``shortcut="B"`` for a ResNet;
            ``describe(architecture).overrides`` lists them.

    Returns:
        A Keras model with freshly initialized weights.

    Raises:
        UsageError: for an unknown name or argument, or a value that the family does not accept.

    Example:
        >>> build("resnet20_cifar", classes=100).output_shape
        (None, 100)
    """
    entry = describe(architecture)
    if unknown := sorted(set(overrides) - set(entry.overrides)):
        raise UsageError(
            f"{architecture} does not take {', '.join(unknown)}. Its own arguments are "
            f"{', '.join(entry.overrides) or 'none'}."
        )
    shape = entry.input_shape if input_shape is None else tuple(input_shape)
    if len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise UsageError(
            "input_shape must be (height, width, channels), three positive integers; "
            f"received input_shape={input_shape!r}."
        )
    return entry.builder(
        shape,
        entry.classes if classes is None else classes,
        classifier_activation,
        name or architecture,
        **(dict(entry.arguments) | overrides),
    )


def load(path: str | PathLike[str]) -> Model:
    """Load a saved model of any family, including those with custom layers.

    A model of Keras' own layers does not need this: ``keras.saving.load_model`` does the same.

    Args:
        path: file that ``model.save`` wrote.

    Returns:
        The Keras model.
    """
    import keras

    _load()
    model: Model = keras.saving.load_model(path)
    return model
