"""Versions of what a result depends on."""

from __future__ import annotations

import platform
from importlib import metadata


def versions() -> dict[str, str]:
    """Return the versions of Python and of the numeric libraries."""
    found = {"python": platform.python_version()}
    for name in ("convnet-course", "tensorflow", "keras", "jax", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
