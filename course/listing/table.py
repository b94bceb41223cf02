"""Tables of networks as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from course.listing.numbers import Numbers

# Which error stands for a network: the first of these that is published.
ERRORS = (
    *("ImageNet top-1 error", "ImageNet top-1 error, 10 crops"),
    *("ImageNet top-5 error", "ImageNet top-5 error, 10 crops"),
    *("CIFAR-10 test error", "CIFAR-100 test error"),
    *("MNIST test error", "rotated MNIST test error"),
)
ORDERS: dict[str, Callable[[Numbers], tuple[float, ...] | str]] = {
    "name": lambda row: row.name,
    "year": lambda row: (row.year,),
    "parameters": lambda row: (row.params,),
    "macs": lambda row: (row.macs,),
    "error": lambda row: _error_order(row),
}


def aligned(rows: Iterable[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Write rows as text in columns.

    Args:
        rows: of the same number of cells.
        left: the columns that are aligned on the left.
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            f"{cell:<{width}}" if n in left else f"{cell:>{width}}"
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def listing(rows: Iterable[Numbers]) -> str:
    """Write the table of `course list`."""
    header = ("name", "year", "input", "parameters", "MACs", "error in %", "of what")
    lines = [header]
    for row in rows:
        label = _measured(row)
        height, width, channels = row.input_shape
        lines.append(
            (
                row.name,
                str(row.year),
                f"{height}x{width}x{channels}",
                short(row.params),
                short(row.macs),
                f"{row.published[label]:.2f}" if label else "-",
                label.replace(" error", "") if label else "",
            )
        )
    return aligned(lines, left=(0, 6))


def _measured(row: Numbers) -> str:
    return next((label for label in ERRORS if label in row.published), "")


def _error_order(row: Numbers) -> tuple[float, ...]:
    """Order networks by what was measured first, since other errors cannot be compared."""
    label = _measured(row)
    return (ERRORS.index(label), row.published[label]) if label else (len(ERRORS), 0.0)


def short(number: int) -> str:
    """Write a number with three digits: 61.7 k, 25.6 M, 4.09 G."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            value = number / size
            return f"{value:.{max(0, 2 - (value >= 9.995) - (value >= 99.95))}f} {unit}"
    return f"{number} "
