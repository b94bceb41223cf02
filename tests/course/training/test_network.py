"""The model that is trained, against plain numbers."""

import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import architectures
from course.training import distribution, evaluation, network, schedules
from course.training.data import load
from course.training.options import Options
from course.training.pipelines import EpochPart
from course.training.plan import resolve

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


def evaluate(*arguments, **options) -> evaluation.Scores:
    return evaluation.evaluate(*arguments, devices=distribution.setup("none"), **options)


@pytest.mark.parametrize("batch_size", [1, 4, 7, 64])
def test_every_example_counts_once(batch_size, monkeypatch):
    monkeypatch.setattr(evaluation, "_CHUNK", 300)  # some chunks
    rng = np.random.default_rng(0)
    images = rng.integers(0, 9, (23, 4, 4, 3)).astype("uint8")
    labels = rng.integers(0, 6, 23)
    found = evaluate(scorer(), images, labels, batch_size=batch_size)
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
        views: evaluate(scorer(3), images, np.array([0]), batch_size=2, views=views).loss
        for views in (("plain",), ("flip",), ("plain", "flip"))
    }
    mean = (np.exp(-scores["plain",]) + np.exp(-scores["flip",])) / 2
    assert scores["plain", "flip"] == pytest.approx(-np.log(mean))
    # Four images without a difference are one.
    plain = [evaluate(scorer(3), np.zeros((1, 4, 4, 3), "uint8"), np.array([0]), batch_size=2,
                      views=views).loss for views in (("plain",), ("shift",))]  # fmt: skip
    assert plain[0] == pytest.approx(plain[1])
    with pytest.raises(ValueError, match="received"):
        evaluate(scorer(3), images, np.array([0]), batch_size=2, views=("upside",))


def trainee(recipe="default", **changes):
    options = Options("resnet20_cifar", "digits", recipe, batch_size=8, **changes)
    plan = resolve(options, load(options))
    return network.build(plan, plan.phases[0][1], distribution.setup("none")), plan


def test_weight_decay_is_half_the_squares():
    (model, net, _), _ = trainee("resnet_cifar")
    total = sum(float((np.array(w, "float64") ** 2).sum()) for w in net.trainable_weights)
    assert sum(float(loss) for loss in model.losses) == pytest.approx(1e-4 / 2 * total, rel=1e-4)


def test_pixels_are_normalized_and_the_exported_model_gives_probabilities():
    (model, net, _), plan = trainee()
    pixels = plan.data.evaluation[0][:5]
    colors = (pixels - np.array(plan.data.mean)) / np.array(plan.data.std)
    scores = np.array(net(colors.astype("float32")))
    assert np.allclose(np.array(model(pixels)), scores, atol=1e-4)
    exported = network.export(network.Trainee(model, net, False), plan, plan.phases[0][1])
    odds = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert np.allclose(np.array(exported(colors.astype("float32"))), odds, atol=1e-5)


def test_the_same_seed_gives_the_same_weights():
    first, again, other = (trainee(seed=seed)[0].net.get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def operations(net, batch_size: int) -> set[str]:
    """Of a training step that knows its number of examples, as TensorFlow runs it."""
    tf = pytest.importorskip("tensorflow")
    from tensorflow.python.eager import context

    net.compile("sgd", "mse")
    x, y = tf.zeros((batch_size, *net.input_shape[1:])), tf.zeros((batch_size, 10))
    context.enable_run_metadata()
    try:
        tf.function(lambda: net.train_step((x, y)))()
        graphs = context.export_run_metadata().partition_graphs
    finally:
        context.disable_run_metadata()
    return {node.op for graph in graphs for node in graph.node}


@pytest.mark.parametrize(
    ("name", "shape"), [("resnet20_cifar", (16, 16, 3)), ("p4cnn_rotated_mnist", (28, 28, 1))]
)
def test_a_step_that_knows_its_examples_adds_up_in_one_order(name, shape):
    net = architectures.build(name, input_shape=shape, classes=10)
    largest = max(n for n in range(1, 100) if network.is_small(net, n))
    for batch_size, in_order_of_arrival in ((largest, False), (16 * largest, True)):
        found = operations(net, batch_size)
        assert "AddN" in found and ("TemporaryVariable" in found) is in_order_of_arrival


def test_the_number_of_examples_is_known_where_a_step_is_small(monkeypatch):
    shapes = []
    monkeypatch.setattr(
        keras.Model, "fit", lambda model, data, **_: shapes.append(data.element_spec[0].shape)
    )
    for batch_size in (8, 640):
        options = Options("resnet20_cifar", "digits", "default", batch_size=batch_size)
        plan = resolve(options, load(options))
        phase, devices = plan.phases[0][1], distribution.setup("none")
        trainee = network.build(plan, phase, devices)
        source, part = plan.batch_source(phase), EpochPart(0, 0, 1)
        devices.fit(trainee.model, source, part, [], static_batch=trainee.small)
    assert [shape[0] for shape in shapes] == [8, None]
