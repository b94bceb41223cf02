"""The first layer's filters of ``fast_cifar``, and that training keeps them."""

import json

import numpy as np
import pytest

from course.training import checkpoints, whitening

FAST = {"name": "fast_cifar", "batch_size": 50, "steps": 20, "limit": 500, "test_limit": 100}
FAST |= {"arguments": {"widths": [8, 8]}}


def images(count=200, channels=3):
    """Smooth images, whose neighboring pixels and colors go together."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(count, 12, 12, channels))
    return np.cumsum(noise, 1) + rng.normal(size=(count, 12, 12, 1))


def responses(pictures, kernel):
    patch = kernel.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (patch, patch), (1, 2))
    return np.einsum("nhwcij,ijcf->nhwf", windows, kernel).reshape(-1, kernel.shape[-1])


@pytest.mark.parametrize("patch, channels", [(2, 3), (3, 3), (2, 1)])
def test_patches_become_uncorrelated_with_variance_one(patch, channels):
    pictures = images(channels=channels)
    kernel = whitening.filters(pictures, patch)
    half = patch * patch * channels
    assert kernel.shape == (patch, patch, channels, 2 * half)
    covariance = np.cov(responses(pictures, kernel), rowvar=False)
    np.testing.assert_allclose(covariance[:half, :half], np.eye(half), atol=0.02)
    np.testing.assert_array_equal(kernel[..., half:], -kernel[..., :half])


def test_the_largest_component_comes_first():
    norms = np.sqrt((whitening.filters(images(), 2)[..., :12] ** 2).sum((0, 1, 2)))
    assert (np.diff(norms) > 0).all()  # the larger the variance, the smaller the filter


def test_colors_that_do_not_vary_stay_finite():
    assert np.isfinite(whitening.filters(np.zeros((10, 8, 8, 3)), 2)).all()


@pytest.fixture(scope="module")
def folder(play):
    dies = [{"options": FAST, "resume": True, "die": {"step": n}} for n in (3, 12)]
    return play(
        {
            "whole": {"options": FAST},
            "killed": [*dies, {"options": FAST, "resume": True}],
            "another net": {"options": {"recipe": "fast_cifar", "batch_size": 100, "steps": 2}},
        }
    )


def kernel(run) -> np.ndarray:
    arrays = checkpoints.newest(run / "checkpoints").arrays
    (found,) = (value for key, value in arrays.items() if key.endswith("whitening_conv/kernel"))
    return found


def test_training_keeps_the_filters_of_the_training_images(folder):
    from course import datasets

    pictures, _ = datasets.load_arrays("digits", "train")
    colors = json.loads((folder / "whole" / "run.json").read_text())["normalization"]
    normalized = (pictures[:500].astype("float32") - colors["mean"]) / colors["deviation"]
    found = kernel(folder / "whole")
    assert found.shape == (2, 2, 1, 8)
    np.testing.assert_allclose(found, whitening.filters(normalized, 2), rtol=1e-5, atol=1e-6)


def test_a_killed_run_ends_with_the_same_bits(folder):
    whole, killed = (
        checkpoints.newest(folder / name / "checkpoints") for name in ("whole", "killed")
    )
    assert whole.arrays.keys() == killed.arrays.keys()
    for key, array in whole.arrays.items():
        assert array.tobytes() == killed.arrays[key].tobytes(), key


def test_the_saved_model_has_them(folder):
    import course.quiet  # noqa: F401, I001
    import keras

    model = keras.saving.load_model(folder / "whole" / "model.keras")
    np.testing.assert_array_equal(
        model.get_layer("whitening_conv").get_weights()[0], kernel(folder / "whole")
    )


def test_a_net_without_the_layer_takes_the_recipe(folder):
    assert json.loads((folder / "another net" / "run.json").read_text())["status"] == "finished"


def test_images_that_are_too_small_are_refused():
    from course import architectures

    with pytest.raises(
        ValueError, match="at least 9 x 9 pixels; received input_shape=\\(8, 8, 3\\)"
    ):
        architectures.build("fast_cifar", input_shape=(8, 8, 3))
