"""`course train`: from the command line to a run and a summary of its result."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from course.errors import UsageError
from course.training import checkpoints, options, run_folder
from course.training.options import Options


def run(arguments: argparse.Namespace, kind: type[Options] = Options) -> int:
    """Train, or print what training would do.

    Args:
        arguments: of the command line.
        kind: class of the command's options.

    Raises:
        UsageError: no architecture or dataset, or options that do not fit.
    """
    given = options.given(arguments, kind)
    folder = _folder(arguments, given, kind)
    run = run_folder.read(folder) if arguments.resume else None
    if run:
        chosen = options.from_json(run["options"], given, kind)
    else:
        chosen = kind(**_whole(given, kind, folder if arguments.resume else None))
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
    for line in chosen.remarks(result, arguments.data_dir):
        print(line)
    print(f"written: {result.folder}")
    return 0


def _folder(arguments: argparse.Namespace, given: dict[str, Any], kind: type[Options]) -> Path:
    """Return the run's folder, which need not exist."""
    named = arguments.resume if arguments.resume not in (None, True) else arguments.out
    if named is not None:
        return Path(named)
    if arguments.resume and not {"name", "dataset"} <= set(given):
        raise UsageError(
            f"--resume needs the run's folder; received none. Example: course {kind.command} "
            f"--resume runs/resnet20_cifar-digits{kind.suffix}"
        )
    whole = _whole(given, kind)
    dataset = re.sub("[/:]", "-", whole["dataset"])
    return Path("runs") / f"{whole['name']}-{dataset}{kind.suffix}"


def _whole(given: dict[str, Any], kind: type[Options], empty: Path | None = None) -> dict[str, Any]:
    """Return the options of a new run.

    Args:
        given: options on the command line.
        kind: class of the command's options.
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
        f"Example: course {kind.command} resnet20_cifar --dataset digits"
    )
