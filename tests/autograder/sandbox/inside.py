"""Code that wants out of a sandbox, and how to run it inside; each such code bounds itself, too."""

import contextlib
import json
import signal
import textwrap
import time
from pathlib import Path

from autograder.sandbox import Limits

ROOT = Path(__file__).parents[3]
# A project in /tmp is seen there, read-only, instead of an empty folder of one's own.
OWN_TMP = [] if ROOT.is_relative_to("/tmp") else ["/tmp"]
HERE = "tests.autograder.sandbox.inside"
FILE = __file__
TARGET = f"{HERE}:run_code"
SMALL = Limits(memory_mb=400, processes=30, cpu_s=20, wall_s=25, file_mb=8, disk_mb=16)
NAMESPACES = ["root", "user"]
SHUT = [*NAMESPACES, "landlock"]
ALL = [*SHUT, "none"]


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
