"""The sandbox, tried from inside by code that wants out; each such code also bounds itself."""

import contextlib
import errno
import gc
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time
import types
from pathlib import Path

import pytest

from autograder.sandbox import (
    ForkServer,
    Isolation,
    Limits,
    SandboxError,
    client,
    control_groups,
    kernel,
    probe,
    view,
)
from autograder.sandbox import system_calls as calls
from autograder.sandbox.child import environment
from autograder.sandbox.isolation import why_not
from autograder.sandbox.server import _preload
from autograder.sandbox.watch import descendants

ROOT = Path(__file__).parents[2]
# A project in /tmp is seen there, read-only, instead of an empty folder of one's own.
OWN_TMP = [] if ROOT.is_relative_to("/tmp") else ["/tmp"]
HERE = "tests.autograder.test_sandbox"
TARGET = f"{HERE}:run_code"
SMALL = Limits(memory_mb=400, processes=30, cpu_s=20, wall_s=25, file_mb=8, disk_mb=16)
NAMESPACES = ["root", "user"]
SHUT = [*NAMESPACES, "landlock"]
ALL = [*SHUT, "none"]
INCLUDE = "/usr/include"


def run_code(channel, *descriptors):
    """Runs inside: executes a line of code, in JSON, and answers with the `result` it leaves."""
    signal.alarm(40)
    stream = channel.makefile("rw")
    names = {"channel": channel, "stream": stream, "descriptors": descriptors, "result": None}
    try:
        exec(json.loads(stream.readline()), names)
    except Exception as error:
        names["result"] = f"{type(error).__name__}: {error}"
    stream.write(json.dumps(names["result"], default=str) + "\n")
    stream.flush()
    return names.get("code")


def begin(server, code, *, limits=SMALL, **options):
    """Start a process on some code."""
    process = server.start(TARGET, limits=limits, **options)
    process.channel.settimeout(60)
    process.channel.sendall(json.dumps(textwrap.dedent(code)).encode() + b"\n")
    return process


def line(process):
    """The next line that a process wrote; "" when it can't write any more."""
    with process.channel.makefile() as stream:
        text = stream.readline()
    return json.loads(text) if text else ""


def ask(server, code, **options):
    """Run code and give its result and how it ended."""
    with begin(server, code, **options) as process:
        return line(process), process.wait(60)


@pytest.fixture(scope="module")
def servers():
    """One server for each isolation that is asked for, with nothing heavy in it."""
    made, problems = {}, {}

    def get(name):
        isolation = Isolation(name)
        if name not in made and name not in problems:
            problem = "" if name == "none" else why_not(isolation)
            if problem:
                problems[name] = problem
            else:
                made[name] = ForkServer([HERE], isolation=isolation, readable=[__file__])
        if name in problems:
            pytest.skip(f"isolation {name} does not work on this machine: {problems[name]}")
        return made[name]

    yield get
    for server in made.values():
        server.close()


@pytest.fixture(params=ALL)
def any_server(request, servers):
    return servers(request.param)


@pytest.fixture(params=SHUT)
def server(request, servers):
    return servers(request.param)


@pytest.fixture(params=NAMESPACES)
def namespaced(request, servers):
    return servers(request.param)


@pytest.fixture
def lifeline():
    """A pipe: whoever gets its writing end keeps the reading end from ending."""
    reading, writing = os.pipe()

    def is_cut(seconds=0.0):
        with contextlib.suppress(OSError):
            os.close(writing)
        ready = select.select([reading], [], [], seconds)[0]
        return bool(ready) and os.read(reading, 1) == b""

    yield writing, is_cut
    os.close(reading)


def exists(pid):
    """Whether a process exists; a dead one that the machine's pid 1 has yet to bury does not."""
    with contextlib.suppress(OSError):
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        return (state, parent) != ("Z", "1")
    return False


