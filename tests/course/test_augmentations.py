"""Augmentations do what they say, and what the Keras layers of the same name do."""

import numpy as np
import pytest

import course.quiet  # noqa: F401

keras = pytest.importorskip("keras")

from course import regularization as reg
from course.regularization import augmentations, components, regions
from course.training.pipelines import one_hot

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 12, 10, 3)).astype("uint8")
LABELS = np.arange(50) % 5


def rng():
    return np.random.default_rng(7)


class Recorder:
    """A NumPy generator that keeps what it has drawn."""

    def __init__(self, seed=7):
        self.rng, self.drawn = np.random.default_rng(seed), []

    def __getattr__(self, name):
        def draw(*arguments):
            self.drawn.append(getattr(self.rng, name)(*arguments))
            return self.drawn[-1]

        return draw


@pytest.mark.parametrize(("name", "argument"), [("resized_crop", 0.5), ("crop_within", 0.5)])
def test_what_was_mixed_to_floats_is_cut_as_well(name, argument):
    """Mixup gives floats, and may come first."""
    cut = augmentations.AUGMENTATIONS[name]
    whole, _ = cut(IMAGES, LABELS, rng(), argument)
    floats, _ = cut(IMAGES.astype("float32"), LABELS, rng(), argument)
    assert floats.dtype == "float32" and whole.dtype == "uint8"
    assert np.abs(floats - whole).max() <= 1


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


@pytest.mark.parametrize("side", range(1, 13))
def test_cutout_covers_a_square_cut_off_at_the_border(side):
    dark, draws = np.zeros((300, 15, 13, 3), "uint8"), Recorder()
    out, _ = augmentations.cutout(dark, None, draws, side)
    assert not dark.any()
    (centers,) = draws.drawn
    for picture, (y, x) in zip(out, (centers * (15, 13)).astype(int), strict=True):
        top, left = y - side // 2, x - side // 2
        wanted = np.zeros((15, 13, 3), "uint8")
        wanted[max(0, top) : top + side, max(0, left) : left + side] = 128
        np.testing.assert_array_equal(picture, wanted)
    assert (out == 128).all(-1).sum((1, 2)).max() == side**2


@pytest.mark.parametrize(("share", "side"), [(0.5, 6), (0.25, 3), (0.01, 1)])
def test_cutout_takes_a_share_of_the_height(share, side):
    out, _ = augmentations.cutout(np.zeros((99, 12, 20, 1), "uint8"), None, rng(), share)
    assert (out == 128).sum((1, 2, 3)).max() == side**2


def test_random_erasing_fills_rectangles_with_noise():
    dark = np.zeros((4000, 16, 24, 2), "uint8")
    out, labels = augmentations.random_erasing(dark, LABELS, rng(), 0.25, 0.3)
    assert labels is LABELS
    assert not dark.any()
    changed = out[out.any((1, 2, 3))]
    assert abs(len(changed) / 4000 - 0.25) < 0.03
    shares, ratios = [], []
    for picture in changed:
        rows, columns = (np.flatnonzero(picture.any(axis)) for axis in ((1, 2), (0, 2)))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        if height * width > 40:  # in small ones a black pixel may lie at the edge
            shares.append(height * width / (16 * 24))
            ratios.append(height / width)
    assert 0.27 < max(shares) < 0.36  # sides are rounded
    assert 0.25 < min(ratios) < 0.4
    assert 2.5 < max(ratios) < 4
    inside = changed[changed > 0].astype(float)
    assert abs(inside.mean() - 128) < 2
    assert inside.max() == 255
    np.testing.assert_array_equal(augmentations.random_erasing(dark, None, rng(), 0.0)[0], dark)


def test_random_erasing_lies_anywhere_inside():
    out, _ = augmentations.random_erasing(np.zeros((3000, 9, 7, 1), "uint8"), None, rng(), 1.0)
    assert out.any((1, 2, 3)).mean() > 0.97  # a pixel's noise may be black
    assert (out.max(0) > 200).all()


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


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_a_batch_has_one_share_or_each_example_its_own(name):
    labels = np.eye(50, dtype="float32")
    for each_example in (None, False, True):
        chosen = () if each_example is None else (each_example,)
        _, mixed = getattr(augmentations, name)(IMAGES, labels, rng(), 1.0, *chosen)
        assert np.allclose(mixed.sum(1), 1)
        shares = np.unique(np.round(mixed.diagonal()[mixed.diagonal() < 1], 5))
        assert (len(shares) > 10) if each_example else (len(shares) == 1)


@pytest.mark.parametrize(
    ("kept", "sides"),
    [(0.0, (12, 10)), (0.5, (8, 7)), (0.75, (6, 5)), (0.992, (1, 0)), (1.0, (0, 0))],
)
def test_cutmix_cuts_what_lambda_leaves(kept, sides):
    found = regions.cutmix_sides(np, (12, 10), np.array([[kept]]))
    assert tuple(float(side[0, 0]) for side in found) == sides


