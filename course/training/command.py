"""`course train`: from the command line to a run and its last words."""

from __future__ import annotations

import argparse
from pathlib import Path

from course.training import distribution, options


def run(arguments: argparse.Namespace) -> int:
    """Train, or print what training would do.

    Raises:
        ValueError: no architecture or set, or anything that doesn't fit.
    """
    given = options.given(arguments)
    if arguments.resume:
        chosen, folder = _resumed(arguments, given)
    else:
        missing = [name for name in ("name", "dataset") if name not in given]
        if missing:
            raise ValueError(
                "A run needs an architecture and --dataset; received no "
                f"{' and no '.join(missing)}. Example: course train resnet20_cifar --dataset digits"
            )
        chosen = options.Options(**given)
        folder = arguments.out or _default_folder(chosen)
    distribution.choose_backend(chosen.distribute)
    import course.quiet  # noqa: F401
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


def _default_folder(chosen: options.Options) -> Path:
    return Path("runs") / f"{chosen.name}-{chosen.dataset.replace('/', '-').replace(':', '-')}"


def _resumed(arguments, given) -> tuple[options.Options, Path]:
    from course.training import run_folder

    folder = arguments.resume if arguments.resume is not True else arguments.out
    if folder is None and {"name", "dataset"} <= set(given):
        folder = _default_folder(options.Options(name=given["name"], dataset=given["dataset"]))
    if folder is None:
        raise ValueError(
            "--resume needs the run's folder; received none. Example: course train --resume "
            "runs/resnet20_cifar-digits"
        )
    stored = run_folder.read(folder)["options"]
    return options.from_json(stored, given), Path(folder)
