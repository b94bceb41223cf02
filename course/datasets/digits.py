"""TFDS builder of scikit-learn's handwritten digits."""

from course.datasets.builder import SourceBuilder
from course.datasets.sources import DIGITS, Source


class Digits(SourceBuilder):
    """1,797 real handwritten digits, 8 x 8 pixels: 1,500 to train on and 297 to test.

    Example:
        >>> Digits(data_dir="datasets").info.features["image"].shape
        (8, 8, 1)

    Reference:
        Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI repository, 1998.
    """

    @property
    def source(self) -> Source:
        return DIGITS