def test_cutmix_moves_a_rectangle_around_a_pixel():
    draws = Recorder()
    moved, _ = augmentations.cutmix(IMAGES, one_hot(LABELS, 5), draws, 1.0, each_example=True)
    kept, centers, order = draws.drawn
    other = IMAGES[np.argsort(order, kind="stable")]
    for n, (y, x) in enumerate((centers * (12, 10)).astype(int)):
        share = kept[n, 0]
        rows, columns = int(12 * np.sqrt(1 - share)), int(10 * np.sqrt(1 - share))
        top, left = y - rows // 2, x - columns // 2
        part = np.s_[max(0, top) : max(0, top + rows), max(0, left) : max(0, left + columns)]
        wanted = IMAGES[n].copy()
        wanted[part] = other[n][part]
        np.testing.assert_array_equal(moved[n], wanted)


def test_mixup_and_cutmix_take_turns():
    steps = (("mixup", 1.0), ("cutmix", 1.0))
    labels = one_hot(LABELS, 5)
    kinds = set()
    for seed in range(20):
        images, _ = augmentations.apply(steps, IMAGES, labels, np.random.default_rng(seed))
        assert images.dtype == np.float32
        kinds.add(bool(np.array_equal(images, np.round(images))))
    assert kinds == {True, False}


def test_images_stay_integers_unless_mixup_may_come():
    labels = one_hot(LABELS, 5)
    for steps, kind in {
        (("cutmix", 1.0),): "uint8",
        (("mixup", 1.0), ("flip",)): "float32",
    }.items():
        images, mixed = augmentations.apply(steps, IMAGES, labels, rng())
        assert images.dtype == kind
        assert (mixed != labels).any()


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


@pytest.fixture
def boxes(monkeypatch):
    """(top, left, height, width) of every part that is cut out and scaled."""
    found = []

    def cut(image, *box):
        found.append(box)
        return image

    monkeypatch.setattr(augmentations, "_cut", cut)
    return found


def test_a_resized_crop_has_a_share_of_the_area_and_a_shape(boxes):
    draws = Recorder()
    augmentations.resized_crop(np.zeros((200, 30, 50, 1), "uint8"), None, draws, 0.2)
    area, shape, y, x = draws.drawn[0].T
    scale = np.sqrt(0.2 + 0.8 * area)
    stretch = np.sqrt(np.exp(np.log(3 / 4) + shape * (np.log(4 / 3) - np.log(3 / 4))))
    height, width = 30 * np.minimum(1, scale / stretch), 50 * np.minimum(1, scale * stretch)
    wanted = [y * (30 - height), x * (50 - width), height, width]
    np.testing.assert_allclose(boxes, np.transpose(wanted))


def test_a_crop_within_lies_anywhere(boxes):
    draws = Recorder()
    augmentations.crop_within(np.zeros((40, 30, 50, 1), "uint8"), None, draws, 0.6)
    y, x = draws.drawn[0].T
    ones = np.ones(40)
    np.testing.assert_allclose(boxes, np.transpose([y * 12, x * 20, 18 * ones, 30 * ones]))


def test_flip_turns_where_the_draw_is_below_a_half():
    draws = Recorder()
    out, _ = augmentations.flip(IMAGES, LABELS, draws)
    turned = draws.drawn[0] < 0.5
    np.testing.assert_array_equal(out[turned], IMAGES[turned, :, ::-1])
    np.testing.assert_array_equal(out[~turned], IMAGES[~turned])


def test_random_erasing_draws_until_a_rectangle_fits():
    draws, images = Recorder(), np.zeros((60, 14, 9, 1), "uint8")
    out, _ = augmentations.random_erasing(images, None, draws, 0.7)
    chances, *rest = draws.drawn
    wanted, rest = images.copy(), iter(rest)
    for n in np.flatnonzero(chances < 0.7):
        while True:
            area, ratio, top, left = next(rest)
            area, ratio = (0.02 + 0.38 * area) * 14 * 9, 0.3 + (1 / 0.3 - 0.3) * ratio
            rows, columns = (max(1, round(side**0.5)) for side in (area * ratio, area / ratio))
            top, left = int(top * 14), int(left * 9)
            if top + rows <= 14 and left + columns <= 9:
                break
        wanted[n, top : top + rows, left : left + columns] = np.floor(256 * next(rest))
    np.testing.assert_array_equal(out, wanted)
    assert next(rest, None) is None


def test_a_tiny_image_can_be_erased():
    out, _ = augmentations.random_erasing(np.zeros((200, 1, 1, 1), "uint8"), None, rng(), 1.0)
    assert (out > 0).mean() > 0.9


