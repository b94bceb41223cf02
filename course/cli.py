"""The command line: `course --help` lists the commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from course import __version__
from course._command_line import exit_status
from course.completion import complete, typed
from course.errors import UsageError
from course.listing import command as listing
from course.student import commands as student

Command = Callable[[argparse.Namespace], int]


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of a command line."""
    parser = argparse.ArgumentParser(
        prog="course",
        description="The papers' convolutional networks by name, and a student's work.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing.add_arguments(_add(commands, "list", listing.run, "list all architectures"))
    command = _add(commands, "describe", _describe, "show paper, table, sizes, published errors")
    command.add_argument("name", metavar="NAME")
    command = _add(
        commands, "profile", _profile, "show shapes, memory, parameters and MACs layer by layer"
    )
    command.add_argument("name", metavar="NAME")
    command.add_argument("--input-shape", metavar="HxWxC", help="default: the paper's")
    command.add_argument("--classes", type=int, metavar="N", help="default: the paper's")
    command = _add(commands, "compare", _compare, "plot published accuracy against MACs")
    command.add_argument("names", metavar="NAME", nargs="*", help="default: all with that error")
    command.add_argument("--measure", default="ImageNet top-1 error", help="default: %(default)s")
    command.add_argument("--out", default="comparison.png", help="written as .png and as .svg")
    command.add_argument("--count", action="store_true", help="build the networks and count again")
    train = _add(commands, "train", _train, "train with the paper's recipe, or resume a run")
    tune = _add(commands, "finetune", _finetune, "tune trained weights to another dataset")
    if {"train", "finetune"} & set(words):  # reading their options takes longer than all the rest
        from course.training.options import add_arguments
        from course.transfer.options import TuningOptions

        add_arguments(train)
        add_arguments(tune, TuningOptions)
    _add_study(commands)
    _add_scaling(commands)
    _add_bench(commands)
    student.add_arguments(
        _add(commands, "lab", student.lab, "open JupyterLab on your lectures and assignments"),
        _add(commands, "check", student.check, "run an assignment's examples; show a table"),
        _add(commands, "submit", student.submit, "check an assignment and make its archive"),
    )
    command = _add(commands, "doctor", _doctor, "check what this machine can do")
    command.add_argument(
        "--folder", default=".", metavar="DIR", help="the course's folder (default: here)"
    )
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    function: Command,
    summary: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=summary)
    command.set_defaults(function=function)
    return command


def _add_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = "run studies, or show their errors beside the papers'"
    study = commands.add_parser("study", help=summary, description=summary)
    actions = study.add_subparsers(required=True, metavar="ACTION")
    command = _add(
        actions, "run", _study_run, "train what a study lacks and keep its curves in data/runs"
    )
    command.add_argument("study", metavar="STUDY", help="such as degradation")
    command.add_argument("--variant", metavar="V", help="default: all")
    command.add_argument("--seed", type=int, metavar="K", help="default: all")
    command.add_argument("--data-dir", metavar="DIR", help="folder for data; default TFDS_DATA_DIR")
    command.add_argument("--dry-run", action="store_true", help="print the commands; train nothing")
    command = _add(actions, "show", _study_show, "show recorded errors beside the papers'")
    command.add_argument("studies", metavar="STUDY", nargs="*", help="default: all")
    command.add_argument("--write", metavar="PAGE", help="update the tables of a page")


