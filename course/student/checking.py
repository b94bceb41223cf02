"""`course check`: run an assignment's examples in a terminal and show how they went."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import UsageError
from course.student import carrying
from course.student.folder import StudentFolder

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

SECONDS = 120  # for one cell; none of a solved notebook takes half as long
# The table of `autograder.checks`, which the library does not import: the kernel does.
_SUMMARY = "from autograder import checks; checks.summary()"
_QUIET = ["--IPKernelApp.log_level=40"]  # the kernel warns of nothing that is done here
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
    ran = _run(notebook, path, seconds)
    return [*_table(ran.cells[-1]), *_errors(ran.cells[:-1], seconds)]


def _restore_tests(notebook: NotebookNode, release: NotebookNode) -> None:
    tests = {
        carrying.name_of(cell): cell.source
        for cell in release.cells
        if cell.metadata.get("nbgrader", {}).get("grade") and not carrying.is_answer(cell)
    }
    for cell in notebook.cells:
        cell.source = tests.get(carrying.name_of(cell), cell.source)


def _run(notebook: NotebookNode, path: Path, seconds: int) -> NotebookNode:
    """Run a notebook with the table as its last cell, whatever errors there are on the way."""
    try:
        import nbformat
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient import NotebookClient
        from nbclient.exceptions import DeadKernelError
    except ImportError as error:
        raise UsageError(f"{error.name} is not installed. Run `pip install jupyterlab`.") from None
    notebook.cells.append(nbformat.v4.new_code_cell(_SUMMARY))
    client = NotebookClient(
        notebook, timeout=seconds, interrupt_on_timeout=True, allow_errors=True,
        kernel_name="python3", resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=_progress(len(notebook.cells)), extra_arguments=_QUIET,
    )  # fmt: skip
    client.log.disabled = True  # it says again what becomes of the cells
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "COURSE_NOTEBOOK": str(path)}
    try:
        return client.execute(env=environment)
    except DeadKernelError:
        raise UsageError(
            f"Python ended while it ran {_place(client, notebook)}: too little memory, or the code "
            "ends the process. Run the cells one by one in JupyterLab to see which it is."
        ) from None
    except NoSuchKernel:
        raise UsageError("Python's kernel is missing. Run `pip install ipykernel`.") from None
    finally:
        _progress(0)()


def _progress(total: int) -> Any:
    """Return a function that says which cell runs, where somebody looks on."""

    def show(cell: NotebookNode | None = None, cell_index: int = -1, **more: object) -> None:
        if sys.stderr.isatty():
            text = f"cell {cell_index + 1} of {total} ..." if total else ""
            print(f"\r{text:<24}", end="" if total else "\r", file=sys.stderr, flush=True)

    return show


def _place(client: NotebookClient, notebook: NotebookNode) -> str:
    done = client.code_cells_executed
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    return f"the cell {carrying.name_of(code[min(done, len(code) - 1)])!r}"


def _table(cell: NotebookNode) -> list[str]:
    for output in cell.outputs:
        if "text/plain" in output.get("data", {}):
            return str(output["data"]["text/plain"]).splitlines()
    raise UsageError(
        "There is no table: the notebook has changed or closed what the checks need. Run the cells "
        f"one by one in JupyterLab. {'; '.join(map(_error, cell.outputs))}"
    )


def _errors(cells: list[NotebookNode], seconds: int) -> list[str]:
    """Return the cells that failed, in lines; an answer that is not written has not."""
    lines = []
    for number, cell in enumerate(cells, 1):
        for output in cell.get("outputs", []):
            said = _error(output)
            if said.startswith("KeyboardInterrupt"):
                said = f"stopped after {seconds} s (--seconds N allows more)"
            if said and output["ename"] != "NotImplementedError":
                name = cell.metadata.get("nbgrader", {}).get("grade_id")
                lines.append(f"  {name or f'cell {number}'}: {said}")
    return ["", "Cells that ended with an error:", *lines] if lines else []


def _error(output: NotebookNode) -> str:
    if output.output_type != "error":
        return ""
    text = _ANSI.sub("", output["evalue"]).strip().splitlines()
    return f"{output['ename']}: {text[0][:160]}" if text else str(output["ename"])
