"""Nearest neighbors among features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course.errors import UsageError
from course.keras_types import Array

METRICS = ("cosine", "euclidean")


class Neighbors(NamedTuple):
    """The nearest examples of each query, the nearest first.

    Attributes:
        indices: positions among the examples, (queries, k).
        distances: to them, (queries, k).
    """

    indices: Array
    distances: Array


def neighbors(
    features: Array, queries: Array | None = None, k: int = 5, *, metric: str = "cosine"
) -> Neighbors:
    """Find the examples that are nearest to each query.

    Args:
        features: of the examples, (examples, features).
        queries: (queries, features); None to ask for the neighbors of each example, itself left
            out.
        k: how many; from 1 to the number of examples, or one less without queries.
        metric: ``"cosine"``, one minus the cosine of the angle, or ``"euclidean"``.

    Returns:
        :class:`Neighbors`.

    Raises:
        UsageError: arrays that do not fit, values that are not finite, or such a k or metric.

    Reference:
        Krizhevsky et al. 2012, section 6.1, retrieve images by the Euclidean distance of the last
        hidden layer's features.

    Example:
        >>> neighbors(np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0]]), k=1).indices.tolist()
        [[1], [0], [1]]
    """
    from sklearn.neighbors import NearestNeighbors

    examples = check_features("features", features)
    asked = None if queries is None else check_features("queries", queries, examples.shape[1])
    most = len(examples) - (asked is None)
    if not 1 <= k <= most:
        raise UsageError(
            f"k must be from 1 to {most}, the examples to choose from; received k={k}."
        )
    if metric not in METRICS:
        raise UsageError(f"metric must be one of {', '.join(METRICS)}; received {metric!r}.")
    index = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric).fit(examples)
    distances, indices = index.kneighbors(asked)
    return Neighbors(indices, distances)


def knn_accuracy(found: Neighbors, labels: Array, query_labels: Array | None = None) -> float:
    """Return the fraction of queries whose label most of their neighbors have.

    Among labels that are equally frequent, that of the nearest neighbor wins.

    Args:
        found: from :func:`neighbors`.
        labels: of the examples, integers, (examples,).
        query_labels: (queries,); None if the queries are the examples.

    Raises:
        UsageError: numbers of labels that do not fit.

    Example:
        >>> found = neighbors(np.array([[0.0], [0.1], [5.0]]), k=1, metric="euclidean")
        >>> round(knn_accuracy(found, np.array([0, 0, 1])), 2)
        0.67
    """
    near, wanted = _labels(found, labels, query_labels)
    votes = (near[:, :, None] == near[:, None, :]).sum(2)  # for each neighbor's label
    # The first largest is the nearest one's.
    chosen = near[np.arange(len(near)), votes.argmax(1)]
    return float((chosen == wanted).mean())


def precision_at_k(found: Neighbors, labels: Array, query_labels: Array | None = None) -> float:
    """Return the fraction of all neighbors that have their query's label.

    Args:
        found, labels, query_labels: as in :func:`knn_accuracy`.

    Raises:
        UsageError: numbers of labels that do not fit.
    """
    near, wanted = _labels(found, labels, query_labels)
    return float((near == wanted[:, None]).mean())


def check_features(name: str, values: Array, width: int | None = None) -> Array:
    """Return features as a table, or say what is wrong with them.

    Args:
        name: of the argument.
        values: (examples, features).
        width: number of features; None for any.

    Raises:
        UsageError: another shape, no examples, or values that are not finite.
    """
    array = np.asarray(values)
    if array.ndim != 2 or not len(array) or width not in (None, array.shape[1]):
        wanted = "features" if width is None else str(width)
        raise UsageError(
            f"{name} must have the shape (examples, {wanted}), with at least one example; received "
            f"{array.shape}."
        )
    if not np.isfinite(array).all():
        raise UsageError(f"{name} must be finite; received NaN or infinity.")
    return array


def check_labels(name: str, labels: Array | Sequence[int], count: int) -> Array:
    """Return labels as an array, or say what is wrong with them.

    Raises:
        UsageError: not one integer for each of `count` examples.
    """
    array = np.asarray(labels)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise UsageError(
            f"{name} must be {count} integers, one for each example; received {array.dtype} of "
            f"shape {array.shape}."
        )
    return array


def _labels(found: Neighbors, labels: Array, query_labels: Array | None) -> tuple[Array, Array]:
    """Return the neighbors' labels and the queries'."""
    count = len(found.indices)
    wanted = check_labels("query_labels", labels if query_labels is None else query_labels, count)
    known = np.asarray(labels)
    if known.ndim != 1 or len(known) <= found.indices.max():
        raise UsageError(
            "labels must have one label for each example; received shape "
            f"{known.shape} for neighbors up to number {found.indices.max()}."
        )
    return known[found.indices], wanted
