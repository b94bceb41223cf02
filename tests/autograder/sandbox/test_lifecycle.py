"""Nothing is left when a process, a server or the grader ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from autograder.sandbox import ForkServer, Isolation, SandboxError
from autograder.sandbox.watch import descendants
from tests.autograder.sandbox.inside import (
    ALL,
    FILE,
    HERE,
    NAMESPACES,
    ROOT,
    TARGET,
    ask,
    begin,
    gone,
    line,
)

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
server = ForkServer([{HERE!r}], isolation=Isolation(sys.argv[1]), readable=[{FILE!r}])
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
    with ForkServer([HERE], isolation=Isolation(name), readable=[FILE]) as server:
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
    with ForkServer([HERE], isolation=Isolation(name), readable=[FILE]) as server:
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
        made.append(ForkServer([HERE], isolation=any_server.isolation, readable=[FILE]))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    with made[0] as server:
        time.sleep(0.2)
        assert server.alive and ask(server, "result = 2")[0] == 2
