"""`course check`: run an assignment's examples in a terminal and show how they went."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import UsageError
from course.student import carrying
from course.student.folder import StudentFolder

if TYPE_CHECKING:
    from nbformat import NotebookNode

SECONDS = 120  # for one cell; none of a solved notebook takes half as long
# The table of `autograder.checks`, which the library does not import: the kernel does.
_SUMMARY = "from autograder import checks; checks.summary()"
_QUIET = ["--IPKernelApp.log_level=40"]  # the kernel warns of nothing that is done here
_LATE = "CellTimeout"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def check(folder: StudentFolder, unit: str, *, seconds: int = SECONDS) -> list[str]:
    """Run a copy of the student's notebook in a kernel of its own.

    Test cells are those of the assignment, even if the student's differ. The file stays as it is.

    Args:
        folder: of the student.
        unit: "02_sizing".
        seconds: time limit for each cell.

    Returns:
        The table in lines, then the cells that ended with an error.

    Raises:
        UsageError: there is no such notebook, or it cannot be run.
    """
    folder.check_unit(unit)
    if seconds < 1:
        raise UsageError(f"--seconds must be at least 1; received {seconds}.")
    path = folder.copy(unit)
    if not path.is_file():
        raise UsageError(f"There is no file {path}. `course lab` makes the copies to work on.")
    notebook = carrying.read(path)
    _restore_tests(notebook, carrying.read(folder.released(unit)))
    errors = _run(notebook, path, seconds)
    table = _table(notebook.cells[-1])
    return [*table, "", "Cells that ended with an error:", *errors] if errors else table


def _restore_tests(notebook: NotebookNode, release: NotebookNode) -> None:
    tests = {
        carrying.name_of(cell): cell.source
        for cell in release.cells
        if cell.metadata.get("nbgrader", {}).get("grade") and not carrying.is_answer(cell)
    }
    for cell in notebook.cells:
        cell.source = tests.get(carrying.name_of(cell), cell.source)


def _run(notebook: NotebookNode, path: Path, seconds: int) -> list[str]:
    """Run a notebook with the table as its last cell; return the errors on the way, in lines."""
    try:
        import nbformat
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient import NotebookClient
        from nbclient.exceptions import DeadKernelError
    except ImportError as error:
        raise UsageError(f"{error.name} is not installed. Run `pip install jupyterlab`.") from None
    notebook.cells.append(nbformat.v4.new_code_cell(_SUMMARY))
    watch = _Watch(len(notebook.cells), seconds)
    client = NotebookClient(
        notebook, timeout=seconds, interrupt_on_timeout=True, error_on_timeout={"ename": _LATE},
        allow_errors=True, kernel_name="python3", extra_arguments=_QUIET,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=watch.started, on_cell_executed=watch.ended,
    )  # fmt: skip
    client.log.disabled = True  # it says again what becomes of the cells
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "COURSE_NOTEBOOK": str(path)}
    try:
        client.execute(env=environment)
    except DeadKernelError:
        raise UsageError(
            f"Python ended while it ran {watch.place}: too little memory, or the code ends the "
            "process. Run the cells one by one in JupyterLab to see which it is."
        ) from None
    except NoSuchKernel:
        raise UsageError("Python's kernel is missing. Run `pip install ipykernel`.") from None
    finally:
        watch.clear()
    return watch.errors


class _Watch:
    """Follows a notebook that runs, and says where it is if somebody looks on.

    Attributes:
        errors: a line for each cell that failed; an answer that is not written has not.
        place: the cell that runs.
    """

    def __init__(self, total: int, seconds: int):
        self.errors: list[str] = []
        self.place = "its start"
        self._total, self._seconds = total, seconds
        self._late = 0  # how many cells in a row had to be stopped

    def started(self, cell: NotebookNode, cell_index: int) -> None:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        self.place = grade_id or f"cell {cell_index + 1}"
        self._show(f"cell {cell_index + 1} of {self._total} ...")

    def ended(self, cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
        reply = execute_reply["content"]
        self._late = self._late + 1 if reply.get("ename") == _LATE else 0
        if self._late > 1:
            raise UsageError(
                f"Two cells in a row ran for more than {self._seconds} s; the second is "
                f"{self.place}. --seconds N allows more."
            )
        if reply["status"] == "error" and reply["ename"] != "NotImplementedError":
            said = _said(reply)
            if self._late:
                said = f"stopped after {self._seconds} s (--seconds N allows more)"
            self.errors.append(f"  {self.place}: {said}")

    def clear(self) -> None:
        """Remove the last line on where it is."""
        self._show("", end="\r")

    @staticmethod
    def _show(text: str, end: str = "") -> None:
        if sys.stderr.isatty():
            print(f"\r{text:<24}", end=end, file=sys.stderr, flush=True)


def _table(cell: NotebookNode) -> list[str]:
    said = ""
    for output in cell.outputs:
        if "text/plain" in output.get("data", {}):
            return str(output["data"]["text/plain"]).splitlines()
        said = _said(output) if output.output_type == "error" else said
    raise UsageError(
        "There is no table: the notebook has changed what the checks need. Run the cells one by "
        f"one in JupyterLab. {said}"
    )


def _said(error: Mapping[str, Any]) -> str:
    """Return an error in a line."""
    text = _ANSI.sub("", error.get("evalue", "")).strip().splitlines()
    return f"{error['ename']}: {text[0][:160]}" if text else str(error["ename"])
