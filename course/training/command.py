"""`course train`: from the command line to a run and a summary of its result."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from course.errors import UsageError
from course.training import checkpoints, options, run_folder


def run(arguments: argparse.Namespace) -> int:
    """Train, or print what training would do.

    Raises:
        UsageError: no architecture or dataset, or options that do not fit.
    """
    given = options.given(arguments)
    folder = _folder(arguments, given)
    run = run_folder.read(folder) if arguments.resume else None
    if run:
        chosen = options.from_json(run["options"], given)
    else:
        chosen = options.Options(**_whole(given, folder if arguments.resume else None))
    checkpoints.check_interval(arguments.checkpoint_every)
    from course.training import dry_run, trainer

    if arguments.dry_run:
        print(dry_run.describe(chosen, arguments.data_dir))
        return 0
    result = trainer.train(
        chosen,
        folder,
        resume=bool(arguments.resume),
        checkpoint_every=arguments.checkpoint_every,
        data_dir=arguments.data_dir,
        profile=arguments.profile,
        quiet=arguments.quiet,
    )
    paper = f"; the paper: {result.paper:g} %" if result.paper is not None else ""
    print(f"{chosen.name} on {chosen.dataset}: {result.error:.2f} % error{paper}")
    for key, value in result.speed.items():
        print(f"{key.replace('_', ' ')}: {value:,}")
    print(f"written: {result.folder}")
    return 0


def _folder(arguments: argparse.Namespace, given: dict[str, Any]) -> Path:
    """Return the run's folder, which need not exist."""
    named = arguments.resume if arguments.resume not in (None, True) else arguments.out
    if named is not None:
        return Path(named)
    if arguments.resume and not {"name", "dataset"} <= set(given):
        raise UsageError(
            "--resume needs the run's folder; received none. Example: course train --resume "
            "runs/resnet20_cifar-digits"
        )
    whole = _whole(given)
    return Path("runs") / f"{whole['name']}-{re.sub('[/:]', '-', whole['dataset'])}"


def _whole(given: dict[str, Any], empty: Path | None = None) -> dict[str, Any]:
    """Return the options of a new run.

    Args:
        given: options on the command line.
        empty: folder without a run, if it was to be resumed.

    Raises:
        UsageError: no architecture or no dataset.
    """
    missing = [name for name in ("name", "dataset") if name not in given]
    if not missing:
        return given
    received = f"no {' and no '.join(missing)}"
    if empty:
        received += f", and {empty}, which holds no run to resume"
    raise UsageError(
        f"A run needs an architecture and --dataset; received {received}. "
        "Example: course train resnet20_cifar --dataset digits"
    )
