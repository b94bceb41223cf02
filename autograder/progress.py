"""The progress bars of all commands."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining

console = Console()


def bar() -> Progress:
    """Create a progress bar with count, elapsed and remaining time."""
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
