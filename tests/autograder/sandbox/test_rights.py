"""Rights that a process does not have: capabilities, system calls, Landlock's."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from autograder.sandbox import Isolation
from autograder.sandbox import system_calls as calls
from tests.autograder.sandbox.inside import NAMESPACES, ROOT, ask


def test_no_capabilities_and_no_way_to_new_ones(server):
    code = """
        result = dict(l.split(":") for l in open("/proc/self/status").read().splitlines())
    """
    status = {k: v.strip() for k, v in ask(server, code)[0].items()}
    sets = ["CapEff", "CapPrm", "CapInh", "CapAmb"]
    if server.isolation != Isolation.LANDLOCK or os.geteuid() == 0:
        sets.append("CapBnd")
    assert {name: int(status[name], 16) for name in sets} == dict.fromkeys(sets, 0)
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def test_limits_of_the_kernel_are_set(any_server):
    code = """
        import resource as r
        names = ("NPROC", "DATA", "FSIZE", "CPU", "NOFILE", "CORE", "MEMLOCK")
        result = {n: r.getrlimit(getattr(r, "RLIMIT_" + n)) for n in names}
        result["MSGQUEUE"] = r.getrlimit(12)
        try:
            r.setrlimit(r.RLIMIT_NOFILE, (9999, 9999))
            result["raised"] = True
        except (ValueError, OSError):
            result["raised"] = False
    """
    result, _ = ask(any_server, code)
    trusted_root = any_server.isolation == Isolation.NONE and os.geteuid() == 0
    assert result.pop("raised") is False or trusted_root
    assert all(soft == hard for soft, hard in result.values())
    values = {name: soft for name, (soft, _) in result.items()}
    assert values["FSIZE"] == 8 << 20 and values["CPU"] == 25 and values["NOFILE"] == 256
    assert values["CORE"] == values["MSGQUEUE"] == 0 and values["MEMLOCK"] == 1 << 20
    assert 400 << 20 < values["DATA"] < 1000 << 20
    if any_server.isolation.name in NAMESPACES:
        # With pid 1 and, in a user namespace, the supervisor, who run as the same user.
        assert values["NPROC"] == (31 if any_server.isolation == Isolation.ROOT else 32)


def test_system_calls_that_are_filtered(server):
    number = {
        n: calls.NUMBERS[n][0 if os.uname().machine == "x86_64" else 1] for n in calls.NUMBERS
    }
    code = f"""
        import ctypes, errno, os
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        n = {number}
        def call(name, *arguments):
            ctypes.set_errno(0)
            got = libc.syscall(ctypes.c_long(n[name]), *map(ctypes.c_long, arguments))
            if name == "clone" and got == 0:
                os._exit(0)
            return [got == -1, errno.errorcode.get(ctypes.get_errno())]
        result = dict(
            unshare=call("unshare", 0x10000000), clone=call("clone", 0x10000000 | 17, 0, 0, 0, 0),
            clone3=call("clone3", 0, 0), memfd_create=call("memfd_create", 0, 0),
            shmget=call("shmget", 0, 4096, 0o1600), msgget=call("msgget", 0, 0o1600),
            mmap=call("mmap", 0, 4096, 3, 0x21, -1, 0), ptrace=call("ptrace", 0, 0, 0, 0),
            keyctl=call("keyctl", 0, -3, 0), bpf=call("bpf", 0, 0, 0),
            mount=call("mount", 0, 0, 0, 0, 0), setns=call("setns", 3, 0),
            io_uring_setup=call("io_uring_setup", 1, 0), userfaultfd=call("userfaultfd", 0),
            process_vm_readv=call("process_vm_readv", 1, 0, 0, 0, 0, 0),
            prlimit64=call("prlimit64", os.getppid() or 1, 7, 0, 0),
            perf_event_open=call("perf_event_open", 0, 0, -1, -1, 0),
            ioctl=call("ioctl", 0, 0x5412, 0),
        )
    """
    result, _ = ask(server, code)
    assert result.pop("clone3") == [True, "ENOSYS"]
    assert result == {name: [True, "EPERM"] for name in result}


def test_no_memory_that_is_resident_nowhere(server):
    """Shared pages without a file stay when they are unmapped; /dev/zero is the file for them."""
    code = """
        import mmap, os
        result = []
        for path in ("/dev/zero", "/dev/null"):
            try:
                mmap.mmap(os.open(path, os.O_RDWR), 4096, flags=mmap.MAP_SHARED)
                result.append(path)
            except OSError:
                pass
        try:
            mmap.mmap(-1, 4096)
            result.append("anonymous")
        except OSError:
            pass
    """
    assert ask(server, code)[0] == []


def test_threads_forks_and_private_memory_pass_the_filter(server):
    code = """
        import mmap, os, subprocess, threading
        ran = []
        threads = [threading.Thread(target=ran.append, args=[n]) for n in range(4)]
        [t.start() for t in threads]; [t.join() for t in threads]
        private = mmap.mmap(-1, 1 << 16, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        private[:4] = b"okay"
        with open("mapped", "wb") as file:
            file.truncate(4096)
        with open("mapped", "r+b") as file, mmap.mmap(file.fileno(), 4096) as shared:
            shared[:2] = b"ok"
        said = subprocess.run("echo $((20 + 3)); ls -d .", shell=True, capture_output=True)
        result = [sorted(ran), private[:4].decode(), said.stdout.decode(), os.system("exit 3") >> 8]
    """
    assert ask(server, code)[0] == [[0, 1, 2, 3], "okay", "23\n.\n", 3]


def test_landlock_covers_the_owners_rights(servers, tmp_path):
    """The student's user is the grader here: what Landlock leaves to owners is denied too."""
    server = servers("landlock")
    mine = tmp_path / "mine"
    mine.write_text("the grader's")
    mine.chmod(0o640)
    os.utime(mine, (1, 1))
    code = f"""
        import os, signal
        def fails(function, *arguments):
            try:
                function(*arguments)
                return False
            except OSError:
                return True
        os.chmod({str(mine)!r}, 0o777)
        os.utime({str(mine)!r})
        result = [fails(os.kill, {os.getpid()}, 0), fails(os.kill, os.getppid(), signal.SIGSTOP),
                  fails(os.setpriority, os.PRIO_PROCESS, {os.getpid()}, 19),
                  fails(os.setxattr, {str(mine)!r}, "user.x", b"1"),
                  fails(os.truncate, {str(mine)!r}, 0), fails(os.unlink, {str(mine)!r})]
    """
    assert ask(server, code)[0] == [True] * 6
    assert mine.stat().st_mode & 0o777 == 0o640 and mine.stat().st_mtime == 1
    assert mine.read_text() == "the grader's"


def test_filter_without_signals_for_older_landlock():
    """Before version 6 Landlock lets signals out; the filter then keeps them in."""
    code = """
        import ctypes, os, resource, signal, sys
        from autograder.sandbox import kernel, system_calls
        libc = ctypes.CDLL(None, use_errno=True)
        # A number below that of the most descriptors, where namespaces are allowed.
        if libc.unshare(0x20000000) == 0 or libc.unshare(0x30000000) == 0:
            if (first := os.fork()):
                sys.exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]))
        output = os.dup(1)
        child = os.fork()
        if child == 0:
            os.closerange(1, 100)
            signal.alarm(20)
            signal.pause()
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        me, descriptor = os.getpid(), os.pidfd_open(child)
        info = (ctypes.c_int * 32)(0, 0, -1)  # SI_QUEUE, which a process may send
        kernel.forbid_new_privileges()
        kernel.filter_system_calls(system_calls.filter_program(landlock=1))
        def call(name, *arguments):
            number = system_calls.NUMBERS[name][os.uname().machine != "x86_64"]
            return libc.syscall(*map(ctypes.c_long, [number, *arguments]))
        os.kill(me, 0)
        reached = [f"kill {pid}" for pid in (child, -1, 0) if call("kill", pid, 0) == 0]
        attempts = {
            "tkill": [child, 0], "tgkill": [child, child, 0],
            "rt_sigqueueinfo": [child, 0, ctypes.addressof(info)],
            "rt_tgsigqueueinfo": [child, child, 0, ctypes.addressof(info)],
            "pidfd_send_signal": [descriptor, 0, 0, 0],
        }
        reached += [name for name, arguments in attempts.items() if call(name, *arguments) == 0]
        if me < most:  # a descriptor that looks like this process
            os.dup2(descriptor, me)
            reached += ["with a descriptor"] if call("pidfd_send_signal", me, 0, 0, 0) == 0 else []
        try:
            os.truncate("/dev/null", 0)
            reached += ["truncate"]
        except PermissionError:
            os.write(output, repr(reached).encode())
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=20, cwd=ROOT)
    assert result.stdout == "[]"


@pytest.mark.parametrize(
    ("column", "header"),
    [
        (0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        (1, "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_numbers_of_system_calls_are_the_kernels(column, header):
    if not Path(header).exists():
        pytest.skip(f"the kernel's list {header} is not here")
    text = Path(header).read_text()
    known = {n: int(i) for n, i in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    ours = {name: numbers[column] for name, numbers in calls.NUMBERS.items()}
    newer = {"fchmodat2", "file_setattr", "open_tree_attr", "removexattrat", "setxattrat"}
    assert {n: i for n, i in ours.items() if n not in newer or n in known} == {
        n: known.get(n) for n in ours if n not in newer or n in known
    }


def test_filter_refuses_a_machine_it_does_not_know(monkeypatch):
    monkeypatch.setattr(calls.platform, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="not riscv64"):
        calls.filter_program()
