"""Linear probes: how well a linear classifier does on a network's features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from course.errors import UsageError
from course.keras_types import Array
from course.transfer.retrieval import check_features, check_labels

KINDS = ("softmax", "ridge")


@dataclass(frozen=True)
class Probe:
    """A linear classifier on standardized features.

    Attributes:
        pipeline: scikit-learn's, of a ``StandardScaler`` and a linear classifier.
        width: number of features.
    """

    pipeline: Any
    width: int

    def predict(self, features: Array) -> Array:
        """Return a label for each example.

        Args:
            features: (examples, features).

        Raises:
            UsageError: another number of features.
        """
        found: Array = self.pipeline.predict(check_features("features", features, self.width))
        return found

    def accuracy(self, features: Array, labels: Array) -> float:
        """Return the fraction of examples with the right label.

        Args:
            features: (examples, features).
            labels: integers, (examples,).

        Raises:
            UsageError: arrays that do not fit.
        """
        predicted = self.predict(features)
        return float((predicted == check_labels("labels", labels, len(predicted))).mean())


def linear_probe(
    features: Array, labels: Array, *, kind: str = "softmax", strength: float = 1.0
) -> Probe:
    """Train a linear classifier on features that were computed once.

    Features are standardized with the mean and deviation of these, the training examples, and with
    the same numbers wherever the probe is used.

    Args:
        features: of the training examples, (examples, features), from
            :func:`course.transfer.extraction.features`.
        labels: integers, (examples,), of at least two classes.
        kind: ``"softmax"``, logistic regression, or ``"ridge"``, least squares on one-hot labels,
            which has a closed form and is quicker.
        strength: of the L2 penalty on the weights, positive: added to the sum over the examples,
            half the squares with ``"softmax"``.

    Returns:
        A :class:`Probe`.

    Raises:
        UsageError: arrays that do not fit, one class only, or such a kind or strength.

    Reference:
        Alain, Bengio, "Understanding intermediate layers using linear classifier probes", 2016;
        Kornblith et al., "Do better ImageNet models transfer better?", 2019, section 3.

    Example:
        >>> import numpy as np
        >>> features = np.array([[0.0, 7.0], [1.0, 7.0], [5.0, 7.0], [6.0, 7.0]])
        >>> probe = linear_probe(features, np.array([0, 0, 1, 1]))
        >>> probe.predict(np.array([[0.5, 7.0], [9.0, 7.0]]))
        array([0, 1])
    """
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    examples = check_features("features", features)
    targets = check_labels("labels", labels, len(examples))
    if len(set(targets.tolist())) < 2:
        raise UsageError(f"labels must be of at least two classes; received only {targets[0]}.")
    if not 0 < strength < float("inf"):
        raise UsageError(f"strength must be positive and finite; received strength={strength}.")
    if kind not in KINDS:
        raise UsageError(f"kind must be one of {', '.join(KINDS)}; received kind={kind!r}.")
    if kind == "softmax":
        classifier = LogisticRegression(C=1 / strength, max_iter=1000)
    else:
        classifier = RidgeClassifier(alpha=strength)
    return Probe(
        make_pipeline(StandardScaler(), classifier).fit(examples, targets), width=examples.shape[1]
    )
