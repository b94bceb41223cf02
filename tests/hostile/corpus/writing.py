"""Changing what is not one's own: the gradebook, other students' work, the grader, the machine."""

from tests.hostile.case import ANY, attack, lines

TRY = """
import os
def attempt(what, path=""):
    try:
        what()
        print("DONE", what.__name__, path)
    except BaseException as error:
        print(type(error).__name__, error)
def write(path, text="x"):
    def writing():
        with open(path, "w") as file:
            file.write(text)
    attempt(writing, path)
"""

CASES = [
    attack(
        "write-gradebook",
        "gives itself points in the gradebook",
        first=lines(
            TRY,
            """
            import sqlite3
            def raise_score():
                link = sqlite3.connect("@COURSE@/gradebook.db", timeout=1)
                link.execute("update grade set manual_score = 100")
                link.commit()
            attempt(raise_score)
            write("@COURSE@/../neighbor/gradebook.db")
            """,
        ),
        must_not=("DONE",),
    ),
    attack(
        "write-others",
        "overwrites, removes and renames other students' submissions",
        first=lines(
            TRY,
            """
            import shutil
            victim = "@COURSE@/submitted/aa-victim/hostile"
            write(victim + "/hostile.ipynb")
            attempt(lambda: os.unlink(victim + "/hostile.ipynb"))
            attempt(lambda: os.rename("@COURSE@/submitted/aa-victim", "@COURSE@/submitted/zz"))
            attempt(lambda: os.chmod(victim, 0))
            attempt(lambda: os.symlink("/etc/passwd", victim + "/link"))
            attempt(lambda: shutil.rmtree("@COURSE@/submitted/aa-victim"))
            write("@COURSE@/.autograder/hostile/aa-victim.json", "{}")
            write("@COURSE@/submitted/new-student/hostile/hostile.ipynb", "{}")
            """,
        ),
        must_not=("DONE",),
    ),
    attack(
        "write-grader",
        "patches the autograder's, the course's and Keras' files",
        first=lines(
            TRY,
            """
            import autograder, course, site, sys
            for package in (autograder, course, np, keras):
                folder = list(package.__path__)[0]
                write(os.path.join(folder, "@MARK@.py"))
            write(os.path.join(sys.prefix, "lib", "@MARK@.pth"))
            """,
        ),
        must_not=("DONE",),
    ),
    attack(
        "write-system",
        "writes where programs start by themselves",
        first=lines(
            TRY,
            """
            for path in ("/etc/cron.d/@MARK@", "/etc/profile.d/@MARK@.sh", "/etc/@MARK@",
                         "@HOME@/.bashrc-@MARK@", "@HOME@/canary.txt", "/usr/bin/@MARK@",
                         "/proc/sys/kernel/hostname", "/sys/@MARK@"):
                write(path)
            """,
        ),
        must_not=("DONE",),
    ),
    attack(
        "write-everywhere",
        "leaves a file in every folder that takes one",
        right=("greet",),
        first="""
        import os
        for folder in ("/tmp", "/var/tmp", "/dev/shm", "/dev", "/run", "/", "/mnt", "/var", ".."):
            try:
                with open(os.path.join(folder, "@MARK@-left-behind"), "w") as file:
                    file.write("left-behind canary-poison-5eaf00")
            except OSError as error:
                print(type(error).__name__)
        """,
    ),
    attack(
        "write-shared-memory",
        "leaves shared memory, semaphores and message queues behind",
        first="""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.shmget(0x68737401, 4096, 0o1666), libc.semget(0x68737401, 1, 0o1666),
              libc.msgget(0x68737401, 0o1666))
        try:
            from multiprocessing import shared_memory
            block = shared_memory.SharedMemory("@MARK@-block", create=True, size=4096)
        except OSError as error:
            print(type(error).__name__)
        """,
    ),
    attack(
        "write-fork-server",
        "writes into the memory of the processes above it",
        first="""
        import os
        for pid in {1, os.getppid()} - {os.getpid()}:
            try:
                with open(f"/proc/{pid}/mem", "r+b", 0) as memory:
                    print("OPENED", pid)
            except OSError as error:
                print(type(error).__name__)
        for name in ("oom_score_adj", "coredump_filter", "comm"):
            try:
                open(f"/proc/{os.getppid()}/{name}", "w").close()
                print("opened", name)
            except OSError as error:
                print(type(error).__name__)
        """,
        must_not=("OPENED",),
    ),
    attack(
        "write-limits",
        "raises its own limits and niceness",
        first="""
        import os, resource
        for name in ("RLIMIT_NPROC", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_NOFILE"):
            kind = getattr(resource, name)
            try:
                soft, hard = resource.getrlimit(kind)
                if hard != resource.RLIM_INFINITY:
                    resource.setrlimit(kind, (hard, hard * 2))
                    print("RAISED", name)
            except (OSError, ValueError) as error:
                print(type(error).__name__)
        try:
            os.nice(-5)
            print("RAISED niceness")
        except OSError as error:
            print(type(error).__name__)
        """,
        must_not=("RAISED",),
    ),
    attack(
        "write-own-answer-files",
        "rewrites the notebook and the tests in its working folder",
        right=("steps",),
        first="""
        import glob, os
        for path in glob.glob("**", recursive=True) + ["hostile.ipynb", "fractions.py"]:
            try:
                open(path, "w").write("raise SystemExit")
            except OSError as error:
                print(type(error).__name__)
        """,
        statuses=ANY,
        lost=True,
    ),
]
