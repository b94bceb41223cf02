"""Too much of everything. Each is bounded by itself: 30 processes, 2 GB, 200 MB of output."""

from tests.hostile.case import ANY, attack
from tests.hostile.unit import RIGHT

QUICK = ("greet", "steps")

CASES = [
    attack(
        "bomb-memory",
        "takes 2 GB before the first question",
        right=QUICK,
        first="""
        import time
        kept = []
        for _ in range(40):
            kept.append(bytearray(50 << 20))
            kept[-1][::4096] = b"x" * len(kept[-1][::4096])
        time.sleep(2)
        """,
        lost=True,
        statuses=ANY,
    ),
    attack(
        "bomb-memory-in-a-call",
        "takes 2 GB while a test calls it",
        right=("greet",),
        steps="""
        def steps(n):
            kept = [np.ones(50 << 17) for _ in range(40)]
            return len(kept)
        """,
        statuses=ANY,
    ),
    attack(
        "bomb-memory-of-children",
        "lets five children take 400 MB each",
        right=QUICK,
        first="""
        import os, time
        for _ in range(5):
            if os.fork() == 0:
                kept = bytearray(400 << 20)
                kept[::4096] = b"x" * len(kept[::4096])
                time.sleep(4)
                os._exit(0)
        time.sleep(3)
        """,
        lost=True,
        statuses=ANY,
    ),
    attack(
        "bomb-shared-memory",
        "fills /dev/shm, anonymous shared memory and memory files with 200 MB each",
        right=QUICK,
        first="""
        import mmap, os
        block = bytes(1 << 20)
        try:
            with open("/dev/shm/@MARK@-fill", "wb") as file:
                for _ in range(200):
                    file.write(block)
            print("shm full")
        except OSError as error:
            print(error)
        shared = mmap.mmap(-1, 200 << 20)
        for start in range(0, 200 << 20, 4096):
            shared[start] = 1
        try:
            fd = os.memfd_create("@MARK@")
            for _ in range(200):
                os.write(fd, block)
        except OSError as error:
            print(error)
        """,
        lost=True,
        statuses=ANY,
    ),
    attack(
        "bomb-disk",
        "writes 200 MB into its working folder, and a file that claims a terabyte",
        right=QUICK,
        first="""
        block = bytes(1 << 20)
        for number in range(10):
            try:
                with open(f"fill-{number}", "wb") as file:
                    for _ in range(20):
                        file.write(block)
            except OSError as error:
                print(error)
        try:
            with open("sparse", "wb") as file:
                file.truncate(1 << 40)
        except OSError as error:
            print(error)
        """,
        lost=True,
        statuses=ANY,
    ),
    attack(
        "bomb-files",
        "makes 20,000 empty files and 500 nested folders",
        right=QUICK,
        first="""
        import os
        try:
            for number in range(20_000):
                open(f"empty-{number}", "w").close()
        except OSError as error:
            print(error)
        try:
            for _ in range(500):
                os.mkdir("d")
                os.chdir("d")
        except OSError as error:
            print(error)
        """,
        lost=True,
        statuses=ANY,
    ),
    attack(
        "bomb-processes",
        "starts thirty processes that start threads",
        right=QUICK,
        first="""
        import os, threading, time
        for _ in range(30):
            try:
                if os.fork() == 0:
                    try:
                        for _ in range(8):
                            threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
                        time.sleep(3)
                    finally:
                        os._exit(0)
            except (OSError, RuntimeError) as error:
                print(error)
        """,
        lost=True,
        statuses=ANY,
    ),
    attack(
        "bomb-threads",
        "starts 400 threads",
        right=QUICK,
        first="""
        import threading, time
        try:
            for _ in range(400):
                threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        except RuntimeError as error:
            print(error)
        """,
        lost=True,
        statuses=ANY,
    ),
    attack(
        "bomb-descriptors",
        "opens all the files and pipes that it can, and fills the pipes",
        right=QUICK,
        first="""
        import os
        ends = []
        try:
            for _ in range(2000):
                read, write = os.pipe()
                ends.append((read, write))
                os.set_blocking(write, False)
                os.write(write, bytes(1 << 15))
        except OSError as error:
            print(error)
        """,
        lost=True,
        statuses=ANY,
    ),
    attack(
        "bomb-output",
        "prints 150 MB",
        right=QUICK,
        first="for _ in range(150):\n    print('x' * (1 << 20))",
        lost=True,
    ),
    attack(
        "bomb-stderr",
        "writes 100 MB to standard error, half of it past Python",
        right=QUICK,
        first="""
        import os, sys
        for _ in range(50):
            sys.stderr.write("e" * (1 << 20))
            os.write(2, b"e" * (1 << 20))
            os.write(1, b"o" * 1000)
        """,
        lost=True,
    ),
    attack(
        "bomb-output-in-a-call",
        "prints 10 MB at each call of a right answer",
        right=("greet", "steps"),
        steps=RIGHT["steps"].replace("count = 0", "count = 0\n    print('x' * (10 << 20))"),
    ),
    attack(
        "bomb-displays",
        "displays ten thousand things, some large, and updates them",
        right=QUICK,
        first="""
        from IPython.display import HTML, clear_output, display
        handle = display("start", display_id=True)
        for number in range(10_000):
            display(HTML(f"<b>{number}</b>"))
            if number % 100 == 0:
                handle.update("x" * 10_000)
        display({"application/json": "x"}, raw=True)
        display(HTML("y" * (30 << 20)))
        display({"text/plain": 3, "image/png": [1, {}]}, raw=True)
        """,
        lost=True,
    ),
    attack(
        "bomb-scripts",
        "displays markup and scripts for whoever looks at the feedback",
        right=("greet",),
        first="""
        from IPython.display import HTML, Javascript, display
        display(HTML("<script>document.title = 'taken over'</script><iframe src='file:///etc'>"))
        display(Javascript("alert(1)"))
        display({"text/html": "</pre></div></body><script>1</script>"}, raw=True)
        """,
        steps="def steps(n):\n    raise ValueError('<script>alert(1)</script>')",
    ),
    attack(
        "bomb-large-values",
        "returns values that are much larger than what was asked for",
        right=("greet",),
        steps="def steps(n):\n    return 10 ** 1_000_000",
        tally="def tally(words):\n    return {number: 'x' for number in range(3_000_000)}",
        normalize="def normalize(x):\n    return np.zeros(30_000_000)",
        lost=True,
        statuses=ANY,
    ),
    attack(
        "bomb-large-text",
        "returns a text of 100 MB, and raises one",
        greet="def greet(name):\n    return 'x' * 100_000_000",
        steps="def steps(n):\n    raise ValueError('✗ ' * 50_000_000)",
        statuses=ANY,
    ),
    attack(
        "bomb-nested-values",
        "returns values that are nested a hundred thousand times, or contain themselves",
        greet="""
        def greet(name):
            value = []
            for _ in range(100_000):
                value = [value]
            return value
        """,
        steps="""
        def steps(n):
            value = []
            value.append(value)
            return value
        """,
        tally="""
        def tally(words):
            value = {}
            value["deep"] = value
            return value
        """,
    ),
    attack(
        "bomb-wide-values",
        "returns a small value that unfolds to a large one",
        greet="""
        def greet(name):
            value = "Hello"
            for _ in range(30):
                value = [value, value]
            return value
        """,
        statuses=ANY,
    ),
    attack(
        "bomb-object-arrays",
        "returns arrays of objects, of odd types and of no size",
        normalize="""
        def normalize(x):
            normalize.calls = getattr(normalize, "calls", 0) + 1
            return [np.array([object()] * 5, dtype=object), np.zeros((0, 10**9)),
                    np.zeros(3, dtype=[("a", "i4"), ("b", "O")]), np.ma.masked_all(3),
                    np.memmap("map", "f8", "w+", shape=(9,))][normalize.calls % 5]
        """,
    ),
    attack(
        "bomb-endless-iterator",
        "returns iterators without end and objects without bottom",
        greet="import itertools\ndef greet(name):\n    return itertools.count()",
        steps="""
        class Deep:
            def __getattr__(self, name): return Deep()
            def __iter__(self): return self
            def __next__(self): return Deep()
            def __call__(self, *a, **k): return Deep()
        def steps(n):
            return Deep()
        """,
        tally="tally = Deep()",
        mean="RunningMean = Deep()",
    ),
    attack(
        "bomb-names",
        "gives functions and exceptions names and texts of 50 MB",
        steps="""
        def steps(n):
            raise type("E" * (50 << 20), (Exception,), {})("x")
        steps.__name__ = "n" * (50 << 20)
        steps.__doc__ = "d" * (50 << 20)
        """,
        statuses=ANY,
    ),
    attack(
        "bomb-regex",
        "a regular expression that takes half a minute, deep in C",
        right=("greet",),
        steps="import re\ndef steps(n):\n    return re.match(r'(a+)+$', 'a' * 27 + 'b')",
    ),
    attack(
        "bomb-graph",
        "hands back a model of two thousand layers",
        net="""
        def tiny_net(classes):
            x = image = keras.Input((8, 8, 3))
            for _ in range(2000):
                x = layers.Identity()(x)
            return keras.Model(image, x)
        """,
        statuses=ANY,
    ),
]
