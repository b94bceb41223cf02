"""Processes that want to stay when the submission has been graded. Each ends within a minute."""

from tests.hostile.case import ANY, attack, lines

# A process that is found by its name, and by nothing else left to see of it.
STAY = """
import ctypes, os, signal, sys, time
def stay():
    ctypes.CDLL(None).prctl(15, b"@MARK@", 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    end = time.monotonic() + 50
    while time.monotonic() < end:
        time.sleep(1)
    os._exit(0)
"""

CASES = [
    attack(
        "stay-double-fork",
        "leaves a daemon: fork, setsid, fork",
        right=("greet",),
        first=lines(
            STAY,
            """
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    stay()
                os._exit(0)
            os.wait()
            """,
        ),
    ),
    attack(
        "stay-nohup",
        "leaves programs that ignore the end of their session",
        right=("greet",),
        first="""
        import subprocess
        subprocess.Popen(["nohup", "bash", "-c", "exec -a @MARK@ sleep 50"], start_new_session=True)
        subprocess.Popen(["setsid", "bash", "-c", "exec -a @MARK@ sleep 50"])
        !bash -c 'exec -a @MARK@ sleep 50' &
        """,
    ),
    attack(
        "stay-in-a-call",
        "leaves a process when a test calls it",
        right=(),
        steps=lines(
            STAY,
            """
            def steps(n):
                if os.fork() == 0:
                    os.setsid()
                    stay()
                return 8
            """,
        ),
    ),
    attack(
        "stay-after-exit",
        "leaves processes from atexit, a thread, a signal handler and a destructor",
        right=("greet",),
        first=lines(
            STAY,
            """
            import atexit, threading
            def leave(*ignored):
                if os.fork() == 0:
                    stay()
            class Last:
                def __del__(self): leave()
            last = Last()
            atexit.register(leave)
            signal.signal(signal.SIGTERM, leave)
            signal.signal(signal.SIGHUP, leave)
            threading.Thread(target=lambda: (time.sleep(6), leave())).start()
            """,
        ),
        last="del last",
    ),
    attack(
        "stay-holding-the-channel",
        "a child keeps the channel open after its parent has gone",
        first=lines(
            STAY,
            """
            if os.fork() == 0:
                stay()
            os._exit(0)
            """,
        ),
        statuses=ANY,
    ),
    attack(
        "stay-answering",
        "a child goes on answering in the place of its parent",
        first=lines(
            STAY,
            """
            if os.fork():
                os._exit(0)
            ctypes.CDLL(None).prctl(15, b"@MARK@", 0, 0, 0)
            """,
        ),
        right=("greet",),
        lost=True,
        statuses=ANY,
    ),
    attack(
        "stay-subreaper",
        "adopts its grandchildren and leaves its process group",
        right=("greet",),
        first=lines(
            STAY,
            """
            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
            ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
            for _ in range(3):
                if os.fork() == 0:
                    os.setpgid(0, 0)
                    if os.fork() == 0:
                        stay()
                    os._exit(0)
            """,
        ),
    ),
    attack(
        "stay-stopped",
        "leaves a stopped child, which no gentle signal ends",
        right=("greet",),
        first=lines(
            STAY,
            """
            child = os.fork()
            if child == 0:
                ctypes.CDLL(None).prctl(15, b"@MARK@", 0, 0, 0)
                os.kill(os.getpid(), signal.SIGSTOP)
                os._exit(0)
            if os.fork() == 0:  # ends it after a while, should nobody else
                ctypes.CDLL(None).prctl(15, b"@MARK@", 0, 0, 0)
                time.sleep(50)
                os.kill(child, signal.SIGKILL)
                os._exit(0)
            """,
        ),
    ),
]
