"""The command `course list`."""

from __future__ import annotations

import argparse

from course.listing.numbers import as_json, choose
from course.listing.table import ORDERS, listing


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    command.add_argument(
        "patterns", metavar="NAME", nargs="*", help="a glob such as 'resnet*', or a family"
    )
    command.add_argument(
        "--sort", choices=ORDERS, help="default: the order of the registry, family by family"
    )
    how = command.add_mutually_exclusive_group()
    how.add_argument("--names", action="store_true", help="print names alone")
    how.add_argument("--json", action="store_true", help="print exact numbers and all errors")


def run(args: argparse.Namespace) -> int:
    """Print the networks that were asked for."""
    rows = choose(args.patterns)
    if args.sort:
        rows.sort(key=ORDERS[args.sort])
    if args.json:
        print(as_json(rows), end="")
    else:
        print("\n".join(row.name for row in rows) if args.names else listing(rows))
    return 0
