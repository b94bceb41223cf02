"""The learning rate at every step, in Python's numbers and in tensors."""

from math import cos, pi

import pytest

from course import recipes
from course.training import schedules
from course.training.schedules import Schedule


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (Schedule("constant", 0.5, 10), {0: 0.5, 4: 0.5, 9: 0.5}),
        (Schedule("linear", 0.5, 10), {0: 0.5, 4: 0.3, 9: 0.05}),
        (Schedule("cosine", 0.5, 10), {0: 0.5, 5: 0.25, 9: 0.25 * (1 + cos(0.9 * pi))}),
        (
            Schedule("steps", 0.5, 10, boundaries=(3, 7)),
            {0: 0.5, 2: 0.5, 3: 0.05, 6: 0.05, 7: 0.005, 9: 0.005},
        ),
        (Schedule("steps", 0.5, 10, boundaries=(3,), factor=0.2), {2: 0.5, 3: 0.1}),
        (Schedule("exponential", 0.5, 10), {0: 0.5, 1: 0.05, 2: 0.005}),
        (
            Schedule("exponential", 0.5, 10, factor=0.5, period=3),
            {0: 0.5, 2: 0.5, 3: 0.25, 5: 0.25, 6: 0.125},
        ),
        # Up in a straight line, from the first step on; then what is left of the run.
        (Schedule("constant", 0.5, 10, warmup=4), {0: 0.125, 1: 0.25, 3: 0.5, 4: 0.5, 9: 0.5}),
        (Schedule("constant", 0.5, 10, warmup=4, warmup_from=0.2), {0: 0.2, 1: 0.3, 3: 0.5}),
        (Schedule("linear", 0.5, 14, warmup=4), {3: 0.5, 4: 0.5, 8: 0.3, 13: 0.05}),
        (Schedule("cosine", 0.5, 14, warmup=4), {3: 0.5, 4: 0.5, 9: 0.25}),
        (Schedule("linear", 0.5, 4, warmup=4), {3: 0.5}),  # nothing is left
        (Schedule("linear", 0.5, 5, warmup=4), {4: 0.5}),
        # The others count from the run's first step.
        (Schedule("steps", 0.5, 10, warmup=2, boundaries=(2, 5)), {1: 0.5, 2: 0.05, 5: 0.005}),
        (Schedule("exponential", 0.5, 10, warmup=2, period=4), {1: 0.5, 2: 0.5, 3: 0.5, 4: 0.05}),
        # A kind heeds nothing that is another's.
        (Schedule("constant", 0.5, 10, boundaries=(3,)), {2: 0.5, 3: 0.5}),
        (Schedule("steps", 0.5, 10, period=2), {0: 0.5, 9: 0.5}),
    ],
    ids=str,
)
def test_the_rate_at_a_step(schedule, rates):
    for step, rate in rates.items():
        assert schedule(step) == pytest.approx(rate, rel=1e-9), step


def test_tensors_give_the_same_numbers():
    import numpy as np

    from course import quiet  # noqa: F401
    import keras  # isort: skip

    for kind in schedules.KINDS:
        schedule = Schedule(kind, 0.5, 40, 5, 0.1, (7, 20), 0.3, 6)
        rate = schedules.learning_rate_schedule(schedule)
        own = [schedule(step) for step in range(40)]
        assert all(isinstance(value, float) for value in own)
        theirs = [float(rate(keras.ops.convert_to_tensor(step))) for step in range(40)]
        np.testing.assert_allclose(theirs, own, rtol=1e-5, atol=1e-7)
        # An optimizer that updates at every third step counts its updates.
        rare = schedules.learning_rate_schedule(schedule, every=3)
        assert float(rare(4)) == pytest.approx(schedule(12), rel=1e-5)
        assert rate.get_config() == vars(schedule)


def test_a_schedule_cannot_be_changed():
    schedule = Schedule("constant", 0.5, 10)
    with pytest.raises(AttributeError):
        schedule.peak = 1.0
    with pytest.raises(ValueError, match=r"^kind must be one of .*'steps'.*received kind='stairs'"):
        Schedule("stairs", 0.1, 10)


def _recipe(**changes):
    """A recipe of ten epochs."""
    values = {"cite": "", "epochs": 10, "batch_size": 8, "learning_rate": 1.0} | changes
    return recipes.Recipe(**values)


@pytest.mark.parametrize(
    ("recipe", "run", "wanted"),
    [
        ({}, {}, {"kind": "constant", "peak": 0.3, "steps": 500, "warmup": 0}),
        ({}, {}, {"boundaries": (), "factor": 0.1, "period": 50, "warmup_from": 0.0}),
        ({"factor": 0.7, "warmup_from": 0.3}, {}, {"factor": 0.7, "warmup_from": 0.3}),
        # Epochs of the recipe are stretched over the run: 50 steps each here.
        ({"schedule": "steps", "milestones": (3, 7.5)}, {}, {"boundaries": (150, 375)}),
        ({"schedule": "exponential", "period": 2.5}, {}, {"period": 125}),
        ({"period": 0.001}, {}, {"period": 1}),
        ({"warmup_epochs": 2}, {}, {"warmup": 100}),
        # A larger batch: five epochs of warm-up, or a twentieth of a short run.
        ({}, {"scaled": True, "steps_per_epoch": 4}, {"warmup": 20}),
        ({}, {"scaled": True, "steps_per_epoch": 50}, {"warmup": 25}),
        ({"warmup_epochs": 2}, {"scaled": True}, {"warmup": 100}),
    ],
)
def test_a_recipes_schedule(recipe, run, wanted):
    how = {"peak": 0.3, "steps": 500, "steps_per_epoch": 20, "scaled": False} | run
    made = vars(schedules.for_recipe(_recipe(**recipe), **how))
    assert {key: made[key] for key in wanted} == wanted
