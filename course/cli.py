"""The command line: `course --help` lists the commands."""

from __future__ import annotations

import argparse
import sys

from course._command_line import exit_status
from course.errors import UsageError
from course.training.options import add_arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="course", description="The papers' convolutional networks, by name."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, function, summary):
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
    command.add_argument("names", metavar="NAME", nargs="*", help="default: all that can be")
    command.add_argument("--measure", default="ImageNet top-1 error", help="default: %(default)s")
    command.add_argument("--out", default="comparison.png", help="written as .png and as .svg")
    add_arguments(add("train", _train, "train by the paper's recipe, or go on with a run"))
    command = add("record", _record, "train what a study lacks and keep its curves in data/runs")
    command.add_argument("study", metavar="STUDY", help="such as degradation")
    command.add_argument("--variant", metavar="V", help="default: all")
    command.add_argument("--seed", type=int, metavar="K", help="default: all")
    command.add_argument("--data-dir", metavar="DIR", help="folder for data; default TFDS_DATA_DIR")
    command.add_argument("--dry-run", action="store_true", help="print the commands; train nothing")
    command = add("runs", _runs, "recorded studies: our errors beside the papers'")
    command.add_argument("studies", metavar="STUDY", nargs="*", help="default: all")
    command.add_argument("--write", metavar="PAGE", help="put the tables into a page")
    command = add("scaling", _scaling, "a step's arithmetic and exchange on many GPUs, estimated")
    command.add_argument("names", metavar="NAME", nargs="*", help="default: those of the docs")
    command.add_argument("--gpus", type=int, metavar="N", help="default: the docs' two clusters")
    command.add_argument("--bandwidth", type=float, default=12.5, metavar="GB/S",
        help="of the slowest link in one direction; default: %(default)s, a network's")  # fmt: skip
    command.add_argument("--latency", type=float, default=100, metavar="US",
        help="microseconds of a small exchange; default: %(default)s")  # fmt: skip
    command.add_argument("--batch-size", type=int, default=128, metavar="B", help="on each GPU")
    command.add_argument("--rate", type=float, metavar="TFLOP/S", help="that a GPU reaches")
    command = add("bench", _bench, "our networks' speed beside keras.applications'")
    command.add_argument("names", metavar="NAME", nargs="*", help="default: five of them")
    command.add_argument(
        "--training", action="store_true", help="`course train` beside `fit` alone"
    )
    command.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    command.add_argument(
        "--processes", type=int, default=4, help="to repeat it in; default: %(default)s"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; see :func:`course._command_line.exit_status`."""
    options = _parser().parse_args(arguments)
    return exit_status("course", lambda: options.function(options))


def _list(options) -> int:
    import course.quiet  # noqa: F401
    from course import architectures

    print("\n".join(architectures.names()))
    return 0


def _describe(options) -> int:
    import course.quiet  # noqa: F401
    from course import architectures

    print(architectures.describe(options.name))
    return 0


def _profile(options) -> int:
    import course.quiet  # noqa: F401
    from course import architectures, sizing

    shape = options.input_shape and _shape(options.input_shape)
    model = architectures.build(options.name, input_shape=shape, classes=options.classes)
    print(sizing.profile(model))
    return 0


def _bench(options) -> int:
    from course.benchmarks.networks import NETWORKS, run_bench
    from course.benchmarks.training import run_training_bench

    if not options.training:
        run_bench(options.names or NETWORKS, options.rounds, options.processes)
    if options.training or not options.names:
        run_training_bench(options.rounds, options.processes)
    return 0


def _compare(options) -> int:
    import course.quiet  # noqa: F401
    from course.visualization import comparison

    rows = comparison.collect(options.names, measure=options.measure)
    print(comparison.table(rows))
    paths = comparison.save(comparison.plot(rows, measure=options.measure), options.out)
    print("written:", ", ".join(map(str, paths)))
    return 0


def _train(options) -> int:
    from course.training import command

    return command.run(options)


def _record(options) -> int:
    from course.studies import get_study, runs

    study = get_study(options.study)
    for variant, seed in runs.missing(options.study, options.variant, options.seed):
        print(runs.command(study.options(variant, seed)), flush=True)
        if not options.dry_run:
            runs.record(options.study, variant, seed, data_dir=options.data_dir)
    return 0


def _scaling(options) -> int:
    import course.quiet  # noqa: F401
    from course.benchmarks import scaling

    clusters = None
    if options.gpus:
        link = {"bandwidth": 1e9 * options.bandwidth, "latency": 1e-6 * options.latency}
        clusters = {f"{options.gpus} GPUs": {"gpus": options.gpus, **link}}
    rate = options.rate and 1e12 * options.rate
    names = options.names or scaling.RATES
    print(scaling.table(names, clusters, options.batch_size, rate))
    return 0


def _runs(options) -> int:
    from course.studies import STUDIES, get_study, tables

    if options.write:
        tables.write(options.write)
        return 0
    for name in options.studies or STUDIES:
        print(f"{name}: {get_study(name).question}\n\n{tables.markdown(name)}\n")
    return 0


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.lower().split("x"))
    except ValueError:
        raise UsageError(f"--input-shape must look like 32x32x3; received {text!r}.") from None


if __name__ == "__main__":
    sys.exit(main())
