"""Work that does not end, and does not want to be ended. Each ends by itself within a minute."""

from tests.hostile.case import ANY, attack, lines

UNTIL = """
import signal, sys, threading, time
def until(seconds=50):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
"""

CASES = [
    attack(
        "loop-plain",
        "loops in a cell; the other answers are right",
        right=("greet", "tally"),
        steps=lines(UNTIL, "for _ in until(): pass"),
    ),
    attack(
        "loop-in-a-call",
        "loops when it is called; the other answers are right",
        right=("greet", "tally"),
        steps=lines(UNTIL, "def steps(n):\n    for _ in until(): pass"),
    ),
    attack(
        "loop-catching-everything",
        "loops and catches every exception, interrupts too",
        right=("greet", "tally"),
        steps=lines(
            UNTIL,
            """
            def steps(n):
                for _ in until():
                    try:
                        time.sleep(0.1)
                    except BaseException:
                        pass
            """,
        ),
        lost=True,
    ),
    attack(
        "loop-blocked-signals",
        "blocks and ignores all signals, and loops",
        right=("greet",),
        steps=lines(
            UNTIL,
            """
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
            for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            for _ in until(): pass
            """,
        ),
    ),
    attack(
        "loop-own-handlers",
        "puts handlers of its own in the place of the grader's, and stops its timer",
        right=("greet",),
        steps=lines(
            UNTIL,
            """
            def steps(n):
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, lambda *ignored: None)
                for _ in until(): pass
                return 8
            """,
        ),
    ),
    attack(
        "loop-patched-signal",
        "makes the functions that set a timer do nothing",
        right=("greet",),
        first="""
        import signal
        signal.setitimer = signal.alarm = lambda *ignored: None
        signal.signal = lambda *ignored: None
        """,
        steps=lines(UNTIL, "def steps(n):\n    for _ in until(): pass"),
    ),
    attack(
        "loop-in-c",
        "sleeps and counts in C, where Python looks at no signal",
        right=("greet",),
        steps="""
        import ctypes
        def steps(n):
            for _ in range(5):
                ctypes.PyDLL(None).sleep(10)
            return 8
        """,
    ),
    attack(
        "loop-waiting",
        "waits for input, for a lock and for a debugger",
        greet="def greet(name):\n    return input('password: ')",
        steps="""
        import threading
        lock = threading.Lock()
        lock.acquire()
        def steps(n):
            lock.acquire(timeout=50)
        """,
        tally="def tally(words):\n    breakpoint()",
        normalize="import sys\ndef normalize(x):\n    return sys.stdin.read()",
    ),
    attack(
        "loop-slow-drip",
        "takes a little less than its time at every call",
        right=("greet",),
        steps="import time\ndef steps(n):\n    time.sleep(3)\n    return 8",
        tally="import time\ndef tally(words):\n    time.sleep(3)\n    return {}",
    ),
    attack(
        "loop-in-methods",
        "loops in whatever a curious grader might call: repr, eq, del, len, getattr",
        right=("greet",),
        steps=lines(
            UNTIL,
            """
            class Sticky:
                def _wait(self, *ignored):
                    for _ in until(12): pass
                __repr__ = __str__ = __eq__ = __len__ = __hash__ = __del__ = __bool__ = _wait
                __getattr__ = _wait
            def steps(n):
                return Sticky()
            """,
        ),
    ),
    attack(
        "loop-in-names",
        "loops when a test asks for the class' name, text or parents",
        right=("greet",),
        steps=lines(
            UNTIL,
            """
            class Meta(type):
                def __getattribute__(cls, name):
                    if name in ("__name__", "__doc__", "__mro__"):
                        for _ in until(): pass
                    return type.__getattribute__(cls, name)
            class Slow(metaclass=Meta): pass
            def steps(n):
                return Slow()
            """,
        ),
    ),
    attack(
        "loop-at-the-end",
        "keeps the process busy with threads and exit handlers when it should end",
        right=("greet",),
        first=lines(
            UNTIL,
            """
            import atexit
            def busy():
                for _ in until(): pass
            atexit.register(busy)
            threading.Thread(target=busy).start()
            """,
        ),
    ),
    attack(
        "loop-starving",
        "four threads that take all of the time from the one that answers",
        right=("greet",),
        first=lines(
            UNTIL,
            """
            sys.setswitchinterval(5)
            def busy():
                for _ in until(): pass
            for _ in range(4):
                threading.Thread(target=busy, daemon=True).start()
            """,
        ),
        lost=True,
    ),
    attack(
        "loop-recursion",
        "recurs without end, in Python and in C",
        right=("greet",),
        steps="def steps(n):\n    return steps(n + 1)",
        tally="""
        import sys
        sys.setrecursionlimit(10**9)
        def tally(words):
            return tally(words)
        """,
        statuses=ANY,
    ),
]
