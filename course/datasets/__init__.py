"""Image datasets: the course's own, and all of TensorFlow Datasets.

    >>> from course import datasets
    >>> train = datasets.load("digits", "train", batch_size=128, shuffle=True)
    >>> images, labels = datasets.load_arrays("digits", "test")
    >>> datasets.info("course_shapes/target").class_names[:3]
    ('circle', 'triangle', 'square')

``digits`` and ``course_shapes`` need no network: they are made on first use. Other sets are read
from the folder in the environment variable TFDS_DATA_DIR, or downloaded into it. Importing this
package loads neither TensorFlow nor TFDS, and ``load_arrays`` of the course's own sets never does;
where TensorFlow is not installed it reads prepared sets of TFDS without.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from course.datasets.pipeline import Info, info, load, load_arrays, names
from course.datasets.store import DatasetNotFoundError

__all__ = [
    "CourseShapes",
    "DatasetNotFoundError",
    "Digits",
    "Info",
    "info",
    "load",
    "load_arrays",
    "names",
]


def __getattr__(name: str) -> Any:
    # The builders' base class is TFDS', so they are imported only when needed.
    modules = {"Digits": "digits", "CourseShapes": "course_shapes"}
    if name not in modules:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"course.datasets.{modules[name]}"), name)
