"""Running a submission's cells, so that one bad cell costs its own points and no others."""

from __future__ import annotations

import os
import subprocess
import time

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Integer

PROCESS_ENDED, OUT_OF_TIME = "ProcessEnded", "OutOfTime"


class ResilientExecute(Execute):
    """nbgrader's Execute, which goes on when the kernel dies or the time is up.

    The cells that cannot run any more get an error output that says why, and so score nothing;
    what ran before keeps its points.
    """

    notebook_timeout = Integer(300, help="Seconds for a whole notebook.").tag(config=True)

    def preprocess(self, nb, resources, retries=None):
        self._stopped = None
        self._end = time.monotonic() + self.notebook_timeout
        return super().preprocess(nb, resources, retries)

    async def async_start_new_kernel(self, **kwargs):
        # Outputs reach us by message. What else the process writes is for nobody's terminal.
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3"} | os.environ
        await super().async_start_new_kernel(env=environment, **quiet, **kwargs)

    async def async_execute_cell(self, cell, cell_index, execution_count=None, store_history=True):
        if cell.cell_type != "code":
            return cell
        if not self._stopped and time.monotonic() > self._end:
            seconds = self.notebook_timeout
            self._stopped = OUT_OF_TIME, f"the notebook ran for more than {seconds} s"
        if self._stopped:
            return self._not_run(cell)
        try:
            return await super().async_execute_cell(
                cell, cell_index, execution_count, store_history
            )
        except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
            what = "ended" if isinstance(error, DeadKernelError) else "blocked"
            name = cell.metadata.get("nbgrader", {}).get("grade_id") or f"number {cell_index}"
            reason = f"cell {name} {what} the Python process"
            self._stopped = PROCESS_ENDED, reason
            cell.outputs.append(_error(PROCESS_ENDED, reason))
            return cell

    # The base classes bound their own coroutines to these names when they were made.
    start_new_kernel = run_sync(async_start_new_kernel)
    execute_cell = run_sync(async_execute_cell)

    def _not_run(self, cell):
        name, reason = self._stopped
        cell.outputs = [_error(name, f"not run: {reason}")]
        return cell


class StderrIsNotAnError(NbGraderPreprocessor):
    """Show a graded cell's stderr as stdout.

    nbgrader takes any line on stderr for a failed test, and TensorFlow, warnings and progress
    bars write there in correct work too.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "code" and utils.is_grade(cell):
            for output in cell.outputs:
                if output.output_type == "stream" and output.name == "stderr":
                    output.name = "stdout"
        return cell, resources


def _error(name: str, reason: str):
    return new_output("error", ename=name, evalue=reason, traceback=[f"{name}: {reason}"])
