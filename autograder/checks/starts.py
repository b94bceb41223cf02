"""What weights start from: constants, or random numbers of a distribution, without a fixed seed."""

from __future__ import annotations

import keras
import numpy as np

from autograder.checks.graph import Step, roles

DRAWN = 4000  # numbers that tell a distribution
FEW = 16  # fewer than these tell nothing about a deviation


def start_faults(pairs: list[tuple[Step, Step]], starts: tuple[dict, dict], exactly: bool):
    """How a model's first weights differ from its reference's, in words.

    Args:
        pairs: steps of the reference and of the model that answer to each other.
        starts: for both, the weights that they began with, by the weight's id.
        exactly: whether the distribution must be the reference's, not only free of fixed seeds.
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


def _initializer(step: Step, role: str):
    found = getattr(step.layer, f"{role}_initializer", None)
    return found if isinstance(found, keras.initializers.Initializer) else None


def _config(initializer) -> dict:
    try:
        return initializer.get_config() if initializer else {}
    except NotImplementedError:  # a class of one's own without one
        return {}


def _seed(initializer) -> int | None:
    seed = _config(initializer).get("seed")
    return seed if isinstance(seed, int) else None


def difference(first: tuple[np.ndarray, np.ndarray], wanted, drawn) -> str:
    """How the first values of a weight differ from what is wanted; "" if they don't."""
    right, mine = first
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
    # The logarithm, as a deviation of few numbers is as often half as large as it is twice.
    far = 6 * (0.5 / one.size + 0.5 / other.size) ** 0.5
    if one.size >= FEW and abs(np.log(spreads[1] / spreads[0])) > far:
        return (
            f"should start with a standard deviation of {spreads[0]:.3g}, but has {spreads[1]:.3g}"
        )
    # Where an initializer and its numbers disagree, the numbers were written over.
    if abs(mine.std() / spreads[1] - 1) > 6 * (0.5 / mine.size) ** 0.5:
        return "does not start from what its initializer gives"
    shapes = [_shape(sample) for sample in (one, other) if sample.size >= DRAWN]
    if len(set(shapes)) > 1:
        return f"should start from a {shapes[0]} distribution, but has a {shapes[1]} one"
    return ""


def _rule(initializer) -> tuple | None:
    """What He's, Glorot's and LeCun's distributions are, whatever they are called."""
    if not isinstance(initializer, keras.initializers.VarianceScaling):
        return None
    return initializer.scale, initializer.mode, "normal" in initializer.distribution


def _sample(initializer, first: np.ndarray) -> np.ndarray:
    """Numbers that an initializer draws for a weight; the first ones, if it draws no others."""
    config = _config(initializer)
    if "seed" not in config and type(initializer).__module__.startswith("keras"):
        return first.ravel()
    try:
        made = [
            np.ravel(type(initializer).from_config(config | _no_seed(config))(first.shape))
            for _ in range(-(-DRAWN // first.size))
        ]
    except Exception:  # a class of one's own that cannot be made anew
        return first.ravel()
    return np.concatenate(made)


def _no_seed(config: dict) -> dict:
    return {"seed": None} if "seed" in config else {}


def _shape(sample: np.ndarray) -> str:
    """The kind of a distribution: the fourth moment is 1.8 if uniform, 2.3 and more if normal."""
    moment = np.mean((sample - sample.mean()) ** 4) / sample.var() ** 2
    return "uniform" if moment < 2.05 else "normal"
