"""The command line: `course --help` lists the commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from course import __version__
from course._command_line import exit_status
from course.errors import UsageError
from course.training.options import add_arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="course", description="The papers' convolutional networks, by name."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str, function: Callable[[argparse.Namespace], int], summary: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(function=function)
        return command

    add("list", _list, "every architecture's name")
    command = add("describe", _describe, "paper, table, sizes, published errors")
    command.add_argument("name", metavar="NAME")
    command = add("profile", _profile, "the model's table: shapes, memory, parameters, MACs")
    command.add_argument("name", metavar="NAME")
    command.add_argument("--input-shape", metavar="HxWxC", help="default: the paper's")
    command.add_argument("--classes", type=int, metavar="N", help="default: the paper's")
    command = add("compare", _compare, "published accuracy against MACs, as a plot and a table")
    command.add_argument("names", metavar="NAME", nargs="*", help="default: all that have an error")
    command.add_argument("--measure", default="ImageNet top-1 error", help="default: %(default)s")
    command.add_argument("--out", default="comparison.png", help="written as .png and as .svg")
    add_arguments(add("train", _train, "train with the paper's recipe, or resume a run"))
    command = add(
        "record", _record, "train the missing runs of a study and record them in data/runs"
    )
    command.add_argument("study", metavar="STUDY", help="such as degradation")
    command.add_argument("--variant", metavar="V", help="default: all")
    command.add_argument("--seed", type=int, metavar="K", help="default: all")
    command.add_argument("--data-dir", metavar="DIR", help="folder for data; default TFDS_DATA_DIR")
    command.add_argument("--dry-run", action="store_true", help="print the commands; train nothing")
    command = add("runs", _runs, "recorded studies: our errors beside the papers'")
    command.add_argument("studies", metavar="STUDY", nargs="*", help="default: all")
    command.add_argument("--write", metavar="PAGE", help="update the tables in a Markdown page")
    command = add("scaling", _scaling, "estimate the time of a training step on many GPUs")
    command.add_argument("names", metavar="NAME", nargs="*", help="default: those of the docs")
    command.add_argument("--gpus", type=int, metavar="N", help="default: the docs' two clusters")
    command.add_argument("--bandwidth", type=float, default=12.5, metavar="GB/S",
        help="of the slowest link, one way; default: %(default)s, of a network")  # fmt: skip
    command.add_argument("--latency", type=float, default=100, metavar="US",
        help="of a small exchange, in microseconds; default: %(default)s")  # fmt: skip
    command.add_argument("--batch-size", type=int, default=128, metavar="B", help="per GPU")
    command.add_argument("--rate", type=float, metavar="TFLOP/S", help="achieved by a GPU")
    command = add("bench", _bench, "time our networks against those of keras.applications")
    command.add_argument("names", metavar="NAME", nargs="*", help="default: five networks")
    command.add_argument(
        "--training", action="store_true", help="time `course train` against a bare `fit`"
    )
    command.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    command.add_argument(
        "--processes", type=int, default=4, help="number of processes; default: %(default)s"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; see :func:`course._command_line.exit_status`."""
    args = _parser().parse_args(arguments)
    return exit_status("course", lambda: args.function(args))


def _list(args: argparse.Namespace) -> int:
    import course.quiet  # noqa: F401
    from course import architectures

    print("\n".join(architectures.names()))
    return 0


def _describe(args: argparse.Namespace) -> int:
    import course.quiet  # noqa: F401
    from course import architectures

    print(architectures.describe(args.name))
    return 0


def _profile(args: argparse.Namespace) -> int:
    import course.quiet  # noqa: F401
    from course import architectures, sizing

    shape = args.input_shape and _shape(args.input_shape)
    model = architectures.build(args.name, input_shape=shape, classes=args.classes)
    print(sizing.profile(model))
    return 0


def _bench(args: argparse.Namespace) -> int:
    from course.benchmarks.networks import NETWORKS, run_bench
    from course.benchmarks.training import run_training_bench

    if not args.training:
        run_bench(args.names or NETWORKS, args.rounds, args.processes)
    if args.training or not args.names:
        run_training_bench(args.rounds, args.processes)
    return 0


def _compare(args: argparse.Namespace) -> int:
    import course.quiet  # noqa: F401
    from course.visualization import comparison

    rows = comparison.collect(args.names, measure=args.measure)
    print(comparison.table(rows))
    paths = comparison.save(comparison.plot(rows, measure=args.measure), args.out)
    print("written:", ", ".join(map(str, paths)))
    return 0


def _train(args: argparse.Namespace) -> int:
    from course.training import command

    return command.run(args)


def _record(args: argparse.Namespace) -> int:
    from course.studies import get_study, runs

    study = get_study(args.study)
    for variant, seed in runs.missing(args.study, args.variant, args.seed):
        print(runs.command(study.options(variant, seed)), flush=True)
        if not args.dry_run:
            runs.record(args.study, variant, seed, data_dir=args.data_dir)
    return 0


def _scaling(args: argparse.Namespace) -> int:
    import course.quiet  # noqa: F401
    from course.benchmarks import scaling

    clusters = None
    if args.gpus:
        link = {"bandwidth": 1e9 * args.bandwidth, "latency": 1e-6 * args.latency}
        clusters = {f"{args.gpus} GPUs": {"gpus": args.gpus, **link}}
    rate = args.rate and 1e12 * args.rate
    names = args.names or scaling.RATES
    print(scaling.table(names, clusters, args.batch_size, rate))
    return 0


def _runs(args: argparse.Namespace) -> int:
    from course.studies import STUDIES, get_study, tables

    if args.write:
        tables.write(args.write)
        return 0
    for name in args.studies or STUDIES:
        print(f"{name}: {get_study(name).question}\n\n{tables.markdown(name)}\n")
    return 0


def _shape(text: str) -> tuple[int, int, int]:
    try:
        height, width, channels = map(int, text.lower().split("x"))
        return height, width, channels
    except ValueError:
        raise UsageError(f"--input-shape must look like 32x32x3; received {text!r}.") from None


if __name__ == "__main__":
    sys.exit(main())
