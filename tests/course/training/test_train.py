"""What a run leaves behind, and what it refuses."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import course.quiet  # noqa: F401
from course import cli, datasets
from course.errors import UsageError
from course.training import checkpoints, distribution, dry_run, network, reports, speed, trainer
from course.training.observers import RunObserver
from course.training.options import Options

FULL = {"recipe": "full", "batch_size": 100, "arguments": {"norm": True, "dropout": 0.2}}


@pytest.fixture(scope="module")
def folder(play):
    run = {"options": FULL | {"epochs": 2}}
    return play(
        {
            "run": [run, run, run | {"options": FULL | {"epochs": 3}, "resume": True}],
            "again": [run, run | {"resume": True}],
            "wild": {"options": {"recipe": "wild", "batch_size": 50}},
            "half": {"options": FULL | {"steps": 4, "mixed_precision": "bfloat16"}},
            "compiled": {"options": FULL | {"steps": 4, "jit_compile": True}},
            "accumulated": {
                "options": {
                    "recipe": "plain",
                    "batch_size": 50,
                    "steps": 6,
                    "learning_rate": 0.01,
                    "gradient_accumulation": 2,
                }
            },
            "doubled": {
                "options": {
                    "recipe": "plain",
                    "batch_size": 100,
                    "steps": 3,
                    "learning_rate": 0.01,
                }
            },
            "profiled": {"options": FULL | {"steps": 20}, "profile": True},
            "short": {"options": FULL | {"steps": 7}, "profile": True},
            "too small": {"options": {"name": "alexnet", "recipe": "plain"}},
            "no set": {"options": {"dataset": "no_such_set"}},
            "no such argument": {"options": {"arguments": {"depths": 3}}},
        }
    )


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_history_has_a_row_an_epoch(folder):
    rows = read(folder / "run", "history.json")
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 15), (2, 30)]
    assert set(rows[0]) == {
        *("epoch", "step", "learning_rate", "loss", "accuracy", "val_loss", "val_accuracy")
    }
    lines = (folder / "run" / "history.csv").read_text().splitlines()
    assert lines[0].split(",") == list(rows[0])
    assert [float(v) for v in lines[2].split(",")] == list(rows[1].values())


def test_run_json_says_how(folder):
    run = read(folder / "run", "run.json")
    assert run["status"] == "finished"
    assert run["result"] == read(folder / "run", "history.json")[-1]
    assert run["options"]["dataset"] == "digits"
    assert {"keras", "tensorflow", "numpy", "python"} <= set(run["versions"])
    assert run["seconds"] > 0
    assert run["hardware"]


def test_hardware_counts_the_cores_that_a_run_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    assert distribution.setup("none").hardware == "CPU, 1 core"


def test_run_json_says_how_fast(folder):
    assert read(folder / "run", "run.json")["speed"]["images_per_second"] > 0
    # A run that had nothing left to train keeps what it found.
    assert read(folder / "again", "run.json")["speed"]["images_per_second"] > 0


def test_a_profile_has_a_trace_and_the_share_of_the_peak(folder):
    speed = read(folder / "profiled", "run.json")["speed"]
    assert 0 < speed["share_of_peak"] < 1
    for name in ("profiled", "short"):  # the short one ends while it is traced
        assert list((folder / name / "logs").rglob("*.xplane.pb"))
    assert not list((folder / "run" / "logs").rglob("*.xplane.pb"))


@pytest.mark.parametrize(("gpu", "share"), [(False, 0.012), (True, 0.006)])
def test_speed_counts_six_operations_a_multiply_add(gpu, share, monkeypatch):
    """A multiplication and an addition, once forward and twice backward."""
    inputs = keras.Input((10, 10, 4))
    net = keras.Model(inputs, keras.layers.Conv2D(5, 1)(inputs))  # 10 x 10 x 4 x 5 multiply-adds
    monkeypatch.setattr(speed, "convolution_peak", lambda dtype: 2e9)
    monkeypatch.setattr(speed, "_gpu", lambda: gpu)
    assert speed.report(net, 2000.04, devices=2, dtype="float32") == {
        "images_per_second": 2000.0,
        "gflops": 0.0,
        "convolution_peak_gflops": 4.0 if gpu else 2.0,
        "share_of_peak": share,
    }
    assert speed.report(net, 2e6, devices=1, dtype="float32")["gflops"] == 24.0


def test_there_are_logs_and_a_curve(folder):
    assert list((folder / "run" / "logs").glob("events.out.tfevents.*"))
    assert (folder / "run" / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_the_curve_has_the_papers_number(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    drawn = []
    monkeypatch.setattr(Axes, "axhline", lambda self, y, **_: drawn.append(y))
    rows = [{"epoch": 1, "accuracy": 0.5, "val_accuracy": 0.4}]
    reports.plot_curve(tmp_path, rows, "title", 8.75)
    reports.plot_curve(tmp_path, rows, "title", None)
    assert drawn == [8.75]


def test_the_model_gives_the_accuracy_of_the_history(folder):
    code = """
