"""Memory, processes and time of a whole tree are bounded."""

import os
import textwrap

from autograder.sandbox import Isolation, Limits
from tests.autograder.sandbox.inside import NAMESPACES, ask

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
