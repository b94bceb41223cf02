"""Features, neighbors, probes: against slow computations that cannot be wrong in the same way."""

import keras
import numpy as np
import pytest
from keras import layers

from course import transfer
from course.errors import UsageError
from tests.course.transfer.tiny import tiny

rng = np.random.default_rng(1)
IMAGES = rng.integers(0, 255, (11, 8, 8, 1)).astype("uint8")
EXAMPLES = rng.normal(size=(40, 6))
QUERIES = rng.normal(size=(9, 6))


def test_features_are_what_the_head_takes():
    model = tiny()
    found = transfer.features(model, IMAGES, batch_size=4)
    kernel, bias = model.get_layer("predictions").get_weights()
    expected = np.asarray(model(IMAGES.astype("float32"), training=False))
    assert found.shape == (11, 12) and found.dtype == "float32"
    np.testing.assert_allclose(found @ kernel + bias, expected, rtol=1e-5, atol=1e-4)
    whole = transfer.features(model, IMAGES, batch_size=100)
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-4)


def test_the_model_of_features_has_the_same_weights():
    model = tiny()
    cut = transfer.feature_model(model)
    assert {id(w) for w in cut.weights} == {id(w) for w in model.weights[:-2]}


def test_a_layer_in_the_middle_is_averaged_over_its_positions():
    model = tiny()
    maps = transfer.features(model, IMAGES, layer="relu1", pool=False)
    assert maps.shape == (11, 3, 3, 6)
    pooled = transfer.features(model, IMAGES, layer="relu1")
    np.testing.assert_allclose(pooled, maps.mean((1, 2)), rtol=1e-5, atol=1e-4)


def test_a_convolutional_head_gives_pooled_features():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, name="body")(inputs)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(5, 1, name="head")(x))
    assert transfer.features(keras.Model(inputs, x), IMAGES).shape == (11, 4)


def test_images_are_preprocessed_batch_by_batch():
    model, sizes = tiny(), []

    def preprocess(images):
        sizes.append(len(images))
        return keras.ops.cast(images, "float32") / 100

    found = transfer.features(model, IMAGES, preprocess=preprocess, batch_size=5)
    expected = transfer.features(model, (IMAGES / 100).astype("float32"))
    assert sizes == [5, 5, 1]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": "conv3"}, "layer must be one of tiny_tuned's: .*conv2.*received layer='conv3'"),
        ({"images": np.zeros((2, 9, 9, 3))}, r"\(examples, 8, 8, 1\).*received \(2, 9, 9, 3\)"),
        ({"images": np.zeros((0, 8, 8, 1))}, "at least one; received"),
        ({"images": np.zeros((8, 8, 1))}, r"received \(8, 8, 1\)"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_features_refuses(arguments, message):
    with pytest.raises(UsageError, match=message):
        transfer.features(**{"model": tiny(), "images": IMAGES} | arguments)


def test_the_head_of_a_nested_model_is_refused():
    inputs = keras.Input((8, 8, 1))
    with pytest.raises(UsageError, match="nested model 'tiny_tuned'. Pass the nested model"):
        transfer.features(keras.Model(inputs, tiny()(inputs)), IMAGES)


def slow_distances(metric: str, queries, examples):
    """One pair at a time."""
    found = np.zeros((len(queries), len(examples)))
    for i, query in enumerate(queries):
        for j, example in enumerate(examples):
            if metric == "euclidean":
                found[i, j] = sum((a - b) ** 2 for a, b in zip(query, example, strict=True)) ** 0.5
            else:
                lengths = sum(query**2) ** 0.5 * sum(example**2) ** 0.5
                found[i, j] = 1 - sum(query * example) / lengths
    return found


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbors_are_the_nearest(metric):
    found = transfer.neighbors(EXAMPLES, QUERIES, 7, metric=metric)
    distances = slow_distances(metric, QUERIES, EXAMPLES)
    order = distances.argsort(1)[:, :7]
    assert (found.indices == order).all()
    np.testing.assert_allclose(found.distances, np.take_along_axis(distances, order, 1))


def test_the_query_itself_is_left_out_and_its_twin_is_not():
    examples = np.concatenate([EXAMPLES, EXAMPLES[:1]])
    found = transfer.neighbors(examples, k=3, metric="euclidean")
    assert all(n not in row for n, row in enumerate(found.indices))
    assert found.indices[0, 0] == 40 and found.indices[40, 0] == 0


def test_votes_and_precision():
    found = transfer.Neighbors(np.array([[0, 1, 2], [3, 2, 0], [3, 1, 2]]), np.zeros((3, 3)))
    labels = np.array([5, 7, 7, 8])
    # 7 has two votes; 8, 7 and 5 one each, 8 is the nearest; 7 has two of three.
    assert transfer.knn_accuracy(found, labels, np.array([7, 8, 8])) == 2 / 3
    assert transfer.precision_at_k(found, labels, np.array([7, 8, 8])) == (2 + 1 + 1) / 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k must be from 1 to 40.*received k=0"),
        ({"k": 41}, "k must be from 1 to 40"),
        ({"k": 40, "queries": None}, "k must be from 1 to 39"),
        ({"metric": "l2"}, "one of cosine, euclidean; received 'l2'"),
        ({"queries": QUERIES[:, :3]}, r"queries must have the shape \(examples, 6\)"),
        ({"features": EXAMPLES[0]}, "features must have the shape"),
        ({"features": np.full((3, 6), np.nan)}, "features must be finite"),
    ],
)
def test_neighbors_refuses(arguments, message):
    with pytest.raises(UsageError, match=message):
        transfer.neighbors(**{"features": EXAMPLES, "queries": QUERIES} | arguments)


