"""Running one submission on this machine: a student's process, a judge, and their results."""

from __future__ import annotations

import importlib.util
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any, NamedTuple, Self

from autograder.engine.job import CellPlan, CellResult, Job, NotebookResult, Role, ungraded
from autograder.engine.shared_process import first_run, is_shared, merge_results, shared_run
from autograder.sandbox import ForkServer, Isolation, Limits, Process, require_isolation
from autograder.wire.channel import Channel, ChannelError
from autograder.wire.model_config import layer_modules

STUDENT, JUDGE = "autograder.engine.student_server:main", "autograder.engine.judge:main"
# What nearly every notebook of this course imports. Modules that are not installed are left out.
PRELOAD = ("numpy", "tensorflow", "keras")
# What tests of models import. Every judge is a new process, as a test may leave anything behind;
# the server imports these once for all of them, since that takes longer than most tests.
_MODEL_TESTS = ("autograder.checks.models", "autograder.checks.behavior", *layer_modules())
# How long a judge may take to answer after the notebook's own time is up.
MARGIN_S = 30.0
JUDGE_MEMORY_MB = 4000

_OVER_LIMIT = {
    "memory": "used more memory than it may",
    "processes": "started more processes than it may",
    "cpu": "used more CPU time than it may",
    "wall": "ran longer than it may",
    "disk": "wrote more to disk than it may",
}
_JUDGE_OVER_LIMIT = {
    "memory": "judging it took too much memory",
    "wall": "judging it took too long",
}


class Executor:
    """A fork server for students and judges, and the running of jobs on it.

    One server does for both: it holds no test and no submission, a judge gets its job after the
    fork, and each process is shut off from every other.

    Args:
        isolation: how the processes are shut off; None for the best that works here.
        preload: modules that the server imports before it forks.

    Raises:
        SandboxError: no isolation works here.
    """

    def __init__(self, isolation: Isolation | None = None, preload: Sequence[str] = PRELOAD):
        self.isolation = isolation or require_isolation()
        own = [target.partition(":")[0] for target in (STUDENT, JUDGE)]
        own += _MODEL_TESTS if "keras" in preload else []
        self._server = ForkServer(_installed((*preload, *own)), isolation=self.isolation)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.__exit__(kind, error, traceback)

    def run(self, job: Job) -> dict[str, NotebookResult]:
        """Run every notebook of a submission, each in processes of its own."""
        return {name: self._notebook(job, name, cells) for name, cells in job.notebooks.items()}

    def _notebook(self, job: Job, name: str, cells: Sequence[CellPlan]) -> NotebookResult:
        """Run a notebook, and a second time for the tests that share the student's process."""
        if not any(map(is_shared, cells)):
            return self._replay(job, name, cells) or self._run(job, cells)
        job = replace(job, key="")  # the second run has no transcript
        first = self._run(job, first_run(cells))
        # nbgrader has every file of the source folder beside the notebook.
        shared = self._run(replace(job, files=job.files | job.given), shared_run(cells))
        return NotebookResult(
            merge_results(cells, first.cells, shared.cells),
            list(dict.fromkeys(first.incidents + shared.incidents)),
            first.failure or shared.failure,
            {name: round(s + shared.timings[name], 4) for name, s in first.timings.items()},
        )

    def _replay(self, job: Job, name: str, cells: Sequence[CellPlan]) -> NotebookResult | None:
        """Judge a notebook by its transcript; None if there is none, or tests ask for more."""
        if name not in job.transcripts:
            return None
        started, done = time.monotonic(), list[CellResult]()
        judge = self._judge()
        ready = time.monotonic()
        try:
            end = judge.take(job, cells, job.transcripts[name], done)
        except ChannelError:  # whatever it was, the student's process is asked now
            return None
        finally:
            judge.end()
        result = NotebookResult(
            done, end.incidents, transcript=job.transcripts[name], replayed=True
        )
        result.timings = {"start": ready - started, "run": time.monotonic() - ready, "end": 0.0}
        _complete_timings(result, cells, 0.0)
        return result

    def _run(self, job: Job, cells: Sequence[CellPlan]) -> NotebookResult:
        started = time.monotonic()
        limits = Limits(**asdict(job.limits) | {"wall_s": job.seconds + MARGIN_S})
        student = self._server.start(STUDENT, limits=limits, files=job.files)
        done: list[CellResult] = []
        judged, failure = None, ""
        try:
            judge = self._judge()
            ready = time.monotonic()
            try:
                judged = judge.take(job, cells, student.channel, done)
            except ChannelError as error:
                failure = str(error)
            failure = judge.end() or failure
        finally:
            answered = time.monotonic()
            student.channel.close()
            student.kill()
            end = student.wait(10)
        if judged is None:
            result = ungraded(cells, failure, done)
        else:
            result = NotebookResult(done, judged.incidents, transcript=judged.transcript)
        if end.reason in _OVER_LIMIT:
            result.incidents.insert(0, f"the code {_OVER_LIMIT[end.reason]}")
            result.transcript = b""
        result.timings = {"start": ready - started, "run": answered - ready}
        result.timings["end"] = time.monotonic() - answered
        _complete_timings(result, cells, end.cpu_seconds)
        return result

    def _judge(self) -> _Judge:
        # Its folder holds all of the instructor's files.
        limits = Limits(
            memory_mb=JUDGE_MEMORY_MB, cpu_s=None, wall_s=None, file_mb=256, disk_mb=512
        )
        return _Judge(self._server.start(JUDGE, limits=limits))


