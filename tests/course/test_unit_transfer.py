"""Unit 11: its lecture runs and measures what it says; some answers agree with the library."""

import json

import numpy as np
import pytest

from course import transfer
from course.training import seeds
from tests.conftest import ROOT
from tests.course.units import figures, unit

UNIT = unit("11_transfer")
RECORDED = ROOT / "data" / "lectures" / "11_transfer.json"


@pytest.fixture(scope="module")
def taught():
    """The lecture's names after it has run from start to end, and what it showed."""
    return UNIT.teach()


def test_the_lecture_shows_figures_with_words(taught):
    assert len(figures(taught)) >= 4


def test_the_lecture_measures_what_it_says(taught):
    assert taught.precision["features"] > 2.5 * taught.precision["pixels"]
    assert taught.hit["0 to 1"] < 60 < 90 < taught.hit["as trained"]
    assert taught.left["head alone"][1] > 90
    assert taught.drift["all at once"][0] > 1.5 * taught.drift["head first, then all at a tenth"][0]


def test_the_lecture_has_recorded_all_that_it_measures(taught):
    recorded = seeds.load("11_transfer")
    assert recorded.keys() == taught.numbers.keys()
    assert {len(values) for values in recorded.values()} == {5}


def test_the_text_holds_for_the_five_seeds():
    found = json.loads(RECORDED.read_text())["numbers"]

    def accuracy(task, way):
        return np.array(found[f"accuracy: {task}, {way}"])

    best_few = accuracy("50 shapes", "head alone")
    assert (best_few > accuracy("50 shapes", "all, full rate")).all()
    assert (best_few > 2 * accuracy("50 shapes", "from scratch")).all()
    many = accuracy("800 shapes", "all, full rate") - accuracy("800 shapes", "head alone")
    assert many.mean() > 3
    apart = accuracy("50 digits", "all, full rate") - accuracy("50 digits", "head alone")
    assert (apart > 5).all()
    assert (accuracy("50 digits", "from scratch") > accuracy("50 digits", "head alone")).all()
    assert (
        accuracy("50 digits", "all, full rate").mean()
        > accuracy("50 digits", "from scratch").mean()
    )
    level = accuracy("800 digits", "from scratch") - accuracy("800 digits", "all, full rate")
    assert abs(level.mean()) < 6
    assert (
        accuracy("800 digits", "from scratch") > accuracy("800 digits", "head alone") + 10
    ).all()
    tuned = accuracy("800 shapes", "all, full rate")
    longest = np.array(found["from scratch: 5 times as long"])
    assert (tuned > longest).all() and (best_few > longest).all()
    assert (accuracy("800 digits", "from scratch") > accuracy("50 digits", "all, full rate")).all()
    anew, moving = (
        {
            size: np.array(found[f"accuracy after 24 steps (%): batches of {size}{end}"])
            for size in (16, 4)
        }
        for end in (", anew", "")
    )
    assert (anew[16] > moving[16] + 5).all() and (anew[4] > moving[4]).all()
    assert (anew[16] > anew[4]).all() and (best_few > moving[16]).all()


def test_the_corrections_say_where_they_are_from(taught):
    assert all(len(row) == 5 for row in taught.corrections)


def test_neighbors_are_those_of_the_library():
    points = np.random.default_rng(0).normal(size=(20, 4))
    answered = UNIT.answered()
    for metric in ("euclidean", "cosine"):
        found = answered["neighbors"](points, range(20), 5, metric)
        np.testing.assert_array_equal(found, transfer.neighbors(points, k=5, metric=metric).indices)


def test_statistics_computed_anew_are_those_of_the_library():
    answered = UNIT.answered()
    images = np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype("float32")
    ours, theirs = (answered["at_random"](answered["small_net"](), 1) for _ in range(2))
    answered["recalibrate"](ours, images)
    transfer.recalibrate(theirs, images)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_forgetting_is_that_of_the_library():
    answered = UNIT.answered()
    source, tuned = (answered["at_random"](answered["small_net"](), seed) for seed in (1, 2))
    images = np.random.default_rng(0).normal(size=(40, 8, 8, 3)).astype("float32")
    labels = np.argmax(source(images), axis=-1)
    before, after = answered["forgetting"](source, tuned, images, labels)
    found = transfer.measure_forgetting(source, tuned, images, labels)
    assert (before, after) == pytest.approx((found.before, found.after))


def test_a_tenth_of_the_statistics_is_left_after_230_steps():
    assert UNIT.answered()["steps_until"](0.99, 0.1) == 230