def _add_scaling(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(
        commands, "scaling", _scaling, "estimate the time of a training step on many GPUs"
    )
    command.add_argument("names", metavar="NAME", nargs="*", help="default: those of the docs")
    command.add_argument("--gpus", type=int, metavar="N", help="default: the docs' two clusters")
    command.add_argument("--bandwidth", type=float, default=12.5, metavar="GB/S",
        help="of the slowest link in one direction; default: %(default)s, a network's")  # fmt: skip
    command.add_argument("--latency", type=float, default=100, metavar="US",
        help="microseconds of a small all-reduce; default: %(default)s")  # fmt: skip
    command.add_argument("--batch-size", type=int, default=128, metavar="B", help="per GPU")
    command.add_argument("--rate", type=float, metavar="TFLOP/S", help="that a GPU reaches")


def _add_bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(
        commands, "bench", _bench, "compare the speed of our networks and keras.applications'"
    )
    command.add_argument("names", metavar="NAME", nargs="*", help="default: five of them")
    command.add_argument(
        "--training", action="store_true", help="compare `course train` and `fit` instead"
    )
    command.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    command.add_argument(
        "--processes", type=int, default=4, help="to repeat the timing in; default: %(default)s"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run one command; see :func:`course._command_line.exit_status`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _parser(typed(arguments))
    complete(parser)
    args = parser.parse_args(arguments)
    return exit_status("course", lambda: args.function(args))


def _describe(args: argparse.Namespace) -> int:
    import course.quiet  # noqa: F401
    from course import architectures

    print(architectures.describe(args.name))
    return 0


def _profile(args: argparse.Namespace) -> int:
    import course.quiet  # noqa: F401
    from course import architectures, sizing

    shape = _shape(args.input_shape) if args.input_shape else None
    model = architectures.build(args.name, input_shape=shape, classes=args.classes)
    print(sizing.profile(model))
    return 0


def _compare(args: argparse.Namespace) -> int:
    from course.visualization import comparison

    def say(place: int, total: int, name: str) -> None:
        print(f"counted {place} of {total}: {name}", file=sys.stderr, flush=True)

    rows = comparison.collect(args.names, measure=args.measure, count=args.count, on_row=say)
    print(comparison.table(rows))
    paths = comparison.save(comparison.plot(rows, measure=args.measure), args.out)
    print("written:", ", ".join(map(str, paths)))
    return 0


def _train(args: argparse.Namespace) -> int:
    from course import gpu
    from course.training import command

    gpu.warn()
    return command.run(args)


def _finetune(args: argparse.Namespace) -> int:
    from course import gpu
    from course.training import command
    from course.transfer.options import TuningOptions

    gpu.warn()
    return command.run(args, TuningOptions)


def _study_run(args: argparse.Namespace) -> int:
    from course.studies import get_study, runs

    study = get_study(args.study)
    for variant, seed in runs.missing(args.study, args.variant, args.seed):
        print(runs.command(study.options(variant, seed)), flush=True)
        if not args.dry_run:
            runs.record(args.study, variant, seed, data_dir=args.data_dir)
    return 0


def _study_show(args: argparse.Namespace) -> int:
    from course.studies import STUDIES, get_study, tables

    if args.write:
        tables.write(args.write)
        return 0
    for name in args.studies or STUDIES:
        print(f"{name}: {get_study(name).question}\n\n{tables.markdown(name)}\n")
    return 0


def _scaling(args: argparse.Namespace) -> int:
    import course.quiet  # noqa: F401
    from course.benchmarks import scaling

    clusters = scaling.CLUSTERS
    if args.gpus is not None:
        link = scaling.Link(args.gpus, 1e9 * args.bandwidth, 1e-6 * args.latency)
        clusters = {f"{args.gpus} GPUs": link}
    rate = None if args.rate is None else 1e12 * args.rate
    print(scaling.table(args.names or scaling.RATES, clusters, args.batch_size, rate))
    return 0


def _bench(args: argparse.Namespace) -> int:
    from course.benchmarks.networks import NETWORKS, run_bench
    from course.benchmarks.training import run_training_bench

    if not args.training:
        run_bench(args.names or NETWORKS, args.rounds, args.processes)
    if args.training or not args.names:
        run_training_bench(args.rounds, args.processes)
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from course import doctor

    return doctor.examine(doctor.checks(Path(args.folder).resolve()))


def _shape(text: str) -> tuple[int, int, int]:
    try:
        height, width, channels = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise UsageError(f"--input-shape must look like 32x32x3; received {text!r}.") from None
    return height, width, channels


if __name__ == "__main__":
    sys.exit(main())
