"""Counting networks by building them, with a cache of what was counted before."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from course._files import write_text
from course.listing.numbers import Numbers

if TYPE_CHECKING:
    from course.architectures import Architecture
    from course.sizing import Report

Counts = tuple[int, int, int]  # parameters, trainable ones, multiply-adds
# What the counts depend on, besides Keras.
_SOURCES = ("architectures", "blocks", "keras_graph", "sizing")


def counted(names: Iterable[str] = ()) -> Iterator[Numbers]:
    """Build networks and count them, or take what was counted before with the same code.

    Args:
        names: registered architectures; none for all.

    Raises:
        UsageError: a name is not registered.
    """
    import course.quiet  # noqa: F401
    from course import architectures

    entries = [architectures.describe(name) for name in names or architectures.names()]
    known = _read()
    for entry in entries:
        if entry.name not in known:
            known[entry.name] = count(entry)
            _write(known)
        yield _numbers(entry, known[entry.name])


def count(entry: Architecture) -> Counts:
    """Build a network and count its parameters, its trainable ones, and its multiply-adds."""
    report = profiled(entry)
    return report.params, report.params_trainable, report.macs


def profiled(entry: Architecture) -> Report:
    """Build a network and return its profile, see :func:`course.sizing.profile`."""
    import keras

    from course import sizing

    # With shapes instead of variables it takes a tenth of the time.
    with keras.StatelessScope(initialize_variables=False):
        report = sizing.profile(entry.build())
    keras.utils.clear_session()  # or Keras would give them values later
    return report


def _numbers(entry: Architecture, counts: Counts) -> Numbers:
    years = re.findall(r"\b(?:19|20)\d\d\b", entry.paper)
    published = {error.label: error.value for error in entry.published}
    return Numbers(
        entry.name,
        entry.family,
        int(years[-1]),
        entry.input_shape,
        entry.classes,
        *counts,
        published,
    )


def write(path: Path, say: Callable[[str], None]) -> None:
    """Count every network and write the file of all numbers."""
    from course.listing.numbers import as_json

    rows: list[Numbers] = []
    for row in counted():
        say(f"{len(rows) + 1}: {row.name}, {row.params:,} parameters, {row.macs:,} MACs")
        rows.append(row)
    path.write_text(as_json(rows), encoding="utf-8")


def cache_file() -> Path:
    """Return the file of what was counted, in the user's folder for caches."""
    from platformdirs import user_cache_path

    return user_cache_path("convnet-course", appauthor=False) / f"counts-{_version()}.json"


@cache
def _version() -> str:
    """Return a digest of the code that counts are made with."""
    from importlib.metadata import version

    package = Path(__file__).parents[1]
    files = [path for name in _SOURCES for path in sorted((package / name).glob("*.py"))]
    parts = [version("keras").encode(), *(path.read_bytes() for path in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _read() -> dict[str, Counts]:
    """Return what was counted; nothing, if the file is damaged or cannot be read."""
    try:
        found = json.loads(cache_file().read_text(encoding="utf-8"))
        return {str(name): (int(a), int(b), int(c)) for name, (a, b, c) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(known: dict[str, Counts]) -> None:
    path = cache_file()
    # A cache that cannot be written costs time, and is no error.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(known))
