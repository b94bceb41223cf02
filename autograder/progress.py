"""One look for every progress bar."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining

console = Console()


def bar() -> Progress:
    """A progress bar with count, time and what is left; still where there is no terminal."""
    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("eta"),
        Remaining(),
        TextColumn("{task.fields[note]}"),
        console=console,
    )
