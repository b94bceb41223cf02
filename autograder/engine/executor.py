"""Running one submission: a student's process, a judge, and what they gave."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace

from autograder.engine.shared_process import as_nbgrader_runs, here, left_to_the_judge, merged
from autograder.sandbox import ForkServer, Isolation, Limits, require_isolation
from autograder.wire.channel import Channel, ChannelError

STUDENT, JUDGE = "autograder.engine.student_server:main", "autograder.engine.judge:main"
# What nearly every notebook of this kind imports. A name that is not installed is left out.
PRELOAD = ("numpy", "tensorflow", "keras")
# What tests of models import, which takes longer than most tests.
_OF_MODELS = (
    "autograder.checks.models", "autograder.checks.behavior", "course.blocks",
)  # fmt: skip
# A judge answers this long after the notebook's own time is up.
MARGIN_S = 30.0
JUDGE_MEMORY_MB = 4000


@dataclass
class Job:
    """One submission as a unit of work: plain data, so that it can be done on another machine.

    Attributes:
        unit, student: whose it is.
        notebooks: for each notebook its name and its cells, as :mod:`autograder.engine.intake`
            plans them.
        files: other files by name, for the student's working directory.
        given: the instructor's among them, and those for tests alone, for the judge's. No student's
            file is ever here, so that the judge may import them.
        seed: of the questions' draws.
        cell_seconds, seconds: for one cell, and for one notebook.
        limits: of the student's process.
    """

    unit: str
    student: str
    notebooks: dict[str, list[dict]]
    files: dict[str, bytes] = field(default_factory=dict)
    given: dict[str, bytes] = field(default_factory=dict)
    seed: int = 0
    cell_seconds: float = 30.0
    seconds: float = 300.0
    limits: Limits = field(default_factory=Limits)


@dataclass
class NotebookResult:
    """What came of one notebook.

    Attributes:
        cells: outputs and seconds of each cell; ``"judged": False`` in a graded cell that was
            not come to.
        incidents: what an instructor should look at.
        failure: why there is no usable result, if so; it is not the student's fault alone.
        stages: seconds of each stage (of the run, those of the student's own cells and of the
            tests), and CPU seconds of the student's process.
    """

    cells: list[dict]
    incidents: list[str]
    failure: str = ""
    stages: dict[str, float] = field(default_factory=dict)


class Executor:
    """A fork server for students and judges, and the running of jobs on it.

    One server does for both: it holds no test and no submission, a judge is told its job after the
    fork, and each process is shut off from every other.

    Args:
        isolation: how the processes are shut off; None for the best that works here.
        preload: modules that the server imports before it forks.

    Raises:
        SandboxError: no isolation works here.
    """

    def __init__(self, isolation: Isolation | None = None, preload=PRELOAD):
        self.isolation = isolation or require_isolation()
        own = [target.partition(":")[0] for target in (STUDENT, JUDGE)]
        # Every judge is a new one, as a test may leave anything behind. So that this costs little,
        # what tests of models import is there, too.
        own += _OF_MODELS if "keras" in preload else []
        self._server = ForkServer(_installed((*preload, *own)), isolation=self.isolation)

    def __enter__(self):
        self._server.__enter__()
        return self

    def __exit__(self, *error):
        self._server.__exit__(*error)

    def run(self, job: Job) -> dict[str, NotebookResult]:
        """Run every notebook of a submission, each in processes of its own."""
        return {name: self._notebook(job, cells) for name, cells in job.notebooks.items()}

    def _notebook(self, job: Job, cells: list[dict]) -> NotebookResult:
        """Run a notebook, and a second time for the tests that are not judged apart."""
        ran = self._run(job, left_to_the_judge(cells))
        if not any(map(here, cells)):
            return ran
        # nbgrader has every file of the source folder beside the notebook.
        beside = replace(job, files=job.files | job.given)
        more = self._run(beside, as_nbgrader_runs(cells))
        stages = {name: round(ran.stages[name] + more.stages[name], 4) for name in ran.stages}
        return NotebookResult(
            merged(cells, ran.cells, more.cells),
            list(dict.fromkeys(ran.incidents + more.incidents)),
            ran.failure or more.failure,
            stages,
        )

    def _run(self, job: Job, cells: list[dict]) -> NotebookResult:
        started = time.monotonic()
        seconds = job.seconds + MARGIN_S
        limits = Limits(**asdict(job.limits) | {"wall_s": seconds})
        student = self._server.start(STUDENT, limits=limits, files=job.files)
        done: list[dict] = []
        incidents, failure = None, ""
        try:
            judge = self._judge()
            ready = time.monotonic()
            try:
                incidents = judge.take(job, cells, student.channel, seconds, done)
            except ChannelError as error:
                failure = str(error)
            failure = judge.end() or failure
        finally:
            answered = time.monotonic()
            student.channel.close()
            student.kill()
            end = student.wait(10)
        times = {"start": ready - started, "run": answered - ready}
        times["end"] = time.monotonic() - answered
        return _ran(cells, done, incidents, failure, end, times)

    def _judge(self) -> _Judge:
        # Its folder holds all of the instructor's files.
        limits = Limits(
            memory_mb=JUDGE_MEMORY_MB, cpu_s=None, wall_s=None, file_mb=256, disk_mb=512
        )
        return _Judge(self._server.start(JUDGE, limits=limits))


class _Judge:
    """A judge's process, for one notebook."""

    def __init__(self, process):
        self.process = process
        self.channel = Channel(process.channel)

    def take(self, job: Job, cells: list[dict], student, seconds: float, done: list) -> list[str]:
        """Have a notebook judged, with the conversation with its student's process.

        Args:
            job, cells: whose notebook, and its cells.
            student: the socket of that conversation.
            seconds: for all of it.
            done: what each cell gave is appended here, as it comes.

        Returns:
            What an instructor should look at.

        Raises:
            ChannelError: the judge is gone, or late.
        """
        request = {"student": job.student, "cells": cells, "files": list(job.given)}
        request |= {"seed": job.seed, "cell_seconds": job.cell_seconds, "seconds": job.seconds}
        self.channel.send(request, list(job.given.values()))
        self.channel.send_descriptor(student.fileno())
        # Only the judge speaks with the student's process now.
        student.close()
        end = time.monotonic() + seconds
        while len(done) < len(cells):
            done.append(self.channel.receive(end - time.monotonic())[0])
        return self.channel.receive(end - time.monotonic())[0]["incidents"]

    def end(self) -> str:
        """End the process; why it had ended already, if a limit did it."""
        self.channel.close()
        self.process.kill()
        why = {"memory": "judging it took too much memory", "wall": "judging it took too long"}
        return why.get(self.process.wait(10).reason, "")


