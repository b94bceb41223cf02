"""AutoAugment and RandAugment: random operations on images, as the papers have them.

Both draw from the same operations, whose strength is a level from 0 to 10. AutoAugment's policies
were searched for a dataset; RandAugment draws any operations, all of one level.
Images are uint8, gray or with three channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from course.errors import UsageError
from course.keras_types import Array
from course.regularization.regions import GRAY

# Of each operation its strength at level 0 and at level 10, and whether its sign is random.
RANGES: dict[str, tuple[float, float, bool]] = {
    "identity": (0, 0, False),
    "auto_contrast": (0, 0, False),
    "equalize": (0, 0, False),
    "invert": (0, 0, False),
    "rotate": (0, 30, True),  # degrees
    "posterize": (8, 4, False),  # bits that are kept
    "solarize": (256, 0, False),  # values from here on are inverted
    "color": (0, 0.9, True),  # these four: what is added to a factor of 1
    "contrast": (0, 0.9, True),
    "brightness": (0, 0.9, True),
    "sharpness": (0, 0.9, True),
    "shear_x": (0, 0.3, True),
    "shear_y": (0, 0.3, True),
    "translate_x": (0, 150 / 331, True),  # fraction of the side
    "translate_y": (0, 150 / 331, True),
}
# The fourteen of RandAugment's section 3: all but inversion.
OPERATIONS = tuple(name for name in RANGES if name != "invert")

# AutoAugment's policy for CIFAR-10: pairs of an operation, its probability and its level of 0 to 9.
_CIFAR10 = """
invert 0.1 7, contrast 0.2 6; rotate 0.7 2, translate_x 0.3 9; sharpness 0.8 1, sharpness 0.9 3;
shear_y 0.5 8, translate_y 0.7 9; auto_contrast 0.5 8, equalize 0.9 2;
shear_y 0.2 7, posterize 0.3 7; color 0.4 3, brightness 0.6 7;
sharpness 0.3 9, brightness 0.7 9; equalize 0.6 5, equalize 0.5 1;
contrast 0.6 7, sharpness 0.6 5; color 0.7 7, translate_x 0.5 8;
equalize 0.3 7, auto_contrast 0.4 8; translate_y 0.4 3, sharpness 0.2 6;
brightness 0.9 6, color 0.2 8; solarize 0.5 2, invert 0.0 3;
equalize 0.2 0, auto_contrast 0.6 0; equalize 0.2 8, equalize 0.6 4;
color 0.9 9, equalize 0.6 6; auto_contrast 0.8 4, solarize 0.2 8; brightness 0.1 3, color 0.7 0;
solarize 0.4 5, auto_contrast 0.9 3; translate_y 0.9 9, translate_y 0.7 9;
auto_contrast 0.9 2, solarize 0.8 3; equalize 0.8 8, invert 0.1 3;
translate_y 0.7 9, auto_contrast 0.9 1
"""

Step = tuple[str, float, int]


def cifar10_policy() -> list[list[Step]]:
    """Return AutoAugment's policy for CIFAR-10: 25 pairs of (operation, probability, level)."""
    pairs = [pair.split(",") for pair in _CIFAR10.split(";")]
    return [
        [(name, float(chance), int(level)) for name, chance, level in map(str.split, pair)]
        for pair in pairs
    ]


