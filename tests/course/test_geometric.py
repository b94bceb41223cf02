"""Images that are turned: where pixels go, which types stay, and what is refused."""

import numpy as np
import pytest

from course.errors import UsageError
from course.regularization.geometric import rotate, turned


def images(dtype="uint8", shape=(3, 7, 7, 2)):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_exact_and_counterclockwise(dtype, quarters):
    found = turned(images(dtype), np.full(3, 90 * quarters))
    assert found.dtype == dtype
    assert np.allclose(found, np.rot90(images(dtype), quarters, axes=(1, 2)), atol=1e-3)


def test_each_image_has_its_own_angle():
    same = np.repeat(images(shape=(1, 9, 9, 1)), 40, axis=0)
    found, labels = rotate(same, np.eye(40), np.random.default_rng(1), 60.0)
    assert len(np.unique(found.reshape(40, -1), axis=0)) > 30
    assert np.array_equal(labels, np.eye(40))


def test_angles_reach_as_far_as_asked_and_no_farther(monkeypatch):
    from course.regularization import geometric

    seen = []
    monkeypatch.setattr(geometric, "turned", lambda x, angles, fill: seen.append(angles) or x)
    rotate(images(shape=(2000, 1, 1, 1)), np.zeros((2000, 1)), np.random.default_rng(2), 30.0)
    assert seen[0].min() < -29 and seen[0].max() > 29 and np.abs(seen[0]).max() <= 30


def test_what_comes_from_outside_is_filled():
    found = turned(np.full((1, 9, 9, 1), 200, "uint8"), np.array([45.0]), fill=3)
    assert found[0, 0, 0, 0] == 3 and found[0, 4, 4, 0] == 200


def test_the_images_that_are_given_stay():
    given = images()
    rotate(given, np.eye(3), np.random.default_rng(0), 90.0)
    assert np.array_equal(given, images())


@pytest.mark.parametrize("degrees", [-1, 181])
def test_angles_that_make_no_sense_are_refused(degrees):
    with pytest.raises(UsageError, match=f"received degrees={degrees}"):
        rotate(images(), np.eye(3), np.random.default_rng(0), degrees)
