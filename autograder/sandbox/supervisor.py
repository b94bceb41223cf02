"""The trusted process that starts, watches and ends one sandboxed tree of processes."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import asdict
from types import FrameType
from typing import Any, NoReturn

from autograder.sandbox import child, kernel, messages, watch
from autograder.sandbox.child import Setup
from autograder.sandbox.limits import Exit
from autograder.sandbox.request import Request

START_SECONDS = 60
_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 0.3


def supervise(setup: Setup, control: socket.socket, contents: int, passed: list[int]) -> None:
    """Carry out one request. This runs in a process of its own.

    Args:
        setup: what the server was told at its start.
        control: a socket for JSON messages to and from the client.
        contents: descriptor of the request's file.
        passed: descriptors for the function: the channel, then any others.
    """
    # The server ignores this signal, but student code has to wait for processes that it starts.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = Request.read(contents)
    supervisor = Supervisor(request, setup, control)
    signal.signal(signal.SIGTERM, supervisor.stop_soon)
    kernel.signal_at_parents_death(signal.SIGTERM)
    try:
        supervisor.start(contents, passed)
        end = supervisor.watch()
    except Exception as error:
        supervisor.end()
        answer: dict[str, Any] = {
            "error": str(error) if isinstance(error, _NotStarted) else repr(error)
        }
    else:
        answer = {"exit": asdict(end)}
    supervisor.clean_up()
    with contextlib.suppress(OSError):  # the client may be gone
        messages.send(control, **answer)


class _NotStarted(Exception):
    """The process could not be set up."""


class Supervisor:
    """One tree of processes, from start to end.

    `first` is the process that was forked here: pid 1 of new namespaces, or else the main process.
    """

    # Set when the process is forked.
    first_descriptor: int
    status: socket.socket
    started: float

    def __init__(self, request: Request, setup: Setup, control: socket.socket) -> None:
        self.request, self.setup, self.control = request, setup, control
        self.first: int | None = None
        self.main: int | None = None  # a descriptor of the process that calls the function
        self.code: int | None = None
        self.cpu_seconds, self.peak = 0.0, 0
        self.work = child.WORK
        self.stopping = False

    def stop_soon(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal that announces the server's end."""
        self.stopping = True

    # Starting

    def start(self, contents: int, passed: list[int]) -> None:
        """Fork the process and wait until it is about to call the function."""
        if self.request.confirm:
            self._await_confirmation()
        if not self.setup.namespaces:
            kernel.adopt_orphans()  # so that no daemon escapes
            self._make_folder()
        else:
            self._enter_namespaces()
        self.status, theirs = messages.pair()
        self.first = os.fork()
        if self.first == 0:
            self._run_child(contents, passed, theirs)
        self.first_descriptor = os.pidfd_open(self.first)
        if not self.setup.namespaces:
            self.main = self.first_descriptor
        theirs.close()
        for descriptor in (contents, *passed):
            os.close(descriptor)
        self._await_readiness()
        self.started = time.monotonic()
        messages.send(self.control, ready=True)

    def _await_confirmation(self) -> None:
        """Let the client put this process into a control group before it has children."""
        pidfd = os.pidfd_open(os.getpid())
        messages.send(self.control, [pidfd], supervisor=True)
        os.close(pidfd)
        if messages.receive(self.control, START_SECONDS)[0].get("please") != "go on":
            raise _NotStarted("the client went away")

    def _enter_namespaces(self) -> None:
        if self.setup.isolation == "root":
            kernel.unshare(kernel.NEWPID)
            return
        uid, gid = os.getuid(), os.getgid()
        kernel.unshare(kernel.NEWUSER | kernel.NEWPID)
        for name, text in (
            ("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1"),
        ):  # fmt: skip
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)

    def _make_folder(self) -> None:
        self.work = tempfile.mkdtemp(prefix="work-", dir=self.setup.scratch)
        os.mkdir(f"{self.work}/.tmp", 0o700)

    def _run_child(self, contents: int, passed: list[int], status: socket.socket) -> NoReturn:
        try:
            os.close(self.control.detach())
            os.close(self.status.detach())
            nowhere = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1, 2):
                os.dup2(nowhere, standard)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            # If the machine runs out of memory, the kernel kills this first, not the grader.
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("500")
            arguments = (contents, passed, status)
            if self.setup.namespaces:
                child.init(self.request, self.setup, *arguments)
            else:
                child.main(self.request, self.setup, self.work, *arguments)
        except BaseException as error:
            with contextlib.suppress(OSError):
                messages.send(status, error=repr(error))
        finally:
            os._exit(1)

    def _await_readiness(self) -> None:
        """Wait for "ready" and, from pid 1, for a descriptor of the main process."""
        ready = False
        while not ready or self.main is None:
            try:
                news, descriptors = messages.receive(self.status, START_SECONDS)
            except TimeoutError:
                raise _NotStarted(f"it was not ready after {START_SECONDS} s") from None
            if not news:
                raise _NotStarted("the process ended during its setup")
            if "error" in news:
                raise _NotStarted(news["error"])
            if descriptors:
                self.main = descriptors[0]
            ready = ready or "ready" in news

    # Watching

    def watch(self) -> Exit:
        """Enforce the limits until the tree ends or the client stops it."""
        reason, pause = "", _LOOK_SECONDS
        while not reason:
            watched: list[socket.socket | int] = [self.control, self.first_descriptor]
            ready, _, _ = select.select(watched, [], [], pause)
            if self.first_descriptor in ready:
                break
            if self.control in ready:
                reason = self._obey_client()
            elif self.stopping:
                reason = "killed"
            else:
                began = time.thread_time()
                reason = self._over_a_limit()
                # Looking may cost at most a fifth of one core.
                pause = min(1.0, max(_LOOK_SECONDS, 5 * (time.thread_time() - began)))
        wall = time.monotonic() - self.started
        self.end()
        if not reason and self._out_of_cpu():
            reason = "cpu"  # the kernel enforced the limit first
        return Exit(self.code, reason, round(self.cpu_seconds, 3), self.peak >> 20, round(wall, 3))

    def _obey_client(self) -> str:
        request, _ = messages.receive(self.control, 0)
        if request.get("please") == "interrupt":
            with contextlib.suppress(ProcessLookupError):
                if self.main is not None:
                    signal.pidfd_send_signal(self.main, signal.SIGINT)
            return ""
        return "killed"  # requested, or the client has closed its end or died

    def _over_a_limit(self) -> str:
        limits = self.request.limits
        if limits.wall_s is not None and time.monotonic() - self.started > limits.wall_s:
            return "wall"
        # Daemons too are children of this process or of pid 1. Pid 1 is ours and does not count.
        tree = watch.descendants(os.getpid())[1:]
        used = watch.usage([p for p in tree if p != self.first or not self.setup.namespaces])
        self.cpu_seconds = max(self.cpu_seconds, used.cpu_seconds)
        memory = used.memory
        if memory > limits.memory_mb << 20:
            memory = watch.shared_out(used.processes)
        self.peak = max(self.peak, memory)
        if memory > limits.memory_mb << 20:
            return "memory"
        # Where the kernel enforces this limit, a fork fails before this is reached.
        if used.threads > limits.processes:
            return "processes"
        if self._out_of_cpu():
            return "cpu"
        if not self.setup.namespaces:
            size, count = watch.disk_use(self.work)
            if size > limits.disk_mb << 20 or count > watch.MOST_FILES:
                return "disk"
        return ""

    def _out_of_cpu(self) -> bool:
        limit = self.request.limits.cpu_s
        return limit is not None and self.cpu_seconds > limit

    # Ending

    def end(self) -> None:
        """Kill what still runs, and wait until nothing is left."""
        if self.first is None:
            return
        if self.setup.namespaces:
            # The main process first: pid 1 then waits for it, and its CPU time is counted.
            if self.main is not None:
                _kill(self.main)
                select.select([self.first_descriptor], [], [], _GRACE_SECONDS)
            # With pid 1 the kernel ends all others, and waits for them.
            _kill(self.first_descriptor)
            self._account(*os.wait4(self.first, 0))
            self._read_code()
        else:
            self._end_descendants()

    def _end_descendants(self) -> None:
        """Kill in rounds, since processes may be forked during a round."""
        while True:
            for pid in watch.descendants(os.getpid())[1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                while (ended := os.wait4(-1, os.WNOHANG))[0]:
                    self._account(*ended)
            except ChildProcessError:
                return
            time.sleep(0.002)

    def _account(self, pid: int, how: int, usage: resource.struct_rusage) -> None:
        if pid == self.first:
            self.code = os.waitstatus_to_exitcode(how)
            self.cpu_seconds = max(self.cpu_seconds, usage.ru_utime + usage.ru_stime)
            self.peak = max(self.peak, usage.ru_maxrss << 10)

    def _read_code(self) -> None:
        """Read pid 1's last message, if there is one: how the main process ended."""
        with contextlib.suppress(TimeoutError):
            while news := messages.receive(self.status, 0)[0]:
                self.code = news.get("code", self.code)

    def clean_up(self) -> None:
        """Remove the work folder, if it was not a mount."""
        if self.work != child.WORK:
            # Code may have left folders without permissions, or too deep for Python.
            for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
                subprocess.run([*command, "--", self.work], capture_output=True, check=False)
            shutil.rmtree(self.work, ignore_errors=True)


def _kill(descriptor: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
