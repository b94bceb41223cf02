"""The judge: a trusted process that takes one submission through its cells.

Student's cells go to the student's process; graded cells run here. Names in a graded cell that
neither the instructor's cells nor Python define are the student's: plain values cross, everything
else becomes a stand-in.
"""

from __future__ import annotations

import ast
import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.context import seed_questions, set_student
from autograder.engine import inspection, names, patches, pickle_guard
from autograder.engine.cell_runner import Cell, make_shell
from autograder.engine.sanitize import displayed
from autograder.engine.scope import Scope, Shared
from autograder.engine.student_client import GRACE_S, StudentClient, StudentError
from autograder.engine.work_folder import Folder
from autograder.wire.channel import Channel, ChannelError
from autograder.wire.codec import CodecError
from autograder.wire.watching import look_elsewhere

SHELL = make_shell()
START_S = 30.0  # for a student's process to answer at all


def main(connection: socket.socket) -> None:
    """Take a job from the grader, with a conversation with a student's process, and do it."""
    look_elsewhere()
    pickle_guard.install()
    inspection.install()
    patches.watch()
    grader = Channel(connection)
    try:
        job, files = grader.receive()
        student_fd = grader.receive_descriptor()
    except ChannelError:
        return
    _unpack(dict(zip(job["files"], files, strict=True)))
    # The instructor's modules beside the notebook; no file of a student's is ever one here.
    sys.path.insert(0, os.getcwd())
    seed_questions(job["seed"])
    set_student(job["student"])
    student = StudentClient(Channel(socket.socket(fileno=student_fd)))
    student.folder = Folder(os.getcwd(), fixed=job["files"])
    with contextlib.suppress(StudentError):  # its first cell will say so
        student.ask(START_S, do="begin", student=job["student"])
    # One by one: should a cell end this process, those before it are told already.
    for result in Judge(student).run(job):
        grader.send(result)
    grader.send({"incidents": student.incidents})


def _unpack(files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class Judge:
    """Takes one submission through its cells.

    Args:
        student: the conversation with the student's process.
    """

    def __init__(self, student: StudentClient, shell=None):
        self.student = student
        self.shell = shell or SHELL
        self.uncarried = False
        self.scope = Scope(set(self.shell.user_ns))
        # As in a notebook: the cells that ran, for checks that read what an answer uses.
        self.cells: list[str] = []
        self.shell.user_ns["In"] = self.student.cells = self.cells

    def run(self, job: dict) -> Iterator[dict]:
        """Run a job's cells in order.

        Args:
            job: ``{"cells": [{"role": ..., "source": ...}], "cell_seconds": ..., "seconds": ...}``
                with role "student", "judge" or "skip"; ``learn``, an instructor's source whose
                declarations are the judge's own; ``theirs``, names that the instructor's solution
                of a student's cell defines or changes; ``echo``, the visible part of a graded cell
                that later cells of the student's process need.

        Yields:
            ``{"outputs": [...], "seconds": ...}`` for each cell, and ``"uncarried": True`` where a
            test was ended by a value of its own that cannot be handed to the student's code.
        """
        end = time.monotonic() + job["seconds"]
        for cell in job["cells"]:
            start = time.monotonic()
            outputs: list = []
            self.uncarried = False
            if cell["role"] != "skip":
                seconds = min(job["cell_seconds"], end - start)
                outputs = self._cell(cell, seconds)
            seconds = round(time.monotonic() - start, 4)
            yield {"outputs": outputs, "seconds": seconds, "uncarried": self.uncarried}

    def _cell(self, cell: dict, seconds: float) -> list:
        if seconds <= 0:
            return _failed("OutOfTime", "not run: the notebook's time is up")
        self.student.deadline = time.monotonic() + seconds
        if cell["role"] == "judge":
            outputs = self._judge(cell["source"], seconds)
            if cell.get("echo"):
                self._student_cell(cell["echo"], seconds)
            return outputs
        given = self._learn(cell["learn"]) if cell.get("learn") else []
        return self._student_cell(cell["source"], seconds, given, cell.get("theirs") or [])

    def _student_cell(self, source: str, seconds: float, given=(), theirs=()) -> list:
        self.cells.append(self.shell.transform_cell(source))
        self.scope.student_cell(self.cells[-1], theirs)
        try:
            return sanitized(self.student.run(source, seconds, list(given)))
        except StudentError as error:
            return _failed("ProcessEnded", f"not run to its end: {error}")

    def _learn(self, source: str) -> list[str]:
        """Take from an instructor's cell what is the same in every process.

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
            self.scope.given(names.of(ast.unparse(node)))
            # What fails here fails in the student's process, too, and is shown there.
            with contextlib.suppress(Exception):
                exec(compile(module, "<given>", "exec"), space)
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    self.student.crossing.given[node.name] = space[node.name]
                    given.append(node.name)
        return given

    def _judge(self, source: str, seconds: float) -> list:
        """Run a graded cell here, with stand-ins for what is the student's."""
        test, space = names.of(self.shell.transform_cell(source)), self.shell.user_ns
        try:
            wanted = self.scope.wanted(test)
            if test.loaded & (names.ANY - {"get_ipython"}) or "get_ipython" in source:
                wanted = sorted({*wanted, *self.student.names()} - self.scope.own)
            found = self.student.get(wanted) if wanted else {}
        except Exception as error:  # whatever the student's process says instead of an answer
            return _failed(type(error).__name__, str(error))
        found = {n: v for n, v in found.items() if self.scope.is_acceptable(n, v)}
        for name in wanted:
            space.pop(name, None)
        space.update(found)
        self.student.shared = Shared(
            space, found, self.scope.replaced(test), test.changed, self.scope.followed(set(found))
        )
        cell = Cell(self.shell)
        with pickle_guard.no_pickled_code():
            # Longer than a silent process is waited for, so that the test hears of it and goes on.
            result = cell.run(source, seconds + GRACE_S + 1)
        # Not by the error's name, which a student's exception could have.
        self.uncarried = type(cell.ended_by) is CodecError
        self.student.restore()
        self.scope.tested(test, set(found))
        # A test may show what a student's function gave.
        return sanitized(result["outputs"])


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


def _failed(name: str, reason: str) -> list:
    text = f"{name}: {reason}"
    return [{"output_type": "error", "ename": name, "evalue": reason, "traceback": [text]}]


def _fits(kind: str, value) -> bool:
    return isinstance(value, dict | list if kind == "application/json" else str)


def sanitized(outputs) -> list:
    """What a cell is said to have shown, in nbformat's form and without what would act."""
    kept = []
    for output in outputs if isinstance(outputs, list) else []:
        match output:
            case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
                kept.append({"output_type": "stream", "name": name, "text": text})
            case {"output_type": "display_data" | "execute_result" as kind, "data": dict(data)}:
                data = {k: v for k, v in displayed(data).items() if _fits(k, v)}
                more = {"execution_count": None} if kind == "execute_result" else {}
                kept.append({"output_type": kind, "data": data, "metadata": {}, **more})
            case {
                "output_type": "error",
                "ename": str(name),
                "evalue": str(value),
                "traceback": list(lines),
            }:
                traceback = [str(line) for line in lines]
                error = {"ename": name, "evalue": value, "traceback": traceback}
                kept.append({"output_type": "error", **error})
    return kept
