"""Running cells as a notebook does, without a kernel: IPython's shell, and what a cell shows."""

from __future__ import annotations

import contextlib
import functools
import io
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, TypedDict

from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

MAX_OUTPUT = 1 << 20  # characters of one stream of one cell
MAX_DISPLAYS = 200

Output = dict[str, Any]  # a cell's output as nbformat has it


class CellTimeout(KeyboardInterrupt):
    """The cell's time is up. Not an Exception, so that `except Exception` does not stop it."""


class Ran(TypedDict):
    """What came of a cell."""

    outputs: list[Output]
    ok: bool
    timed_out: bool


class _Stream(io.TextIOBase):
    """What a cell writes, up to a limit."""

    def __init__(self, name: str, outputs: list[Output]):
        self.name, self._outputs, self._left = name, outputs, MAX_OUTPUT
        self._cut_off = False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        text = str(text)
        kept = text[: self._left]
        self._left -= len(kept)
        if len(kept) < len(text) and not self._cut_off:
            kept += "\n[more output was cut off]\n"
            self._cut_off = True
        if kept:
            last = self._outputs[-1] if self._outputs else {}
            if last.get("output_type") == "stream" and last["name"] == self.name:
                last["text"] += kept
            else:
                self._outputs.append({"output_type": "stream", "name": self.name, "text": kept})
        return len(text)

    def isatty(self) -> bool:
        return False


class _Publisher(DisplayPublisher):
    """Passes what is displayed to the cell that is running."""

    def publish(self, data: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        if self.shell.running_cell is not None:
            self.shell.running_cell.display(data)

    def clear_output(self, wait: bool = False) -> None:
        if self.shell.running_cell is not None:
            self.shell.running_cell.outputs.clear()


class Shell(InteractiveShell):
    """IPython's shell for cells that are run here.

    Attributes:
        running_cell: the cell that is running.
    """

    running_cell: CellRun | None = None

    def init_display_pub(self) -> None:
        """Have displays published to the cell that is running."""
        self.display_pub = _Publisher(parent=self, shell=self)

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: there is no window system."""

    def _showtraceback(self, kind: type, error: BaseException, traceback: list[str]) -> None:
        if self.running_cell is not None:
            self.running_cell.error(kind.__name__, str(error), list(traceback))


@functools.cache
def make_shell() -> Shell:
    """Return the process' shell, which keeps no history and shows nothing by itself.

    It is made before a fork server forks, since that takes longer than most cells.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autocall = 0
    config.InteractiveShell.history_length = 0
    # Figures are shown in the notebook, as in Jupyter.
    with contextlib.suppress(ImportError):
        import matplotlib

        matplotlib.use("module://matplotlib_inline.backend_inline")
    return Shell.instance(config=config)


class CellRun:
    """One run of one cell in a shell; collects what nbformat calls its outputs.

    Attributes:
        ended_by: the exception that ended it, if one did.
    """

    def __init__(self, shell: Shell):
        self.shell = shell
        self.ended_by: BaseException | None = None
        self.outputs: list[Output] = []
        self._displays = 0

    def display(self, data: dict[str, Any], kind: str = "display_data", **more: Any) -> None:
        """Note something displayed, unless there is too much of it already."""
        self._displays += 1
        size = sum(len(str(value)) for value in data.values())
        if self._displays > MAX_DISPLAYS or size > 8 * MAX_OUTPUT:
            return
        data = {mime: value for mime, value in data.items() if isinstance(value, str | dict | list)}
        self.outputs.append({"output_type": kind, "data": data, "metadata": {}, **more})

    def run(self, source: str, seconds: float | None = None) -> Ran:
        """Run a cell.

        Args:
            source: code and magics.
            seconds: after this long a CellTimeout is raised in it, again and again.
        """
        try:
            with self._captured(), alarm(seconds):
                result = self.shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except CellTimeout as late:  # raised between the cell's end and the alarm's
            error = late
        self.ended_by = error
        timed_out = isinstance(error, CellTimeout)
        if timed_out:
            self.outputs[:] = [o for o in self.outputs if o["output_type"] != "error"]
            self.error("CellTimeoutError", f"the cell ran for more than {seconds:g} s")
        elif error is not None and not any(o["output_type"] == "error" for o in self.outputs):
            self.error(type(error).__name__, str(error))
        return {"outputs": self.outputs, "ok": error is None, "timed_out": timed_out}

    @contextlib.contextmanager
    def _captured(self) -> Iterator[None]:
        """Collect what is printed, displayed, or the value of the last line."""
        shell, streams = self.shell, (sys.stdout, sys.stderr)
        hook: Any = shell.displayhook
        hook.write_format_data = lambda data, metadata=None: self.display(
            data, "execute_result", execution_count=None
        )
        hook.write_output_prompt = lambda: None
        shell.running_cell = self
        sys.stdout, sys.stderr = (_Stream(name, self.outputs) for name in ("stdout", "stderr"))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = streams
            shell.running_cell = None
            del hook.write_format_data, hook.write_output_prompt

    def error(self, name: str, value: str, traceback: list[str] | None = None) -> None:
        """Note an error as nbformat does."""
        self.outputs.append(
            {
                "output_type": "error",
                "ename": name,
                "evalue": value[:4000],
                "traceback": traceback or [f"{name}: {value}"[:4000]],
            }
        )


# As they are now: a cell may replace them in their module.
_set_handler, _set_timer = signal.signal, signal.setitimer


class alarm:
    """Raise CellTimeout in the main thread when the time is up, and every second after that.

    An alarm inside another one replaces it, and then gives it back the time that it has left.
    """

    def __init__(self, seconds: float | None):
        self.seconds = seconds

    def __enter__(self) -> None:
        if self.seconds:
            self._old = _set_handler(signal.SIGALRM, self._ring)
            self._started = time.monotonic()
            self._outer = _set_timer(signal.ITIMER_REAL, self.seconds, 1.0)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.seconds:
            _set_timer(signal.ITIMER_REAL, 0)
            _set_handler(signal.SIGALRM, self._old)
            left, interval = self._outer
            if left:
                left -= time.monotonic() - self._started
                _set_timer(signal.ITIMER_REAL, max(0.001, left), interval)

    @staticmethod
    def _ring(number: int, frame: FrameType | None) -> None:
        raise CellTimeout("time is up")


@contextlib.contextmanager
def alarms(how: signal.Sigmasks) -> Iterator[None]:
    """Hold back alarms inside (`signal.SIG_BLOCK`), or let them through (`signal.SIG_UNBLOCK`)."""
    old = signal.pthread_sigmask(how, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
