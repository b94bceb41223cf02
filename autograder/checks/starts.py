"""What weights start from: constants or random numbers, and whether their seed is fixed."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from course.keras_graph import Step, roles
from course.keras_graph.matching import Pairs
from course.keras_types import Array, Initializer

DRAWN = 4000  # numbers that are enough to recognize a distribution
FEW = 16  # fewer numbers say nothing about a standard deviation

# Arrays by a weight's ID.
Weights = dict[int, Array]


def start_faults(pairs: Pairs, starts: tuple[Weights, Weights], exactly: bool) -> list[str]:
    """Say how a model's first weights differ from its reference's.

    Args:
        pairs: layers of the reference and of the model that correspond to each other.
        starts: for both, the weights that they started from.
        exactly: whether the distribution must be the reference's; else only a fixed seed counts.
    """
    said = []
    for step, own in pairs:
        theirs = dict(roles(own))
        for role, weight in roles(step):
            if role not in theirs:
                continue
            drawn = _initializer(own, role)
            if _seed(drawn) is not None and _seed(_initializer(step, role)) is None:
                said.append(
                    f"{role} of {own} starts from the same numbers each time: its seed is fixed"
                )
            elif exactly:
                first = starts[0][id(weight)], starts[1][id(theirs[role])]
                reason = difference(first, _initializer(step, role), drawn)
                said += [f"{role} of {own} {reason}"] if reason else []
    return said[:2]


def _initializer(step: Step, role: str) -> Initializer | None:
    found = getattr(step.layer, f"{role}_initializer", None)
    return found if isinstance(found, keras.initializers.Initializer) else None


def _config(initializer: Initializer | None) -> dict[str, Any]:
    try:
        return initializer.get_config() if initializer else {}
    except NotImplementedError:  # a student's class without a configuration
        return {}


def _seed(initializer: Initializer | None) -> int | None:
    seed = _config(initializer).get("seed")
    return seed if isinstance(seed, int) else None


def difference(
    first: tuple[Array, Array], wanted: Initializer | None, drawn: Initializer | None
) -> str:
    """Say how the first values of a weight differ from the right ones; "" if they don't.

    Args:
        first: right values, and the student's.
        wanted, drawn: the initializers that drew them; None if none did.
    """
    right, mine = first
    if not np.all(np.isfinite(mine)):
        return "should start from numbers, but starts from NaN or infinity"
    if np.ptp(right) == 0:
        same = np.allclose(mine, right.flat[0], atol=1e-7)
        return "" if same else f"should start from {right.flat[0]:g} everywhere"
    if np.ptp(mine) == 0:
        return f"should start from random numbers, but starts from {mine.flat[0]:g} everywhere"
    if _rule(wanted) and _rule(wanted) == _rule(drawn):
        one, other = right.ravel(), mine.ravel()
    else:
        one, other = _sample(wanted, right), _sample(drawn, mine)
    spreads = float(one.std()), float(other.std())
    # Logarithms, since the deviation of a few numbers is as often half as large as twice.
    far = 6 * (0.5 / one.size + 0.5 / other.size) ** 0.5
    if one.size >= FEW and abs(np.log(spreads[1] / spreads[0])) > far:
        return (
            f"should start with a standard deviation of {spreads[0]:.3g}, but has {spreads[1]:.3g}"
        )
    # If an initializer and the numbers disagree, the numbers have been overwritten.
    if abs(mine.std() / spreads[1] - 1) > 6 * (0.5 / mine.size) ** 0.5:
        return "does not start from what its initializer gives"
    shapes = [_shape(sample) for sample in (one, other) if sample.size >= DRAWN]
    if len(set(shapes)) > 1:
        return f"should start from a {shapes[0]} distribution, but has a {shapes[1]} one"
    return ""


def _rule(initializer: Initializer | None) -> tuple[float, str, bool] | None:
    """Return what defines He's, Glorot's and LeCun's distributions, whatever they are called."""
    if not isinstance(initializer, keras.initializers.VarianceScaling):
        return None
    return initializer.scale, initializer.mode, "normal" in initializer.distribution


def _sample(initializer: Initializer | None, first: Array) -> Array:
    """Draw numbers as an initializer does; return the first ones if it can't draw others."""
    config = _config(initializer)
    constant = "seed" not in config and type(initializer).__module__.startswith("keras")
    if initializer is None or constant:
        return first.ravel()
    try:
        made = [
            np.ravel(type(initializer).from_config(config | _no_seed(config))(first.shape))
            for _ in range(-(-DRAWN // first.size))
        ]
    except Exception:  # a student's class that cannot be made again
        return first.ravel()
    return np.concatenate(made)


def _no_seed(config: dict[str, Any]) -> dict[str, None]:
    return {"seed": None} if "seed" in config else {}


def _shape(sample: Array) -> str:
    """Name a distribution: its fourth moment is 1.8 if uniform, 2.3 and more if normal."""
    moment = np.mean((sample - sample.mean()) ** 4) / sample.var() ** 2
    return "uniform" if moment < 2.05 else "normal"
