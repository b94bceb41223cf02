"""Inside the sandbox: how a forked process isolates itself before it calls the function.

With namespaces, two processes are forked. `init` is pid 1: it builds the view of the file system,
gives up its rights and waits; when it ends, the kernel ends all others. The main process, pid 2,
calls the function. Without namespaces there is only the main process.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import math
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from autograder.sandbox import kernel, messages, system_calls, watch
from autograder.sandbox.request import Request

WORK = "/student"  # the work folder, with namespaces
FIRST_UID = 200_000  # of the user ids that "root" assigns; far from those of people
_THREADS = "1"
_MSGQUEUE, _SIGPENDING = 12, 11  # limits that the resource module does not name


@dataclass
class Setup:
    """What the client sends to the server at its start.

    Attributes:
        isolation: the name of an :class:`Isolation`.
        preload: modules to import.
        readable: files and folders that may be read.
        private_tmp: give each process a /tmp of its own.
        scratch: the server's own folder; without namespaces it holds the work folders.
    """

    isolation: str
    preload: list[str]
    readable: list[str]
    private_tmp: bool
    scratch: str

    @property
    def namespaces(self) -> bool:
        return self.isolation in ("root", "user")


def environment(work: str) -> dict[str, str]:
    """Return the environment variables that a sandboxed process starts with."""
    threads = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return {
        "HOME": work,
        "TMPDIR": f"{work}/.tmp",
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "student",
        "LOGNAME": "student",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": f"{work}/.matplotlib",
        "IPYTHONDIR": f"{work}/.ipython",
        "KERAS_HOME": f"{work}/.keras",
        # BLAS reads its variable when it is loaded, so this is for programs started from inside.
        "OPENBLAS_NUM_THREADS": "1",
    } | dict.fromkeys(threads, _THREADS)


def uid_of(request: Request, setup: Setup) -> int:
    """Return the user id that a process runs as."""
    return FIRST_UID + request.slot if setup.isolation == "root" else os.getuid()


def init(
    request: Request, setup: Setup, contents: int, passed: list[int], status: socket.socket
) -> NoReturn:
    """Be pid 1: build the view, give up all rights, start the main process, wait for its end."""
    kernel.signal_at_parents_death(signal.SIGKILL)
    new = kernel.NEWNS | kernel.NEWIPC | kernel.NEWUTS | kernel.NEWNET | kernel.NEWCGROUP
    kernel.unshare(new)
    uid = uid_of(request, setup)
    _make_view(request, setup, uid)
    kernel.set_host_name("sandbox")
    kernel.forbid_new_privileges()
    kernel.bar_capabilities()
    if setup.isolation == "root":
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kernel.drop_capabilities()
    kernel.signal_at_parents_death(signal.SIGKILL)  # again: the user id may have changed
    # Pid 1 has the student's user id; nobody inside may look into it or write to its memory.
    kernel.set_dumpable(False)
    kernel.filter_system_calls(system_calls.filter_program())
    pid = os.fork()
    if pid == 0:
        main(request, setup, WORK, contents, passed, status)
    # Python handles Ctrl-C, and pid 1 receives only the signals that it has handlers for.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # In its parent's namespaces the main process has another number, but the same descriptor.
    messages.send(status, [os.pidfd_open(pid)], main=True)
    keep_only([status.detach()], first=0)
    status = socket.socket(fileno=0)
    while True:
        ended, how = os.wait()
        if ended == pid:
            with contextlib.suppress(OSError):
                messages.send(status, code=os.waitstatus_to_exitcode(how))
            os._exit(0)


def _make_view(request: Request, setup: Setup, uid: int) -> None:
    """Mount what belongs to this process on top of bubblewrap's read-only view."""
    k = kernel
    # What is mounted here must not spread to other submissions.
    k.mount("none", "/", flags=k.RECURSIVE | k.PRIVATE)
    size, safe = request.limits.disk_mb, k.NO_SUID | k.NO_DEVICES
    gid = uid if setup.isolation == "root" else os.getgid()
    own = f"size={size}m,mode=0700,uid={uid},gid={gid}"
    k.mount("tmpfs", WORK, "tmpfs", safe, f"{own},nr_inodes={watch.MOST_FILES}")
    k.mount("tmpfs", "/dev/shm", "tmpfs", safe | k.NO_EXEC, f"{own},nr_inodes=2000")
    os.mkdir(f"{WORK}/.tmp", 0o700)
    os.chown(f"{WORK}/.tmp", uid, gid)
    if setup.private_tmp:
        k.mount(f"{WORK}/.tmp", "/tmp", flags=k.BIND)
    # Mapped and shared, /dev/zero gives memory that is resident in no process.
    k.mount("/dev/null", "/dev/zero", flags=k.BIND)
    # A container that masks parts of /proc allows no new one. Then bubblewrap's stays: other
    # processes are listed in it, but can be neither inspected nor signalled.
    with contextlib.suppress(PermissionError):
        k.mount("proc", "/proc", "proc", safe | k.NO_EXEC | k.READ_ONLY)