def auto_augment(images: Array, labels: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Apply AutoAugment's policy for CIFAR-10: one of its 25 pairs of operations to each image.

    Args:
        images: uint8 of shape (batch, height, width, 1 or 3).
        labels: (batch, classes); not changed.
        rng: random number generator.

    Raises:
        UsageError: images that are not uint8, or have other channels.

    Reference:
        Cubuk et al., "AutoAugment: learning augmentation strategies from data", 2019, Tables 6, 7.
    """
    policy = cifar10_policy()
    _check(images)
    out = np.empty_like(images)
    draws = rng.random((len(images), 5))
    for picture, source, draw in zip(out, images, draws, strict=True):
        pair = policy[int(draw[0] * len(policy))]
        picture[...] = source
        for (name, chance, level), drawn, sign in zip(pair, draw[1:3], draw[3:], strict=True):
            if drawn < chance:
                # Levels 0 to 9 of the paper's table span the same range as 0 to 10 here.
                picture[...] = operate(picture, name, level * 10 / 9, negative=sign < 0.5)
    return out, labels


def rand_augment(
    images: Array, labels: Array, rng: np.random.Generator, count: int = 2, level: float = 9
) -> tuple[Array, Array]:
    """Apply random operations to each image, all with the same strength.

    ``keras.layers.RandAugment`` draws strengths as well, and has other operations.

    Args:
        images, labels, rng: as :func:`auto_augment`.
        count: operations per image, drawn with replacement: N in the paper.
        level: their strength, from 0 to 10: M in the paper.

    Raises:
        UsageError: images as for :func:`auto_augment`; a level outside of 0 to 10.

    Reference:
        Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search
        space", 2020, section 3.
    """
    _check(images)
    out = np.empty_like(images)
    for picture, source, draws in zip(
        out, images, rng.random((len(images), count, 2)), strict=True
    ):
        picture[...] = source
        for which, sign in draws:
            name = OPERATIONS[int(which * len(OPERATIONS))]
            picture[...] = operate(picture, name, level, negative=sign < 0.5)
    return out, labels


def operate(image: Array, name: str, level: float, *, negative: bool = False) -> Array:
    """Apply one operation to one image.

    Args:
        image: uint8 of shape (height, width, 1 or 3).
        name: of :data:`RANGES`.
        level: from 0, the weakest, to 10.
        negative: whether what has a sign goes the other way.

    Returns:
        An array of the same shape and type.

    Raises:
        UsageError: an unknown name, a level outside of 0 to 10.
    """
    from PIL import Image

    if name not in RANGES:
        raise UsageError(f"name must be one of {', '.join(RANGES)}; received name={name!r}.")
    if not 0 <= level <= 10:
        raise UsageError(f"level must be from 0 to 10; received level={level}.")
    first, last, signed = RANGES[name]
    strength = first + (last - first) * level / 10
    strength = -strength if signed and negative else strength
    gray = image.shape[-1] == 1
    picture = Image.fromarray(image[..., 0] if gray else image)
    found = np.asarray(_OPERATIONS[name](picture, strength))
    return found[..., None] if gray else found


def _check(images: Array) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UsageError(
            "images must be uint8 of shape (batch, height, width, 1 or 3); received "
            f"{images.dtype} of shape {images.shape}."
        )


def _moved(picture: Any, *rows: float) -> Any:
    """Take each pixel from where the two rows of a matrix say."""
    from PIL import Image

    fill = GRAY if picture.mode == "L" else (GRAY,) * 3
    return picture.transform(picture.size, Image.Transform.AFFINE, rows, fillcolor=fill)


def _enhanced(kind: str) -> Callable[[Any, float], Any]:
    def enhance(picture: Any, strength: float) -> Any:
        from PIL import ImageEnhance

        return getattr(ImageEnhance, kind)(picture).enhance(1 + strength)

    return enhance


def _by_ops(function: str, *, number: bool = False) -> Callable[[Any, float], Any]:
    def operation(picture: Any, strength: float) -> Any:
        from PIL import ImageOps

        return getattr(ImageOps, function)(picture, *([round(strength)] if number else []))

    return operation


def _rotated(picture: Any, strength: float) -> Any:
    return picture.rotate(strength, fillcolor=GRAY if picture.mode == "L" else (GRAY,) * 3)


_OPERATIONS: dict[str, Callable[[Any, float], Any]] = {
    "identity": lambda picture, _: picture,
    "auto_contrast": _by_ops("autocontrast"),
    "equalize": _by_ops("equalize"),
    "invert": _by_ops("invert"),
    "rotate": _rotated,
    "posterize": _by_ops("posterize", number=True),
    "solarize": _by_ops("solarize", number=True),
    "color": _enhanced("Color"),
    "contrast": _enhanced("Contrast"),
    "brightness": _enhanced("Brightness"),
    "sharpness": _enhanced("Sharpness"),
    "shear_x": lambda picture, s: _moved(picture, 1, s, 0, 0, 1, 0),
    "shear_y": lambda picture, s: _moved(picture, 1, 0, 0, s, 1, 0),
    "translate_x": lambda picture, s: _moved(picture, 1, 0, s * picture.width, 0, 1, 0),
    "translate_y": lambda picture, s: _moved(picture, 1, 0, 0, 0, 1, s * picture.height),
}
