"""Sliders on a page that no Python answers: the pictures of their settings, drawn in advance."""

from __future__ import annotations

import base64
import itertools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from course.errors import UsageError

MIME = "application/vnd.convnet-course.states+json"
# Set while a site is built: the largest number of pictures for one group of sliders.
VARIABLE = "COURSE_STATES"


def most() -> int:
    """How many settings of a group of sliders are drawn in advance; 0 in a notebook that is used.

    Raises:
        UsageError: if the variable ``COURSE_STATES`` is not a whole number.
    """
    value = os.environ.get(VARIABLE, "0")
    if not value.isdecimal():
        raise UsageError(f"{VARIABLE} must be a whole number, or unset; received {value!r}.")
    return int(value)


def thinned(
    choices: Mapping[str, Sequence[Any]], start: Mapping[str, object], most: int
) -> dict[str, list[Any]]:
    """Leave out values until there are few enough settings.

    Again and again, the argument with the most values loses every second one, but never the value
    that it starts with.

    Args:
        choices: the values of each argument.
        start: the value that each argument starts with.
        most: the largest number of settings.

    Raises:
        UsageError: if an argument starts with a value that is not among its choices.

    Example:
        >>> thinned({"kernel": range(1, 8), "stride": [1, 2]}, {"kernel": 3, "stride": 1}, 10)
        {'kernel': [1, 3, 5, 7], 'stride': [1, 2]}
    """
    kept = {name: list(values) for name, values in choices.items()}
    for name, values in kept.items():
        if start.get(name) not in values:
            raise UsageError(
                f"{name} must start with one of its choices, {values}; "
                f"received {start.get(name)!r}."
            )
    while math.prod(map(len, kept.values())) > max(most, 1):
        name = max(kept, key=lambda name: len(kept[name]))
        kept[name] = kept[name][kept[name].index(start[name]) % 2 :: 2]
    return kept


class States:
    """Pictures of the settings of a group of sliders, as the result of a notebook's cell.

    A page that knows :data:`MIME` shows sliders, any other the figure that is shown first.

    Args:
        picture: function that draws a setting, and returns a WebP image and a description.
        start: arguments of the figure that is shown first.
        choices: values that the sliders offer in a notebook.
        page: values that they offer here, if these are others; of them as many as may be drawn.
        caption: one line under the figure.
        html: the figure that is shown first, with its caption.
    """

    def __init__(
        self,
        picture: Callable[..., tuple[bytes, str]],
        start: Mapping[str, object],
        choices: Mapping[str, Sequence[Any]],
        page: Mapping[str, Sequence[Any]],
        caption: str,
        html: str,
    ) -> None:
        self._picture, self._html = picture, html
        kept = thinned({**choices, **page}, start, most())
        self.data: dict[str, Any] = {
            "arguments": [
                {
                    "name": name,
                    "values": [str(value) for value in values],
                    "start": values.index(start[name]),
                    # As in the notebook: a slider has no room for a name.
                    "list": any(isinstance(value, str) for value in values),
                }
                for name, values in kept.items()
            ],
            "caption": caption,
            "all": math.prod(map(len, choices.values())),
            # In the order of itertools.product: the last argument changes first.
            "states": [
                self._state({**start, **dict(zip(kept, setting, strict=True))})
                for setting in itertools.product(*kept.values())
            ],
        }

    def _state(self, setting: dict[str, Any]) -> dict[str, str]:
        """A setting's picture and description; of one that cannot be drawn, what is wrong."""
        try:
            image, words = self._picture(**setting)
        except UsageError as error:
            return {"words": str(error)}
        return {"words": words, "webp": base64.b64encode(image).decode()}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {MIME: self.data, "text/html": self._html}
