"""How a class is graded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class GradingOptions:
    """How a class is graded.

    Args:
        workers: number of submissions to run at a time.
        resume: skip submissions that an earlier run recorded, if nothing has changed since.
        wait: wait for another run in the same course instead of raising an error.
        unsafe: where no isolation works, run students' code unisolated instead of raising an error.
        notebook_seconds: time limit for a whole notebook; None for the sum of its cells' limits,
            and at least 300 s.
        cluster: address of a Dask scheduler to run on; None for this machine.
        strict: leave a question that cannot be judged separately to a human.
        calibrate: try the tests with the instructor's solution first.
    """

    workers: int = 2
    resume: bool = False
    wait: bool = False
    unsafe: bool = False
    notebook_seconds: float | None = None
    cluster: str | None = None
    strict: bool = False
    calibrate: bool = True
