"""Registry of the course's architectures: describe one, or build it, by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib import import_module
from os import PathLike
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from course.architectures.architecture import Architecture, Builder
from course.architectures.published import Published
from course.errors import UsageError
from course.keras_types import ImageShape, Model

_registry: dict[str, Architecture] = {}


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
        UsageError: if the name is already registered, or the paper has no year.
    """
    if name in _registry:
        raise UsageError(f"An architecture named {name!r} is already registered. Choose another.")
    if not re.search(r"\b(?:19|20)\d\d\b", paper):
        raise UsageError(f"A paper needs its year; {name!r} has {paper!r}.")
    _registry[name] = Architecture(
        name=name,
        builder=builder,
        arguments=arguments,
        input_shape=input_shape,
        classes=classes,
        paper=paper,
        table=table,
        depth=depth,
        published=published,
        recipe=recipe,
        keras_application=keras_application,
        notes=notes,
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
        before = set(_registry)
        try:
            import_module(f"course.architectures.{family}")
        except BaseException:
            # It is imported anew the next time, and its names are free then.
            for name in _registry.keys() - before:
                del _registry[name]
            raise
    order = {f"course.architectures.{family}": place for place, family in enumerate(families)}

    def place(entry: Architecture) -> int:
        return order.get(entry.builder.__module__, len(order))

    return {entry.name: entry for entry in sorted(_registry.values(), key=place)}


def names(pattern: str = "*") -> list[str]:
    """List registered names, family by family.

    Args:
        pattern: which, such as ``"resnet*_cifar"``; `*` stands for any letters, `?` for one.

    Example:
        >>> names("lenet5*")
        ['lenet5', 'lenet5_modern']
    """
    return [name for name in _load() if fnmatchcase(name, pattern)]


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
            ``describe(architecture).own_arguments`` lists them.

    Returns:
        A Keras model with freshly initialized weights.

    Raises:
        UsageError: for an unknown name or argument, or a value that the family does not accept.

    Example:
        >>> build("resnet20_cifar", classes=100).output_shape
        (None, 100)
    """
    return describe(architecture).build(
        input_shape=input_shape,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
        **overrides,
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
