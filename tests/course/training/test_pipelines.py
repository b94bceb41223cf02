"""Batches are functions of seed, epoch and step; augmentations do what they say."""

import numpy as np
import pytest

from course.training import augmentations
from course.training.pipelines import Feed, color_statistics, dataset, one_hot, resize

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (50, 12, 10, 3)).astype("uint8")
LABELS = np.arange(50) % 5
ALL = (("crop", 2), ("flip",), ("cutout", 4), ("lighting", 0.1), ("cutmix", 1.0), ("mixup", 0.5))


def feed(**changes) -> Feed:
    arguments = {"classes": 5, "batch_size": 8, "seed": 3, "steps": ALL} | changes
    return Feed(IMAGES, LABELS, **arguments)


def rng():
    return np.random.default_rng(7)


def test_a_batch_depends_on_seed_epoch_and_step_alone():
    first, later = feed(), feed()
    later.batch(0, 0)
    for a, b in zip(first.batch(2, 3), later.batch(2, 3), strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(feed(seed=4).batch(2, 3)[0], first.batch(2, 3)[0])
    assert not np.array_equal(first.batch(2, 2)[0], first.batch(2, 3)[0])


def test_an_epoch_sees_every_example_once_and_drops_what_is_left_over():
    one = feed()
    for epoch in (0, 1):
        seen = np.concatenate([one.examples(epoch, s) for s in range(one.steps_per_epoch)])
        assert len(seen) == len(set(seen.tolist())) == 48
    assert not np.array_equal(one.order(0), one.order(1))
    assert not np.array_equal(one.order(0), np.arange(50))


def test_the_same_example_is_changed_anew_every_epoch():
    plain = Feed(IMAGES[:8], LABELS[:8], 5, 8, seed=0, steps=(("crop", 2),))
    first, second = (
        plain.batch(e, 0)[0][np.argsort(plain.examples(e, 0))].astype(int) for e in (0, 1)
    )
    assert (np.abs(first - second).max((1, 2, 3)) > 0).sum() >= 6


def test_batches_ahead_are_the_batches():
    one = feed()
    got = list(one.batches(1, 2, 6))
    assert len(got) == 4
    for step, (x, y) in zip(range(2, 6), got, strict=True):
        assert np.array_equal(x, one.batch(1, step)[0])
        assert np.array_equal(y, one.batch(1, step)[1])


@pytest.mark.parametrize(("known", "examples"), [(False, None), (True, 8)])
def test_a_training_step_may_know_how_many_examples_it_gets_or_not(known, examples):
    one = feed()
    x, y = dataset(one, 0, 0, 2, known=known).element_spec
    images, labels = one.batch(0, 0)
    assert tuple(x.shape) == (examples, *images.shape[1:])
    assert tuple(y.shape) == (examples, *labels.shape[1:])


def test_no_thread_tunes_the_dataset():
    assert dataset(feed(), 0, 0, 2).options().autotune.enabled is False


def test_a_batch_larger_than_the_set_is_refused():
    with pytest.raises(ValueError, match=r"1 to 50.*received batch_size=51"):
        feed(batch_size=51)


def test_labels_become_rows():
    assert one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(ValueError, match="received labels from 0 to 3"):
        one_hot(np.array([0, 3]), 3)


def test_crop_moves_the_picture_and_pads_with_gray():
    out, _ = augmentations.crop(IMAGES, LABELS, rng(), 2)
    assert out.shape == IMAGES.shape
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=128)
    places = set()
    for picture, source in zip(out, padded, strict=True):
        found = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if np.array_equal(source[y : y + 12, x : x + 10], picture)
        ]
        assert len(found) == 1
        places |= set(found)
    assert len(places) > 15


def test_flip_mirrors_about_half():
    out, _ = augmentations.flip(IMAGES, LABELS, rng())
    same = (out == IMAGES).all((1, 2, 3))
    turned = (out == IMAGES[:, :, ::-1]).all((1, 2, 3))
    assert (same ^ turned).all()
    assert 15 < turned.sum() < 35


def test_cutout_covers_a_square():
    dark = np.zeros((40, 20, 20, 3), "uint8")
    out, _ = augmentations.cutout(dark, None, rng(), 8)
    covered = (out == 128).all(-1).sum((1, 2))
    assert covered.max() == 64
    assert covered.min() >= 16  # a quarter at a corner
    assert not dark.any()


def test_mixup_keeps_sums_and_mixes_labels_as_images():
    labels = one_hot(LABELS, 5)
    flat = np.repeat(LABELS, 12 * 10 * 3).reshape(50, 12, 10, 3).astype("uint8")
    out, mixed = augmentations.mixup(flat, labels, rng(), 0.5)
    assert np.allclose(mixed.sum(1), 1)
    assert np.allclose(out[:, 0, 0, 0], mixed @ np.arange(5), atol=1e-5)
    assert len(np.unique(np.round(mixed.max(1), 4))) > 1


def test_cutmix_mixes_labels_by_area():
    labels = one_hot(LABELS, 5)
    flat = np.repeat(LABELS, 12 * 10 * 3).reshape(50, 12, 10, 3).astype("uint8")
    out, mixed = augmentations.cutmix(flat, labels, rng(), 1.0)
    assert np.allclose(out[..., 0].mean((1, 2)), mixed @ np.arange(5), atol=1e-5)
    assert (out[:, 0, 0, 0] != out.max((1, 2, 3))).any()


def test_mixup_and_cutmix_take_turns():
    steps = (("mixup", 1.0), ("cutmix", 1.0))
    labels = one_hot(LABELS, 5)
    kinds = set()
    for seed in range(20):
        images, _ = augmentations.apply(steps, IMAGES, labels, np.random.default_rng(seed))
        assert images.dtype == np.float32
        kinds.add(bool(np.array_equal(images, np.round(images))))
    assert kinds == {True, False}


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("step", [("resized_crop", 0.3), ("crop_within", 0.75)])
def test_parts_are_scaled_to_the_size_there_was(step, channels):
    ramp = np.broadcast_to(
        np.linspace(0, 255, 40)[None, :, None, None], (30, 40, 32, channels)
    ).astype("uint8")
    out, _ = augmentations.apply((step,), ramp, None, rng())
    assert out.shape == ramp.shape
    span = out[:, -1, 0, 0].astype(int) - out[:, 0, 0, 0]
    assert (span < 255 * 0.99).sum() > 15
    assert span.min() > 80
    if step[0] == "crop_within":
        assert np.allclose(span, 255 * 0.75, atol=12)


def test_lighting_shifts_a_whole_picture():
    middle = np.full((200, 4, 4, 3), 128, "uint8")
    out, _ = augmentations.lighting(middle, None, rng(), 0.1)
    shift = out.astype(int) - 128
    assert (shift == shift[:, :1, :1]).all()
    assert 1 < shift[:, 0, 0].std() < 6
    gray = np.zeros((3, 4, 4, 1), "uint8")
    assert augmentations.lighting(gray, None, rng(), 0.1)[0] is gray


def test_resize_and_colors():
    assert resize(IMAGES, (6, 20)).shape == (50, 6, 20, 3)
    mean, deviation = color_statistics(IMAGES)
    assert np.allclose(mean, IMAGES.mean((0, 1, 2)))
    assert np.allclose(deviation, IMAGES.std((0, 1, 2)))
    assert color_statistics(np.zeros((4, 2, 2, 1), "uint8"))[1] == [1.0]
