"""Tables of recorded runs, for the terminal and for pages of the docs."""

from __future__ import annotations

import re
from pathlib import Path

from course._files import write_text
from course._markdown import markdown_row
from course.studies import catalog, runs

_PLACE = re.compile(r"(<!-- study (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_HEADER = ("variant", "runs", "test error %", "training error %", "paper's test error %")


def markdown(study: str, folder: Path | None = None) -> str:
    """Write how a study was measured, and its table.

    Args:
        study, folder: as in :func:`course.studies.runs.load`.
    """
    whole, found = catalog.get_study(study), runs.load(study, folder)
    if not found:
        return f"No runs are recorded. `course study run {study}` records them."
    rows = [
        (row.variant, str(row.runs), _error(row), f"{row.training_error:.1f}", row.paper or "–")
        for row in runs.table(study, folder)
    ]
    lines = [markdown_row(_HEADER), "|---|---|---|---|---|", *map(markdown_row, rows)]
    return f"{_conditions(whole, found)}\n\n" + "\n".join(lines)


def fill(page: str, folder: Path | None = None) -> str:
    """Update the tables of a page, between ``<!-- study NAME -->`` and ``<!-- end -->``."""
    return _PLACE.sub(lambda m: f"{m[1]}{markdown(m[2], folder)}\n{m[3]}", page)


def write(path: str | Path) -> None:
    """Update the tables in a file."""
    path = Path(path)
    write_text(path, fill(path.read_text()))


def _conditions(study: catalog.Study, found: list[runs.Run]) -> str:
    options = study.options(*_first(study))
    images = f"{options.limit:,}" if options.limit else "all"
    size = f" of {'x'.join(map(str, options.image_size))}" if options.image_size else ""
    seconds = sorted(run.seconds for run in found)
    hardware = ", ".join(sorted({run.hardware for run in found}))
    return (
        f"Ours: `{options.dataset}`, {images} training images{size}, "
        f"{options.epochs} epochs of batches of {options.batch_size}; {hardware}; "
        f"{seconds[0]:.0f} to {seconds[-1]:.0f} seconds per run. Paper: {study.paper}."
    )


def _first(study: catalog.Study) -> tuple[str, int]:
    return next(iter(study.variants)), study.seeds[0]


def _error(row: runs.Row) -> str:
    spread = f" ± {row.deviation:.1f}" if row.deviation is not None else ""
    return f"{row.error:.1f}{spread}"
