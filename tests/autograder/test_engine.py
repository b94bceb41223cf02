"""The engine's parts: messages, what is rebuilt, how a notebook is put together again."""

import json
import socket
import threading

import nbformat
import numpy as np
import pytest

from autograder.engine import prepass
from autograder.engine.channel import Channel, ChannelError, ChannelTimeout
from tests.autograder.conftest import notebook

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
    from autograder.engine import models

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
    from autograder.engine import models
    from course import architectures

    model = architectures.build("lenet5")
    again = models.unpack(*models.pack(model))
    assert again.count_params() == 60_840


def poisoned(change):
    """The configuration of a small model, changed in one place."""
    import keras

    from autograder.engine import models

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
    from autograder.engine import models

    with pytest.raises(models.RebuildError):
        models.unpack(*poisoned(change))


def test_weights_must_fit(keras):
    from autograder.engine import models

    text, weights = poisoned(lambda layer, config: None)
    with pytest.raises(models.RebuildError):
        models.unpack(text, weights[:1])
    with pytest.raises(models.RebuildError):
        models.unpack(text, [weights[0].T, weights[1]])
    with pytest.raises(models.RebuildError, match="cannot be read"):
        models.unpack("{" * 100_000, weights)


def test_inlined_layers_belong_to_the_new_graph(keras):
    from autograder.engine import models

    inputs = keras.Input((4,))
    inner = keras.Model(inputs, keras.layers.Dense(3, name="mine")(inputs))
    new = keras.Input((4,))
    model = keras.Model(new, models.inline(inner, [new]))
    assert [layer.name for layer in model.layers[1:]] == ["mine"]


# The rebuilt notebook

TESTS = {"test_double": "HIDDEN double", "test_square": "HIDDEN square"}


def released():
    made = notebook()
    for cell in made.cells:
        if cell.id == "double":
            cell.source = "def double(x):\n    raise NotImplementedError()"
    return made


def student_cells(change=lambda cells: None):
    """What is read back from a notebook that was changed as JSON."""
    data = json.loads(nbformat.writes(released()))
    change(data["cells"])
    return [prepass._student_cell(cell) for cell in data["cells"]]


def find(cells, name):
    return next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == name)


def meta(cells):
    return find(cells, "test_double")["metadata"]["nbgrader"]


def sources(plan):
    return {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in plan.notebook.cells
        if cell.metadata.get("nbgrader")
    }


def test_the_students_answer_and_the_full_tests():
    def change(cells):
        find(cells, "double")["source"] = "def double(x): return 2 * x"

    plan = prepass.rebuild(released(), TESTS, student_cells(change))
    assert sources(plan)["double"] == "def double(x): return 2 * x"
    assert sources(plan)["test_double"] == "HIDDEN double"
    assert not plan.suspicions
    assert [c["role"] for c in plan.cells] == ["skip", "student", "judge", "student", "judge"]


@pytest.mark.parametrize(
    ("change", "suspicious"),
    [
        (lambda cells: find(cells, "test_double").update(source="2"), True),
        (lambda cells: cells.remove(find(cells, "test_double")), False),
        (lambda cells: cells.append(dict(find(cells, "test_double"), source="5")), True),
        (lambda cells: find(cells, "test_double")["metadata"].update(nbgrader=7), False),
        (lambda cells: find(cells, "test_double").update(cell_type="markdown"), False),
        (lambda cells: meta(cells).update(points=99), False),
        (lambda cells: meta(cells).update(grade=False), False),
        (lambda cells: cells.reverse(), False),
        (lambda cells: cells.clear(), False),
    ],
)  # fmt: skip
def test_nothing_done_to_a_test_matters(change, suspicious):
    plan = prepass.rebuild(released(), TESTS, student_cells(change))
    judged = [cell["source"] for cell in plan.cells if cell["role"] == "judge"]
    assert judged == ["HIDDEN double", "HIDDEN square"]
    points = [c.metadata.nbgrader.get("points") for c in plan.notebook.cells if prepass._is_test(c)]
    assert points == [2, 3]
    assert bool(plan.suspicions) == suspicious


def test_of_two_answers_the_later_that_was_worked_on_counts():
    def change(cells):
        first = find(cells, "double")
        cells.insert(2, dict(first, source="def double(x): return 'second'"))
        cells.append(dict(first))  # an untouched copy at the end

    plan = prepass.rebuild(released(), TESTS, student_cells(change))
    assert sources(plan)["double"] == "def double(x): return 'second'"
    assert not plan.suspicions
    assert any("more than once" in note for note in plan.notes)


def test_own_cells_stay_where_they_stand():
    def change(cells):
        cells.insert(1, {"cell_type": "code", "source": ["help", "er = 1"], "metadata": {}})
        cells.append({"cell_type": "markdown", "source": "note", "metadata": {}})

    plan = prepass.rebuild(released(), TESTS, student_cells(change))
    run = [cell["source"] for cell in plan.cells if cell["role"] == "student"]
    assert run[0] == "helper = 1"
    assert len(plan.cells) == 6


def test_a_missing_answer_counts_as_released():
    plan = prepass.rebuild(
        released(), TESTS, student_cells(lambda cells: cells.remove(find(cells, "double")))
    )
    assert "NotImplementedError" in sources(plan)["double"]
    assert any("double is missing" in note for note in plan.notes)


def test_what_a_test_defines_reaches_cells_that_need_it():
    base = released()
    find_cell = next(c for c in base.cells if c.id == "test-double")
    find_cell.source = "limit = 3\nassert double(1) == 2"
    cells = student_cells()
    cells.append(prepass.StudentCell("code", "print(limit)", None, None))
    plan = prepass.rebuild(base, TESTS | {"test_double": find_cell.source + "\nsecret"}, cells)
    (echo,) = (cell["echo"] for cell in plan.cells if cell["echo"])
    assert echo == "limit = 3\nassert double(1) == 2"


def test_links_and_pipes_are_not_read(tmp_path):
    import os

    (tmp_path / "real.csv").write_text("1,2")
    (tmp_path / "link.csv").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe")
    files, left_out = prepass.read_files(tmp_path, set())
    assert files == {"real.csv": b"1,2"}
    assert len(left_out) == 2
    (tmp_path / "a.ipynb").symlink_to(tmp_path / "real.csv")
    with pytest.raises(prepass.Unreadable, match="is not a file of its own but a link"):
        prepass.read_cells(tmp_path / "a.ipynb")
