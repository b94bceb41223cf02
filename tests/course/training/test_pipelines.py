"""Batches are functions of seed, epoch and step; augmentations do what they say."""

import numpy as np
import pytest

from course.training.pipelines import BatchSource, EpochPart, color_statistics, dataset, one_hot

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (50, 12, 10, 3)).astype("uint8")
LABELS = np.arange(50) % 5
ALL = (("crop", 2), ("flip",), ("cutout", 4), ("color_noise", 0.1), ("cutmix", 1.0), ("mixup", 0.5))


def source(**changes) -> BatchSource:
    arguments = {"classes": 5, "batch_size": 8, "seed": 3, "augmentations": ALL} | changes
    return BatchSource(IMAGES, LABELS, **arguments)


def test_a_batch_depends_on_seed_epoch_and_step_alone():
    first, later = source(), source()
    later.batch(0, 0)
    for a, b in zip(first.batch(2, 3), later.batch(2, 3), strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(source(seed=4).batch(2, 3)[0], first.batch(2, 3)[0])
    assert not np.array_equal(first.batch(2, 2)[0], first.batch(2, 3)[0])


def test_an_epoch_sees_every_example_once_and_drops_what_is_left_over():
    one = source()
    for epoch in (0, 1):
        seen = np.concatenate([one.examples(epoch, s) for s in range(one.steps_per_epoch)])
        assert len(seen) == len(set(seen.tolist())) == 48
    assert not np.array_equal(one.order(0), one.order(1))
    assert not np.array_equal(one.order(0), np.arange(50))


def test_the_same_example_is_changed_anew_every_epoch():
    plain = BatchSource(IMAGES[:8], LABELS[:8], 5, 8, seed=0, augmentations=(("crop", 2),))
    first, second = (
        plain.batch(e, 0)[0][np.argsort(plain.examples(e, 0))].astype(int) for e in (0, 1)
    )
    assert (np.abs(first - second).max((1, 2, 3)) > 0).sum() >= 6


def test_batches_ahead_are_the_batches():
    one = source()
    got = list(one.batches(EpochPart(1, 2, 6)))
    assert len(got) == 4
    for step, (x, y) in zip(range(2, 6), got, strict=True):
        assert np.array_equal(x, one.batch(1, step)[0])
        assert np.array_equal(y, one.batch(1, step)[1])


@pytest.mark.parametrize(("static_batch", "examples"), [(False, None), (True, 8)])
def test_a_training_step_may_know_how_many_examples_it_gets_or_not(static_batch, examples):
    one = source()
    x, y = dataset(one, EpochPart(0, 0, 2), static_batch=static_batch).element_spec
    images, labels = one.batch(0, 0)
    assert tuple(x.shape) == (examples, *images.shape[1:])
    assert tuple(y.shape) == (examples, *labels.shape[1:])


def test_no_thread_tunes_the_dataset():
    assert dataset(source(), EpochPart(0, 0, 2)).options().autotune.enabled is False


def test_a_batch_larger_than_the_set_is_refused():
    with pytest.raises(ValueError, match=r"1 to 50.*received batch_size=51"):
        source(batch_size=51)


def test_labels_become_rows():
    assert one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(ValueError, match="received labels from 0 to 3"):
        one_hot(np.array([0, 3]), 3)


def test_colors():
    mean, deviation = color_statistics(IMAGES)
    assert np.allclose(mean, IMAGES.mean((0, 1, 2)))
    assert np.allclose(deviation, IMAGES.std((0, 1, 2)))
    assert color_statistics(np.zeros((4, 2, 2, 1), "uint8"))[1] == [1.0]
