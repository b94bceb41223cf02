"""The model that is trained, against plain numbers."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course.training import distribution, evaluation, network, schedules
from course.training import plan as planning
from course.training.options import Options

keras = pytest.importorskip("keras")


@pytest.mark.parametrize("kind", schedules.KINDS)
def test_the_graph_has_the_rate_of_the_plan(kind):
    schedule = schedules.Schedule(
        kind, 0.5, 100, warmup=10, warmup_from=0.1, boundaries=(50, 80), factor=0.5, period=30
    )
    rate = schedules.learning_rate_schedule(schedule)
    for step in (0, 5, 9, 10, 11, 49, 50, 79, 80, 99):
        assert float(rate(step)) == pytest.approx(schedule(step), rel=1e-5, abs=1e-6)


def scorer(classes: int = 6):
    """Scores are the first pixels of an image."""
    inputs = keras.Input((4, 4, 3), dtype="uint8")
    x = keras.ops.cast(inputs, "float32")
    x = keras.layers.Flatten()(x)[:, :classes]
    model = keras.Model(inputs, x)
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("batch_size", [1, 4, 7, 64])
def test_every_example_counts_once(batch_size, monkeypatch):
    monkeypatch.setattr(evaluation, "_CHUNK", 300)  # some chunks
    rng = np.random.default_rng(0)
    images = rng.integers(0, 9, (23, 4, 4, 3)).astype("uint8")
    labels = rng.integers(0, 6, 23)
    found = evaluation.evaluate(scorer(), images, labels, batch_size=batch_size)
    scores = images.reshape(23, -1)[:, :6].astype(float)
    odds = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert found.examples == 23
    assert found.accuracy == (scores.argmax(1) == labels).mean()
    assert found.loss == pytest.approx(-np.log(odds[np.arange(23), labels]).mean())
    own = scores[np.arange(23), labels]
    assert found.top5 == ((scores > own[:, None]).sum(1) < 5).mean()


def test_views_are_averaged():
    images = np.zeros((1, 4, 4, 3), "uint8")
    images[0, 0, 0], images[0, 0, 3] = (3, 0, 0), (0, 3, 0)
    scores = {
        views: evaluation.evaluate(scorer(3), images, np.array([0]), batch_size=2, views=views).loss
        for views in (("plain",), ("flip",), ("plain", "flip"))
    }
    mean = (np.exp(-scores["plain",]) + np.exp(-scores["flip",])) / 2
    assert scores["plain", "flip"] == pytest.approx(-np.log(mean))
    with pytest.raises(ValueError, match="received"):
        evaluation.evaluate(scorer(3), images, np.array([0]), batch_size=2, views=("upside",))


def trainee(recipe="default", **changes):
    options = Options("resnet20_cifar", "digits", recipe, batch_size=8, **changes)
    plan = planning.resolve(options, planning.load(options))
    return network.build(plan, plan.stages[0][1], distribution.prepare("none")), plan


def test_weight_decay_is_half_the_squares():
    (model, net), _ = trainee("resnet_cifar")
    total = sum(float((np.array(w, "float64") ** 2).sum()) for w in net.trainable_weights)
    assert sum(float(loss) for loss in model.losses) == pytest.approx(1e-4 / 2 * total, rel=1e-4)


def test_pixels_are_normalized_and_the_exported_model_gives_probabilities():
    (model, net), plan = trainee()
    pixels = plan.data.test[0][:5]
    colors = (pixels - np.array(plan.data.mean)) / np.array(plan.data.deviation)
    scores = np.array(net(colors.astype("float32")))
    assert np.allclose(np.array(model(pixels)), scores, atol=1e-4)
    exported = network.export(network.Trainee(model, net), plan, plan.stages[0][1])
    odds = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert np.allclose(np.array(exported(colors.astype("float32"))), odds, atol=1e-5)


def test_the_same_seed_gives_the_same_weights():
    first, again, other = (trainee(seed=seed)[0].net.get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
