"""Every architecture of the course by name: what it is, and how to build it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any

# The modules that register families, in the order of the lectures.
FAMILIES = (
    "lenet",
    "alexnet",
    "zfnet",
    "vgg",
    "nin",
    "googlenet",
    "inception_v2",
    "inception_v3",
    "inception_v4",
    "inception_resnet_v2",
    "xception",
    "resnet",
    "resnet_cifar",
    "preactivation",
    "stochastic_depth",
    "wide_resnet",
    "resnext",
    "pyramidnet",
    "densenet",
    "fractalnet",
    "senet",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "shufflenet",
    "shufflenet_v2",
    "nasnet",
    "amoebanet",
    "efficientnet",
    "efficientnet_v2",
    "convnext",
    "gcnn",
    "fast_cifar",
)

_registry: dict[str, Architecture] = {}


@dataclass(frozen=True)
class Architecture:
    """What :func:`describe` returns. Parameters and MACs are counted on the built model."""

    name: str
    builder: Callable
    arguments: Mapping[str, Any]
    input_shape: tuple[int, int, int]
    classes: int
    paper: str
    table: str  # where the paper gives the layers
    depth: int | None  # weight layers, as the paper counts them
    published: Mapping[str, float] = field(default_factory=dict)  # errors, in percent
    notes: str = ""

    @cached_property
    def _report(self):
        from course import sizing

        return sizing.profile(build(self.name))

    @property
    def params(self) -> int:
        """All parameters, batch normalization's statistics included."""
        return self._report.params

    @property
    def params_trainable(self) -> int:
        """Learned weights."""
        return self._report.params_trainable

    @property
    def macs(self) -> int:
        """Multiply-adds of convolution and dense kernels for one example."""
        return self._report.macs

    @property
    def recipe(self) -> str:
        """The name of the recipe that `course train` uses, and where it is from."""
        from course import recipes

        name = recipes.for_architecture(self.name)
        return f"{name} ({recipes.get_recipe(name).cite})"

    @property
    def overrides(self) -> dict[str, Any]:
        """The family's own arguments that :func:`build` takes, with their defaults."""
        common = {"input_shape", "classes", "classifier_activation", "name"}
        parameters = inspect.signature(self.builder).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.name not in common}
        return defaults | dict(self.arguments)

    def __str__(self) -> str:
        rows = {
            "paper": self.paper,
            "table": self.table,
            "depth": f"{self.depth} weight layers" if self.depth else "",
            "input": " x ".join(map(str, self.input_shape)),
            "classes": self.classes,
            "parameters": f"{self.params:,} ({self.params_trainable:,} trainable)",
            "MACs": f"{self.macs:,}",
            "published": ", ".join(f"{k} {v} %" for k, v in self.published.items()),
            "recipe": self.recipe,
            "arguments": ", ".join(f"{k}={v!r}" for k, v in self.overrides.items()),
            "notes": self.notes,
        }
        return "\n".join(
            [self.name, *(f"  {key:<11} {value}" for key, value in rows.items() if value)]
        )


def register(name: str, builder: Callable, /, *, arguments: Mapping[str, Any], **facts) -> None:
    """Add an architecture to the registry.

    Args:
        name: the name :func:`build` takes.
        builder: function of ``input_shape, classes, classifier_activation, name`` and the
            family's own arguments, returning a Keras model.
        arguments: the family's arguments that make this architecture.
        facts: the other fields of :class:`Architecture`.

    Raises:
        ValueError: a name that is taken.
    """
    if name in _registry:
        raise ValueError(f"An architecture named {name!r} is registered already. Choose another.")
    _registry[name] = Architecture(name, builder, arguments, **facts)


def _load() -> dict[str, Architecture]:
    """The registry with all families, in their order, whichever was imported first."""
    modules = [import_module(f"course.architectures.{family}").__name__ for family in FAMILIES]

    def place(entry: Architecture) -> int:
        home = entry.builder.__module__
        return modules.index(home) if home in modules else len(modules)

    return {entry.name: entry for entry in sorted(_registry.values(), key=place)}


def names() -> list[str]:
    """Every registered name, family by family."""
    return list(_load())


def describe(name: str) -> Architecture:
    """What an architecture is: paper, table, sizes, published errors, recipe.

    Raises:
        ValueError: a name that is not registered; the message lists the nearest ones.

    Example:
        >>> describe("resnet20_cifar").depth
        20
    """
    registry = _load()
    if name not in registry:
        near = [known for known in registry if _letters(known).startswith(_letters(str(name)))][:5]
        near = near or difflib.get_close_matches(str(name), registry, n=5, cutoff=0.4)
        raise ValueError(
            f"No architecture named {name!r}. "
            + (f"Did you mean {', '.join(near)}? " if near else "")
            + "architectures.names() lists them all."
        )
    return registry[name]


def _letters(name: str) -> str:
    """A name's letters and digits: hyphens, underscores and case are soon mistaken."""
    return "".join(filter(str.isalnum, name)).lower()


def build(
    architecture: str,
    /,
    *,
    input_shape: tuple[int, int, int] | None = None,
    classes: int | None = None,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **overrides,
):
    """Build a Keras model of a registered architecture.

    Args:
        architecture: one of :func:`names`.
        input_shape: (height, width, channels); None for the paper's.
        classes: number of classes; None for the paper's.
        classifier_activation: of the last layer; None for scores without one.
        name: of the model; None for the architecture's.
        overrides: the family's own arguments, such as ``shortcut="B"`` for a ResNet;
            ``describe(architecture).overrides`` lists them.

    Returns:
        A Keras model with freshly initialized weights.

    Raises:
        ValueError: an unknown name or argument, or a value the family refuses.

    Example:
        >>> build("resnet20_cifar", classes=100).output_shape
        (None, 100)
    """
    entry = describe(architecture)
    if unknown := sorted(set(overrides) - set(entry.overrides)):
        raise ValueError(
            f"{architecture} does not take {', '.join(unknown)}. Its own arguments are "
            f"{', '.join(entry.overrides) or 'none'}."
        )
    shape = entry.input_shape if input_shape is None else tuple(input_shape)
    if len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ValueError(
            "input_shape must be (height, width, channels), three positive integers; "
            f"received input_shape={input_shape!r}."
        )
    return entry.builder(
        input_shape=shape,
        classes=entry.classes if classes is None else classes,
        classifier_activation=classifier_activation,
        name=name or architecture,
        **(dict(entry.arguments) | overrides),
    )


def load(path):
    """Load a saved model of any family, layers of our own included.

    A model of stock layers alone needs nothing of ours: ``keras.saving.load_model`` does the same.

    Args:
        path: file that ``model.save`` wrote.

    Returns:
        The Keras model.
    """
    import keras

    _load()
    return keras.saving.load_model(path)
