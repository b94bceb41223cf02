"""AutoAugment and RandAugment: what is drawn, how strong it is, and what stays."""

import numpy as np
import pytest

from course.errors import UsageError
from course.regularization import augmentations, policies


def images(channels=3, count=4):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 12, channels)).astype("uint8")


SIGNED = [name for name, row in policies.RANGES.items() if row[2]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", [*SIGNED, "identity", "posterize", "solarize"])
def test_level_0_changes_nothing(name, channels):
    image = images(channels)[0]
    assert np.array_equal(policies.operate(image, name, 0), image)


@pytest.mark.parametrize("name", [name for name in policies.RANGES if name != "identity"])
def test_every_operation_changes_an_image(name):
    image = np.tile(images()[0] // 2 + 20, (4, 4, 1))
    assert not np.array_equal(policies.operate(image, name, 10), image)


@pytest.mark.parametrize("name", SIGNED)
def test_a_sign_makes_a_difference(name):
    image = images()[0]
    one, other = (policies.operate(image, name, 7, negative=sign) for sign in (False, True))
    assert not np.array_equal(one, other)


def test_strengths_are_those_of_the_paper():
    image = images(1)[0]
    assert np.array_equal(policies.operate(image, "posterize", 10), image & 0xF0)
    assert np.array_equal(
        policies.operate(image, "solarize", 5), np.where(image < 128, image, 255 - image)
    )
    moved = policies.operate(image, "translate_x", 10)
    assert np.array_equal(moved[:, :6], image[:, 5:11]) and (moved[:, 7:] == 128).all()


def test_the_policy_has_25_pairs_of_known_operations():
    policy = policies.cifar10_policy()
    assert len(policy) == 25 and {len(pair) for pair in policy} == {2}
    steps = [step for pair in policy for step in pair]
    assert {name for name, _, _ in steps} < set(policies.RANGES)
    assert all(0 <= chance <= 1 and 0 <= level <= 9 for _, chance, level in steps)
    assert policy[0] == [("invert", 0.1, 7), ("contrast", 0.2, 6)]
    assert policy[-1] == [("translate_y", 0.7, 9), ("auto_contrast", 0.9, 1)]


@pytest.mark.parametrize("function", [policies.auto_augment, policies.rand_augment])
@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_is_changed_by_itself_and_again_the_same_by_seed(function, channels):
    same = np.repeat(images(channels, 1), 60, axis=0)
    found, labels = function(same, np.eye(60), np.random.default_rng(3))
    again, _ = function(same, np.eye(60), np.random.default_rng(3))
    assert found.shape == same.shape and found.dtype == np.uint8
    assert np.array_equal(found, again) and np.array_equal(labels, np.eye(60))
    assert len(np.unique(found.reshape(60, -1), axis=0)) > 15
    assert np.array_equal(same, np.repeat(images(channels, 1), 60, axis=0))


def test_as_many_operations_as_asked_at_the_level_that_is_asked(monkeypatch):
    seen = []
    monkeypatch.setattr(
        policies, "operate", lambda x, name, level, negative: seen.append((name, level)) or x
    )
    policies.rand_augment(images(count=200), np.eye(200), np.random.default_rng(0), 3, 4.5)
    assert len(seen) == 600 and {level for _, level in seen} == {4.5}
    assert {name for name, _ in seen} == set(policies.OPERATIONS)
    assert len(policies.OPERATIONS) == 14


@pytest.mark.parametrize("wrong", [images().astype("float32"), images(2), images()[0]])
def test_other_images_are_refused(wrong):
    for function in (policies.auto_augment, policies.rand_augment):
        with pytest.raises(UsageError, match="must be uint8 of shape"):
            function(wrong, np.eye(4), np.random.default_rng(0))


@pytest.mark.parametrize("entry", [("rotate", 15.0), ("auto_augment",), ("rand_augment", 2, 9)])
def test_runs_can_ask_for_them_by_name(entry):
    rng = np.random.default_rng(0)
    found, labels = augmentations.apply((entry, ("flip",)), images(), np.eye(4), rng)
    assert found.dtype == np.uint8 and not np.array_equal(found, images())
    assert np.array_equal(labels, np.eye(4))


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UsageError, match="received level=11"):
        policies.operate(images()[0], "rotate", 11)
    with pytest.raises(UsageError, match="received name='blur'"):
        policies.operate(images()[0], "blur", 1)
