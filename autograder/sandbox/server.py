"""The fork server: import modules once, then fork a supervisor for each request.

It runs no student code and holds no secret, since every process forked from it inherits its memory.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

from autograder.sandbox import kernel, messages, watch
from autograder.sandbox.child import Setup
from autograder.sandbox.supervisor import supervise

MOST_DESCRIPTORS = 64
_THREADS_END_S = 2
_ALLOCATOR = "jemalloc_bg_thd"  # a thread that pyarrow starts and keeps


def main() -> None:
    """Run until the client closes the socket whose number is the first argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    setup = Setup(**messages.receive(control, None)[0])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the client handles Ctrl-C
    if not setup.namespaces:
        # A pid namespace ends as a whole. Without one, the supervisors end their processes.
        kernel.signal_at_parents_death(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        kernel.adopt_orphans()
    try:
        _preload(setup.preload)
    except BaseException as error:
        messages.send(control, error=f"{type(error).__name__}: {error}"[:4000])
        return
    messages.send(control, ready=True, threads=_threads())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors leave no zombies
    supervisors: set[int] = set()
    try:
        _serve(control, setup, supervisors)
    finally:
        if not setup.namespaces:
            _leave_nothing(setup, supervisors)


def _threads() -> int:
    """Count this process's threads, once those that only imports needed have ended.

    Matplotlib starts one to look for fonts, which briefly outlives the import.
    """
    deadline = time.monotonic() + _THREADS_END_S
    while True:
        names = _thread_names()
        ending = len(names) - names.count(_ALLOCATOR) > 1
        if not ending or time.monotonic() > deadline:
            return len(names)
        time.sleep(0.01)


def _thread_names() -> list[str]:
    names = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended
            names.append((task / "comm").read_text().strip())
    return names


def _preload(modules: list[str]) -> None:
    gc.disable()  # imports leave no garbage, but looking for it takes a tenth of the time
    for name in modules:
        importlib.import_module(name)
    gc.enable()
    context = sys.modules.get("tensorflow.python.eager.context")
    if context is not None and context.context()._initialized:
        raise RuntimeError(
            "Preloading must not run a TensorFlow op, whose threads would be missing in a fork; "
            f"one of {', '.join(modules)} does. Import it in the target instead."
        )
    gc.collect()
    gc.freeze()  # else a collection in a child would copy every page that holds an object


def _serve(control: socket.socket, setup: Setup, supervisors: set[int]) -> None:
    while True:
        if not select.select([control], [], [], 1)[0]:
            _end_orphans(supervisors)
            continue
        message, descriptors, _, _ = socket.recv_fds(control, 64, MOST_DESCRIPTORS)
        if not message:
            return
        replies = socket.socket(fileno=descriptors[0])
        try:
            pid = os.fork()
        except OSError as error:
            messages.send(replies, error=f"cannot fork: {error.strerror}")
        else:
            if pid == 0:
                _supervise(control, setup, replies, descriptors[1:])
            supervisors.add(pid)
        replies.close()
        for descriptor in descriptors[1:]:
            os.close(descriptor)


def _leave_nothing(setup: Setup, supervisors: set[int]) -> None:
    """Wait until the supervisors have ended what they watch, and remove the scratch folder."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for pid in supervisors:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(ChildProcessError):  # when the last child has ended
        while True:
            os.waitpid(-1, os.WNOHANG)
            _end_orphans(supervisors)
            time.sleep(0.02)
    shutil.rmtree(setup.scratch, ignore_errors=True)


def _supervise(
    control: socket.socket, setup: Setup, replies: socket.socket, descriptors: list[int]
) -> NoReturn:
    try:
        os.close(control.detach())
        supervise(setup, replies, descriptors[0], descriptors[1:])
    finally:
        os._exit(0)


def _end_orphans(supervisors: set[int]) -> None:
    """Kill children whose supervisor was killed from outside, so that nobody watches them."""
    children: set[int] = set()
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        children.update(map(int, file.read().split()))
    for orphan in children - supervisors:
        for pid in watch.descendants(orphan):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    # Not from that list, which may be incomplete while processes end.
    supervisors -= {pid for pid in supervisors if not os.path.exists(f"/proc/{pid}")}