def main(
    request: Request,
    setup: Setup,
    work: str,
    contents: int,
    passed: list[int],
    status: socket.socket,
) -> NoReturn:
    """Be the main process: set the limits, report readiness, call the function."""
    try:
        os.setsid()
        function = _prepare(request, setup, work, contents)
        messages.send(status, ready=True)
    except BaseException as error:
        _report(status, error)
    status.detach()  # its number is about to be reused
    keep_only(passed, first=3)
    channel = socket.socket(fileno=3)
    rest = range(4, 3 + len(passed))
    try:
        result = function(channel, *rest)
        code = result & 0xFF if isinstance(result, int) else 0
    except SystemExit as error:
        code = error.code & 0xFF if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        code = 1
    # Run none of the server's exit handlers, and wait for no thread.
    os._exit(code)


def _prepare(request: Request, setup: Setup, work: str, contents: int) -> Callable[..., object]:
    if not setup.namespaces:
        kernel.signal_at_parents_death(signal.SIGKILL)
    kernel.set_dumpable(True)  # else it cannot read its own /proc/self, and TensorFlow aborts
    os.umask(0o022)
    os.chdir(work)
    os.environ.clear()
    os.environ.update(environment(work) | request.environment)
    request.unpack(contents, work)
    _limit(request, setup)
    if setup.isolation == "landlock":
        _confine_without_namespaces(setup, work)
    # All processes inherit the server's random state. They also share the seed of string hashes,
    # which a running Python cannot change: students can predict the order of each other's sets.
    random.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    tempfile.tempdir = None  # the server's
    sys.argv[:] = [""]
    sys.modules["__main__"] = types.ModuleType("__main__")
    module, _, name = request.target.partition(":")
    function: Callable[..., object] = getattr(importlib.import_module(module), name)
    return function


def _limit(request: Request, setup: Setup) -> None:
    """Set the kernel's own limits; those on a single process back up the watchdog."""
    limits = request.limits
    with open("/proc/self/statm") as file:
        inherited = int(file.read().split()[5]) * resource.getpagesize()
    values = {
        resource.RLIMIT_NPROC: limits.processes + _others(setup),
        # Not AS: TensorFlow and threads reserve gigabytes of address space that they never use.
        resource.RLIMIT_DATA: inherited + (limits.memory_mb << 20),
        resource.RLIMIT_FSIZE: limits.file_mb << 20,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 1 << 20,
        _MSGQUEUE: 0,
        _SIGPENDING: 1024,
    }
    if limits.cpu_s is not None:
        values[resource.RLIMIT_CPU] = math.ceil(limits.cpu_s) + 5
    for limit, value in values.items():
        most = resource.getrlimit(limit)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, value))


def _others(setup: Setup) -> int:
    """Count the threads of the same user id that are not the student's."""
    if setup.namespaces:
        # Pid 1; in a user namespace, which is counted separately, the supervisor too.
        return {"root": 1, "user": 2}[setup.isolation]
    count = 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                count += len(os.listdir(f"{entry.path}/task"))
    return count


def _confine_without_namespaces(setup: Setup, work: str) -> None:
    kernel.forbid_new_privileges()
    kernel.bar_capabilities()
    kernel.drop_capabilities()
    # Only the process's own part of /proc: the rest shows the grader's arguments.
    proc = [f"/proc/{name}" for name in (os.getpid(), "self", "meminfo", "cpuinfo", "stat")]
    devices = ["/dev/urandom", "/dev/random", "/sys/devices/system/cpu"]
    # Python lists the folder of a package even if only a part of it is readable.
    folders = {os.path.dirname(path) for path in setup.readable}
    packages = [folder for folder in folders if os.path.exists(f"{folder}/__init__.py")]
    kernel.landlock([*setup.readable, *proc, *devices], [work, "/dev/null"], packages)
    version = kernel.landlock_version()
    kernel.filter_system_calls(system_calls.filter_program(landlock=version))


def keep_only(descriptors: list[int], *, first: int) -> None:
    """Renumber these descriptors from `first` on, and close all others from there."""
    end = first + len(descriptors)
    # Through high numbers, as the old and the new ones may overlap.
    away = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, end) for descriptor in descriptors]
    for number, descriptor in enumerate(away, start=first):
        os.dup2(descriptor, number, inheritable=False)
    os.closerange(end, 1 << 20)


def _report(status: socket.socket, error: BaseException) -> NoReturn:
    text = f"{type(error).__name__}: {error}"[:2000]
    with contextlib.suppress(OSError):
        messages.send(status, error=text)
    os._exit(1)
