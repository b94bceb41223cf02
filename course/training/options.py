"""The options of `course train`: what decides the result of a run, and its command line.

An option is one field of :class:`Options`; the command line is derived from the fields. Loads no
Keras.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any, NamedTuple

from course import recipes
from course.errors import UsageError
from course.training.distribution import KINDS

PRECISIONS = ("float32", "float16", "bfloat16")


class _Argument(NamedTuple):
    """An option on the command line."""

    flags: tuple[str, ...]  # none for the positional argument
    minimum: int | None
    text: Callable[[Any], str]  # writes a value as it is typed
    settings: dict[str, Any]  # of argparse's add_argument


def _argument(
    help: str,
    *flags: str,
    minimum: int | None = None,
    text: Callable[[Any], str] = str,
    **settings: Any,
) -> dict[str, _Argument]:
    """Metadata of a field that is an option; the flag is the field's name if none is given."""
    return {"argument": _Argument(flags, minimum, text, {"help": help, **settings})}


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        message = f"must look like 64x64; received {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return height, width


def _item(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"must look like KEY=VALUE; received {text!r}")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def _count(help: str, metavar: str = "N", minimum: int = 1) -> dict[str, _Argument]:
    return _argument(help, type=int, metavar=metavar, minimum=minimum)


def _items(help: str, flag: str) -> dict[str, _Argument]:
    return _argument(help, flag, type=_item, metavar="KEY=VALUE", action="append")


@dataclass(frozen=True)
class Options:
    """What decides the result of a run. None leaves it to the recipe or the data.

    Raises:
        UsageError: a value out of range.
    """

    name: str = field(
        metadata=_argument("an architecture of `course list`", metavar="NAME", nargs="?")
    )
    dataset: str = field(
        metadata=_argument("digits, course_shapes, cifar10, or any other of TFDS", metavar="D")
    )
    recipe: str | None = field(
        default=None,
        metadata=_argument(f"default: the paper's; {', '.join(recipes.RECIPES)}", metavar="R"),
    )
    distribute: str = field(default="none", metadata=_argument("default: none", choices=KINDS))
    devices: int | None = field(default=None, metadata=_count("GPUs, or parts of the CPU"))
    batch_size: int | None = field(
        default=None, metadata=_count("over all devices; the learning rate scales with it", "B")
    )
    epochs: int | None = field(default=None, metadata=_count("default: the recipe's", "E"))
    steps: int | None = field(
        default=None, metadata=_count("length in steps instead of epochs", "S")
    )
    seed: int = field(
        default=0, metadata=_count("of weights, order and augmentation; default: 0", "K", minimum=0)
    )
    learning_rate: float | None = field(
        default=None,
        metadata=_argument("peak; default: the recipe's, scaled", type=float, metavar="X"),
    )
    image_size: tuple[int, int] | None = field(
        default=None,
        metadata=_argument(
            "resize the images first",
            type=_size,
            metavar="HxW",
            text=lambda size: "x".join(map(str, size)),
        ),
    )
    mixed_precision: str = field(
        default="float32",
        metadata=_argument(
            "type to compute in; float16 if none is named",
            nargs="?",
            const="float16",
            choices=PRECISIONS[1:],
        ),
    )
    jit_compile: bool | None = field(
        default=None,
        metadata=_argument(
            "compile steps with XLA; default: only on JAX, which is slow without",
            action=argparse.BooleanOptionalAction,
        ),
    )
    gradient_accumulation: int = field(default=1, metadata=_count("update every N steps"))
    validation: float = field(
        default=0.0,
        metadata=_argument(
            "fraction of the training examples to evaluate on, instead of the test set",
            type=float,
            metavar="FRACTION",
        ),
    )
    early_stop: int | None = field(
        default=None,
        metadata=_count("stop after that many epochs without a better validation", "EPOCHS"),
    )
    limit: int | None = field(default=None, metadata=_count("use the first N training examples"))
    test_limit: int | None = field(
        default=None, metadata=_count("evaluate on the first N examples")
    )
    arguments: Mapping[str, Any] = field(
        default_factory=dict,
        metadata=_items("the architecture's own arguments, such as --set shortcut=B", "--set"),
    )
    recipe_changes: Mapping[str, Any] = field(
        default_factory=dict,
        metadata=_items(
            "another value in the recipe, such as --recipe-set label_smoothing=0.1", "--recipe-set"
        ),
    )

    def __post_init__(self) -> None:
        for part, argument in _arguments():
            value, least = getattr(self, part.name), argument.minimum
            if value is not None and least is not None and value < least:
                raise UsageError(
                    f"{part.name} must be at least {least}; received {part.name}={value}."
                )
        # Without a name, the architecture's own; looking it up would load Keras.
        recipe = recipes.get_recipe(self.recipe or "default")
        recipes.with_overrides(recipe, self.recipe_changes)
        if self.distribute not in KINDS:
            raise UsageError(
                f"distribute must be one of {', '.join(KINDS)}; received {self.distribute!r}."
            )
        if self.mixed_precision not in PRECISIONS:
            raise UsageError(
                f"mixed_precision must be one of {', '.join(PRECISIONS)}; received "
                f"{self.mixed_precision!r}."
            )
        if not 0 <= self.validation < 1:
            raise UsageError(
                "validation must be a fraction of the training examples, from 0 up to but not 1; "
                f"received validation={self.validation}."
            )
        if self.early_stop is not None and not self.validation:
            raise UsageError(
                "early_stop chooses by a validation set, never by the test set; received "
                f"early_stop={self.early_stop} without one. Set --validation 0.1."
            )
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise UsageError(
                "learning_rate must be positive and finite; received "
                f"learning_rate={self.learning_rate}."
            )
        if self.image_size is not None:
            size = tuple(self.image_size)
            if len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size):
                raise UsageError(
                    "image_size must be (height, width), two positive integers; received "
                    f"image_size={size}."
                )
            object.__setattr__(self, "image_size", size)

    def as_json(self) -> dict[str, Any]:
        """Return the options as plain data."""
        return _plain(asdict(self))

    def as_arguments(self) -> list[str]:
        """Return the arguments with which `course train` runs with these options.

        Example:
            >>> Options("lenet5", "digits", epochs=3).as_arguments()
            ['lenet5', '--dataset', 'digits', '--epochs', '3']
        """
        words = [self.name]
        for part, argument in list(_arguments())[1:]:
            value, flag = getattr(self, part.name), argument.flags[0]
            if isinstance(value, Mapping):
                words += [word for item in value.items() for word in (flag, _as_text(*item))]
            elif isinstance(value, bool):
                words.append(flag if value else f"--no-{flag.removeprefix('--')}")
            elif value != part.default:
                words += [flag, argument.text(value)]
        return words


