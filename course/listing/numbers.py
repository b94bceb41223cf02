"""The numbers of every registered architecture, as `numbers.json` keeps them."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from course.errors import UsageError

FILE = Path(__file__).parent / "numbers.json"


@dataclass(frozen=True)
class Numbers:
    """One network at a glance.

    Attributes:
        name: the name that :func:`course.architectures.build` takes.
        family: the module that registers it.
        year: of the paper.
        input_shape: the paper's (height, width, channels).
        classes: the paper's number of classes.
        params: number of parameters, including the moving statistics of batch normalization.
        params_trainable: number of trainable parameters.
        macs: multiply-adds of convolution and dense kernels for one example.
        published: errors in percent, by what was measured.
    """

    name: str
    family: str
    year: int
    input_shape: tuple[int, int, int]
    classes: int
    params: int
    params_trainable: int
    macs: int
    published: Mapping[str, float]


@cache
def kept() -> dict[str, Numbers]:
    """Return the numbers that are kept, by name, family by family."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    for row in rows:
        row["input_shape"] = tuple(row["input_shape"])
    return {row["name"]: Numbers(**row) for row in rows}


def as_json(rows: Iterable[Numbers]) -> str:
    """Write numbers as JSON, one network on a line."""
    return "[\n" + ",\n".join(json.dumps(asdict(row)) for row in rows) + "\n]\n"


def choose(patterns: Iterable[str]) -> list[Numbers]:
    """Return the networks whose name or family matches a glob, in the order of the registry.

    Args:
        patterns: globs such as ``resnet*``, or families; none for all networks.

    Raises:
        UsageError: a pattern matches nothing.
    """
    rows, wanted = list(kept().values()), list(dict.fromkeys(patterns))
    if empty := [one for one in wanted if not any(_matches(row, one) for row in rows)]:
        families = ", ".join(dict.fromkeys(row.family for row in rows))
        raise UsageError(
            f"No network and no family matches {', '.join(empty)}. Use a glob, such as 'resnet*'. "
            f"Families: {families}."
        )
    return [row for row in rows if not wanted or any(_matches(row, one) for one in wanted)]


def _matches(row: Numbers, pattern: str) -> bool:
    return fnmatch.fnmatchcase(row.name, pattern) or row.family == pattern
