"""Layers of noise in training and at inference, and Keras' own against their papers."""

import os
import subprocess
import sys

import numpy as np
import pytest

import course.quiet  # noqa: F401

keras = pytest.importorskip("keras")

from course import regularization as reg
from course.errors import UsageError

LAYERS = {
    "DropBlock2D": lambda: reg.DropBlock2D(0.3, 3, seed=1),
    "DropBlock2D, shared, rising": lambda: reg.DropBlock2D(0.3, 3, 5, shared=True, seed=1),
    "Cutout": lambda: reg.Cutout(4, fill_value=0.5, seed=1),
    "PCAColorNoise": lambda: reg.PCAColorNoise(0.2, value_range=(0, 255), seed=1),
}
any_layer = pytest.mark.parametrize("layer", LAYERS)


def _images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _within(values, expected, sigmas=5):
    """The mean of independent draws is `expected` within some of its standard errors."""
    values = np.asarray(values, "float64")
    error = values.std(axis=0) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - expected) < sigmas * error + 1e-9)


# Every layer


@any_layer
def test_layers_do_nothing_at_inference(layer):
    x = _images(4, 8, 9, 3)
    y = LAYERS[layer]()(x, training=False)
    np.testing.assert_array_equal(y, x)


@any_layer
def test_layers_do_something_in_training(layer):
    made, x = LAYERS[layer](), _images(32, 8, 9, 3)
    made(x, training=True)  # a rate that rises begins with nothing
    assert not np.array_equal(made(x, training=True), x)


@any_layer
def test_layers_draw_anew_and_again_the_same_by_seed(layer):
    x = _images(16, 8, 9, 3)
    first, second = LAYERS[layer](), LAYERS[layer]()
    ys = [np.asarray(first(x, training=True)) for _ in range(3)]
    assert not np.array_equal(ys[1], ys[2])
    for y in ys:
        np.testing.assert_array_equal(second(x, training=True), y)


