"""The engine's parts: messages, and models that are rebuilt."""

import json
import socket
import threading

import numpy as np
import pytest

from autograder.wire.channel import Channel, ChannelError, ChannelTimeout

# Messages


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield Channel(ours, max_text=1000, max_bytes=1000), theirs
    ours.close()
    theirs.close()


def test_a_message_with_bytes(ends):
    ours, theirs = ends
    Channel(theirs).send({"a": 1}, [b"xy", b""])
    assert ours.receive(1) == ({"a": 1}, [b"xy", b""])


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff" * 8,
        b"\0" * 7 + b"\x03" + b"abc",
        b"\0" * 7 + b"\x02" + b"[]",
        b"\0" * 7 + b"\x0a" + b"[1, [-10]]",
        b"\0" * 7 + b"\x0c" + b"[1, [10000]]",
        b"\0" * 7 + b"\x09" + b'[1, "ab"]',
        b"\0" * 7 + b"\x10" + b"[1, [",
    ],
)
def test_what_is_no_message_is_refused(ends, raw):
    ours, theirs = ends
    theirs.sendall(raw)
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ChannelError):
        ours.receive(1)


def test_a_message_that_trickles_in_is_too_late(ends):
    ours, theirs = ends
    stop = threading.Event()

    def trickle():
        theirs.sendall(b"\0" * 7 + b"\x64")
        while not stop.wait(0.05):
            theirs.sendall(b" ")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        with pytest.raises(ChannelTimeout):
            ours.receive(0.4)
    finally:
        stop.set()
        thread.join()


# Models


@pytest.fixture(scope="module")
def keras():
    import course.quiet  # noqa: F401

    return pytest.importorskip("keras")


def test_a_model_is_rebuilt_as_the_same_function(keras):
    from autograder.wire import models

    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, kernel_regularizer="l2")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.ops.pad(keras.ops.relu(x[:, ::2]), [[0, 0], [1, 0], [0, 0], [0, 2]])
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    again = models.unpack(*models.pack(model))
    data = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    np.testing.assert_allclose(again(data), model(data), rtol=1e-6)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_our_own_layers_are_rebuilt(keras):
    from autograder.wire import models
    from course import architectures

    model = architectures.build("lenet5")
    again = models.unpack(*models.pack(model))
    assert again.count_params() == 60_840


def poisoned(change):
    """The configuration of a small model, changed in one place."""
    import keras

    from autograder.wire import models

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu")])
    text, weights = models.pack(model)
    whole = json.loads(text)
    config = whole["model"]
    change(config["config"]["layers"][1], config)
    return json.dumps(whole), weights


@pytest.mark.parametrize(
    "change",
    [
        lambda layer, config: layer.update(class_name="Lambda"),
        lambda layer, config: layer.update(module="os", class_name="system"),
        lambda layer, config: layer.update(module="keras.src.utils", class_name="get_file"),
        lambda layer, config: layer.update(registered_name="course>Unheard"),
        lambda layer, config: layer.update(registered_name="Evil>Layer"),
        lambda layer, config: layer["config"].update(units=10**9),
        lambda layer, config: layer["config"].update(units=4_000_000),
        lambda layer, config: layer["config"].update(
            activation={"module": "builtins", "class_name": "function", "config": "exec"}
        ),
        lambda layer, config: layer["config"].update(
            kernel_initializer={"class_name": "__lambda__", "config": {"value": "x"}}
        ),
        lambda layer, config: layer.update(class_name=["Dense"]),
        lambda layer, config: config.update(class_name="TFSMLayer", module="keras.layers"),
        lambda layer, config: config.clear(),
        lambda layer, config: config["config"].update(layers=3),
    ],
)
def test_other_things_are_not_rebuilt(keras, change):
    from autograder.wire import models

    with pytest.raises(models.RebuildError):
        models.unpack(*poisoned(change))


def test_weights_must_fit(keras):
    from autograder.wire import models

    text, weights = poisoned(lambda layer, config: None)
    with pytest.raises(models.RebuildError):
        models.unpack(text, weights[:1])
    with pytest.raises(models.RebuildError):
        models.unpack(text, [weights[0].T, weights[1]])
    with pytest.raises(models.RebuildError, match="cannot be read"):
        models.unpack("{" * 100_000, weights)


def test_inlined_layers_belong_to_the_new_graph(keras):
    from autograder.wire import models

    inputs = keras.Input((4,))
    inner = keras.Model(inputs, keras.layers.Dense(3, name="mine")(inputs))
    new = keras.Input((4,))
    model = keras.Model(new, models.inline(inner, [new]))
    assert [layer.name for layer in model.layers[1:]] == ["mine"]
