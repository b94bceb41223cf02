"""What a run prints, how far it has come, and when it stops."""

import io
import re

import numpy as np
import pytest

from course.training import progress
from course.training.data import TrainingData
from course.training.options import Options
from course.training.plan import Plan, resolve
from course.training.progress import Progress
from course.training.run_state import RunState

ROWS = [
    {"epoch": 1, "step": 10, "loss": 1.23456, "val_accuracy": 0.5},
    {"epoch": 2, "step": 20, "loss": 0.5, "val_accuracy": 0.75},
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def plan(**options) -> Plan:
    examples = np.zeros((100, 8, 8, 1), "uint8"), np.arange(100) % 10
    data = TrainingData(examples, examples, "test", 10, [0.0], [1.0])
    return resolve(Options("lenet5", "digits", batch_size=10, epochs=2, **options), data)


def shown(stream: io.StringIO) -> str:
    observer = Progress(plan(), stream)
    for epoch, row in enumerate(ROWS):
        for step in range(10):
            observer.on_step(10 * epoch + step + 1, {"loss": np.float32(0.25)})
        observer.on_epoch(ROWS[: epoch + 1])
        assert row["step"] == 10 * epoch + 10
    observer.on_end()
    return stream.getvalue()


def test_a_file_gets_a_line_per_epoch(monkeypatch):
    monkeypatch.setattr(progress, "_REFRESH", 0.0)
    lines = shown(io.StringIO()).splitlines()
    assert len(lines) == 2
    for epoch, line in enumerate(lines, 1):
        assert line.startswith(f"epoch {epoch}/2  loss ")
        assert re.search(r"  [\d,]+ images/s  \d+ s left$", line)
    assert "loss 1.235  val_accuracy 0.5" in lines[0]


def test_a_terminal_gets_a_bar_too(monkeypatch):
    monkeypatch.setattr(progress, "_REFRESH", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    text = shown(Terminal())
    assert "loss 0.2500" in text
    assert "10/10" in text
    assert "epoch 2/2  loss 0.5  val_accuracy 0.75" in text


def test_steps_are_not_looked_at_too_often():
    class Logs(dict):
        def items(self):
            raise AssertionError("a look at a step's logs waits for the device")

    observer = Progress(plan(), io.StringIO())
    observer.on_step(1, Logs())
    observer.on_step(2, Logs())


@pytest.mark.parametrize(
    ("accuracies", "stopped"),
    [([], False), ([0.5], False), ([0.5, 0.6, 0.6], False), ([0.5, 0.6, 0.6, 0.5], True)],
)
def test_early_stop_waits_for_a_better_epoch(accuracies, stopped):
    state = RunState(step=5, history=[{"val_accuracy": value} for value in accuracies])
    patient = plan(validation=0.1, early_stop=2)
    assert state.stopped_early(patient) is stopped
    assert state.finished(patient) is stopped
    assert not state.stopped_early(plan())
    assert state.best_accuracy == max(accuracies, default=float("-inf"))


def test_a_state_survives_a_checkpoint():
    state = RunState(20, list(ROWS), previous_seconds=60.0)
    values = state.values(20)
    state.history.append(ROWS[0])
    again = RunState.from_values(values)
    assert (again.step, again.history) == (20, ROWS)
    assert again.previous_seconds >= 60
    assert again.finished(plan())
