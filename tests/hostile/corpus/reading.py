"""Reading what is nobody's business: tests, the gradebook, other students' work, the machine."""

from tests.hostile.case import GRADED, HUMAN, Case, Hand, answered, attack, lines, work
from tests.hostile.unit import RIGHT

# A hidden test, if one is found, is shown by its secret; so is everybody else's work.
SHOW = """
import os, re
from pathlib import Path
WANTED = re.compile(rb"hidden-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}|canary-[a-z]+-[0-9a-f]{6}")
def show(where, data):
    data = data if isinstance(data, bytes) else str(data).encode(errors="replace")
    for found in set(WANTED.findall(data)):
        print("FOUND", where, found.decode())
def read(path, most=1 << 22):
    try:
        with open(path, "rb") as file:
            show(path, file.read(most))
    except Exception as error:
        return error
"""


def _link(target: str, name: str):
    """A right notebook that opens a link that was handed in beside it."""

    def make(hand: Hand) -> None:
        hand.write(answered(hand.released, ("greet",), first=lines(SHOW, f"read({name!r})")))
        (hand.folder / name.split("/")[0]).symlink_to(hand.filled(target))

    return make


def _hard_link(hand: Hand) -> None:
    hand.write(answered(hand.released, ("greet",)))
    own = hand.folder / "own.txt"
    own.write_text("mine")
    (hand.folder / "again.txt").hardlink_to(own)