def ungraded(cells, reason: str, done=()) -> NotebookResult:
    """What came of a notebook that was not judged to its end: no graded cell may look passed."""
    error = {"output_type": "error", "ename": "NotGraded", "evalue": reason, "traceback": [reason]}
    rest = []
    for cell in cells[len(done) :]:
        if cell["role"] == "judge" or cell.get("test"):
            rest.append({"outputs": [error], "seconds": 0.0, "judged": False})
        else:
            rest.append({"outputs": [], "seconds": 0.0})
    return NotebookResult([*done, *rest], [], reason)


def _ran(cells, done, incidents, failure, end, times) -> NotebookResult:
    limit = {
        "memory": "used more memory than it may",
        "processes": "started more processes than it may",
        "cpu": "used more CPU time than it may",
        "wall": "ran longer than it may",
        "disk": "wrote more to disk than it may",
    }.get(end.reason)
    judged = incidents is not None
    ran = NotebookResult(done, incidents, "") if judged else ungraded(cells, failure, done)
    if limit:
        ran.incidents.insert(0, f"the code {limit}")
    for kind, own in (("own_cells", True), ("tests", False)):
        times[kind] = sum(
            result["seconds"]
            for cell, result in zip(cells, ran.cells, strict=True)
            if (cell["role"] != "judge") == own
        )
    ran.stages = {name: round(seconds, 4) for name, seconds in times.items()}
    ran.stages["student_cpu"] = round(end.cpu_seconds, 3)
    return ran


def _installed(modules) -> list[str]:
    import importlib.util

    return [name for name in modules if importlib.util.find_spec(name.partition(".")[0])]
