"""What each network costs, by resolution: counted once, and kept until its code changes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.source_digests import DISCOVERED, digest, source_digests
from course._files import replacing
from course.listing.counting import profiled

if TYPE_CHECKING:
    from course.architectures import Architecture
    from course.sizing import Row

VECTORS = "1 x 1"  # and outputs without height and width


@dataclass(frozen=True)
class Part:
    """All layers of a network whose outputs have the same height and width.

    Attributes:
        size: such as "56 x 56".
        channels: the most that an output has.
        layers: those that multiply by a kernel.
        params: number of parameters.
        macs: multiply-adds for one image.
    """

    size: str
    channels: int
    layers: int
    params: int
    macs: int


@dataclass(frozen=True)
class Profile:
    """What a network costs for one image."""

    params: int
    params_trainable: int
    macs: int
    activation_bytes: int
    parts: tuple[Part, ...]


def profiles(entries: Iterable[Architecture], cache: Path) -> dict[str, Profile]:
    """Return the networks' profiles by name, from the file `cache` where it has them.

    Args:
        entries: what the registry knows about the networks.
        cache: a JSON file; a network is counted again if code that it is made of has changed.
    """
    kept = json.loads(cache.read_text()) if cache.exists() else {}
    found, keys = {}, {}
    for entry in entries:
        if entry.family not in keys:
            keys[entry.family] = _digest(entry.family)
        key = f"{entry.name} {keys[entry.family]}"
        if key not in kept:
            kept[key] = asdict(_count(entry))
            # Each time: counting all takes minutes, and may be interrupted.
            cache.parent.mkdir(parents=True, exist_ok=True)
            with replacing(cache) as path:
                path.write_text(json.dumps(kept, indent=0))
        parts = tuple(Part(**part) for part in kept[key]["parts"])
        found[entry.name] = Profile(**{**kept[key], "parts": parts})
    return found


def _digest(family: str) -> str:
    source = f"import course.architectures.{family}\nimport course.sizing.report"
    digests = source_digests([], ("course",), sources=[source])
    # What is found by itself are the other families.
    return digest(*(v for v in digests.values() if not v.startswith(DISCOVERED)))


def _count(entry: Architecture) -> Profile:
    report = profiled(entry)
    return Profile(
        report.params,
        report.params_trainable,
        report.macs,
        report.activation_bytes,
        tuple(by_resolution(report.rows)),
    )


def by_resolution(rows: Iterable[Row]) -> list[Part]:
    """Add up layers whose outputs have the same height and width, in the order of appearance."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        shape = row.output_shape
        size = " x ".join(map(str, shape[:-1])) if len(shape) == 3 else VECTORS
        groups.setdefault(size, []).append(row)
    return [
        Part(
            size,
            max((row.output_shape[-1] for row in group if row.output_shape), default=0),
            sum(row.macs > 0 for row in group),
            sum(row.params for row in group),
            sum(row.macs for row in group),
        )
        for size, group in groups.items()
    ]
