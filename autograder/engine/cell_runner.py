"""Running cells as a notebook does, without a kernel: IPython's shell, and what a cell showed."""

from __future__ import annotations

import contextlib
import functools
import io
import signal
import sys

MAX_OUTPUT = 1 << 20  # characters of one stream of one cell
MAX_DISPLAYS = 200


class CellTimeout(KeyboardInterrupt):
    """The cell's time is up. Not an Exception, so that `except Exception` does not stop it."""


class _Stream(io.TextIOBase):
    """What a cell writes, up to a limit."""

    def __init__(self, name: str, outputs: list[dict]):
        self.name, self._outputs, self._left = name, outputs, MAX_OUTPUT

    def writable(self):
        return True

    def write(self, text):
        text = str(text)
        kept = text[: self._left]
        self._left -= len(kept)
        if len(kept) < len(text) and kept:
            kept += "\n[more output was cut off]\n"
        if kept:
            last = self._outputs[-1] if self._outputs else {}
            if last.get("output_type") == "stream" and last["name"] == self.name:
                last["text"] += kept
            else:
                self._outputs.append({"output_type": "stream", "name": self.name, "text": kept})
        return len(text)

    def isatty(self):
        return False


@functools.cache
def make_shell():
    """The process' IPython shell, which keeps no history and shows nothing by itself.

    Built before a fork server forks, since it takes longer than most cells.
    """
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autocall = 0
    config.InteractiveShell.history_length = 0

    class Publisher(DisplayPublisher):
        """Hands what is displayed to the cell that is running."""

        def publish(self, data, metadata=None, *, transient=None, update=False, **kwargs):
            if self.shell.running_cell is not None:
                self.shell.running_cell.display(data)

        def clear_output(self, wait=False):
            if self.shell.running_cell is not None:
                self.shell.running_cell.outputs.clear()

    class Shell(InteractiveShell):
        running_cell = None

        def init_display_pub(self):
            self.display_pub = Publisher(parent=self, shell=self)

        def enable_gui(self, gui=None):
            """There is no window system to enable."""

        def _showtraceback(self, kind, error, traceback):
            if self.running_cell is not None:
                self.running_cell.error(kind.__name__, str(error), list(traceback))

    # Figures are shown in the notebook, as in Jupyter.
    with contextlib.suppress(ImportError):
        import matplotlib

        matplotlib.use("module://matplotlib_inline.backend_inline")
    return Shell.instance(config=config)


class Cell:
    """One run of one cell in a shell; collects what nbformat calls its outputs.

    Attributes:
        ended_by: the exception that ended it, if one did.
    """

    def __init__(self, shell):
        self.shell = shell
        self.ended_by: BaseException | None = None
        self.outputs: list[dict] = []
        self._displays = 0

    def display(self, data: dict, kind: str = "display_data", **more) -> None:
        """Note something displayed, if there is not too much of it already."""
        self._displays += 1
        if (
            self._displays > MAX_DISPLAYS
            or sum(len(str(v)) for v in data.values()) > 8 * MAX_OUTPUT
        ):
            return
        data = {mime: value for mime, value in data.items() if isinstance(value, str | dict | list)}
        self.outputs.append({"output_type": kind, "data": data, "metadata": {}, **more})

    def run(self, source: str, seconds: float | None = None) -> dict:
        """Run a cell.

        Args:
            source: code and magics.
            seconds: after this long a CellTimeout is raised in it, again and again.

        Returns:
            ``{"outputs": [...], "ok": bool, "timed_out": bool}``.
        """
        try:
            with self._captured(), alarm(seconds):
                result = self.shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except CellTimeout as late:  # rang between the cell's end and the alarm's
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
    def _captured(self):
        """What is printed, displayed, or the value of the last line, goes into the outputs."""
        shell, hook, streams = self.shell, self.shell.displayhook, (sys.stdout, sys.stderr)
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


class alarm:
    """Raise CellTimeout in the main thread when the time is up, and every second after that."""

    def __init__(self, seconds: float | None):
        self.seconds = seconds

    def __enter__(self):
        if self.seconds:
            self._old = signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, self.seconds, 1.0)

    def __exit__(self, *error):
        if self.seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._old)

    @staticmethod
    def _ring(number, frame):
        raise CellTimeout("time is up")