def gone(pids, seconds=5):
    """Whether all of these processes end in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(map(exists, pids)):
            return True
        time.sleep(0.02)
    return False


# Out and in


def test_a_result_comes_back(any_server):
    result, end = ask(any_server, "result = 6 * 7")
    assert (result, end.code, end.reason) == (42, 0, "")
    assert end.cpu_seconds > 0 and end.peak_memory_mb > 5 and 0 < end.wall_seconds < 20


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("code = 3", 3),
        ("import sys; sys.exit(4)", 4),
        ("import sys; sys.exit('said')", 1),
        ("raise KeyboardInterrupt", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("import os; os.abort()", -6),
    ],
)
def test_exit_codes(any_server, code, expected):
    _, end = ask(any_server, code)
    assert (end.code, end.reason) == (expected, "")


def test_only_the_channel_is_open(any_server):
    code = """
        import os
        open_now = {n: os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                    if os.path.lexists(f"/proc/self/fd/{n}")}
        result = open_now
    """
    result, _ = ask(any_server, code)
    assert [result.pop(n) for n in "012"] == ["/dev/null"] * 3
    assert list(result) == ["3"] and result["3"].startswith("socket:")


def test_further_descriptors_are_passed_on(any_server):
    reading, writing = os.pipe()
    os.write(writing, b"from outside")
    code = "import os; result = [list(descriptors), os.read(4, 99).decode()]"
    assert ask(any_server, code, descriptors=[reading, writing])[0] == [[4, 5], "from outside"]
    os.close(reading)
    os.close(writing)


def test_files_from_names_and_from_a_folder(any_server, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "data.csv").write_bytes(b"1,2\n" * 500_000)
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    code = """
        import os
        result = {os.path.join(at, name): os.path.getsize(os.path.join(at, name))
                  for at, _, names in os.walk(".") for name in names}
        open("data.csv" if "./data.csv" in result else "folder/data.csv", "a").write("more")
    """
    assert ask(any_server, code, files=tmp_path)[0] == {"./folder/data.csv": 2_000_000}
    given = {"data.csv": b"\0\xff", "deep/er/x": b""}
    assert ask(any_server, code, files=given)[0] == {"./data.csv": 2, "./deep/er/x": 0}


def test_environment_holds_defaults_and_what_is_given(any_server, monkeypatch):
    monkeypatch.setenv("GRADER_SECRET", "of the grader")
    code = """
        import os
        visible = []
        for pid in [*range(1, 200), *range(os.getppid() - 200, os.getppid() + 200)]:
            try:
                visible.append(open(f"/proc/{pid}/environ").read())
            except OSError:
                pass
        writable = [open(os.path.join(os.environ[n], "x"), "w") and n for n in ("HOME", "TMPDIR")]
        result = [dict(os.environ), visible, writable, os.getcwd()]
    """
    (variables, visible, writable, cwd), _ = ask(
        any_server, code, environment={"LANG": "de", "MORE": "1"}
    )
    assert variables["HOME"] == cwd and writable == ["HOME", "TMPDIR"]
    assert variables["LANG"] == "de" and variables["MORE"] == "1"
    assert variables["CUDA_VISIBLE_DEVICES"] == "" and variables["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert "GRADER_SECRET" not in variables
    if any_server.isolation != Isolation.NONE:
        assert not any("GRADER_SECRET" in text for text in visible)


def test_interrupt_reaches_the_main_process(any_server):
    code = """
        import time
        try:
            stream.write('"ready"\\n'); stream.flush()
            time.sleep(20)
        except KeyboardInterrupt:
            result = "interrupted"
    """
    with begin(any_server, code) as process:
        assert line(process) == "ready"
        assert process.poll() is None
        with pytest.raises(TimeoutError, match="still running"):
            process.wait(0.05)
        process.interrupt()
        assert line(process) == "interrupted"
        assert process.wait(10).code == 0
        assert select.select([process], [], [], 0)[0] or process.poll()


def test_many_threads_start_many_processes(any_server):
    code = (
        "import os; result = os.getuid(); stream.write('1\\n'); stream.flush(); stream.readline()"
    )
    processes = []

    def start():
        process = begin(any_server, code)
        line(process)
        processes.append(process)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        process.channel.sendall(b"\n")
    users = [line(process) for process in processes]
    for process in processes:
        assert process.wait(10).code == 0
        process.channel.close()
    assert len(users) == 8
    assert len(set(users)) == (8 if any_server.isolation == Isolation.ROOT else 1)


def test_nothing_piles_up(any_server):
    """After many processes the client and the server hold what they held before."""
    inner = descendants(any_server.pid)[-1 if any_server.isolation.name in NAMESPACES else 0]

    def held():
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in ("self", inner)]

    ask(any_server, "result = 1")
    before = held()
    for _ in range(5):
        ask(any_server, "result = 1", files={"a": b"b"})
        with pytest.raises(SandboxError):
            any_server.start(f"{HERE}:missing", limits=SMALL)
    assert held() == before
    assert gone(descendants(inner)[1:])


# The network, and namespaces


def test_no_network(server, tmp_path):
    path = str(tmp_path / "socket")
    abstract = f"\0autograder-test-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        listening = {}
        for name, family, address in (
            ("tcp", socket.AF_INET, ("127.0.0.1", 0)),
            ("path", socket.AF_UNIX, path),
            ("abstract", socket.AF_UNIX, abstract),
        ):
            listening[name] = stack.enter_context(socket.socket(family))
            listening[name].bind(address)
            listening[name].listen()
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        datagrams = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams.bind(path + ".datagrams")
        os.chmod(tmp_path, 0o777)
        addresses = [listening["tcp"].getsockname(), udp.getsockname(), path, abstract]
        code = f"""
            import socket
            tcp, udp, path, abstract = {addresses!r}
            def sent(*address_family, to=None):
                s = socket.socket(*address_family)
                s.connect(to) if address_family[1:] == () else s.sendto(b"x", to)
            result = {{}}
            for name, how, to in (
                ("tcp", (socket.AF_INET,), tcp),
                ("udp", (socket.AF_INET, socket.SOCK_DGRAM), udp),
                ("path", (socket.AF_UNIX,), path),
                ("abstract", (socket.AF_UNIX,), abstract),
                ("datagrams", (socket.AF_UNIX, socket.SOCK_DGRAM), path + ".datagrams"),
                ("ipv6", (socket.AF_INET6,), ("::1", 9)),
                ("netlink", (socket.AF_NETLINK,), (0, 0)),
                ("packet", (socket.AF_PACKET, socket.SOCK_RAW), ("lo", 0)),
            ):
                try:
                    sent(*how, to=to)
                    result[name] = 0
                except OSError as error:
                    result[name] = error.errno
            a, b = socket.socketpair()
            a.send(b"own pairs work")
            result["pair"] = b.recv(99).decode()
        """
        result, _ = ask(server, code)
        assert result.pop("pair") == "own pairs work"
        for name in ("tcp", "udp", "ipv6", "netlink", "packet"):
            assert result.pop(name) == errno.EOPNOTSUPP
        assert set(result) == {"path", "abstract", "datagrams"} and all(result.values())
        assert not select.select([*listening.values(), udp, datagrams], [], [], 0)[0]


def test_namespaces_are_own(namespaced):
    code = """
        import os, socket
        kinds = ("pid", "ipc", "uts", "net", "mnt", "user")
        result = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in kinds}
        result["pid number"] = os.getpid()
        result["uid"] = os.getuid()
        result["name"] = socket.gethostname()
        result["interfaces"] = [l.split(":")[0].strip() for l in open("/proc/net/dev") if ":" in l]
        result["processes"] = sorted(int(n) for n in os.listdir("/proc") if n.isdigit())
        stream.write("null\\n"); stream.flush(); stream.readline()
    """
    with begin(namespaced, code) as one, begin(namespaced, code) as two:
        seen = []
        for process in (one, two):
            line(process)
        for process in (one, two):
            process.channel.sendall(b"\n")
            seen.append(line(process))
    root = namespaced.isolation == Isolation.ROOT
    for kind in ("pid", "ipc", "uts", "net", "mnt", *([] if root else ["user"])):
        outside = os.readlink(f"/proc/self/ns/{kind}")
        assert len({outside, seen[0][kind], seen[1][kind]}) == 3, kind
    for each in seen:
        assert each["pid number"] == 2 and each["name"] == "sandbox"
        assert each["interfaces"] == ["lo"]
        # As root without using it, the view of processes is bubblewrap's: see `_make_view`.
        assert each["processes"] == [1, 2] or (os.geteuid() == 0 and not root)
    uids = {each["uid"] for each in seen}
    assert (min(uids) >= 200_000 and len(uids) == 2) if root else uids == {os.getuid()}


# Files


def test_what_can_be_read(server, tmp_path):
    course = tmp_path / "course"
    (course / "submitted").mkdir(parents=True)
    (course / "gradebook.db").write_text("scores")
    for path in (tmp_path, course, course / "gradebook.db"):
        path.chmod(0o777)
    private = [
        course, course / "gradebook.db", Path.home() / ".bashrc", Path("/etc/shadow"),
        Path("/etc/passwd"), ROOT / "README.md", ROOT / "tests" / "conftest.py",
        ROOT / "autograder" / "demo" / "__init__.py",
        Path("/var/log"), Path(f"/proc/{os.getpid()}/cmdline"), Path(f"/proc/{os.getpid()}/mem"),
        Path("/proc/1/mem"), Path("/proc/1/environ"), Path("/proc/1") / "root" / "etc",
        Path.home() / ".ssh",
    ]  # fmt: skip
    needed = [sys.prefix, sys.base_prefix, "/usr/bin", __file__, str(ROOT / "course")]
    code = f"""
        import os
        def readable(path):
            try:
                return bool(os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1))
            except OSError:
                return False
        def names(folder):
            try:
                return os.listdir(folder)
            except OSError:
                return []
        result = [[p for p in {[*map(str, private)]} if readable(p)],
                  [p for p in {needed} if not readable(p)],
                  names({str(Path.home())!r}), names({str(ROOT)!r})]
        import autograder.checks, course.sizing
        try:
            import autograder.demo
            result.append(autograder.demo.__file__)
        except (ImportError, OSError):
            result.append(None)
    """
    result, _ = ask(server, code)
    assert isinstance(result, list), result
    wrongly, missing, home, root, demo = result
    assert wrongly == [] and missing == [] and demo is None
    # On the way to what is shown there are folders, with nothing else in them.
    assert not set(home) & {".bashrc", ".ssh", ".cache", ".profile"}
    assert "gradebook.db" not in root and "solutions" not in root


def test_what_can_be_written(server):
    places = ["/", "/usr", "/usr/bin", "/etc", "/dev", "/proc", "/var/tmp", "/run", "/root"]
    places += [sys.prefix, sys.base_prefix, str(ROOT / "course"), str(ROOT / "autograder")]
    places += [str(Path.home()), str(ROOT), str(Path(__file__).parent)]
    code = f"""
        import os, tempfile
        result = []
        for place in {places}:
            try:
                open(os.path.join(place, "written-by-a-test"), "w").close()
                result.append(place)
            except OSError:
                pass
        for path in ({sys.executable!r}, {__file__!r}, "/usr/bin/env"):
            try:
                open(path, "r+").close()
                result.append(path)
            except OSError:
                pass
        open("mine", "w").write("x")
        tempfile.NamedTemporaryFile().write(b"x")
    """
    assert ask(server, code)[0] == []


def test_own_files_are_nobody_elses(namespaced):
    places = ["/dev/shm", "/student", "/student/.tmp", *OWN_TMP]
    code = f"""
        import os
        result = [os.listdir(place) for place in {places}]
        for place in {places}:
            os.path.exists(place + "/mine") or open(place + "/mine", "w").write("x")
        stream.write(__import__("json").dumps(result) + "\\n"); stream.flush(); stream.readline()
    """
    with begin(namespaced, code) as one:
        first = line(one)
        with begin(namespaced, code) as two:
            assert line(two) == first == [[], [".tmp"], [], *[[] for _ in OWN_TMP]]


def test_disk_is_bounded(any_server):
    code = """
        written = 0
        try:
            for number in range(40):
                with open(f"file{number}", "wb") as file:
                    file.write(b"x" * (1 << 20))
                    file.flush()
                    written += 1
        except OSError as error:
            result = [written, error.errno]
        else:
            import time
            time.sleep(10)
    """
    result, end = ask(any_server, code)
    if any_server.isolation.name in NAMESPACES:
        assert 12 <= result[0] <= 16 and result[1] == errno.ENOSPC
    else:
        assert end.reason == "disk"
    code = """
        try:
            with open("big", "wb") as file:
                for _ in range(12):
                    file.write(b"x" * (1 << 20))
        except OSError as error:
            result = error.errno
    """
    assert ask(any_server, code)[0] == errno.EFBIG


def test_shared_memory_folder_is_bounded(namespaced):
    code = """
        import os
        result = []
        for folder in FOLDERS:
            count = 0
            try:
                while count < 40:
                    with open(f"{folder}/{count}", "wb") as file:
                        file.write(b"x" * (1 << 20))
                    count += 1
            except OSError as error:
                result.append([count, error.errno])
        flags = {l.split()[1]: l.split()[3].split(",") for l in open("/proc/mounts")}
        result.append([{"nosuid", "nodev"} <= set(flags[m]) for m in ("/student", "/dev/shm")])
    """
    folders = ["/dev/shm", *OWN_TMP]
    (*filled, flags), _ = ask(namespaced, code.replace("FOLDERS", repr(folders)))
    assert len(filled) == len(folders)
    assert all(count <= 16 and error == errno.ENOSPC for count, error in filled)
    assert flags == [True, True]


# Rights


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
        import os, signal
        from autograder.sandbox import kernel, system_calls
        child = os.fork()
        if child == 0:
            os.close(1)
            signal.alarm(20)
            signal.pause()
        kernel.forbid_new_privileges()
        kernel.filter_system_calls(system_calls.filter_program(landlock=1))
        os.kill(os.getpid(), 0)
        for pid in (child, -1, 0):
            try:
                os.kill(pid, 0)
                print("reached", pid)
            except PermissionError:
                pass
        try:
            os.truncate("/dev/null", 0)
        except PermissionError:
            print("done", child)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=20, cwd=ROOT)
    word, child = result.stdout.split()
    os.kill(int(child), signal.SIGKILL)
    assert word == "done"


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
    with pytest.raises(OSError, match="this is riscv64"):
        calls.filter_program()


# Limits


GROW = """
    import os, sys, time
    def grow(megabytes):
        kept = []
        for _ in range(megabytes // 20):
            kept.append(b"x" * (20 << 20))
            time.sleep(0.02)
        time.sleep(5)
"""


def test_memory_of_a_tree_is_bounded(any_server):
    code = f"""
        {textwrap.dedent(GROW).replace(chr(10), chr(10) + " " * 8)}
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                grow(240)
                os._exit(0)
        time.sleep(60)
    """
    _, end = ask(any_server, code)
    # Looked at from time to time, on a machine that may be busy: the limit of 400 can be passed.
    assert end.reason == "memory" and end.peak_memory_mb > 400 and end.wall_seconds < 60


def test_one_process_gets_no_more_than_the_limit(any_server):
    code = """
        try:
            big = bytes(900 << 20)
        except MemoryError:
            result = "refused"
    """
    assert ask(any_server, code)[0] == "refused"


def test_a_process_that_hides_its_pages_pays_in_full(server):
    code = f"""
        {textwrap.dedent(GROW).replace(chr(10), chr(10) + " " * 8)}
        import ctypes
        for _ in range(3):
            if os.fork() == 0:
                ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # not dumpable
                grow(240)
                os._exit(0)
        time.sleep(10)
    """
    assert ask(server, code)[1].reason == "memory"


def test_shared_pages_count_once(any_server):
    """Six processes that share 150 MB use less than 400 MB, though each shows 150."""
    code = """
        import os, time
        big = b"x" * (150 << 20)
        for _ in range(6):
            if os.fork() == 0:
                time.sleep(1)
                os._exit(0)
        for _ in range(6):
            os.wait()
        result = "fine"
    """
    result, end = ask(any_server, code)
    assert result == "fine" and end.reason == ""


def test_processes_are_bounded(any_server):
    code = """
        import os, time
        made = 0
        try:
            for _ in range(60):
                if os.fork() == 0:
                    time.sleep(8)
                    os._exit(0)
                made += 1
        except BlockingIOError:
            result = made
        else:
            time.sleep(5)
    """
    result, end = ask(any_server, code)
    # The kernel counts by user, except those of root outside of "root" mode.
    if any_server.isolation == Isolation.ROOT or (
        os.geteuid() and any_server.isolation.name in NAMESPACES
    ):
        assert 20 <= result < 30
    else:
        assert end.reason == "processes" or result < 60


def test_cpu_of_a_tree_is_bounded(any_server):
    code = """
        import os
        os.fork(), os.fork()
        for _ in range(10 ** 10):
            pass
    """
    limits = Limits(memory_mb=400, processes=30, cpu_s=1, wall_s=25)
    _, end = ask(any_server, code, limits=limits)
    assert end.reason == "cpu" and 1 <= end.cpu_seconds < 10


def test_time_is_bounded(any_server):
    limits = Limits(memory_mb=400, processes=30, cpu_s=None, wall_s=0.4)
    code = "import signal, time; signal.pthread_sigmask(0, range(1, 60)); time.sleep(20)"
    _, end = ask(any_server, code, limits=limits)
    assert (end.reason, end.code) == ("wall", -9) and 0.4 <= end.wall_seconds < 20


# The end


DAEMONS = """
    import os, signal, time
    def daemon(what):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                what()
                time.sleep(30)
            os._exit(0)
        os.wait()
    def deaf():
        for number in set(range(1, 32)) - {9, 19}:
            signal.signal(number, signal.SIG_IGN)
    daemon(lambda: None)
    daemon(deaf)
    daemon(lambda: os.kill(os.getpid(), signal.SIGSTOP))
    if os.fork() == 0:
        time.sleep(30)
    try:
        os.kill(os.getppid(), signal.SIGSTOP)
    except OSError:
        pass
    stream.write('"up"\\n'); stream.flush()
"""


@pytest.mark.parametrize("how", ["killed", "ended", "crashed", "stopped itself"])
def test_nothing_is_left(any_server, lifeline, how):
    if any_server.isolation == Isolation.NONE:
        code = DAEMONS.replace("os.kill(os.getppid(), signal.SIGSTOP)", "pass")
    else:
        code = DAEMONS
    code = (
        textwrap.dedent(code)
        + {
            "killed": "time.sleep(30)",
            # Not before they have been counted.
            "ended": "stream.readline()",
            "crashed": "stream.readline(); os.kill(os.getpid(), signal.SIGSEGV)",
            "stopped itself": "stream.readline(); os.kill(os.getpid(), signal.SIGSTOP)",
        }[how]
    )
    writing, is_cut = lifeline
    before = set(descendants(any_server.pid))
    with begin(any_server, code, descriptors=[writing]) as process:
        assert line(process) == "up"
        added = set(descendants(any_server.pid)) - before
        assert len(added) >= 4 and not is_cut()
        process.channel.sendall(b"go on\n")
        end = process.kill() if how in ("killed", "stopped itself") else process.wait(10)
        assert is_cut(), "a process outlived the submission"
        assert end.reason == ("killed" if how in ("killed", "stopped itself") else "")
        assert end.code == {"ended": 0, "crashed": -11}.get(how, -9)
    assert gone(added), "a process or zombie was left with the server"


def test_a_dropped_process_ends(any_server, lifeline):
    writing, is_cut = lifeline
    process = begin(any_server, "import time; time.sleep(30)", descriptors=[writing])
    assert not is_cut()
    del process
    assert is_cut(5)


def test_work_folders_that_are_no_mounts_are_removed(servers):
    code = """
        import os
        os.makedirs("a/b"); open("a/b/c", "w").close(); os.chmod("a/b", 0); os.chmod("a", 0)
        for _ in range(300):
            os.mkdir("d" * 100); os.chdir("d" * 100)
        result = os.environ["HOME"]
    """
    folder, _ = ask(servers("none"), code)
    assert Path(folder).parent.exists() and not Path(folder).exists()


GRADER = f"""
import json, os, signal, sys, time
# In the background a shell has its children ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
from autograder.sandbox import ForkServer, Isolation
from autograder.sandbox.child import environment
from autograder.sandbox.server import _preload
from autograder.sandbox.watch import descendants
server = ForkServer([{HERE!r}], isolation=Isolation(sys.argv[1]), readable=[{__file__!r}])
process = server.start({TARGET!r}, descriptors=[int(sys.argv[2])])
os.close(int(sys.argv[2]))
process.channel.sendall(json.dumps(sys.argv[3]).encode() + b"\\n")
process.channel.makefile().readline()
print(json.dumps([descendants(os.getpid())[1:], server._server._scratch]), flush=True)
time.sleep(30)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_everything_dies_with_the_grader(any_server, lifeline, number):
    writing, is_cut = lifeline
    code = textwrap.dedent(DAEMONS).replace("os.kill(os.getppid(), signal.SIGSTOP)", "pass")
    command = [sys.executable, "-c", GRADER, any_server.isolation.name, str(writing)]
    with subprocess.Popen(
        [*command, code + "time.sleep(30)"],
        pass_fds=[writing], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
    ) as grader:  # fmt: skip
        try:
            pids, scratch = json.loads(grader.stdout.readline())
            assert len(pids) >= 6 and not is_cut()
            grader.send_signal(number)
            assert is_cut(8), "student code outlived the grader"
            assert gone(pids), "the server outlived the grader"
            grader.wait(10)
        finally:
            grader.kill()
    assert not Path(scratch).exists()


@pytest.mark.parametrize("name", ALL)
def test_a_dead_server_is_noticed_and_replaced(servers, lifeline, name):
    servers(name)  # skips where this does not work
    writing, is_cut = lifeline
    with ForkServer([HERE], isolation=Isolation(name), readable=[__file__]) as server:
        code = "import os, time; os.fork(); time.sleep(30)"
        process = begin(server, code, descriptors=[writing])
        inner = descendants(server.pid)[1 if name in NAMESPACES else 0]
        os.kill(inner, signal.SIGKILL)
        end = process.wait(10)
        assert end.reason in ("server", "killed") and (end.code is None or end.code < 0)
        assert is_cut(5)
        process.channel.close()
        for _ in range(100):
            if not server.alive:
                break
            time.sleep(0.02)
        assert not server.alive
        assert ask(server, "result = 1")[0] == 1 and server.alive
    with pytest.raises(SandboxError, match="closed"):
        server.start(TARGET)


@pytest.mark.parametrize("then", ["go on", "close"])
@pytest.mark.parametrize("name", ["landlock", "none"])
def test_a_killed_supervisor_leaves_no_orphans(servers, lifeline, name, then):
    servers(name)  # skips where this does not work
    writing, is_cut = lifeline
    code = textwrap.dedent(DAEMONS).replace("os.kill(os.getppid(), signal.SIGSTOP)", "pass")
    with ForkServer([HERE], isolation=Isolation(name), readable=[__file__]) as server:
        process = begin(server, code + "time.sleep(30)", descriptors=[writing])
        assert line(process) == "up"
        os.kill(descendants(server.pid)[1], signal.SIGKILL)
        assert process.wait(5).reason == "server"
        if then == "close":
            server.close()
        assert is_cut(0.5 if then == "close" else 5)
        process.channel.close()


def test_a_server_outlives_the_thread_that_made_it(any_server):
    """The kernel reports a parent's death when a thread ends; that must not end the server."""
    made = []

    def make():
        made.append(ForkServer([HERE], isolation=any_server.isolation, readable=[__file__]))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    with made[0] as server:
        time.sleep(0.2)
        assert server.alive and ask(server, "result = 2")[0] == 2


# Mistakes


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no.such.module:main", "No module named 'no'"),
        (f"{HERE}:missing", "has no attribute 'missing'"),
    ],
)
def test_a_target_that_is_not_there(any_server, target, said):
    with pytest.raises(SandboxError, match=said):
        any_server.start(target, limits=SMALL)
    assert ask(any_server, "result = 1")[0] == 1


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a\0b"])
def test_files_stay_in_the_work_folder(servers, name):
    with pytest.raises(SandboxError, match="below the work folder"):
        servers("none").start(TARGET, files={name: b""})


