"""What can be read, written and reached from inside: network, namespaces, files."""

import contextlib
import errno
import os
import select
import socket
import sys
from pathlib import Path

from autograder.sandbox import Isolation
from tests.autograder.sandbox.inside import (
    FILE,
    NAMESPACES,
    OWN_TMP,
    ROOT,
    ask,
    begin,
    line,
)


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
    needed = [sys.prefix, sys.base_prefix, "/usr/bin", FILE, str(ROOT / "course")]
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
            result.append(autograder.demo.FILE)
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
    places += [str(Path.home()), str(ROOT), str(Path(FILE).parent)]
    code = f"""
        import os, tempfile
        result = []
        for place in {places}:
            try:
                open(os.path.join(place, "written-by-a-test"), "w").close()
                result.append(place)
            except OSError:
                pass
        for path in ({sys.executable!r}, {FILE!r}, "/usr/bin/env"):
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
