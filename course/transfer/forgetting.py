"""Forgetting: what fine-tuning costs on the dataset that a network comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from course.errors import UsageError
from course.keras_graph import Graph
from course.keras_types import Array, Images, Model
from course.transfer.extraction import predictions
from course.transfer.retrieval import check_labels
from course.transfer.structure import finalize, head_layers


class Forgetting(NamedTuple):
    """Accuracy on the source, as fractions.

    Attributes:
        before: of the network as it was.
        after: of its head on the tuned body.
    """

    before: float
    after: float

    @property
    def lost(self) -> float:
        """How much was lost; negative if tuning helped."""
        return self.before - self.after


def measure_forgetting(
    source: Model,
    tuned: Model,
    images: Images,
    labels: Array,
    *,
    preprocess: Callable[[Images], Any] | None = None,
    batch_size: int = 256,
) -> Forgetting:
    """Put the source's head back on the tuned body, and measure both on the source's images.

    Args:
        source: the network before it was tuned, with one output, of probabilities or logits.
        tuned: the same architecture after it; its head may have other classes.
        images: of the source's test split, (examples, height, width, channels).
        labels: integers, (examples,).
        preprocess: as in :func:`course.transfer.extraction.features`, the same for both.
        batch_size: images at a time.

    Returns:
        :class:`Forgetting`.

    Raises:
        UsageError: networks of different architectures, or labels that do not fit.

    Reference:
        McCloskey, Cohen, "Catastrophic interference in connectionist networks", 1989; Li, Hoiem,
        "Learning without forgetting", 2016, measure the old task after fine-tuning for a new one.
    """
    wanted = check_labels("labels", labels, len(images))
    mixed: Model = keras.models.clone_model(source)
    mixed.set_weights(source.get_weights())
    heads = {layer.name for layer in head_layers(source)}
    theirs = {step.layer.name: step.layer for step in Graph(tuned).weighted}
    for step in Graph(mixed).weighted:
        if step.layer.name in heads:
            continue
        other = theirs.get(step.layer.name)
        shapes = [weight.shape for weight in step.layer.weights]
        if other is None or [weight.shape for weight in other.weights] != shapes:
            raise UsageError(
                f"{tuned.name} must be {source.name} after fine-tuning; received one whose layer "
                f"{step.layer.name!r} {'is missing' if other is None else 'has other shapes'}."
            )
        step.layer.set_weights(other.get_weights())
        finalize(step.layer)
    before, after = (
        _accuracy(model, images, wanted, preprocess, batch_size) for model in (source, mixed)
    )
    return Forgetting(before, after)


def _accuracy(
    model: Model,
    images: Images,
    labels: Array,
    preprocess: Callable[[Images], Any] | None,
    batch_size: int,
) -> float:
    found = predictions(model, images, preprocess, batch_size).argmax(-1)
    return float((found == labels).mean())
