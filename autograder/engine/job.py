"""What is run and what comes of it, as plain data that can travel to another machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from autograder.engine.cell_runner import Output
from autograder.sandbox import Isolation, Limits
from autograder.wire.results import QuestionResult


class Role(StrEnum):
    """Where a cell of a notebook runs."""

    STUDENT = "student"  # in the student's process
    TEST = "judge"  # in the judge's
    SKIP = "skip"  # nowhere: text, or code that must not run


@dataclass(frozen=True)
class CellPlan:
    """One cell, and how it is run.

    Attributes:
        role: where it runs.
        source: its code or text.
        instructor_source: of an instructor's cell that runs in the student's process; the judge
            takes imports, functions, classes and constants from it.
        visible_source: of a test, the part that students can read.
        echoed: whether the visible part of a test runs in the student's process, too, because a
            later cell needs what it defines.
        answer_names: of an answer, names that the instructor's own answer defines or changes.
        separate: whether a test runs in the judge, apart from the student's code; if not, it runs
            in the student's process, as nbgrader would run it.
        only_there: of a test that is not separate, whether the judge leaves it out altogether.
        is_shared_test: whether this is a test that runs in the student's process.
    """

    role: Role
    source: str
    instructor_source: str | None = None
    visible_source: str = ""
    echoed: bool = False
    answer_names: tuple[str, ...] = ()
    separate: bool = True
    only_there: bool = False
    is_shared_test: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CellPlan:
        """Rebuild a plan from what `dataclasses.asdict` and JSON made of it."""
        changed = {"role": Role(data["role"]), "answer_names": tuple(data["answer_names"])}
        return cls(**{**data, **changed})


@dataclass
class CellResult:
    """What came of one cell.

    Attributes:
        outputs: what it showed.
        seconds: how long it took.
        results: what the questions in it found.
        judged: False for a test that was not reached.
        unsendable: whether a test failed because of a value of its own that cannot be handed to the
            student's code.
        not_separate: why a test did not run apart from the student's code; "" if it did.
    """

    outputs: list[Output] = field(default_factory=list)
    seconds: float = 0.0
    results: list[QuestionResult] = field(default_factory=list)
    judged: bool = True
    unsendable: bool = False
    not_separate: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {**vars(self), "results": [result.to_json() for result in self.results]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CellResult:
        """Rebuild a result from what :meth:`to_json` returned."""
        return cls(**{**data, "results": [QuestionResult.from_json(r) for r in data["results"]]})


@dataclass
class NotebookResult:
    """What came of one notebook.

    Attributes:
        cells: a result for each cell.
        incidents: what an instructor should look at.
        failure: why there is no usable result (a failure of the infrastructure), else "".
        timings: seconds of each stage (of the run, those of the student's own cells and of the
            tests), and CPU seconds of the student's process.
        transcript: of the conversation with the student's process, to judge it again; empty if
            there is none.
        replayed: whether it was judged from a transcript.
    """

    cells: list[CellResult]
    incidents: list[str] = field(default_factory=list)
    failure: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    transcript: bytes = b""
    replayed: bool = False


@dataclass
class Job:
    """One submission as a unit of work.

    Attributes:
        unit, student: whose it is.
        notebooks: by name, the cells of each notebook.
        files: other files by name, for the student's working directory.
        given: the instructor's files among them, and those for tests alone, for the judge's working
            directory. No student's file is ever here, so the judge may import them.
        seed: of the questions' draws.
        cell_seconds, seconds: time limits for one cell and for one notebook.
        limits: of the student's process.
        key: a digest of what the student's code does depends on besides the cells, for transcripts;
            empty to keep none.
        transcripts: of earlier runs with that key, by notebook.
    """

    unit: str
    student: str
    notebooks: dict[str, list[CellPlan]]
    files: dict[str, bytes] = field(default_factory=dict)
    given: dict[str, bytes] = field(default_factory=dict)
    seed: int = 0
    cell_seconds: float = 30.0
    seconds: float = 300.0
    limits: Limits = field(default_factory=Limits)
    key: str = ""
    transcripts: dict[str, bytes] = field(default_factory=dict)


class Runner(Protocol):
    """Runs jobs: on this machine, on a cluster, or only in part."""

    @property
    def isolation(self) -> Isolation:
        """How students' code is shut off from the rest of the machine."""

    def run(self, job: Job) -> dict[str, NotebookResult]:
        """Run every notebook of a submission; the results by the notebooks' names."""


def ungraded(
    cells: Sequence[CellPlan], reason: str, done: Sequence[CellResult] = ()
) -> NotebookResult:
    """Return the result of a notebook that did not run to its end; no test of it looks passed.

    Args:
        cells: of the notebook.
        reason: why it did not.
        done: results of the cells that did run.
    """
    error = {"output_type": "error", "ename": "NotGraded", "evalue": reason, "traceback": [reason]}
    rest = [
        CellResult([error], judged=False)
        if cell.role == Role.TEST or cell.is_shared_test
        else CellResult()
        for cell in cells[len(done) :]
    ]
    return NotebookResult([*done, *rest], failure=reason)


def total_timings(results: Mapping[str, NotebookResult]) -> dict[str, float]:
    """Sum the seconds of each stage over a submission's notebooks."""
    total: dict[str, float] = {}
    for result in results.values():
        for name, seconds in result.timings.items():
            total[name] = round(total.get(name, 0) + seconds, 4)
    return total