CASES = [
    attack(
        "read-globals",
        "looks for tests in every object of its process",
        first=lines(
            SHOW,
            """
            import gc, sys
            for thing in gc.get_objects():
                try:
                    if isinstance(thing, (str, bytes)):
                        show("object", thing)
                    elif isinstance(thing, (list, tuple, set, frozenset)):
                        [show("item", x) for x in thing if isinstance(x, (str, bytes))]
                    elif isinstance(thing, dict):
                        [show("value", x) for x in list(thing.values()) if isinstance(x, str)]
                except Exception:
                    pass
            """,
        ),
    ),
    attack(
        "read-frames",
        "looks for tests in the frames above a call, their code's constants and their sources",
        right=("steps",),
        greet=lines(
            SHOW,
            """
            def greet(name):
                import linecache, sys
                frame = sys._getframe()
                while frame:
                    for space in (frame.f_locals, frame.f_globals):
                        for key, value in list(space.items()):
                            show(key, repr(value)[:10000])
                    show("constants", repr(frame.f_code.co_consts))
                    frame = frame.f_back
                for name, entry in list(linecache.cache.items()):
                    show(name, repr(entry)[:100000])
                return "x"
            """,
        ),
    ),
    attack(
        "read-history",
        "looks for tests in IPython's history",
        last=lines(
            SHOW,
            """
            shell = get_ipython()
            for name in ("In", "_ih", "_i", "_ii", "Out", "_oh", "_dh"):
                show(name, repr(shell.user_ns.get(name)))
            try:
                show("history", repr(list(shell.history_manager.get_tail(1000))))
                read(shell.history_manager.hist_file)
            except Exception as error:
                print(type(error))
            """,
        ),
    ),
    attack(
        "read-own-memory",
        "searches its memory, which it shares with the fork server, for tests",
        first=lines(
            SHOW,
            """
            left = 400 << 20
            with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
                for line in maps:
                    span, rights = line.split()[:2]
                    start, end = (int(x, 16) for x in span.split("-"))
                    if "r" not in rights or end - start > left or "[v" in line:
                        continue
                    try:
                        memory.seek(start)
                        show("memory", memory.read(end - start))
                        left -= end - start
                    except (OSError, ValueError, OverflowError):
                        pass
            """,
        ),
    ),
    attack(
        "read-other-processes",
        "reads command lines, environments, open files and memory of all processes",
        first=lines(
            SHOW,
            """
            others = [p for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
            for pid in others:
                for name in ("cmdline", "environ", "maps", "status", "mountinfo"):
                    read(f"/proc/{pid}/{name}")
                for name in ("cwd", "root", "exe"):
                    try:
                        print(pid, os.readlink(f"/proc/{pid}/{name}"))
                        print(os.listdir(f"/proc/{pid}/{name}/"))
                    except OSError:
                        pass
                try:
                    for fd in os.listdir(f"/proc/{pid}/fd"):
                        path = f"/proc/{pid}/fd/{fd}"
                        read(path) if os.path.isfile(path) else print(os.readlink(path))
                    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
                        print("OPENED MEMORY", pid, memory.read(1))
                except OSError:
                    pass
            """,
        ),
        must_not=("OPENED MEMORY",),
    ),
    attack(
        "read-processes-by-calls",
        "attaches to other processes by ptrace and process_vm_readv",
        first="""
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        for pid in (1, os.getppid()):
            if pid != os.getpid() and libc.ptrace(16, pid, 0, 0) == 0:
                print("ATTACHED", pid)
                libc.ptrace(17, pid, 0, 0)
        buffer = ctypes.create_string_buffer(64)
        class Vector(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
        mine = ctypes.byref(Vector(ctypes.addressof(buffer), 64))
        theirs = ctypes.byref(Vector(id(object), 64))
        if libc.process_vm_readv(os.getppid(), mine, 1, theirs, 1, 0) > 0:
            print("ATTACHED by process_vm_readv")
        """,
        must_not=("ATTACHED",),
    ),
    attack(
        "read-course",
        "reads the course's source, release, submissions, gradebook and records",
        first=lines(
            SHOW,
            """
            for root, folders, names in os.walk("@COURSE@"):
                print("LISTED", root)
                for name in names:
                    read(os.path.join(root, name))
            try:
                import sqlite3
                link = sqlite3.connect("file:@COURSE@/gradebook.db?mode=ro", uri=True)
                for row in link.execute("select source from source_cell"):
                    show("gradebook", row[0])
                print("LISTED gradebook")
            except Exception as error:
                print(type(error))
            """,
        ),
        must_not=("LISTED",),
    ),
    attack(
        "read-neighbor",
        "reads the gradebook of the course next door and the home folder by their names",
        first=lines(
            SHOW,
            """
            for path in ("@COURSE@/../neighbor/gradebook.db", "@HOME@/canary.txt", "@CANARY@",
                         "@COURSE@/nbgrader_config.py", "@COURSE@/submitted/aa-victim/hostile/"
                         "hostile.ipynb"):
                print(type(read(path)).__name__)
            for path in ("@HOME@", os.path.expanduser("~"), "/home"):
                try:
                    print(path, "HAS", [n for n in os.listdir(path)])
                except OSError as error:
                    print(type(error).__name__)
            """,
        ),
    ),
    attack(
        "read-everything",
        "walks the whole file system for notebooks and databases",
        first=lines(
            SHOW,
            """
            import time
            end = time.monotonic() + 5
            for root, folders, names in os.walk("/"):
                folders[:] = [f for f in folders if f not in ("site-packages", "sys", "proc")]
                for name in names:
                    if name.endswith((".ipynb", ".db", ".json", ".txt")):
                        read(os.path.join(root, name), 1 << 20)
                if time.monotonic() > end:
                    break
            """,
        ),
    ),
    attack(
        "read-environment",
        "shows its environment, as Python, the kernel and C have it",
        first=lines(
            SHOW,
            """
            import ctypes, sys
            show("environ", repr(dict(os.environ)))
            print(sorted(os.environ))
            read("/proc/self/environ")
            read("/proc/1/environ")
            read(f"/proc/{os.getppid()}/environ")
            pointers = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
            for number in range(200):
                if pointers[number] is None:
                    break
                show("C", pointers[number])
            """,
        ),
        must_not=("JPY_PARENT_PID", "HSTL_CANARY"),
    ),
    attack(
        "read-descriptors",
        "reads from every file that was left open",
        first=lines(
            SHOW,
            """
            import select, stat
            for name in sorted(os.listdir("/proc/self/fd"), key=int):
                fd = int(name)
                try:
                    mode = os.fstat(fd).st_mode
                    if stat.S_ISREG(mode):
                        show(os.readlink(f"/proc/self/fd/{fd}"), os.pread(fd, 1 << 20, 0))
                    elif stat.S_ISDIR(mode):
                        print("OPEN FOLDER", os.listdir(fd))
                    elif select.select([fd], [], [], 0)[0]:
                        show("socket", os.read(fd, 1 << 16))
                except OSError:
                    pass
            """,
        ),
        statuses={GRADED, "flagged", HUMAN},
        must_not=("OPEN FOLDER",),
    ),
    attack(
        "read-modules",
        "looks for answers in the packages that it can import",
        first=lines(
            SHOW,
            """
            import autograder, course
            for package in (autograder, course):
                for path in Path(list(package.__path__)[0]).rglob("*"):
                    read(path)
            for name in ("autograder.demo.answers", "autograder.demo", "tests", "solutions"):
                try:
                    print("IMPORTED", __import__(name))
                except Exception as error:
                    print(type(error).__name__)
            """,
        ),
        must_not=("IMPORTED",),
    ),
    attack(
        "read-escape-calls",
        "tries the calls that leave a namespace: unshare, mount, chroot, setuid, keyctl, bpf",
        first="""
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        for name, call in {
            "unshare": lambda: libc.unshare(0x10000000),
            "unshare mounts": lambda: libc.unshare(0x20000),
            "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
            "umount": lambda: libc.umount2(b"/proc", 2),
            "chroot": lambda: libc.chroot(b"/tmp"),
            "setuid": lambda: -1 if os.getuid() == 0 else libc.setuid(0),
            "setgroups": lambda: -1 if os.getuid() == 0 else libc.setgroups(0, None),
            "keyctl": lambda: libc.syscall(250, 0, -3, 0),
            "bpf": lambda: libc.syscall(321, 0, 0, 0),
            "perf": lambda: libc.syscall(298, 0, 0, -1, -1, 0),
            "userfaultfd": lambda: libc.syscall(323, 0),
            "io_uring": lambda: libc.syscall(425, 1, 0),
        }.items():
            result = call()
            print(name, result, os.strerror(ctypes.get_errno()))
            if result >= 0:
                print("ALLOWED", name)
        """,
        must_not=("ALLOWED",),
    ),
    attack(
        "zz-read-what-is-left",  # the last of the class
        "looks for what earlier submissions left in their working folders",
        first=lines(
            SHOW,
            """
            for root in (".", "..", "/tmp", "/dev/shm", "/var/tmp", "/run"):
                try:
                    for name in os.listdir(root):
                        print(root, name)
                        read(os.path.join(root, name))
                except OSError:
                    pass
            """,
        ),
        must_not=("left-behind",),
    ),
    Case(
        "read-by-link", "hands in a link to a file at home", _link("@CANARY@", "data.txt"), (1, 1)
    ),
    Case(
        "read-by-folder-link",
        "hands in a link to another student's folder",
        _link("@COURSE@/submitted/aa-victim", "data/hostile/hostile.ipynb"),
        (1, 1),
    ),
    Case(
        "read-by-proc-link",
        "hands in a link to the environment of whoever reads it",
        _link("/proc/self/environ", "data.txt"),
        (1, 1),
    ),
    Case("read-by-hard-link", "hands in one file under two names", _hard_link, (1, 1)),
    Case(
        "read-by-magic",
        "reads files with IPython's magics and shell lines",
        work(
            ("greet",),
            first="!cat @CANARY@ @COURSE@/gradebook.db\n%cat @CANARY@\n%ls @COURSE@\n"
            "!ls -la @COURSE@/submitted @HOME@",
            last="%load @CANARY@",
            steps="%%bash\ncat @CANARY@; cat @COURSE@/source/hostile/hostile.ipynb",
            tally="%run @CANARY@",
            normalize=RIGHT["normalize"],
        ),
        (3, 3),
        must_not=("aa-victim",),
    ),
]
