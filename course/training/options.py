"""The options of `course train`: what decides the result of a run, and its command line.

An option is one field of :class:`Options`; the command line is derived from the fields. Loads no
Keras.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from course import recipes
from course.errors import UsageError
from course.training import option_fields
from course.training.distribution import KINDS
from course.training.option_fields import count, items, option, size

if TYPE_CHECKING:
    from course.training.plan import Plan
    from course.training.run_state import Result

PRECISIONS = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Options:
    """What decides the result of a run. None leaves it to the recipe or the data.

    Raises:
        UsageError: a value out of range.
    """

    command: ClassVar[str] = "train"  # of `course`, that runs with these options
    suffix: ClassVar[str] = ""  # of the name of a run's folder

    name: str = field(
        metadata=option("an architecture of `course list`", metavar="NAME", nargs="?")
    )
    dataset: str = field(
        metadata=option("digits, course_shapes, cifar10, or any other of TFDS", metavar="D")
    )
    recipe: str | None = field(
        default=None,
        metadata=option(f"default: the paper's; {', '.join(recipes.RECIPES)}", metavar="R"),
    )
    distribute: str = field(default="none", metadata=option("default: none", choices=KINDS))
    devices: int | None = field(default=None, metadata=count("GPUs, or parts of the CPU"))
    batch_size: int | None = field(
        default=None, metadata=count("over all devices; the learning rate scales with it", "B")
    )
    epochs: int | None = field(default=None, metadata=count("default: the recipe's", "E"))
    steps: int | None = field(
        default=None, metadata=count("length in steps instead of epochs", "S")
    )
    seed: int = field(
        default=0, metadata=count("of weights, order and augmentation; default: 0", "K", minimum=0)
    )
    learning_rate: float | None = field(
        default=None,
        metadata=option("peak; default: the recipe's, scaled", type=float, metavar="X"),
    )
    image_size: tuple[int, int] | None = field(
        default=None,
        metadata=option(
            "resize the images first",
            type=size,
            metavar="HxW",
            text=lambda size: "x".join(map(str, size)),
        ),
    )
    mixed_precision: str = field(
        default="float32",
        metadata=option(
            "type to compute in; float16 if none is named",
            nargs="?",
            const="float16",
            choices=PRECISIONS[1:],
        ),
    )
    jit_compile: bool | None = field(
        default=None,
        metadata=option(
            "compile steps with XLA; default: only on JAX, which is slow without",
            action=argparse.BooleanOptionalAction,
        ),
    )
    gradient_accumulation: int = field(default=1, metadata=count("update every N steps"))
    validation: float = field(
        default=0.0,
        metadata=option(
            "fraction of the training examples to evaluate on, instead of the test set",
            type=float,
            metavar="FRACTION",
        ),
    )
    early_stop: int | None = field(
        default=None,
        metadata=count("stop after that many epochs without a better validation", "EPOCHS"),
    )
    limit: int | None = field(default=None, metadata=count("use the first N training examples"))
    test_limit: int | None = field(default=None, metadata=count("evaluate on the first N examples"))
    arguments: Mapping[str, Any] = field(
        default_factory=dict,
        metadata=items("the architecture's own arguments, such as --set shortcut=B", "--set"),
    )
    recipe_changes: Mapping[str, Any] = field(
        default_factory=dict,
        metadata=items(
            "another value in the recipe, such as --recipe-set label_smoothing=0.1", "--recipe-set"
        ),
    )

    def __post_init__(self) -> None:
        for part, argument in option_fields.arguments(type(self)):
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

    def adapt(self, plan: Plan) -> Plan:
        """Return the plan of a run with these options, given what is the same in all commands."""
        return plan

    def remarks(self, result: Result, data_dir: str | None) -> list[str]:
        """Return what there is to say about a finished run besides its error, line by line."""
        return []

    def as_json(self) -> dict[str, Any]:
        """Return the options as plain data."""
        return _plain(asdict(self))

    def as_arguments(self) -> list[str]:
        """Return the arguments with which their command runs with these options.

        Example:
            >>> Options("lenet5", "digits", epochs=3).as_arguments()
            ['lenet5', '--dataset', 'digits', '--epochs', '3']
        """
        words = [self.name]
        for part, argument in list(option_fields.arguments(type(self)))[1:]:
            value, flag = getattr(self, part.name), argument.flags[0]
            if isinstance(value, Mapping):
                words += [word for item in value.items() for word in (flag, _as_text(*item))]
            elif isinstance(value, bool):
                words.append(flag if value else f"--no-{flag.removeprefix('--')}")
            elif value != part.default:
                words += [flag, argument.text(value)]
        return words


def _as_text(key: str, value: Any) -> str:
    # A shell's line reads better with double quotes in single ones.
    return f"{key}={value if isinstance(value, str) else repr(value).replace(chr(39), chr(34))}"


def from_json(
    values: Mapping[str, Any], given: Mapping[str, Any], kind: type[Options] = Options
) -> Options:
    """Rebuild a run's options in order to resume it.

    Args:
        values: what :meth:`Options.as_json` gave.
        given: options that were given again; they must be the same.
        kind: class of the options.

    Raises:
        UsageError: other options than the run's, or a run of another command.
    """
    given, command = _plain(given), values.get("command", "train")
    if command != kind.command:
        raise UsageError(
            f"A run is resumed by its own command; received a run of `course {command}`. Use "
            f"`course {command} --resume DIR`."
        )
    other = {key: value for key, value in given.items() if values.get(key) != value}
    if other:
        raise UsageError(
            "A run is resumed with its own options; received "
            + ", ".join(f"{k}={v!r} instead of {values.get(k)!r}" for k, v in other.items())
            + ". Leave them out, or start a new run in another folder."
        )
    known = {f.name for f in fields(kind)}
    return kind(**{key: value for key, value in values.items() if key in known})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as JSON keeps it: lists for tuples."""
    return json.loads(json.dumps(values))


def add_arguments(command: argparse.ArgumentParser, kind: type[Options] = Options) -> None:
    """Add a command's options to a parser; those that are not given are None."""
    for part, argument in option_fields.arguments(kind):
        names = argument.flags or (part.name,)
        target: dict[str, Any] = {"dest": part.name} if argument.flags else {}
        command.add_argument(*names, default=None, **argument.settings, **target)
    add = command.add_argument
    add("--out", metavar="DIR", help=f"default: runs/NAME-DATASET{kind.suffix}")
    add("--resume", metavar="DIR", nargs="?", const=True,
        help="continue a run that was stopped, or start it")  # fmt: skip
    add("--checkpoint-every", type=int, default=100, metavar="K", help="steps; default: 100")
    add("--data-dir", metavar="DIR", help="folder for data; default: TFDS_DATA_DIR")
    add("--dry-run", action="store_true", help="print the plan, its cost and time; train nothing")
    add("--profile", action="store_true", help="trace some steps for TensorBoard")
    add("--quiet", action="store_true", help="no progress")


def given(namespace: argparse.Namespace, kind: type[Options] = Options) -> dict[str, Any]:
    """The fields of a class of options that were given on the command line."""
    values = {
        part.name: getattr(namespace, part.name, None) for part, _ in option_fields.arguments(kind)
    }
    for name in ("arguments", "recipe_changes"):
        values[name] = dict(values[name] or ()) or None
    return {key: value for key, value in values.items() if value is not None}
