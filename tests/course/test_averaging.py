"""Test-time crops and ensembles."""

import numpy as np
import pytest

import course.quiet  # noqa: F401

keras = pytest.importorskip("keras")

from course import averaging


def _images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_ten_crop_is_corners_center_and_mirrors():
    x = _images(2, 6, 7, 3)
    y = np.asarray(averaging.ten_crop(x, 4))
    assert y.shape == (2, 10, 4, 4, 3)
    parts = [x[:, :4, :4], x[:, :4, 3:], x[:, 2:, :4], x[:, 2:, 3:], x[:, 1:5, 1:5]]
    np.testing.assert_array_equal(y[:, :5], np.stack(parts, axis=1))
    np.testing.assert_array_equal(y[:, 5:], y[:, :5, :, ::-1])


@pytest.mark.parametrize("shape", [(20, 26), (26, 20)])
def test_googlenets_crops_are_144(shape):
    x = _images(1, *shape, 3)
    assert averaging.many_crop(x, 16, scales=(20, 24, 28, 32)).shape == (1, 144, 16, 16, 3)
    y = np.asarray(averaging.many_crop(x, 16, scales=(20,)))  # at its own size nothing is resized
    assert y.shape[1] == 36
    long = shape.index(26)
    squares = [np.take(x, range(start, start + 20), axis=1 + long) for start in (0, 3, 6)]
    for number, square in enumerate(squares):
        crops = y[:, 6 * number : 6 * number + 6]
        np.testing.assert_allclose(
            crops[:, :5], np.asarray(averaging.ten_crop(square, 16))[:, :5], atol=1e-6
        )
        assert abs(crops[:, 5].mean() - square.mean()) < 0.1
    np.testing.assert_array_equal(y[:, 18:], y[:, :18, :, ::-1])


def _classifier(size, seed, name="net"):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(x), name=name)


def test_multi_crop_prediction_is_the_mean_over_crops():
    model, x = _classifier(4, 0), _images(7, 6, 6, 3)
    y = averaging.predict_multi_crop(model, x, batch_size=3)
    crops = np.asarray(averaging.ten_crop(x, 4))
    each = np.stack([model.predict(crops[:, n], verbose=0) for n in range(10)])
    np.testing.assert_allclose(y, each.mean(axis=0), rtol=1e-5)
    assert not np.allclose(each[0], y, rtol=1e-3)


def test_of_several_outputs_the_first_counts():
    nets = []
    for seed in (0, 1):
        net = _classifier(4, seed)
        nets.append(keras.Model(net.inputs, [net.output, keras.layers.Dense(2)(net.output)]))
    x = _images(5, 4, 4, 3)
    wanted = [net.predict(x, verbose=0)[0] for net in nets]
    together = averaging.ensemble(nets)
    np.testing.assert_allclose(together.predict(x, verbose=0), np.mean(wanted, axis=0), rtol=1e-5)
    views = averaging.predict_multi_crop(nets[0], x, lambda images, size: images[:, None])
    np.testing.assert_allclose(views, wanted[0], rtol=1e-5)


def test_an_ensemble_answers_with_the_mean(tmp_path):
    models, x = [_classifier(4, seed) for seed in (0, 1, 2)], _images(5, 4, 4, 3)
    together = averaging.ensemble(models)
    wanted = np.mean([model.predict(x, verbose=0) for model in models], axis=0)
    np.testing.assert_allclose(together.predict(x, verbose=0), wanted, rtol=1e-5)
    assert together.count_params() == sum(model.count_params() for model in models)
    assert [model.name for model in models] == ["net"] * 3
    together.save(tmp_path / "ensemble.keras")
    again = keras.saving.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), wanted, rtol=1e-5)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: averaging.ten_crop(np.zeros((1, 5, 9, 3)), 6),
            r"received size=6 and images of 5x9",
        ),
        (lambda: averaging.ensemble([]), r"received no models"),
        (
            lambda: averaging.ensemble([_classifier(4, 0), _classifier(5, 0)]),
            r"received \(None, 4, 4, 3",
        ),
    ],
)
def test_errors_say_what_was_received(call, message):
    with pytest.raises(ValueError, match=message):
        call()
