"""The judge: a trusted process that takes one submission through its cells.

Students' cells go to the student's process; graded cells run here. Names in a graded cell that
neither the instructor's cells nor Python define are the student's: plain values are copied over,
everything else becomes a stand-in.
"""

from __future__ import annotations

import ast
import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from autograder.context import seed_questions, set_student
from autograder.engine import inspection, names, patches, pickle_guard
from autograder.engine.cell_runner import CellRun, Output, Shell, make_shell
from autograder.engine.job import CellPlan, CellResult, Role
from autograder.engine.sanitize import sanitize_outputs
from autograder.engine.scope import Scope, Shared
from autograder.engine.student_client import GRACE_S, StudentClient, StudentError
from autograder.engine.transcript import RecordingChannel, ReplayedChannel, Transcript
from autograder.engine.work_folder import WorkFolder
from autograder.wire import results
from autograder.wire.channel import Channel, ChannelError
from autograder.wire.codec import CodecError
from autograder.wire.watching import look_elsewhere

SHELL = make_shell()
START_S = 30.0  # for a student's process to answer at all


def main(connection: socket.socket) -> None:
    """Receive a job from the grader, and a connection to a student's process; do the job.

    A job with the transcript of an earlier run needs no process, which that stands in for.
    """
    look_elsewhere()
    pickle_guard.install()
    inspection.install()
    patches.watch()
    grader = Channel(connection)
    try:
        job, files = grader.receive()
        if job["replay"]:
            transcript = Transcript.from_bytes(files.pop())
            channel: Channel = ReplayedChannel(transcript, _end)
        else:
            transcript = Transcript(job["key"], job["seed"])
            connection = socket.socket(fileno=grader.receive_descriptor())
            channel = (
                RecordingChannel(connection, transcript) if job["key"] else Channel(connection)
            )
    except ChannelError:
        return
    _write_files(dict(zip(job["files"], files, strict=True)))
    # The instructor's modules beside the notebook; no file of a student's is ever one here.
    sys.path.insert(0, os.getcwd())
    seed_questions(transcript.seed)
    set_student(job["student"])
    student = StudentClient(channel)
    student.folder = WorkFolder(os.getcwd(), fixed=job["files"])
    with contextlib.suppress(StudentError):  # its first cell will say so
        student.ask(START_S, do="begin", student=job["student"])
    cells = [CellPlan.from_json(cell) for cell in job["cells"]]
    # One by one: should a cell end this process, the results before it have been sent already.
    for result in Judge(student).run(cells, job["cell_seconds"], job["seconds"]):
        grader.send(result.to_json())
    kept = isinstance(channel, RecordingChannel) and channel.complete
    grader.send({"incidents": student.incidents}, [transcript.to_bytes()] if kept else [])


def _end() -> NoReturn:
    """End this process, whatever is running: a test asks for what the transcript does not have."""
    os._exit(0)


