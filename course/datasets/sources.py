"""The datasets that the course makes itself. Needs neither TensorFlow nor TFDS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from course.datasets import drawing
from course.errors import UsageError

# Bump when an image changes: prepared folders carry the version in their path.
VERSION = "1.0.0"
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Source:
    """A dataset: what it is, and its examples by split and position."""

    name: str
    description: str
    citation: str
    homepage: str
    class_names: tuple[str, ...]
    image_shape: tuple[int | None, ...]  # None for an axis on which images differ
    splits: Mapping[str, int]
    example: Callable[[str, int], tuple[np.ndarray, int]]

    def examples(self, split: str) -> Iterator[tuple[np.ndarray, int]]:
        """Yield the (image, label) pairs of a split, in order."""
        return (self.example(part, index) for part, index in self.select(split))

    def select(self, split: str) -> list[tuple[str, int]]:
        """List the (split, position) of every example that a split in TFDS' notation names.

        Args:
            split: ``"train"``, ``"test[:100]"``, ``"train[20%:80%]"``, ``"train[-10%:]+test"``.

        Raises:
            UsageError: if the split is unknown, empty, out of range or in another notation.
        """
        chosen = []
        for part in str(split).split("+"):
            match = _PART.fullmatch(part.strip())
            if not match or match["split"] not in self.splits:
                raise UsageError(bad_split(self.name, split, self.splits))
            count = self.splits[match["split"]]
            start, stop = (_boundary(match[end], count, end) for end in ("start", "stop"))
            if max(abs(start), abs(stop)) > count:
                raise UsageError(bad_split(self.name, split, self.splits))
            chosen += [(match["split"], position) for position in range(count)[start:stop]]
        if not chosen:
            raise UsageError(bad_split(self.name, split, self.splits))
        return chosen


_PART = re.compile(r"(?P<split>\w+)(\[(?P<start>(-?\d+%?)?):(?P<stop>(-?\d+%?)?)\])?")


def _boundary(text: str | None, count: int, end: str) -> int:
    """Convert a slice's boundary to a position, rounding percentages as TFDS does."""
    if not text:
        return 0 if end == "start" else count
    return round(int(text[:-1]) * count / 100) if text.endswith("%") else int(text)


def bad_split(name: str, split: str, splits: Mapping[str, int]) -> str:
    """Write the message for a split that names no examples."""
    known = ", ".join(f"{split!r} ({count:,} examples)" for split, count in splits.items())
    return (
        f"split must be one of {known}, or some of its examples such as 'train[:80%]'; "
        f"received split={split!r} for {name!r}."
    )


@cache
def _sklearn_digits() -> Any:
    from sklearn.datasets import load_digits

    return load_digits()


def digit_example(split: str, index: int) -> tuple[np.ndarray, int]:
    """Return a handwritten digit and its class; the 1,500 for training come first.

    Args:
        split: ``"train"`` or ``"test"``.
        index: position in the split.

    Returns:
        uint8 array of shape (8, 8, 1), with scikit-learn's 16 levels scaled to 255; the class.

    Example:
        >>> image, label = digit_example("train", 0)
        >>> image.shape, label
        ((8, 8, 1), 0)
    """
    digits = _sklearn_digits()
    position = index + (DIGITS.splits["train"] if split == "test" else 0)
    image = np.rint(digits.images[position] * (255 / 16)).astype(np.uint8)
    return image[..., None], int(digits.target[position])


def shape_example(
    split: str, index: int, *, outline: bool = False, difficulty: float = 0.4, seed: int = 0
) -> tuple[np.ndarray, int]:
    """Draw a shape and return it with its class; both depend on the arguments alone.

    Args:
        split: ``"train"`` or ``"test"``.
        index: position in the split; classes alternate.
        outline: False for ``course_shapes/source``, True for ``course_shapes/target``.
        difficulty: 0 to 1, as in :func:`course.datasets.drawing.draw`.
        seed: of the dataset; another number gives other images of the same kind.

    Returns:
        uint8 array of shape (32, 32, 3); the class.

    Example:
        >>> image, label = shape_example("train", 3)
        >>> image.shape, label
        ((32, 32, 3), 3)
    """
    label = index % len(drawing.SHAPES)
    rng = np.random.default_rng([seed, int(outline), SPLITS.index(split), index])
    return drawing.draw(label, rng, outline=outline, difficulty=difficulty), label


DIGITS = Source(
    name="digits",
    description="1,797 real handwritten digits of 8 x 8 pixels, from scikit-learn: a set for "
    "experiments that take seconds. The last 297 are the test split, as is customary.",
    citation="""@misc{alpaydin1998digits,
  author = {Alpaydin, Ethem and Kaynak, Cenk},
  title = {Optical Recognition of Handwritten Digits},
  howpublished = {UCI Machine Learning Repository},
  year = {1998},
  doi = {10.24432/C50P49}
}""",
    homepage="https://archive.ics.uci.edu/dataset/80",
    class_names=tuple("0123456789"),
    image_shape=(8, 8, 1),
    splits={"train": 1500, "test": 297},
    example=digit_example,
)


def course_shapes(
    config: str,
    *,
    outline: bool = False,
    train: int = 10_000,
    test: int = 2_000,
    difficulty: float = 0.4,
    seed: int = 0,
) -> Source:
    """Make a dataset of drawn shapes, such as ``course_shapes/source`` and ``/target``.

    Args:
        config: what comes after ``course_shapes/`` in its name.
        outline, difficulty, seed: as in :func:`shape_example`.
        train, test: images of each split, at least 1.

    Raises:
        UsageError: a split without images.

    Example:
        >>> course_shapes("hard", difficulty=0.8, seed=1).splits
        {'train': 10000, 'test': 2000}
    """
    if min(train, test) < 1:
        raise UsageError(
            f"Each split needs at least one image; received train={train}, test={test}."
        )
    kind = "outlines on plain paper" if outline else "textured solids"
    names = tuple(drawing.SHAPES)
    return Source(
        name=f"course_shapes/{config}",
        description=f"Ten shapes ({', '.join(names)}) as {kind}, drawn by this course in 32 x 32 "
        "pixels: turned, scaled, sheared and shifted, in random colors, behind two bars, in "
        "uneven light and grain. No color and no place tells the class.",
        citation=f"""@misc{{course_shapes,
  title = {{course_shapes: ten drawn shapes for a course on convolutional networks}},
  note = {{Drawn by course.datasets; version {VERSION}, seed {seed}, difficulty {difficulty}}}
}}""",
        homepage="",
        class_names=names,
        image_shape=(drawing.SIZE, drawing.SIZE, 3),
        splits={"train": train, "test": test},
        example=partial(shape_example, outline=outline, difficulty=difficulty, seed=seed),
    )


SHAPES = (
    course_shapes("source"),
    # Few images, so that it helps to transfer what a network learned on `source`.
    course_shapes("target", outline=True, train=200),
)
SOURCES = {source.name: source for source in (*SHAPES, DIGITS)}


def get_source(name: str) -> Source | None:
    """Look up one of the course's own datasets; ``course_shapes`` alone means its first config."""
    name = name.removesuffix(f":{VERSION}")
    return SHAPES[0] if name == "course_shapes" else SOURCES.get(name)
