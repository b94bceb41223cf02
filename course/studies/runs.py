"""Recorded training runs, for lectures, assignments and docs.

    >>> from course.studies import runs
    >>> [row.variant for row in runs.table("degradation")]
    ['plain20', 'resnet20', 'plain56', 'resnet56']

``course study run`` records them, ``course study show`` shows them. Loads neither Keras nor
TensorFlow: each run is trained in a separate process.
"""

from __future__ import annotations

import json
import shlex
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from course._files import project_path, write_text
from course.errors import UsageError
from course.studies import catalog
from course.training.options import Options

FOLDER = project_path("data", "runs")
SCRATCH = project_path("build", "runs")
_DIGITS = 6  # after the point, of every number in a record


@dataclass(frozen=True)
class Run:
    """One training run of a study."""

    variant: str
    seed: int
    history: Mapping[str, list[float]]  # loss, accuracy, test_loss, test_accuracy, ... by epoch
    result: Mapping[str, float]  # the last epoch's numbers
    command: str
    seconds: float
    hardware: str
    versions: Mapping[str, str]

    @property
    def error(self) -> float:
        """The error on the test set after the last epoch, in percent."""
        return 100 * (1 - self.result["test_accuracy"])

    @property
    def training_error(self) -> float:
        """The error on the training examples during the last epoch, in percent."""
        return 100 * (1 - self.result["accuracy"])


class Row(NamedTuple):
    """A variant in :func:`table`. Errors are in percent, means over the runs."""

    variant: str
    runs: int
    error: float
    deviation: float | None  # standard deviation of the error; None for one run
    training_error: float
    paper: str


def load(study: str, folder: Path | None = None) -> list[Run]:
    """Load the recorded runs of a study, ordered by variant and seed.

    Args:
        study: a key of :data:`course.studies.catalog.STUDIES`.
        folder: of the records; None for ``data/runs``.

    Raises:
        UsageError: if there is no such study.

    Example:
        >>> sorted({run.variant for run in load("degradation")})
        ['plain20', 'plain56', 'resnet20', 'resnet56']
    """
    found = []
    for variant, seed in _all(catalog.get_study(study)):
        path = _path(study, variant, seed, folder)
        if path.exists():
            record = json.loads(path.read_text())
            found.append(Run(**{name: record[name] for name in Run.__dataclass_fields__}))
    return found


def table(study: str, folder: Path | None = None) -> list[Row]:
    """Compute mean and standard deviation (over n - 1) of each variant's errors.

    Args:
        study, folder: as in :func:`load`.

    Raises:
        UsageError: if there is no such study.
    """
    runs, rows = load(study, folder), []
    for name, variant in catalog.get_study(study).variants.items():
        own = [run for run in runs if run.variant == name]
        if own:
            errors = [run.error for run in own]
            rows.append(
                Row(
                    name,
                    len(own),
                    statistics.fmean(errors),
                    statistics.stdev(errors) if len(errors) > 1 else None,
                    statistics.fmean(run.training_error for run in own),
                    variant.paper,
                )
            )
    return rows


def command(options: Options) -> str:
    """Write the command line that trains with these options."""
    return shlex.join(["course", "train", *options.as_arguments()])


def missing(
    study: str, variant: str | None = None, seed: int | None = None, folder: Path | None = None
) -> list[tuple[str, int]]:
    """List variants and seeds that have no record of the study's current command, seed by seed.

    Args:
        study: a key of :data:`course.studies.catalog.STUDIES`.
        variant, seed: of the study; None for all.
        folder: of the records; None for ``data/runs``.

    Raises:
        UsageError: if there is no such study, variant or seed.
    """
    whole = catalog.get_study(study)
    for value, known in ((variant, whole.variants), (seed, whole.seeds)):
        if value is not None and value not in known:
            raise UsageError(
                f"{study} has {', '.join(map(str, known))}; received {value}. Choose one of these."
            )
    wanted = [
        (v, s) for v, s in _all(whole) if variant in (None, v) and seed in (None, s)
    ]  # fmt: skip
    return sorted(
        (pair for pair in wanted if not _recorded(study, *pair, folder)), key=lambda pair: pair[1]
    )


def record(
    study: str,
    variant: str,
    seed: int,
    *,
    folder: Path | None = None,
    scratch: Path | None = None,
    data_dir: str | None = None,
) -> Path:
    """Train one variant with one seed, or resume its run, and write the record.

    Args:
        study, variant, seed: as in :func:`missing`.
        folder: of the records; None for ``data/runs``.
        scratch: folder for unfinished runs; None for ``build/runs``.
        data_dir: folder for data.

    Returns:
        The record's path.

    Raises:
        UsageError: if the run fails.
    """
    options = catalog.get_study(study).options(variant, seed)
    run = (scratch or SCRATCH) / study / f"{variant}-seed{seed}"
    words = ["train", *options.as_arguments(), "--resume", str(run)]
    words += ["--data-dir", str(data_dir)] if data_dir else []
    # A separate process, so that a run is the same whatever was trained before it.
    done = subprocess.run([sys.executable, "-m", "course.cli", *words])
    if done.returncode:
        raise UsageError(
            f"Training {variant} with seed {seed} failed (exit code {done.returncode}). Its folder "
            f"is {run}."
        )
    path = _path(study, variant, seed, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_record(run, variant, options), indent=1)
    write_text(path, text + "\n")
    return path


def _record(run: Path, variant: str, options: Options) -> dict[str, Any]:
    """Collect what a record keeps of a run's folder."""
    about = json.loads((run / "run.json").read_text())
    rows = json.loads((run / "history.json").read_text())
    history = {_name(key): [_short(row[key]) for row in rows] for key in rows[0]}
    return {
        "command": command(options),
        "variant": variant,
        "seed": options.seed,
        "versions": about["versions"],
        "hardware": about["hardware"],
        "seconds": about["seconds"],
        "result": {key: values[-1] for key, values in history.items()},
        "history": history,
    }


def _name(key: str) -> str:
    """Say that the evaluation was on the test set, as it is in all studies."""
    return key.replace("val_", "test_")


def _short(number: float) -> float:
    return round(number, _DIGITS)


def _all(study: catalog.Study) -> list[tuple[str, int]]:
    return [(variant, seed) for variant in study.variants for seed in study.seeds]


def _path(study: str, variant: str, seed: int, folder: Path | None) -> Path:
    return (folder or FOLDER) / study / f"{variant}-seed{seed}.json"


def _recorded(study: str, variant: str, seed: int, folder: Path | None) -> bool:
    path = _path(study, variant, seed, folder)
    if not path.exists():
        return False
    options = catalog.get_study(study).options(variant, seed)
    return json.loads(path.read_text())["command"] == command(options)