class _Judged(NamedTuple):
    """What a judge says when all cells are done."""

    incidents: list[str]
    transcript: bytes


class _Judge:
    """A judge's process, for one notebook."""

    def __init__(self, process: Process):
        self.process = process
        self.channel = Channel(process.channel)

    def take(
        self,
        job: Job,
        cells: Sequence[CellPlan],
        student: socket.socket | bytes,
        done: list[CellResult],
    ) -> _Judged:
        """Have a notebook judged.

        Args:
            job, cells: whose notebook, and its cells.
            student: the connection to its student's process, which is handed over; or the
                transcript of an earlier one.
            done: each cell's result is appended here as it arrives.

        Raises:
            ChannelError: the judge is gone, or late, or has no answer in the transcript.
        """
        request: dict[str, Any] = {"student": job.student, "cells": [asdict(c) for c in cells]}
        request |= {"files": list(job.given), "seed": job.seed, "key": job.key}
        request |= {"cell_seconds": job.cell_seconds, "seconds": job.seconds}
        if isinstance(student, bytes):
            self.channel.send(request | {"replay": True}, [*job.given.values(), student])
        else:
            self.channel.send(request | {"replay": False}, list(job.given.values()))
            self.channel.send_descriptor(student.fileno())
            # Only the judge speaks with the student's process now.
            student.close()
        end = time.monotonic() + job.seconds + MARGIN_S
        while len(done) < len(cells):
            message, _ = self.channel.receive(end - time.monotonic())
            done.append(CellResult.from_json(message))
        message, kept = self.channel.receive(end - time.monotonic())
        return _Judged(message["incidents"], b"".join(kept))

    def end(self) -> str:
        """End the process; return why it had ended already, if a limit did it."""
        self.channel.close()
        self.process.kill()
        return _JUDGE_OVER_LIMIT.get(self.process.wait(10).reason, "")


def _complete_timings(
    result: NotebookResult, cells: Sequence[CellPlan], cpu_seconds: float
) -> None:
    pairs = list(zip(cells, result.cells, strict=True))
    for name, is_test in (("own_cells", False), ("tests", True)):
        result.timings[name] = sum(
            done.seconds for cell, done in pairs if (cell.role == Role.TEST) == is_test
        )
    result.timings = {name: round(seconds, 4) for name, seconds in result.timings.items()}
    result.timings["student_cpu"] = round(cpu_seconds, 3)


def _installed(modules: Iterable[str]) -> list[str]:
    return [name for name in modules if importlib.util.find_spec(name.partition(".")[0])]