import sys, json, course.quiet, numpy as np, keras
from course import datasets
from course.training import evaluation
keras.utils.disable_interactive_logging()
folder = sys.argv[1]
run = json.load(open(f"{folder}/run.json"))
images, labels = datasets.load_arrays("digits", "test")
model = keras.saving.load_model(f"{folder}/model.keras")
colors = run["normalization"]
x = (images - np.array(colors["mean"])) / np.array(colors["deviation"])
plain = model.predict(x.astype("float32"))
flipped = model.predict(x[:, :, ::-1].astype("float32"))
print(json.dumps({"sums": plain.sum(1).tolist(),
    "accuracy": float(((plain + flipped).argmax(1) == labels).mean())}))
builders = {m for m in sys.modules if m.startswith(("course.architectures.", "course.blocks"))}
# What recipes read: no builder, no block.
facts = {f"course.architectures.{name}" for name in ("architecture", "published", "registry")}
assert builders <= facts, builders - facts
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "run")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert np.allclose(found["sums"], 1, atol=1e-5)
    (row,) = read(folder / "run", "history.json")[-1:]
    assert found["accuracy"] == pytest.approx(row["val_accuracy"], abs=1e-9)
    assert row["val_accuracy"] * len(datasets.load_arrays("digits", "test")[1]) % 1 < 1e-6


def test_a_folder_with_another_run_is_left_alone(folder):
    error = (folder / "run" / "error.txt").read_text()
    assert "received epochs=3 instead of 2" in error
    assert len(read(folder / "run", "history.json")) == 2


def test_a_finished_run_goes_on_to_nothing(folder):
    assert not (folder / "again" / "error.txt").exists()
    assert len(read(folder / "again", "history.json")) == 2


def test_a_loss_that_is_no_number_stops_with_step_and_cause(folder):
    error = (folder / "wild" / "error.txt").read_text()
    assert "received loss=" in error
    assert "(epoch 1, batch " in error
    assert "learning rate" in error
    assert "--learning-rate" in error
    assert checkpoints.newest(folder / "wild" / "checkpoints") is None


@pytest.mark.parametrize("name", ["half", "compiled"])
def test_options_of_training_work(folder, name):
    (row,) = read(folder / name, "history.json")
    assert np.isfinite(row["loss"])
    assert row["val_accuracy"] > 0.1


def test_accumulated_gradients_are_those_of_a_larger_batch(folder):
    small, large = (
        {
            key: value
            for key, value in checkpoints.newest(folder / name / "checkpoints").arrays.items()
            if key.startswith("model")
        }
        for name in ("accumulated", "doubled")
    )
    assert small.keys() == large.keys()
    for key, value in large.items():
        assert np.abs(value - small[key]).max() < 1e-5, key


@pytest.mark.parametrize(
    "name, message",
    {
        "too small": "alexnet cannot be built for images of 8x8x1 in 10 classes: .*--image-size",
        "no such argument": "10 classes with depths=.*: tiny does not take depths",
    }.items(),
)
def test_what_does_not_fit_is_refused(folder, name, message):
    error = (folder / name / "error.txt").read_text()
    assert re.search(message, error, re.DOTALL)


def test_an_unknown_set_is_told(folder, capsys):
    assert "no_such_set" in (folder / "no set" / "error.txt").read_text()


@pytest.mark.parametrize(
    "line, message",
    {
        "train": "received no name and no dataset",
        "train lenet5": "received no dataset",
        "train lenet5 --dataset digits --recipe slow": "received recipe='slow'",
        "train --resume nowhere": "no name and no dataset, and nowhere, which holds no run to re",
        "train lenet5 --resume nowhere": "received no dataset, and nowhere, which holds no run to",
        "train --resume": "--resume needs the run's folder",
        "train lenet5 --dataset digits --epochs 0": "received epochs=0",
    }.items(),
)
def test_the_command_line_says_what_is_wrong(line, message, capsys):
    assert cli.main(line.split()) == 1
    assert message in capsys.readouterr().err


