"""``python -m course.datasets NAME...``: make or download sets, so that they are there later."""

from __future__ import annotations

import argparse
import sys

from course import datasets
from course.datasets import store


def main(arguments: list[str] | None = None) -> int:
    """Prepare the named sets, or list those that are ready."""
    parser = argparse.ArgumentParser(prog="python -m course.datasets", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="none: list all available")
    parser.add_argument("--data-dir", help="folder for data; otherwise TFDS_DATA_DIR")
    chosen = parser.parse_args(arguments)
    if not chosen.names:
        print(*datasets.names(chosen.data_dir), sep="\n")
    for name in chosen.names:
        try:
            ready = store.builder(name, chosen.data_dir, verbose=True)
        except datasets.DatasetNotFoundError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{name}: {ready.data_dir}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