def test_labels_must_fit():
    found = transfer.neighbors(EXAMPLES, QUERIES)
    with pytest.raises(UsageError, match="query_labels must be 9 integers"):
        transfer.knn_accuracy(found, np.zeros(40, int), np.zeros(8, int))
    with pytest.raises(UsageError, match="one label for each example"):
        transfer.knn_accuracy(found, np.zeros(4, int), np.zeros(9, int))


def test_a_ridge_probe_has_the_closed_form():
    labels = rng.integers(0, 3, 40)
    probe = transfer.linear_probe(EXAMPLES, labels, kind="ridge", strength=2.5)
    mean, deviation = EXAMPLES.mean(0), EXAMPLES.std(0)
    x, y = (EXAMPLES - mean) / deviation, np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    kernel = np.linalg.solve(x.T @ x + 2.5 * np.eye(6), x.T @ (y - y.mean(0)))
    expected = ((QUERIES - mean) / deviation @ kernel + y.mean(0)).argmax(1)
    assert (probe.predict(QUERIES) == expected).all()


@pytest.mark.parametrize("kind", ["softmax", "ridge"])
def test_a_probe_separates_and_standardizes_by_the_training_examples(kind):
    labels = rng.integers(0, 4, 200)
    # One feature is a million times larger than the one that counts.
    features = np.stack([1e-3 * labels, 1e3 * rng.normal(size=200), labels**2 * 1e-3], 1)
    probe = transfer.linear_probe(features[:150], labels[:150], kind=kind, strength=1e-3)
    assert probe.accuracy(features[150:], labels[150:]) > 0.9
    alone = [probe.predict(row[None])[0] for row in features[150:]]
    assert (alone == probe.predict(features[150:])).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": np.zeros(40, int)}, "at least two classes; received only 0"),
        ({"labels": np.zeros(39, int)}, "labels must be 40 integers"),
        ({"labels": np.zeros(40)}, "labels must be 40 integers.*float64"),
        ({"kind": "svm"}, "kind must be one of softmax, ridge; received kind='svm'"),
        ({"strength": 0}, "strength must be positive"),
        ({"features": EXAMPLES[:0]}, "at least one example"),
    ],
)
def test_a_probe_refuses(arguments, message):
    given = {"features": EXAMPLES, "labels": np.arange(40) % 3} | arguments
    with pytest.raises(UsageError, match=message):
        transfer.linear_probe(**given)