def test_color_noise_stays_in_range_and_has_no_color_in_the_mean():
    ends, draws = np.repeat(np.array([0, 255], "uint8"), 3 * 600).reshape(1200, 1, 1, 3), Recorder()
    out, _ = augmentations.color_noise(ends, None, draws, 0.1)
    shift = draws.drawn[0].astype("float32") @ components.noise_matrix(value_range=(0, 255))
    np.testing.assert_array_equal(out[:, 0, 0], np.rint(np.clip(ends[:, 0, 0] + shift, 0, 255)))
    assert np.abs(draws.drawn[0].mean()) < 5 * 0.1 / np.sqrt(draws.drawn[0].size)


def test_color_noise_shifts_a_whole_picture():
    middle = np.full((200, 4, 4, 3), 128, "uint8")
    out, _ = augmentations.color_noise(middle, None, rng(), 0.1)
    shift = out.astype(int) - 128
    assert (shift == shift[:, :1, :1]).all()
    assert 1 < shift[:, 0, 0].std() < 6
    gray = np.zeros((3, 4, 4, 1), "uint8")
    assert augmentations.color_noise(gray, None, rng(), 0.1)[0] is gray


# The same draws give what the Keras layers give


def _feed(monkeypatch, draws: dict):
    """Let Keras' backend draw the given numbers: a list by the function's name."""
    from keras.src.utils import backend_utils

    backend = backend_utils.DynamicBackend().random
    for name, values in draws.items():
        left = [np.asarray(value) for value in values]

        def draw(shape, *_, dtype="float32", left=left, name=name, **__):
            if name == "shuffle":
                return keras.ops.cast(left.pop(0), "int32")
            assert left[0].shape == tuple(int(n) for n in shape)
            return keras.ops.cast(left.pop(0), dtype)

        monkeypatch.setattr(backend, name, draw)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 40])
def test_the_cutout_layer_covers_the_same(size, monkeypatch):
    draws = Recorder()
    wanted, _ = augmentations.cutout(IMAGES, None, draws, size)
    _feed(monkeypatch, {"uniform": draws.drawn})
    layer = reg.Cutout(size, fill_value=regions.GRAY)
    np.testing.assert_array_equal(layer(IMAGES.astype("float32"), training=True), wanted)


@pytest.mark.parametrize("each_example", [False, True])
def test_the_cutmix_layer_moves_the_same(each_example, monkeypatch):
    draws, labels = Recorder(), one_hot(LABELS, 5)
    images, mixed = augmentations.cutmix(IMAGES, labels, draws, 1.0, each_example)
    kept, centers, order = draws.drawn
    order = np.argsort(order, kind="stable")
    _feed(monkeypatch, {"beta": [kept], "uniform": [centers], "shuffle": [order]})
    layer = reg.CutMix(each_example=each_example)
    out = layer({"images": IMAGES.astype("float32"), "labels": labels}, training=True)
    np.testing.assert_array_equal(out["images"], images)
    np.testing.assert_allclose(out["labels"], mixed, atol=1e-6)
    assert (images != IMAGES).any()


def test_keras_mixup_mixes_the_same(monkeypatch):
    draws, labels = Recorder(), one_hot(LABELS, 5)
    images, mixed = augmentations.mixup(IMAGES, labels, draws, 0.4, each_example=True)
    share, order = draws.drawn
    given = {
        "mix_weight": keras.ops.convert_to_tensor(share[:, 0].astype("float32")),
        "permutation_order": np.argsort(order, kind="stable"),
    }
    layer = keras.layers.MixUp(alpha=0.4)
    monkeypatch.setattr(layer, "get_random_transformation", lambda *_, **__: given)
    out = layer({"images": IMAGES.astype("float32"), "labels": labels}, training=True)
    np.testing.assert_allclose(out["images"], images, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(out["labels"], mixed, atol=1e-6)


def test_the_color_layer_adds_the_same(monkeypatch):
    draws, images = Recorder(), IMAGES.astype("float32")
    wanted, _ = augmentations.color_noise(images, None, draws, 0.1)
    given = draws.drawn[0].astype("float32")[:, None, None, :]
    monkeypatch.setattr(keras.random, "normal", lambda *_, **__: keras.ops.convert_to_tensor(given))
    layer = reg.PCAColorNoise(0.1, value_range=(0, 255))
    np.testing.assert_allclose(layer(images, training=True), wanted, rtol=1e-5, atol=1e-4)


def test_imagenets_constants_are_a_rotation_and_its_scale():
    vectors = np.array(components.IMAGENET_EIGENVECTORS)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(3), atol=1e-3)
    matrix = components.noise_matrix(value_range=(0, 255))
    lengths = 255 * np.array(components.IMAGENET_EIGENVALUES)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), lengths, rtol=1e-3)
    np.testing.assert_array_equal(components.noise_matrix(value_range=(-100, 155)), matrix)
    np.testing.assert_allclose(components.noise_matrix(), matrix / 255, rtol=1e-6)
    first = matrix[0] / matrix[0, 2]  # nearly gray
    np.testing.assert_allclose(first, [0.9724, 0.9952, 1], atol=1e-3)
