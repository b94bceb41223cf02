"""Talking to others: sockets of every family, all of them on this machine."""

from tests.hostile.case import attack, lines

REACH = """
import os, socket
def reach(name, family, kind, address, data=b"hello from @MARK@"):
    try:
        with socket.socket(family, kind) as link:
            link.settimeout(2)
            link.connect(address)
            link.sendall(data)
            print("SENT", name)
    except Exception as error:
        print(name, type(error).__name__, error)
"""

CASES = [
    attack(
        "net-tcp",
        "connects to a server on this machine",
        right=("greet",),
        first=lines(
            REACH,
            """
            for host in ("127.0.0.1", "localhost", "0.0.0.0"):
                reach("tcp", socket.AF_INET, socket.SOCK_STREAM, (host, @TCP@))
            reach("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", @TCP@))
            """,
        ),
        must_not=("SENT",),
    ),
    attack(
        "net-udp",
        "sends datagrams to this machine",
        right=("greet",),
        first=lines(REACH, 'reach("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", @UDP@))'),
    ),
    attack(
        "net-unix",
        "connects to unix sockets, by path and by abstract name",
        right=("greet",),
        first=lines(
            REACH,
            """
            reach("path", socket.AF_UNIX, socket.SOCK_STREAM, "@UNIX@")
            reach("abstract", socket.AF_UNIX, socket.SOCK_STREAM, "\\0@ABSTRACT@")
            reach("docker", socket.AF_UNIX, socket.SOCK_STREAM, "/var/run/docker.sock")
            """,
        ),
        must_not=("SENT",),
    ),
    attack(
        "net-control-sockets",
        "connects to every socket of the grader that it can find",
        first=lines(
            REACH,
            """
            import stat
            names = {line.split()[-1] for line in open("/proc/net/unix").readlines()[1:]
                     if len(line.split()) > 7}
            for name in names:
                address = "\\0" + name[1:] if name.startswith("@") else name
                reach("listed " + name, socket.AF_UNIX, socket.SOCK_STREAM, address)
            for top in ("/run", "/tmp", "/k", "/ipc", "/ctl", "."):
                for root, folders, files in os.walk(top):
                    for file in files:
                        path = os.path.join(root, file)
                        try:
                            if stat.S_ISSOCK(os.stat(path).st_mode):
                                reach("found " + path, socket.AF_UNIX, socket.SOCK_STREAM, path)
                        except OSError:
                            pass
            """,
        ),
        must_not=("SENT",),
    ),
    attack(
        "net-raw",
        "opens raw, packet and netlink sockets",
        first="""
        import socket
        for name, args in {
            "RAW": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
            "PACKET": (socket.AF_PACKET, socket.SOCK_RAW, 3),
        }.items():
            try:
                socket.socket(*args)
                print("OPENED", name)
            except OSError as error:
                print(type(error).__name__)
        """,
        must_not=("OPENED",),
    ),
    attack(
        "net-programs",
        "lets other programs do the talking",
        right=("greet",),
        first="""
        import subprocess, sys, urllib.request
        try:
            urllib.request.urlopen("http://127.0.0.1:@TCP@/@MARK@", timeout=2).read()
            print("SENT")
        except Exception as error:
            print(type(error).__name__)
        script = "import socket; socket.create_connection(('127.0.0.1', @TCP@), 2).send(b'x')"
        for command in ([sys.executable, "-c", script],
                        ["bash", "-c", "echo > /dev/tcp/127.0.0.1/@TCP@"],
                        ["curl", "-m", "2", "http://127.0.0.1:@TCP@/"]):
            try:
                done = subprocess.run(command, capture_output=True, timeout=10)
                print("SENT" if done.returncode == 0 else done.returncode)
            except Exception as error:
                print(type(error).__name__)
        """,
        must_not=("SENT",),
    ),
    attack(
        "net-meeting",
        "waits on this machine for another submission to connect",
        right=("greet",),
        first="""
        import socket
        try:
            with socket.socket() as server:
                server.bind(("127.0.0.1", 47391))
                server.listen()
                server.settimeout(4)
                server.accept()
                print("MET")
        except OSError as error:
            print(type(error).__name__)
        """,
        must_not=("MET",),
    ),
    attack(
        "net-meeting-other",
        "connects to a submission that waits on this machine",
        right=("greet",),
        first=lines(
            REACH,
            """
            import time
            for _ in range(8):
                reach("meeting", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 47391))
                time.sleep(0.5)
            """,
        ),
        must_not=("SENT",),
    ),
    attack(
        "net-in-a-call",
        "connects while a test calls it",
        steps=lines(
            REACH,
            """
            def steps(n):
                reach("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", @TCP@))
                return 8
            """,
        ),
        must_not=("SENT",),
    ),
]