def _write_files(files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class Judge:
    """Takes one submission through its cells.

    Args:
        student: the conversation with the student's process.
        shell: runs the graded cells; None for this process' own.
    """

    def __init__(self, student: StudentClient, shell: Shell | None = None):
        self.student = student
        self.shell = shell or SHELL
        self.scope = Scope(set(self.shell.user_ns))
        # As in a notebook: the cells that ran, for checks that read what an answer uses.
        self.cells: list[str] = []
        self.shell.user_ns["In"] = self.student.cells = self.cells

    def run(
        self, cells: Sequence[CellPlan], cell_seconds: float, seconds: float
    ) -> Iterator[CellResult]:
        """Run cells in order.

        Args:
            cells: of a notebook.
            cell_seconds, seconds: time limits for one cell and for all.

        Yields:
            The result of each cell.
        """
        end = time.monotonic() + seconds
        for cell in cells:
            start = time.monotonic()
            result = CellResult()
            if cell.role != Role.SKIP:
                result = self._cell(cell, min(cell_seconds, end - start))
            result.seconds = round(time.monotonic() - start, 4)
            yield result

    def _cell(self, cell: CellPlan, seconds: float) -> CellResult:
        if seconds <= 0:
            return CellResult(_error("OutOfTime", "not run: the notebook's time is up"))
        self.student.deadline = time.monotonic() + seconds
        if cell.role == Role.TEST:
            result = self._test_cell(cell.source, seconds)
            if cell.echoed:
                self._student_cell(CellPlan(Role.STUDENT, cell.visible_source), seconds)
            return result
        return self._student_cell(cell, seconds)

    def _student_cell(self, cell: CellPlan, seconds: float) -> CellResult:
        given = self._declarations(cell.instructor_source) if cell.instructor_source else []
        self.cells.append(self.shell.transform_cell(cell.source))
        self.scope.student_cell(self.cells[-1], cell.answer_names)
        try:
            answer = self.student.run(cell.source, seconds, given)
            claimed = results.claimed(answer.get("results")) if cell.is_shared_test else []
            return CellResult(sanitize_outputs(answer.get("outputs")), results=claimed)
        except StudentError as error:
            return CellResult(_error("ProcessEnded", f"not run to its end: {error}"))
        except Exception as error:  # whatever the student's process sent instead of an answer
            reason = f"your process gave no usable answer ({type(error).__name__})"
            return CellResult(_error("ProcessEnded", f"not run to its end: {reason}"))

    def _declarations(self, source: str) -> list[str]:
        """Take over from an instructor's cell what is the same in every process.

        Imports, functions, classes and literal constants are ours, whatever a student's process
        makes of them; what the cell computes stays there.

        Returns:
            Names of the functions and classes.
        """
        try:
            tree = ast.parse(self.shell.transform_cell(names.without_magic(source)))
        except SyntaxError:
            return []
        space, given = self.shell.user_ns, []
        for node in filter(_is_declaration, tree.body):
            module = ast.Module([node], type_ignores=[])
            self.scope.given(names.names_in(ast.unparse(node)))
            # What fails here fails in the student's process, too, and is shown there.
            with contextlib.suppress(Exception):
                exec(compile(module, "<given>", "exec"), space)
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    self.student.codec.given[node.name] = space[node.name]
                    given.append(node.name)
        return given

    def _test_cell(self, source: str, seconds: float) -> CellResult:
        """Run a graded cell here, with stand-ins for what is the student's."""
        test, space = names.names_in(self.shell.transform_cell(source)), self.shell.user_ns
        try:
            wanted = self.scope.wanted(test)
            if test.loaded & (names.ANY - {"get_ipython"}) or "get_ipython" in source:
                wanted = sorted({*wanted, *self.student.names()} - self.scope.own)
            found = self.student.get(wanted) if wanted else {}
        except Exception as error:  # whatever the student's process sent instead of an answer
            return CellResult(_error(type(error).__name__, str(error)))
        found = {n: v for n, v in found.items() if self.scope.is_acceptable(n, v)}
        for name in wanted:
            space.pop(name, None)
        space.update(found)
        self.student.shared = Shared(
            space, found, self.scope.replaced(test), test.changed, self.scope.followed(set(found))
        )
        cell = CellRun(self.shell)
        with pickle_guard.no_pickled_code(), results.collecting() as collected:
            # Longer than the wait for a silent process, so that the test sees that error first.
            ran = cell.run(source, seconds + GRACE_S + 1)
        self.student.restore()
        self.scope.tested(test, set(found))
        return CellResult(
            # A test may show what a student's function returned.
            sanitize_outputs(ran["outputs"]),
            results=collected,
            # By its class and not its name, which a student's exception could have.
            unsendable=type(cell.ended_by) is CodecError,
        )


def _is_declaration(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Assign):
        try:
            ast.literal_eval(node.value)
        except ValueError:
            return False
        return all(isinstance(target, ast.Name) for target in node.targets)
    return False


def _error(name: str, reason: str) -> list[Output]:
    text = f"{name}: {reason}"
    error: dict[str, Any] = {"ename": name, "evalue": reason, "traceback": [text]}
    return [{"output_type": "error", **error}]