@any_layer
def test_layers_train_in_a_model_and_reload(layer, tmp_path):
    inputs = keras.Input((8, 9, 3))
    x = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    model = keras.Model(inputs, LAYERS[layer]()(x))
    model.compile("sgd", "mse")
    x = _images(20, 8, 9, 3)
    history = model.fit(x, x, batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[-1].get_config() == model.layers[-1].get_config()
    assert len(again.layers[-1].weights) == len(model.layers[-1].weights)
    for old, new in zip(model.layers[-1].weights, again.layers[-1].weights, strict=True):
        np.testing.assert_array_equal(old, new)
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(again.predict(x, verbose=0), y, rtol=1e-6)


@any_layer
def test_layers_keep_half_precision_and_shapes(layer):
    made = type(LAYERS[layer]()).from_config(
        LAYERS[layer]().get_config() | {"dtype": "mixed_float16"}
    )
    x = _images(4, 8, 9, 3).astype("float16")
    for training in (False, True):
        y = made(x, training=training)
        assert y.shape == x.shape
        assert keras.backend.standardize_dtype(y.dtype) == "float16"
    assert made.compute_output_shape((None, 8, 9, 3)) == (None, 8, 9, 3)
    inputs = keras.Input((8, 9, 3))
    assert made(inputs).shape == inputs.shape


@any_layer
def test_layers_map_over_a_data_set(layer):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow" and "Cutout" not in layer:
        pytest.skip("only Cutout draws in tf.data whatever Keras' backend is")
    made, x = LAYERS[layer](), _images(6, 8, 9, 3)
    data = tf.data.Dataset.from_tensor_slices(x).batch(3)
    training = data.map(lambda images: made(images, training=True))
    ys = [np.concatenate([y.numpy() for y in training]) for _ in range(4)]
    assert ys[0].shape == x.shape
    assert any(not np.array_equal(y, ys[0]) for y in ys[1:])


def test_layers_compute_the_same_on_jax(tmp_path):
    """Everything that draws nothing, and masks from the same draws."""
    pytest.importorskip("jax")
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    outputs = []
    for backend in ("tensorflow", "jax"):
        environment = os.environ | {
            "KERAS_BACKEND": backend,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        subprocess.run([sys.executable, script, tmp_path / backend], env=environment, check=True)
        outputs.append(dict(np.load(tmp_path / f"{backend}.npz")))
    assert len(outputs[0]) == 6
    for name, y in outputs[0].items():
        np.testing.assert_allclose(outputs[1][name], y, rtol=1e-5, atol=1e-5, err_msg=name)


_SCRIPT = """
import sys
import course.quiet, keras, numpy as np
from course import averaging, regularization as reg
rng = np.random.default_rng(0)
x = rng.normal(size=(4, 24, 30, 3)).astype("float32")
draws = rng.random((4, 24, 30, 3), "float32")
def uniform(shape, **kwargs):
    return keras.ops.convert_to_tensor(draws[tuple(slice(int(n)) for n in shape)])
path = keras.Input((24, 30, 3))
path = keras.Model(path, reg.drop_path(path, 0.4, rescale="test", name="p"))
keras.random.uniform = uniform
keras.random.normal = lambda shape, **kwargs: uniform(shape)
y = {
    "path in the paper": path(x, training=False),
    "block": reg.DropBlock2D(0.5, 5)(x, training=True),
    "shared": reg.DropBlock2D(0.5, 5, shared=True)(x, training=True),
    "color": reg.PCAColorNoise()(x, training=True),
    "ten": averaging.ten_crop(x, 20),
    "many": averaging.many_crop(x, 20, scales=(24, 28)),
}
np.savez(sys.argv[1], **{k: keras.ops.convert_to_numpy(v) for k, v in y.items()})
"""


# Stochastic depth


def _drop_path(shape, rate, **options):
    inputs = keras.Input(shape)
    return keras.Model(inputs, reg.drop_path(inputs, rate, name="block", **options))


def test_drop_path_drops_whole_examples_and_keeps_the_mean():
    x = np.ones((20_000, 2, 3), "float32")
    for rescale, kept in (("train", 1 / 0.7), ("test", 1.0)):
        y = np.asarray(_drop_path((2, 3), 0.3, rescale=rescale, seed=0)(x, training=True))
        assert (y == y[:, :1, :1]).all()  # all of an example or nothing
        np.testing.assert_allclose(np.unique(y), [0, kept], rtol=1e-6)
        _within(y[:, 0, 0], 0.7 * kept)
        _within(y[1:, 0, 0] * y[:-1, 0, 0], (0.7 * kept) ** 2)  # neighbors are independent


def test_drop_path_of_a_batch_keeps_or_drops_all_of_it_and_keeps_the_mean():
    model, x = _drop_path((2, 3), 0.3, unit="batch", seed=0), np.ones((4, 2, 3), "float32")
    steps = np.stack([np.asarray(model(x, training=True)) for _ in range(1000)])
    assert (steps == steps[:, :1, :1, :1]).all()  # all of a batch or nothing
    np.testing.assert_allclose(np.unique(steps), [0, 1 / 0.7], rtol=1e-6)
    _within(steps[:, 0, 0, 0], 1.0)
    np.testing.assert_array_equal(model(x, training=False), x)


def test_drop_path_refuses_other_units():
    with pytest.raises(UsageError, match="received unit='channel'"):
        _drop_path((2, 3), 0.3, unit="channel")


def test_drop_path_keeps_the_mean_at_inference_as_well():
    x = _images(5, 4, 3)
    np.testing.assert_array_equal(_drop_path((4, 3), 0.3)(x, training=False), x)
    y = _drop_path((4, 3), 0.3, rescale="test")(x, training=False)
    np.testing.assert_array_equal(y, x * np.float32(0.7))


def test_drop_path_draws_anew_and_again_the_same_by_seed():
    first, second = (_drop_path((2,), 0.5, seed=3) for _ in range(2))
    x = np.ones((64, 2), "float32")
    ys = [np.asarray(first(x, training=True)) for _ in range(3)]
    assert not np.array_equal(ys[0], ys[1])
    for y in ys:
        np.testing.assert_array_equal(second(x, training=True), y)


def test_drop_path_is_made_of_keras_own_layers():
    layers = _drop_path((4, 4, 2), 0.2, rescale="test").layers[1:]
    assert [(type(layer), layer.name) for layer in layers] == [
        (keras.layers.Dropout, "block_drop"),
        (keras.layers.Rescaling, "block_survival"),
    ]
    inputs = keras.Input((4,))
    assert reg.drop_path(inputs, 0, name="block") is inputs


@pytest.mark.parametrize("half", ["mixed_float16", "mixed_bfloat16"])
def test_small_rates_are_drawn_in_full_precision(half):
    keras.config.set_dtype_policy(half)
    try:
        model = _drop_path((1,), 0.002, rescale="test", seed=0)
    finally:
        keras.config.set_dtype_policy("float32")
    y = np.asarray(model(np.ones((100_000, 1), "float32"), training=True)).astype("float32")
    _within((y == 0).reshape(-1), 0.002)


def test_a_dropped_branch_may_hold_anything():
    x = np.full((50, 2), np.inf, "float32")
    y = np.asarray(_drop_path((2,), 0.5, seed=0)(x, training=True))
    assert set(np.unique(y)) == {0.0, np.inf}


@pytest.mark.parametrize(
    ("rule", "shares"),
    [
        ("stochastic_depth", [0.2, 0.4, 0.6, 0.8, 1.0]),
        ("efficientnet", [0.0, 0.2, 0.4, 0.6, 0.8]),
        ("convnext", [0.0, 0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_rates_rise_by_each_papers_rule(rule, shares):
    assert reg.linear_decay(0.5, 5, rule) == pytest.approx([0.5 * share for share in shares])
    assert reg.linear_decay(0.0, 3, rule) == [0, 0, 0]
    assert reg.linear_decay(0.5, 1, rule) == [0.5 if rule == "stochastic_depth" else 0]


def test_the_rule_is_huangs_unless_said_otherwise():
    assert reg.linear_decay(0.3, 4) == reg.linear_decay(0.3, 4, "stochastic_depth")


# DropBlock


def test_dropped_blocks_are_squares_around_what_was_drawn(monkeypatch):
    size, shape = 3, (4, 8, 9, 2)
    draws = np.random.default_rng(3).random((4, 6, 7, 2), "float32")

    def uniform(shape, **kwargs):
        assert tuple(int(n) for n in shape) == draws.shape
        return keras.ops.convert_to_tensor(draws)

    monkeypatch.setattr(keras.random, "uniform", uniform)
    x = _images(*shape)
    y = np.asarray(reg.DropBlock2D(0.4, size)(x, training=True))
    gamma = 0.4 / size**2 * 8 * 9 / (6 * 7)  # equation 1 for maps that are not square
    kept = np.ones(shape, bool)
    for example, row, column, channel in np.argwhere(draws < gamma):
        kept[example, row : row + size, column : column + size, channel] = False
    assert 0.2 < kept.mean() < 0.95
    np.testing.assert_allclose(y, np.where(kept, x * kept.size / kept.sum(), 0), rtol=1e-5)


def test_drop_block_drops_as_much_as_the_paper_expects():
    """Inside, a value is kept if none of the squares that cover it was drawn."""
    rate, size, side = 0.1, 3, 9
    layer = reg.DropBlock2D(rate, size, seed=0)
    x = np.ones((500, side, side, 20), "float32")
    y = np.asarray(layer(x, training=True))
    assert y.mean() == pytest.approx(1, rel=1e-5)
    gamma = rate / size**2 * side**2 / (side - size + 1) ** 2
    _within((y[:, 4, 4] == 0).reshape(-1), 1 - (1 - gamma) ** (size**2))
    _within((y[:, 0, 0] == 0).reshape(-1), gamma)  # one square alone reaches a corner


def test_drop_block_shares_squares_where_asked_for():
    x = np.ones((64, 7, 7, 5), "float32")
    y = np.asarray(reg.DropBlock2D(0.3, 3, shared=True, seed=0)(x, training=True))
    assert (y == y[..., :1]).all()
    y = np.asarray(reg.DropBlock2D(0.3, 3, seed=0)(x, training=True))
    assert (y != y[..., :1]).any()


def test_blocks_larger_than_the_map_drop_it_whole():
    x = np.ones((300, 4, 5, 2), "float32")
    y = np.asarray(reg.DropBlock2D(0.5, 7, seed=0)(x, training=True))
    assert (y == y[:, :1, :1]).all()
    _within((y[:, 0, 0] == 0).reshape(-1), 0.5)


def test_the_rate_rises_from_nothing_over_the_steps():
    layer = reg.DropBlock2D(0.5, 2, ramp_steps=4, seed=0)
    x = np.ones((200, 8, 8, 8), "float32")
    shares = [float((np.asarray(layer(x, training=True)) == 0).mean()) for _ in range(6)]
    assert shares[0] == 0
    assert np.all(np.diff(shares[:5]) > 0.05)
    assert shares[5] == pytest.approx(shares[4], abs=0.02)
    layer(x, training=False)
    assert int(layer.step) == 6


# Cutout


def _square(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert mask[np.ix_(rows, columns)].all()
    assert mask.sum() == len(rows) * len(columns)
    return len(rows), len(columns)


@pytest.mark.parametrize("size", [4, 5, 40])
def test_cutout_fills_a_square_around_any_pixel(size):
    height, width = 12, 10
    x = np.ones((3000, height, width, 2), "float32")
    y = np.asarray(reg.Cutout(size, seed=0)(x, training=True))
    assert (y == y[..., :1]).all()
    sides = np.array([_square(image == 0) for image in y[..., 0]])
    assert sides.max() <= size

    def lengths(pixels):  # of the part inside, around each pixel
        return [min(c - size // 2 + size, pixels) - max(c - size // 2, 0) for c in range(pixels)]

    for axis, pixels in ((0, height), (1, width)):
        assert set(sides[:, axis]) == set(lengths(pixels))
        _within(sides[:, axis], np.mean(lengths(pixels)))


def test_cutout_takes_a_single_image():
    y = np.asarray(
        reg.Cutout(3, fill_value=7.0, seed=0)(np.ones((9, 9, 1), "float32"), training=True)
    )
    assert y.shape == (9, 9, 1)
    assert set(np.unique(y)) == {1, 7}


def test_keras_random_erasing_stays_inside():
    """Why there is a Cutout: a square of the same area never leaves the image there."""
    layer = keras.layers.RandomErasing(
        factor=(1.0, 1.0), scale=(0.25, 0.25), fill_value=0.0, value_range=(0, 1), seed=0
    )
    y = np.asarray(layer(np.ones((500, 12, 12, 1), "float32"), training=True))
    assert {_square(image == 0) for image in y[..., 0]} == {(6, 6)}


# Mixing


def _mixed(layer, batch=60, side=12):
    """Images of one value each: what was moved can be read off the pixels."""
    images = np.tile(np.arange(batch, dtype="float32")[:, None, None, None], (1, side, side, 2))
    labels = np.eye(batch, dtype="float32")
    y = layer({"images": images, "labels": labels}, training=True)
    return np.asarray(y["images"]), np.asarray(y["labels"])


@pytest.mark.parametrize("each_example", [False, True])
def test_cutmix_labels_are_shares_of_pixels(each_example):
    layer = reg.CutMix(each_example=each_example, seed=0)
    for _ in range(5):
        images, labels = _mixed(layer)
        shares = np.array([[(image == n).mean() for n in range(60)] for image in images])
        np.testing.assert_allclose(labels, shares, atol=1e-6)
        moved = images[..., 0] != np.arange(60)[:, None, None]
        sides = {_square(mask) for mask in moved if mask.any()}
        assert (len(sides) > 1) == each_example


def test_cutmix_draws_the_papers_rectangles():
    """Against the paper's algorithm in numpy: mean and mean square of the share that moves."""
    side, rng = 12, np.random.default_rng(0)
    layer = reg.CutMix(alpha=0.7, each_example=True, seed=0)
    images = np.zeros((8000, side, side, 1), "float32")
    ours = 1 - np.asarray(layer.get_random_transformation(images)["mix_weight"])
    theirs = []
    for kept in rng.beta(0.7, 0.7, 40_000):
        cut = int(side * np.sqrt(1 - kept))
        starts = rng.integers(0, side, 2) - cut // 2
        ends = np.clip(starts + cut, 0, side)
        theirs.append(np.prod(ends - np.clip(starts, 0, side)) / side**2)
    theirs = np.array(theirs)
    for power in (1, 2):
        difference = (ours**power).mean() - (theirs**power).mean()
        error = np.hypot(
            (ours**power).std() / len(ours) ** 0.5, (theirs**power).std() / len(theirs) ** 0.5
        )
        assert abs(difference) < 5 * error


def test_cutmix_maps_over_a_data_set():
    tf = pytest.importorskip("tensorflow")
    layer = reg.CutMix(seed=0)
    data = {"images": _images(8, 6, 6, 3), "labels": np.eye(8, dtype="float32")}
    mixed = (
        tf.data.Dataset.from_tensors(data).repeat(3).map(lambda batch: layer(batch, training=True))
    )
    labels = [batch["labels"].numpy() for batch in mixed]
    for y in labels:
        np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)
    assert not np.array_equal(labels[0], labels[1])
    same = layer(data, training=False)
    np.testing.assert_array_equal(same["images"], data["images"])
    np.testing.assert_array_equal(same["labels"], data["labels"])


def test_keras_cutmix_labels_are_not_shares_of_pixels():
    """Why there is a CutMix: theirs counts fractions of pixels that it does not move."""
    layer = keras.layers.CutMix(factor=(1, 1), seed=0)
    errors = []
    for _ in range(5):
        images, labels = _mixed(layer)
        shares = np.array([[(image == n).mean() for n in range(60)] for image in images])
        errors.append(np.abs(labels - shares).max())
    assert max(errors) > 0.02


def test_keras_mixup_is_the_papers():
    """Equations of section 2: one share from Beta(alpha, alpha) for images and labels alike."""
    layer = keras.layers.MixUp(alpha=0.4, seed=0)
    images, labels = _mixed(layer)
    np.testing.assert_allclose(images[:, 0, 0, 0], labels @ np.arange(60), rtol=1e-4, atol=1e-4)
    assert (images == images[:, :1, :1]).all()
    many = layer.get_random_transformation(np.zeros((8000, 2, 2, 1), "float32"))
    shares = np.asarray(many["mix_weight"])
    _within(shares, 0.5)
    _within((shares - 0.5) ** 2, 1 / (4 * (2 * 0.4 + 1)))  # variance of Beta(alpha, alpha)


# Color


def test_color_components_are_those_of_the_pixels():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(3, 3)) * 20
    images = rng.normal(size=(50, 8, 8, 3)) @ mixing.T + 100
    values, vectors = reg.color_components(images, value_range=(0, 255))
    covariance = np.cov(images.reshape(-1, 3) / 255, rowvar=False)
    assert list(values) == sorted(values, reverse=True)
    np.testing.assert_allclose(covariance @ vectors, vectors * values, atol=1e-9)
    # Where values lie makes no difference, only how far apart they can be; 0 to 1 if left open.
    for given, shift in (((-127.5, 127.5), -127.5), ((0, 255), 0)):
        again, _ = reg.color_components(images + shift, value_range=given)
        np.testing.assert_allclose(again, values)
    np.testing.assert_allclose(reg.color_components(images / 255)[0], values)


@pytest.mark.parametrize("scale", [1, 255])
def test_color_noise_has_the_papers_covariance(scale):
    layer = reg.PCAColorNoise(value_range=(0, scale), seed=0)
    x = np.zeros((40_000, 2, 2, 3), "float32")
    y = np.asarray(layer(x, training=True))
    assert (y == y[:, :1, :1]).all()
    colors = y[:, 0, 0] / scale
    values, vectors = np.array(layer.eigenvalues), np.array(layer.eigenvectors)
    wanted = vectors * (0.1 * values) ** 2 @ vectors.T
    _within(colors, 0)
    _within(np.einsum("ni,nj->nij", colors, colors), wanted)
    single = np.asarray(layer(x[0], training=True))
    assert single.shape == (2, 2, 3)
    assert (single == single[:1, :1]).all()


# What Keras has


def test_keras_label_smoothing_is_the_papers():
    """Szegedy et al. 2016, section 7: (1 - epsilon) of the label, epsilon of the uniform one."""
    labels, answers = np.eye(5, dtype="float32"), np.full((5, 5), 0.1, "float32") + np.eye(5) * 0.5
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1, reduction=None)
    wanted = -np.sum((0.9 * labels + 0.1 / 5) * np.log(answers), axis=1)
    np.testing.assert_allclose(loss(labels, answers), wanted, rtol=1e-5)


def test_keras_averages_weights_over_steps():
    """``use_ema``: the first step's weights, then momentum times the old average."""
    weight = keras.Variable(np.array([4.0], "float32"))
    optimizer = keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.75)
    optimizer.build([weight])
    average = None
    for _ in range(5):
        optimizer.apply([keras.ops.convert_to_tensor([1.0])], [weight])
        value = float(weight.numpy()[0])
        average = value if average is None else 0.75 * average + 0.25 * value
    optimizer.finalize_variable_values([weight])
    assert float(weight.numpy()[0]) == pytest.approx(average)


# Refusals


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: _drop_path((2,), 1.0), r"at least 0 and less than 1; received rate=1.0"),
        (lambda: _drop_path((2,), 0.1, rescale="never"), r"'test'\); received rescale='never'"),
        (lambda: _drop_path((2,), -0.1), r"received rate=-0.1"),
        (lambda: reg.linear_decay(0.1, 3, "quadratic"), r"convnext; received rule='quadratic'"),
        (lambda: reg.DropBlock2D(-0.1), r"received rate=-0.1"),
        (lambda: reg.DropBlock2D(0.1, 0), r"at least 1; received block_size=0"),
        (lambda: reg.DropBlock2D(0.1)(keras.Input((None, 4, 3))), r"received shape .*fixed sizes"),
        (lambda: reg.Cutout(0), r"at least 1; received size=0"),
        (lambda: reg.CutMix(alpha=0), r"more than 0; received alpha=0"),
        (lambda: reg.PCAColorNoise(eigenvalues=(1, 2)), r"received shapes \(2,\) and \(3, 3\)"),
    ],
)  # fmt: skip
def test_refusals_say_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()
