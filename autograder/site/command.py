"""`autograder site`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    command.add_argument(
        "--out", type=Path, default=Path("build/site"), metavar="DIR", help="default: %(default)s"
    )


def run(args: argparse.Namespace) -> int:
    """Build the site, and say where to open it."""
    import course.quiet  # noqa: F401  (before Keras)
    from autograder.site.build import build

    built = build(Path(args.course).resolve(), args.out.resolve())
    print(f"{built.pages} pages in {built.seconds:.0f} s. Open {built.index.as_uri()}")
    return 0