def _arguments() -> Iterator[tuple[Field[Any], _Argument]]:
    """The fields of :class:`Options` with their arguments, the positional one first."""
    for number, part in enumerate(fields(Options)):
        argument: _Argument = part.metadata["argument"]
        if number and not argument.flags:
            argument = argument._replace(flags=(f"--{part.name.replace('_', '-')}",))
        yield part, argument


def _as_text(key: str, value: Any) -> str:
    # A shell's line reads better with double quotes in single ones.
    return f"{key}={value if isinstance(value, str) else repr(value).replace(chr(39), chr(34))}"


def from_json(values: Mapping[str, Any], given: Mapping[str, Any]) -> Options:
    """Rebuild a run's options in order to resume it.

    Args:
        values: what :meth:`Options.as_json` gave.
        given: options that were given again; they must be the same.

    Raises:
        UsageError: other options than the run's.
    """
    given = _plain(given)
    other = {key: value for key, value in given.items() if values.get(key) != value}
    if other:
        raise UsageError(
            "A run is resumed with its own options; received "
            + ", ".join(f"{k}={v!r} instead of {values.get(k)!r}" for k, v in other.items())
            + ". Leave them out, or start a new run in another folder."
        )
    known = {f.name for f in fields(Options)}
    return Options(**{key: value for key, value in values.items() if key in known})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as JSON keeps it: lists for tuples."""
    return json.loads(json.dumps(values))


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the options of `course train` to a parser; those that are not given are None."""
    for part, argument in _arguments():
        names = argument.flags or (part.name,)
        target: dict[str, Any] = {"dest": part.name} if argument.flags else {}
        command.add_argument(*names, default=None, **argument.settings, **target)
    add = command.add_argument
    add("--out", metavar="DIR", help="default: runs/NAME-DATASET")
    add("--resume", metavar="DIR", nargs="?", const=True,
        help="continue a run that was stopped, or start it")  # fmt: skip
    add("--checkpoint-every", type=int, default=100, metavar="K", help="steps; default: 100")
    add("--data-dir", metavar="DIR", help="folder for data; default: TFDS_DATA_DIR")
    add("--dry-run", action="store_true", help="print the plan, its cost and time; train nothing")
    add("--profile", action="store_true", help="trace some steps for TensorBoard")
    add("--quiet", action="store_true", help="no progress")


def given(namespace: argparse.Namespace) -> dict[str, Any]:
    """The fields of :class:`Options` that were given on the command line."""
    values = {part.name: getattr(namespace, part.name, None) for part, _ in _arguments()}
    for name in ("arguments", "recipe_changes"):
        values[name] = dict(values[name] or ()) or None
    return {key: value for key, value in values.items() if value is not None}
