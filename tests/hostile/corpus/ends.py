"""Ends of the process, and signals to it and to those above it.

Signals to others are sent only where a pid namespace keeps them in (``ISOLATED``).
"""

from tests.hostile.case import ANY, ISOLATED, attack, lines

CASES = [
    attack(
        "end-os-exit",
        "ends the process in a cell, after right answers",
        right=("greet", "steps"),
        tally="import os\nos._exit(0)",
        statuses={"flagged"},
    ),
    attack(
        "end-os-exit-first",
        "ends the process before anything was asked",
        right=("greet", "steps"),
        first="import os\nos._exit(0)",
        lost=True,
        statuses={"flagged"},
    ),
    attack(
        "end-os-exit-in-a-call",
        "ends the process when it is called",
        right=("greet",),
        steps="import os\ndef steps(n):\n    os._exit(3)",
        statuses={"flagged"},
    ),
    attack(
        "end-sys-exit",
        "leaves by sys.exit, quit and SystemExit, which end no notebook",
        right=("greet", "normalize"),
        steps="import sys\nsys.exit(1)",
        tally="quit()\nexit()",
        first="raise SystemExit",
    ),
    attack(
        "end-sys-exit-in-a-call",
        "leaves by sys.exit, quit and SystemExit when called",
        right=("greet", "normalize"),
        steps="import sys\ndef steps(n):\n    sys.exit(0)",
        tally="def tally(words):\n    quit()",
    ),
    attack(
        "end-exec",
        "becomes another program",
        right=("greet",),
        steps="import os\ndef steps(n):\n    os.execv('/bin/true', ['true'])",
        statuses={"flagged"},
    ),
    attack(
        "end-exec-python",
        "becomes another Python, which speaks on the same channel",
        right=("greet",),
        steps="""
        import os, sys
        script = '''
        import json, os, struct
        text = json.dumps([{"value": ["j", 8], "changed": [], "printed": ""}, []]).encode()
        for fd in range(3, 30):
            try:
                os.write(fd, 20 * (struct.pack(">Q", len(text)) + text))
            except OSError:
                pass
        '''.replace("\\n        ", "\\n")
        def steps(n):
            for fd in range(3, 30):
                try:
                    os.set_inheritable(fd, True)
                except OSError:
                    pass
            os.execv(sys.executable, [sys.executable, "-c", script])
        """,
        statuses=ANY,
    ),
    attack(
        "end-abort",
        "aborts",
        right=("greet",),
        steps="import os\nos.abort()",
        statuses={"flagged"},
    ),
    attack(
        "end-segfault",
        "reads address 0",
        right=("greet",),
        steps="import ctypes\ndef steps(n):\n    return ctypes.string_at(0)",
        statuses={"flagged"},
    ),
    attack(
        "end-kill-self",
        "kills itself",
        right=("greet",),
        steps="import os\ndef steps(n):\n    os.kill(os.getpid(), 9)",
        statuses={"flagged"},
    ),
    attack(
        "end-stop-self",
        "stops itself",
        right=("greet",),
        steps="import os, signal\ndef steps(n):\n    os.kill(os.getpid(), signal.SIGSTOP)",
        statuses={"flagged"},
    ),
    attack(
        "end-kill-parent",
        "kills the processes above it",
        right=("greet",),
        steps=lines(
            ISOLATED,
            """
            import signal
            def steps(n):
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
                    for pid in {1, os.getppid()} - {0, os.getpid()}:
                        try:
                            os.kill(pid, number)
                        except OSError:
                            pass
                return 8
            """,
        ),
        statuses=ANY,
    ),
    attack(
        "end-stop-parent",
        "stops the processes above it, its group and all that it can reach",
        right=("greet",),
        steps=lines(
            ISOLATED,
            """
            import signal
            def steps(n):
                for pid in {1, os.getppid()} - {0, os.getpid()}:
                    try:
                        os.kill(pid, signal.SIGSTOP)
                    except OSError:
                        pass
                os.kill(-1, signal.SIGSTOP)
                os.killpg(0, signal.SIGSTOP)
                return 8
            """,
        ),
        statuses=ANY,
    ),
    attack(
        "end-kill-all",
        "kills all that it can reach",
        right=("greet",),
        steps=lines(ISOLATED, "def steps(n):\n    os.kill(-1, 9)\n    os.killpg(0, 9)"),
        statuses=ANY,
    ),
    attack(
        "end-signals",
        "sends itself every signal that a program can survive",
        right=("greet", "tally"),
        steps="""
        import os, signal
        def steps(n):
            for number in (signal.SIGALRM, signal.SIGUSR1, signal.SIGCHLD, signal.SIGINT,
                           signal.SIGPIPE, signal.SIGWINCH, signal.SIGURG, signal.SIGTERM):
                signal.signal(number, lambda *ignored: None)
                os.kill(os.getpid(), number)
            return 8
        """,
        lost=True,
    ),
    attack(
        "end-close-everything",
        "closes every open file, the channel too",
        right=("greet",),
        steps="import os\ndef steps(n):\n    os.closerange(0, 1000)\n    return 8",
        statuses={"flagged"},
    ),
    attack(
        "end-streams",
        "replaces and closes its standard streams",
        right=("greet", "tally"),
        steps="""
        import sys
        def steps(n):
            sys.stdout.close()
            sys.stdout = sys.stderr = sys.stdin = None
            del sys.stdout
            return 8
        """,
        lost=True,
    ),
    attack(
        "end-judge-by-answers",
        "answers the judge with fields of the wrong types",
        right=("greet",),
        steps="""
        import gc
        from autograder.engine.student_server import StudentServer
        for found in gc.get_objects():
            if type(found) is StudentServer:
                found.incidents.take = lambda: 5
                found.folder.changed = lambda: {"\\ud800": b"x", "a\\0b": b"y"}
        """,
        lost=True,
    ),
    attack(
        "end-never-answering",
        "asks back forever instead of answering",
        right=("greet",),
        steps="""
        import gc, time
        from autograder.engine.student_server import StudentServer
        server = [found for found in gc.get_objects() if type(found) is StudentServer][0]
        send = server.channel.send
        def forever(message, beside=()):
            end = time.monotonic() + 50
            while time.monotonic() < end:
                send({"back": -1, "op": "call", "args": ["t", []], "kwargs": ["d", []]})
        server.channel.send = forever
        """,
        lost=True,
        statuses={"graded", "flagged"},
    ),
    attack(
        "end-interpreter",
        "breaks its own interpreter: no modules, no builtins, no imports",
        right=("greet",),
        steps="""
        import builtins, sys
        def steps(n):
            sys.meta_path.clear()
            sys.modules.clear()
            for name in ("len", "isinstance", "getattr", "type", "str", "list"):
                delattr(builtins, name)
            return 8
        """,
        statuses=ANY,
    ),
]
