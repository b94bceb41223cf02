"""Trained networks to start from: runs of ours, the one that comes with the course, ImageNet's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from course import architectures
from course._files import project_path
from course.errors import UsageError
from course.keras_graph import Graph
from course.keras_types import Array, ImageShape, Model, Tensor
from course.transfer.applications import APPLICATIONS, from_applications

EMBEDDED = {"course_shapes": project_path("data", "weights", "course_shapes")}
# Mean and deviation of RGB, from 0 to 255, for each mode of preprocess_input; and whether it swaps
# red and blue.
_COLORS = {
    "caffe": ([123.68, 116.779, 103.939], [1.0] * 3, True),
    "tf": ([127.5] * 3, [127.5] * 3, False),
    "torch": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375], False),
    "128": ([128.0] * 3, [128.0] * 3, False),
    "raw": ([0.0] * 3, [1.0] * 3, False),
}


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A trained network, and what its images have to be like.

    Attributes:
        model: takes normalized colors, and returns probabilities.
        mean, deviation: of the colors, one number per channel, with which they are normalized.
        arguments: of the architecture.
        origin: where the weights are from, for people.
        dataset: that it was trained on; None if that is not known.
    """

    model: Model
    mean: list[float]
    deviation: list[float]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    dataset: str | None = None

    def preprocess(self, images: Tensor) -> Tensor:
        """Normalize colors as in the network's own training.

        Args:
            images: (..., height, width, channels), values from 0 to 255.
        """
        colors = keras.ops.cast(images, "float32")
        return (colors - np.array(self.mean, "float32")) / np.array(self.deviation, "float32")

    def layer_weights(self) -> dict[str, list[Array]]:
        """Return the weights of all layers that have some, by the layer's name."""
        return {
            step.layer.name: [np.array(weight) for weight in step.layer.get_weights()]
            for step in Graph(self.model).weighted
        }


def load_pretrained(
    weights: str, name: str | None = None, *, input_shape: ImageShape | None = None
) -> Pretrained:
    """Load a trained network together with the preprocessing that it was trained behind.

    Args:
        weights: the folder of a run of `course train`; the ``.keras`` file in one, with
            ``run.json`` beside it; ``"course_shapes"``, the small network that comes with the
            course; ``"imagenet"``, which Keras downloads; or a ``.h5`` file of weights for a
            network of ``keras.applications``.
        name: of the architecture; None for a run's own.
        input_shape: (height, width, channels) for weights of ``keras.applications``; None for the
            paper's. A run's network keeps its own.

    Returns:
        A :class:`Pretrained`.

    Raises:
        UsageError: nothing there, or the weights of another architecture.

    Example:
        >>> load_pretrained("course_shapes").dataset
        'course_shapes/source'
    """
    path = EMBEDDED.get(weights, Path(weights))
    if weights == "imagenet" or path.suffix == ".h5":
        return _from_applications(weights, name, input_shape)
    folder = path.parent if path.suffix == ".keras" else path
    file = path if path.suffix == ".keras" else path / "model.keras"
    if not file.is_file():
        raise UsageError(
            "weights must be a finished run's folder, its .keras file, a .h5 file for a network "
            f"of keras.applications, 'imagenet', or {', '.join(map(repr, EMBEDDED))}; received "
            f"weights={weights!r}, and there is no {file}."
        )
    run = _run_of(folder, file)
    own = run["options"]["name"]
    if name not in (None, own):
        raise UsageError(
            f"The weights must be those of {name}; received weights={weights!r}, which are those "
            f"of {own}."
        )
    colors = run["normalization"]
    return Pretrained(
        saved_network(file),
        colors["mean"],
        colors["deviation"],
        run["options"]["arguments"],
        f"{weights}, trained on {run['options']['dataset']}",
        run["options"]["dataset"],
    )


def saved_network(file: Path) -> Model:
    """Load a network of any family, for use rather than to be trained further as it was."""
    architectures.names()  # imports their layers
    return keras.saving.load_model(file, compile=False)


def _run_of(folder: Path, file: Path) -> dict[str, Any]:
    """Read the ``run.json`` beside a network."""
    try:
        run: dict[str, Any] = json.loads((folder / "run.json").read_text())
        _ = run["options"]["name"], run["options"]["dataset"], run["options"]["arguments"]
        _ = run["normalization"]["mean"], run["normalization"]["deviation"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{file} needs the run.json of its run beside it, which has how colors are normalized; "
            "received none, or another file. Pass the run's folder."
        ) from None
    return run


def _from_applications(
    weights: str, name: str | None, input_shape: ImageShape | None
) -> Pretrained:
    if name not in APPLICATIONS:
        raise UsageError(
            f"weights={weights!r} needs a network of keras.applications; received name={name!r}. "
            f"There are {', '.join(APPLICATIONS)}."
        )
    if weights != "imagenet" and not Path(weights).is_file():
        raise UsageError(f"weights must be a file; received weights={weights!r}, which is none.")
    try:
        model = from_applications(name, weights=weights, input_shape=input_shape)
    except UsageError:
        raise
    except Exception as error:  # a download or a file: Keras raises whatever it meets
        raise UsageError(
            f"Weights of {name} could not be loaded; received weights={weights!r}: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error
    mean, deviation, swapped = _COLORS[APPLICATIONS[name].images]
    if swapped:
        _swap_red_and_blue(model)
    return Pretrained(model, mean, deviation, {}, f"{weights}, of keras.applications")


def _swap_red_and_blue(model: Model) -> None:
    """Make a network for BGR one for RGB: its first kernel takes the channels the other way."""
    first = Graph(model).weighted[0].layer
    first.kernel.assign(np.array(first.kernel)[:, :, ::-1])
