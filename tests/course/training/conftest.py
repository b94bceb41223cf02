"""Runs in processes of their own."""

import json
import os
import subprocess
import sys

import pytest

ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}


def _start(root, folder, name, jobs, environment, program=("-m", "tests.course.training.runs")):
    path = folder / f"{name}.json"
    path.write_text(json.dumps(jobs))
    return subprocess.Popen(
        [sys.executable, *program, str(path)],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | ENVIRONMENT | environment,
    )


def _end(process, codes=(0,)):
    _, errors = process.communicate(timeout=1200 + 60 * int(os.environ.get("KILLS", "0")))
    assert process.returncode in codes, errors[-3000:]


@pytest.fixture(scope="module")
def play(root, tmp_path_factory):
    """Plays jobs of ``runs.py``, one after another; returns their folder."""

    def play(jobs: dict[str, list[dict] | dict]):
        folder = tmp_path_factory.mktemp("runs")
        flat = [
            {"folder": str(folder / name)} | job
            for name, some in jobs.items()
            for job in (some if isinstance(some, list) else [some])
        ]
        _end(_start(root, folder, "jobs", flat, {}))
        return folder

    return play


@pytest.fixture(scope="module")
def play_alone(root, tmp_path_factory):
    """Plays one job for each environment at the same time; returns the jobs' folder."""
    folder = tmp_path_factory.mktemp("alone")

    def play(name: str, job: dict, environments: list[dict], program=None):
        program = {"program": program} if program else {}
        job = {"folder": str(folder / name)} | job
        processes = [
            _start(root, folder, name, [job], environment, **program)
            for environment in environments
        ]
        for process in processes:
            _end(process, (0, 1, -9) if "die" in job else (0,))  # 1: its partner was killed
        return folder / name

    return play
