"""How a class is graded."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from course.errors import UsageError


@dataclass
class GradingOptions:
    """How a class is graded.

    Args:
        workers: number of submissions to run at a time; at least 1.
        resume: skip submissions that an earlier run recorded, if nothing has changed since.
        replay: judge by what students' code did when it was last graded; it runs only where tests
            ask for more.
        wait: wait for another run in the same course instead of raising an error.
        unsafe: if no isolation works, run students' code unisolated instead of raising an error.
        notebook_seconds: time limit for a whole notebook; None for the sum of its cells' limits,
            and at least 300 s.
        cluster: address of a Dask scheduler to run on; None for this machine.
        strict: leave a question that cannot be judged separately to a human.
        calibrate: try the tests with the instructor's solution first.

    Raises:
        UsageError: the number of workers or the time limit is not positive.
    """

    workers: int = 2
    resume: bool = False
    replay: bool = False
    wait: bool = False
    unsafe: bool = False
    notebook_seconds: float | None = None
    cluster: str | None = None
    strict: bool = False
    calibrate: bool = True

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"The number of workers must be at least 1; received {self.workers}.")
        seconds = self.notebook_seconds
        if seconds is not None and not (isfinite(seconds) and seconds > 0):
            raise UsageError(
                "A notebook's time limit must be a positive number of seconds; "
                f"received {seconds:g}."
            )
