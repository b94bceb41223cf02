"""What `course train` can be told, and how on the command line. Loads no Keras."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from course import recipes
from course.errors import UsageError
from course.training.distribution import KINDS

PRECISIONS = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Options:
    """What decides the result of a run. None leaves it to the recipe or the data.

    Raises:
        UsageError: a value out of range.
    """

    name: str  # of the architecture
    dataset: str
    recipe: str | None = None
    distribute: str = "none"
    devices: int | None = None
    batch_size: int | None = None  # over all devices
    epochs: int | None = None
    steps: int | None = None
    seed: int = 0
    learning_rate: float | None = None
    image_size: tuple[int, int] | None = None
    mixed_precision: str = "float32"
    jit_compile: bool | None = None  # by XLA; None for what the backend needs
    gradient_accumulation: int = 1
    validation: float = 0.0  # share of the training examples to evaluate on instead of the test
    early_stop: int | None = None  # epochs without a better validation
    limit: int | None = None  # training examples
    test_limit: int | None = None  # examples to evaluate on
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the architecture
    recipe_changes: Mapping[str, Any] = field(default_factory=dict)  # fields of the recipe

    def __post_init__(self):
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} must be at least {least}; received {name}={value}.")
        if self.recipe is not None:
            recipes.get_recipe(self.recipe)
        recipes.with_overrides(recipes.get_recipe("default"), self.recipe_changes)
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
                "validation must be a share of the training examples, from 0 up to but not 1; "
                f"received validation={self.validation}."
            )
        if self.early_stop is not None and not self.validation:
            raise UsageError(
                "early_stop chooses by a validation set, never by the test set; received "
                f"early_stop={self.early_stop} without one. Set --validation 0.1."
            )
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise UsageError(
                f"learning_rate must be positive; received learning_rate={self.learning_rate}."
            )
        if self.image_size is not None:
            object.__setattr__(self, "image_size", tuple(self.image_size))

    def as_json(self) -> dict[str, Any]:
        """The options as plain data."""
        return _plain(asdict(self))

    def as_arguments(self) -> list[str]:
        """What `course train` is told to run with these options.

        Example:
            >>> Options("lenet5", "digits", epochs=3).as_arguments()
            ['lenet5', '--dataset', 'digits', '--epochs', '3']
        """
        words = [self.name]
        for part in fields(self)[1:]:
            value, flag = getattr(self, part.name), _flag(part.name)
            if isinstance(value, Mapping):
                words += [word for item in value.items() for word in (flag, _item(*item))]
            elif isinstance(value, bool):
                words.append(flag if value else f"--no-{flag[2:]}")
            elif value != part.default:
                text = "x".join(map(str, value)) if part.name == "image_size" else str(value)
                words += [flag, text]
        return words


_FLAGS = {"arguments": "--set", "recipe_changes": "--recipe-set"}


def _flag(name: str) -> str:
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")


def _item(key: str, value: Any) -> str:
    # A shell's line reads better with double quotes in single ones.
    return f"{key}={value if isinstance(value, str) else repr(value).replace(chr(39), chr(34))}"


_LEAST = {
    "devices": 1, "batch_size": 1, "epochs": 1, "steps": 1, "seed": 0, "gradient_accumulation": 1,
    "early_stop": 1, "limit": 1, "test_limit": 1,
}  # fmt: skip


def from_json(values: Mapping[str, Any], given: Mapping[str, Any]) -> Options:
    """A run's own options, for going on with it.

    Args:
        values: what :meth:`Options.as_json` gave.
        given: options that were given anew; they must be the same.

    Raises:
        UsageError: other options than the run's.
    """
    given = _plain(given)
    other = {key: value for key, value in given.items() if values.get(key) != value}
    if other:
        raise UsageError(
            "A run goes on with its own options; received "
            + ", ".join(f"{k}={v!r} instead of {values.get(k)!r}" for k, v in other.items())
            + ". Leave them out, or start a new run in another folder."
        )
    known = {f.name for f in fields(Options)}
    return Options(**{key: value for key, value in values.items() if key in known})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as JSON keeps it: lists for tuples."""
    return json.loads(json.dumps(values))


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `course train`."""
    add = command.add_argument
    add("name", metavar="NAME", nargs="?", help="an architecture of `course list`")
    add("--dataset", metavar="D", help="digits, course_shapes, cifar10, or any other of TFDS")
    add("--recipe", metavar="R", help=f"default: the paper's; {', '.join(recipes.RECIPES)}")
    add("--out", metavar="DIR", help="default: runs/NAME-DATASET")
    add(
        "--resume",
        metavar="DIR",
        nargs="?",
        const=True,
        help="go on with a run that was stopped, or begin it",
    )
    add("--epochs", type=int, metavar="E", help="default: the recipe's")
    add("--steps", type=int, metavar="S", help="length in steps instead of epochs")
    add("--batch-size", type=int, metavar="B", help="over all devices; the rate follows it")
    add("--learning-rate", type=float, metavar="X", help="peak; default: the recipe's, scaled")
    add("--image-size", type=_size, metavar="HxW", help="scale the images first")
    add("--limit", type=int, metavar="N", help="use the first N training examples")
    add("--test-limit", type=int, metavar="N", help="evaluate on the first N examples")
    add("--seed", type=int, metavar="K", help="of weights, order and augmentation; default 0")
    add("--distribute", choices=KINDS, help="default: none")
    add("--devices", type=int, metavar="N", help="GPUs, or parts of the CPU")
    add("--mixed-precision", nargs="?", const="float16", choices=PRECISIONS[1:])
    add("--jit-compile", action=argparse.BooleanOptionalAction, default=None,
        help="compile steps with XLA; default: only on JAX, which is slow without")  # fmt: skip
    add("--gradient-accumulation", type=int, metavar="N", help="update every N steps")
    add("--validation", type=float, metavar="SHARE", help="of the training set, to evaluate on")
    add("--early-stop", type=int, metavar="EPOCHS", help="stop after that many without a gain")
    add("--set", dest="arguments", action="append", type=_argument, metavar="KEY=VALUE",
        help="the architecture's own arguments, such as --set shortcut=B")  # fmt: skip
    add("--recipe-set", dest="recipe_changes", action="append", type=_argument, metavar="KEY=VALUE",
        help="another value in the recipe, such as --recipe-set label_smoothing=0.1")  # fmt: skip
    add("--checkpoint-every", type=int, default=100, metavar="K", help="steps; default 100")
    add("--data-dir", metavar="DIR", help="folder for data; default TFDS_DATA_DIR")
    add("--dry-run", action="store_true", help="print the plan, its cost and time; train nothing")
    add("--profile", action="store_true", help="trace some steps for TensorBoard")
    add("--quiet", action="store_true", help="no progress")


def given(namespace: argparse.Namespace) -> dict[str, Any]:
    """The options that were given, without those that don't decide the result."""
    values = {f.name: getattr(namespace, f.name, None) for f in fields(Options)}
    for name in _FLAGS:
        values[name] = dict(values[name] or ()) or None
    return {key: value for key, value in values.items() if value is not None}


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        message = f"must look like 64x64; received {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return height, width


def _argument(text: str) -> tuple[str, Any]:
    import ast

    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"must look like KEY=VALUE; received {text!r}")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value