@pytest.fixture
def started(monkeypatch):
    """Options, folder and whether it resumes, of the run that a command starts."""
    runs = []

    def train(options, folder, *, resume, **_):
        runs.append((options, folder, resume))
        return trainer.Result(folder, [], 0.5, 1.0, None, {})

    monkeypatch.setattr(trainer, "train", train)
    return runs


SHORT = Options("lenet5_modern", "digits", image_size=(32, 32), steps=2, limit=100)


def test_a_run_that_begins_while_data_is_loaded_is_left_alone(tmp_path, monkeypatch):
    def load(*arguments):
        run_json.write_text(json.dumps({"options": SHORT.as_json(), "status": "running"}))
        return loaded

    run_json, loaded = tmp_path / "run.json", trainer.load(SHORT)
    monkeypatch.setattr(trainer, "load", load)
    with pytest.raises(UsageError, match="already contains a run"):
        trainer.train(SHORT, tmp_path, quiet=True)
    assert json.loads(run_json.read_text())["status"] == "running"


def test_only_a_loss_makes_a_run_diverge(tmp_path):
    class Broken(RunObserver):
        def on_step(self, step, logs):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        trainer.train(SHORT, tmp_path, quiet=True, observers=[Broken()])
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "running"


@pytest.mark.parametrize("left", [None, ".lock", "logs"])
def test_a_run_that_wrote_nothing_is_begun_by_resume(left, started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "train lenet5 --dataset digits --epochs 3 --resume".split()
    for folder in (tmp_path / "run", tmp_path / "runs" / "lenet5-digits"):
        if left:
            (folder / left).mkdir(parents=True)
    assert cli.main([*words, str(tmp_path / "run")]) == 0
    assert cli.main([*words, "--out", str(tmp_path / "run")]) == 0
    assert cli.main(words) == 0
    options = Options("lenet5", "digits", epochs=3)
    folders = [tmp_path / "run", tmp_path / "run", Path("runs/lenet5-digits")]
    assert started == [(options, folder, True) for folder in folders]


def test_resume_goes_on_with_the_stored_options(started, tmp_path):
    options = Options("lenet5", "digits", epochs=3, jit_compile=False)
    (tmp_path / "run.json").write_text(json.dumps({"options": options.as_json()}))
    assert cli.main(["train", "--resume", str(tmp_path)]) == 0
    assert started == [(options, tmp_path, True)]


def test_checkpoints_of_an_unknown_run_are_not_gone_on_with(tmp_path, capsys):
    checkpoints.save(tmp_path / "checkpoints", 3, checkpoints.Checkpoint({}, {}))
    line = ["train", "lenet5", "--dataset", "digits", "--resume", str(tmp_path)]
    assert cli.main(line) == 1
    assert "checkpoints but no run.json" in capsys.readouterr().err


def test_help_is_there_without_keras():
    code = (
        "import sys; from course import cli\n"
        "try: cli.main(['train', '--help'])\n"
        "finally: assert not {'keras', 'tensorflow', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--distribute" in done.stdout


@pytest.mark.parametrize(
    ("backend", "asked", "compiled", "words"),
    [
        ("tensorflow", None, False, "a graph of TensorFlow's, not compiled"),
        ("tensorflow", True, True, "compiled with XLA"),
        ("jax", None, True, "compiled with XLA"),
        ("jax", False, False, "not compiled: .*many times slower; leave out --no-jit-compile"),
    ],
)
def test_steps_are_compiled_where_the_backend_needs_it(
    backend, asked, compiled, words, monkeypatch
):
    monkeypatch.setattr("keras.backend.backend", lambda: backend)
    options = Options("lenet5", "digits", jit_compile=asked)
    assert network.uses_xla(options) is compiled
    assert re.match(words, dry_run._how(options))


def test_a_dry_run_trains_nothing(tmp_path):
    line = "train resnet20_cifar --dataset digits --dry-run --batch-size 32 --out"
    done = subprocess.run(
        [sys.executable, "-m", "course.cli", *line.split(), str(tmp_path / "run")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "He et al. 2016, section 4.2" in done.stdout
    for word in ("parameters", "MACs", "memory", "images/s", "time", "not compiled with XLA"):
        assert word in done.stdout
    assert not (tmp_path / "run").exists()
    assert done.stderr == ""