def test_files_must_fit(servers):
    with pytest.raises(SandboxError, match="No file may be larger than 8 MiB; big has 9"):
        servers("none").start(TARGET, files={"big": bytes(9 << 20)}, limits=SMALL)
    with pytest.raises(SandboxError, match="must fit into 16 MiB; they have 18"):
        files = {str(number): bytes(6 << 20) for number in range(3)}
        servers("none").start(TARGET, files=files, limits=SMALL)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3", None])
def test_limits_are_positive_numbers(wrong):
    with pytest.raises(ValueError, match=r"The limit memory_mb must be .*received"):
        Limits(memory_mb=wrong)
    with pytest.raises(ValueError, match="at least 8"):
        Limits(processes=7)
    assert Limits(cpu_s=None, wall_s=None).cpu_s is None


def test_the_home_folder_is_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (Path.home(), "/"):
        with pytest.raises(SandboxError, match="must show neither the home folder"):
            ForkServer(isolation=Isolation.NONE, readable=[path])
    with pytest.raises(SandboxError, match="must be there"):
        ForkServer(isolation=Isolation.NONE, readable=[tmp_path / "missing"])


def test_what_the_view_is_made_of(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    shown = view.readable_paths([tmp_path / "link", tmp_path / "real" / ".."])
    assert not any(".." in path.parts for path in shown)
    # A folder covers what is below it, and links are followed by name and by where they lead.
    assert tmp_path in shown and not any(tmp_path in path.parents for path in shown)
    assert view.leaves_tmp([Path("/opt/x")]) and not view.leaves_tmp([Path("/tmp/x")])
    command = view.bubblewrap([tmp_path], user_namespace=True)
    assert {"--unshare-net", "--unshare-pid", "--unshare-user", "--die-with-parent"} <= set(command)


def test_a_preload_that_fails(any_server):
    with pytest.raises(SandboxError, match="could not be started: .*No module named 'absent'"):
        ForkServer(["absent"], isolation=any_server.isolation)


@pytest.mark.parametrize("name", SHUT)
def test_what_the_kernel_allows_works(name):
    """So that a sandbox which is broken does not pass for a machine that can't have it."""
    if name == "landlock":
        possible = kernel.landlock_version() > 0
    else:
        new = ["--ro-bind", "/", "/", "--proc", "/proc", "--unshare-net", "--unshare-pid"]
        new += ["--unshare-user"] if name == "user" else []
        possible = shutil.which("bwrap") and (name == "user" or os.geteuid() == 0)
        possible = possible and subprocess.run(["bwrap", *new, "true"]).returncode == 0
    if not possible:
        pytest.skip(f"this machine does not offer what isolation {name} is made of")
    assert why_not(Isolation(name)) == ""


def test_probe_says_what_it_found_and_why_not_the_rest(monkeypatch, tmp_path):
    found = probe()
    assert found.name in ALL and found.reason
    monkeypatch.setenv("PATH", str(tmp_path))  # no bubblewrap there
    weaker = probe()
    assert weaker.name in ("landlock", "none")
    assert "bubblewrap is not installed" in weaker.reason


def test_probe_sees_a_leak():
    assert "the sandbox leaks: " in why_not(Isolation.NONE)


def test_no_sandbox_is_an_error_and_not_a_choice(monkeypatch):
    monkeypatch.setattr(client, "probe", lambda: Isolation("none", "nothing works"))
    with pytest.raises(SandboxError, match="nothing works"):
        ForkServer()


def test_control_group_has_the_limits_and_the_supervisor(servers, monkeypatch, tmp_path):
    """On a folder that looks like a control group: real ones need a machine that delegates them."""
    groups = []

    class Fake(control_groups.ControlGroup):
        def _write(self, name, value):
            # In a real group the files are there, and the kernel looks at what is written.
            (self.path / name).write_text(str(value))

        def add(self, pid):
            super().add(pid)
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            groups.append([self, int(stat[1]), descendants(pid)[1:]])

        def remove(self):
            shutil.rmtree(self.path)

    server = servers("none")
    monkeypatch.setattr(client, "ControlGroup", Fake)
    monkeypatch.setattr(server, "_groups", tmp_path)
    with begin(server, "import os; stream.readline(); os.kill(os.getpid(), 9)") as process:
        group, parent, children = groups[0]
        # The supervisor was put in before it had children to leave outside.
        assert parent == server.pid and children == []
        assert (group.path / "memory.max").read_text() == str((400 + 2 * 16 + 64) << 20)
        assert (group.path / "memory.swap.max").read_text() == "0"
        (group.path / "memory.events").write_text("oom 1\noom_kill 1\n")
        process.channel.sendall(b"\n")
        end = process.wait(10)
    assert (end.code, end.reason) == (-9, "memory")
    assert not group.path.exists()
    assert server.memory_limit == "control group and watchdog"


def test_a_folder_that_is_no_control_group_is_not_taken_for_one(tmp_path, monkeypatch):
    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    monkeypatch.setattr(control_groups, "_OWN", tmp_path / "own")
    (tmp_path / "own").write_text("4:memory:/x\n0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert control_groups.find_parent() is None
    assert list((tmp_path / "a").rglob("*")) == [tmp_path / "a" / "b"]


# Warm: with TensorFlow in it


WARM = ("numpy", "tensorflow", "keras", "IPython", "matplotlib.pyplot", HERE)
ROOMY = Limits(memory_mb=3000, processes=120, cpu_s=100, wall_s=60)


@pytest.fixture(scope="module", params=SHUT)
def warm(request, servers):
    servers(request.param)
    with ForkServer(WARM, isolation=Isolation(request.param), readable=[__file__]) as server:
        yield server


def test_work_of_a_course_runs_inside(warm):
    code = """
        import gc, sys, threading
        from tensorflow.python.eager import context
        result = {"untouched": not context.context()._initialized, "frozen": gc.get_freeze_count()}
        import os
        result["variables"] = sorted(os.environ)
        import keras, numpy as np, random, tempfile, tensorflow as tf
        model = keras.Sequential([
            keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(),
            keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        history = model.fit(np.ones((32, 8, 8, 1)), np.ones(32), verbose=0).history
        result["loss"] = history["loss"][0] >= 0
        model.save("model.keras")
        result["loaded"] = keras.saving.load_model("model.keras").count_params()
        import matplotlib.pyplot as plt
        plt.plot([1, 2]); plt.savefig("plot.png")
        result["plot"] = open("plot.png", "rb").read(4)[1:].decode()
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        shell.run_cell("said = !echo from a shell")
        result["shell"] = list(shell.user_ns["said"])
        result["random"] = [random.random(), np.random.rand(), float(tf.random.normal([])),
                            float(keras.random.uniform([]))]
        result["temporary"] = tempfile.gettempdir()
        import subprocess
        code = "import numpy; print(numpy.arange(3).sum())"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        result["python"] = run.stdout.strip() or run.stderr
    """
    assert warm.threads == 1
    one, end = ask(warm, code, limits=ROOMY)
    assert isinstance(one, dict), one
    two, _ = ask(warm, code, limits=ROOMY)
    assert end.code == 0 and one["untouched"] and one["frozen"] > 10_000
    assert one["variables"] == sorted(environment("/x"))
    assert one["loss"] and one["loaded"] == (9 * 4 + 4) + (6 * 6 * 4 + 1)
    assert one["plot"] == "PNG" and one["shell"] == ["from a shell"] and one["python"] == "3"
    assert all(a != b for a, b in zip(one["random"], two["random"], strict=True))
    if warm.isolation.name in NAMESPACES:
        assert one["temporary"] == "/student/.tmp"


def test_process_pools_work_inside(warm):
    if warm.isolation == Isolation.LANDLOCK:
        pytest.skip("without namespaces there is no /dev/shm, which pools need")
    code = """
        import math, multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        with multiprocessing.Pool(2) as pool:
            result = [pool.map(math.factorial, range(5))]
        with ProcessPoolExecutor(2) as pool:
            result.append(list(pool.map(math.sqrt, [4, 9])))
    """
    assert ask(warm, code, limits=ROOMY)[0] == [[1, 1, 2, 6, 24], [2.0, 3.0]]


@pytest.mark.parametrize("touched", [False, True])
def test_a_preload_that_runs_an_op_is_refused(monkeypatch, touched):
    # TensorFlow's own attribute is read in test_work_of_a_course_runs_inside.
    module = types.ModuleType("context")
    module.context = lambda: types.SimpleNamespace(_initialized=touched)
    monkeypatch.setitem(sys.modules, "tensorflow.python.eager.context", module)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    refusal = pytest.raises(RuntimeError, match="must not run a TensorFlow op")
    with refusal if touched else contextlib.nullcontext():
        _preload(["json"])


# As an ordinary user


ORDINARY = f"""
import json, os
from autograder.sandbox import ForkServer, Isolation, probe
from {HERE} import NAMESPACES, SMALL, ask
found = probe()
with ForkServer([{HERE!r}], isolation=found, readable=[{__file__!r}]) as server:
    forks = '''
import os, time
result = 0
try:
    for _ in range(60):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        result += 1
except BlockingIOError:
    pass
'''
    who = '''
import os
result = [os.getuid(), os.getpid(), sorted(int(n) for n in os.listdir("/proc") if n.isdigit())]
for name in ("mem", "environ", "maps", "root/etc"):
    try:
        os.listdir("/proc/1/" + name) if "/" in name else open("/proc/1/" + name, "rb").close()
        result.append(name)
    except OSError:
        pass
'''
    print(json.dumps([os.getuid(), found.name, ask(server, forks)[0], ask(server, who)[0]]))
"""


def opened(folder: Path, *paths: Path) -> str:
    """Shell commands after which everybody can reach paths that lie in folders closed to others."""
    closed = {}
    for path in paths:
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & stat.S_IXOTH:
                closed[path] = parent
                break
    kept = {path: folder / str(place) for place, path in enumerate(closed)}
    steps = []
    for path in closed:
        steps += [["mkdir", kept[path]], ["mount", "--bind", path, kept[path]]]
    for parent in sorted(set(closed.values())):
        steps.append(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", parent])
    for path in closed:
        steps += [["mkdir", "-p", path], ["mount", "--bind", kept[path], path]]
    return "; ".join(shlex.join(map(str, step)) for step in [*steps, ["cd", ROOT]])


def test_user_mode_as_an_ordinary_user(servers, tmp_path):
    """Where the tests run as root they become nobody, in a private view of the folders."""
    servers("user")
    command = [sys.executable, "-c", ORDINARY]
    if os.geteuid() == 0:
        if not shutil.which("setpriv") or not shutil.which("unshare"):
            pytest.skip("unshare and setpriv are needed to become an ordinary user")
        nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all"
        script = f'{opened(tmp_path, Path(sys.base_prefix), ROOT)}; exec {nobody} "$@"'
        command = ["unshare", "--mount", "sh", "-e", "-c", script, "sh", *command]
    variables = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=variables
    )
    assert result.returncode == 0, result.stderr
    uid, mode, forks, inside = json.loads(result.stdout)
    assert uid != 0 and mode == "user" and inside == [uid, 2, [1, 2]]
    assert 20 <= forks < 30
