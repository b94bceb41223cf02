"""The sets that the course makes itself, example by example. Needs neither TensorFlow nor TFDS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from course.datasets import drawing

# Bump when an image changes: prepared folders carry the version in their path.
VERSION = "1.0.0"
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Source:
    """One set: what it is, and its examples by split and position."""

    name: str
    description: str
    citation: str
    homepage: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: Mapping[str, int]
    example: Callable[[str, int], tuple[np.ndarray, int]]

    def examples(self, split: str) -> Iterator[tuple[np.ndarray, int]]:
        """Every (image, label) of a split, in order."""
        return (self.example(split, index) for index in range(self.splits[split]))


@cache
def _sklearn_digits():
    from sklearn.datasets import load_digits

    return load_digits()


def digit(split: str, index: int) -> tuple[np.ndarray, int]:
    """A handwritten digit and its class; the 1,500 for training come first.

    Args:
        split: ``"train"`` or ``"test"``.
        index: position in the split.

    Returns:
        uint8 array of shape (8, 8, 1), where ink that scikit-learn calls 16 is 255; the class.

    Example:
        >>> image, label = digit("train", 0)
        >>> image.shape, label
        ((8, 8, 1), 0)
    """
    digits = _sklearn_digits()
    position = index + (DIGITS.splits["train"] if split == "test" else 0)
    image = np.rint(digits.images[position] * (255 / 16)).astype(np.uint8)
    return image[..., None], int(digits.target[position])


def shape(
    split: str, index: int, *, outline: bool = False, difficulty: float = 0.5, seed: int = 0
) -> tuple[np.ndarray, int]:
    """A drawn shape and its class, which depend on the arguments and on nothing else.

    Args:
        split: ``"train"`` or ``"test"``.
        index: position in the split; the classes take turns.
        outline: False for ``course_shapes/source``, True for ``course_shapes/target``.
        difficulty: 0 to 1, as :func:`course.datasets.drawing.draw`.
        seed: another number gives another set of the same kind.

    Returns:
        uint8 array of shape (32, 32, 3); the class.

    Example:
        >>> image, label = shape("train", 3)
        >>> image.shape, label
        ((32, 32, 3), 3)
    """
    label = index % len(drawing.SHAPES)
    rng = np.random.default_rng([seed, int(outline), SPLITS.index(split), index])
    return drawing.draw(label, rng, outline=outline, difficulty=difficulty), label


DIGITS = Source(
    name="digits",
    description="1,797 real handwritten digits of 8 x 8 pixels, from scikit-learn: a set for "
    "experiments that take seconds. The last 297 are the test split, as is customary; they come "
    "from other writers than the first.",
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
    example=digit,
)


def _shapes(config: str, description: str, train: int, test: int) -> Source:
    return Source(
        name=f"course_shapes/{config}",
        description=description,
        citation="",
        homepage="",
        class_names=tuple(drawing.SHAPES),
        image_shape=(drawing.SIZE, drawing.SIZE, 3),
        splits={"train": train, "test": test},
        example=partial(shape, outline=config == "target"),
    )
