"""Honest work, some of it on paths that attackers use, too. It gets what it deserves, exactly."""

from tests.hostile.case import FLAGGED, GRADED, Case, Hand, answered, cell_of, work
from tests.hostile.unit import ALL, IMPORTS, QUICK, RIGHT, points

WHOLE, SOME = points(*ALL), points(*QUICK)


def _honest(name, does, right=QUICK, statuses=frozenset({GRADED}), **how):
    worth = points(*{*right, *(set(how) & set(ALL))})
    return Case(name, does, work(right, **how), (worth, worth), statuses)


def _copied_tests(hand: Hand) -> None:
    """The visible tests, copied into cells of one's own and changed there."""
    notebook = answered(hand.released, QUICK)
    for name in QUICK:
        source = cell_of(notebook, f"test_{name}").source.replace("points=2", "points=20")
        notebook = answered(notebook, last=source)
    hand.write(notebook)


CASES = [
    _honest("aa-victim", "does everything right, and is whom others want to harm", ALL,
            last="# canary-victim-a41f77\nprint('my own work')"),
    _honest("honest-all", "does everything right", ALL),
    Case("honest-nothing", "hands in what was released", work(), (0, 0), {GRADED}),
    Case("honest-half", "gets half of a question", work(
        ("greet",), steps="def steps(n):\n    return 8 if n == 6 else 0",
        tally="def tally(words):\n    return {w: len(words) for w in words}",
        mean="class RunningMean:\n    def __init__(self, m): self.mean = 0.0\n"
        "    def __call__(self, x, training=False): return x * 0 + 1"), (1, 1), {GRADED}),
    _honest("honest-other-styles", "answers in other styles", (),
            greet="greet = 'Hello, {}!'.format",
            steps="""
            from functools import lru_cache
            @lru_cache(None)
            def steps(n: int) -> int:
                return 0 if n == 1 else 1 + steps(n // 2 if n % 2 == 0 else 3 * n + 1)
            """,
            tally="""
            from collections import Counter
            def tally(words):
                return dict(Counter(words))
            """,
            normalize="normalize = lambda x: (x - np.mean(x, 0)) / np.std(x, 0)",
            mean="""
            from dataclasses import dataclass
            @dataclass
            class RunningMean:
                momentum: float
                mean: float = 0.0
                def __call__(self, x, *, training=False):
                    if training:
                        self.mean += (1 - self.momentum) * (np.mean(x) - self.mean)
                    return np.asarray(x) - self.mean
            """,
            net="""
            def tiny_net(classes):
                image = keras.Input((8, 8, 3), name="picture")
                x = layers.Activation("relu")(layers.Conv2D(4, (3, 3), name="c")(image))
                x = keras.ops.mean(x, axis=(1, 2))
                return keras.Model(image, layers.Softmax()(layers.Dense(classes)(x)))
            """,
            block="""
            def block(x, filters):
                y = layers.ZeroPadding2D(1)(x)
                y = layers.Conv2D(filters, 3, use_bias=False, name="first")(y)
                y = keras.ops.relu(layers.BatchNormalization()(y))
                return x + y
            """),
    _honest("honest-activation-functions", "uses keras.activations on tensors", (),
            block="""
            def block(x, filters):
                y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
                return layers.add([x, keras.activations.relu(layers.BatchNormalization()(y))])
            """,
            net="""
            def tiny_net(classes):
                image = keras.Input((8, 8, 3))
                x = keras.activations.relu(layers.Conv2D(4, 3)(image))
                x = layers.Dense(classes)(layers.GlobalAveragePooling2D()(x))
                return keras.Model(image, keras.activations.softmax(x))
            """),
    _honest("honest-model-parts", "builds models of models, and classes around them", (),
            net="""
            class Net(keras.Sequential):
                "A class of my own around a stack of layers."
            def tiny_net(classes):
                features = keras.Sequential([keras.Input((8, 8, 3)),
                                             layers.Conv2D(4, 3, activation="relu"),
                                             layers.GlobalAveragePooling2D()])
                image = keras.Input((8, 8, 3))
                y = layers.Dense(classes, activation="softmax")(features(image))
                return keras.Model(image, y)
            """,
            block="""
            def block(x, filters):
                inner = keras.Sequential([keras.Input(x.shape[1:]),
                                          layers.Conv2D(filters, 3, padding="same", use_bias=False),
                                          layers.BatchNormalization(), layers.ReLU()])
                return layers.Add()([inner(x), x])
            """),
    _honest("honest-helpers", "uses helpers, other names and defaults", (),
            first="GREETING = 'Hello, '\ndef count_one(words, word): return words.count(word)",
            greet="def greet(who, /, hello=None):\n    return (hello or GREETING) + who + '!'",
            steps="""
            def halve(n): return n // 2
            def steps(number, done=0):
                while number > 1:
                    number, done = halve(number) if number % 2 == 0 else 3 * number + 1, done + 1
                return done
            """,
            tally="def tally(liste):\n    return {w: count_one(liste, w) for w in set(liste)}"),
    _honest("honest-numpy-scalars", "returns NumPy's numbers where numbers are meant", (),
            steps=RIGHT["steps"].replace("return count", "return np.int64(count)"),
            tally="""
            def tally(words):
                found, counts = np.unique(words, return_counts=True)
                return {str(word): count for word, count in zip(found, counts)}
            """),
    _honest("honest-generator", "uses generators, closures and a callable object", (),
            greet="""
            class Greeter:
                def __call__(self, name):
                    return "".join(part for part in ("Hello, ", name, "!"))
            greet = Greeter()
            """,
            steps="""
            def walk(n):
                while n != 1:
                    n = n // 2 if n % 2 == 0 else 3 * n + 1
                    yield n
            def make():
                def steps(n):
                    return sum(1 for _ in walk(n))
                return steps
            steps = make()
            """),
    _honest("honest-prints", "prints while it computes", ("steps", "tally"),
            first="print('start')\nfor n in range(2000): print(n, end=' ')",
            greet="def greet(name):\n    print('greeting', name)\n    return f'Hello, {name}!'"),
    _honest("honest-stderr", "warns, logs and writes to standard error", ("steps", "tally"),
            greet="""
            import logging, os, sys, warnings
            def greet(name):
                warnings.warn("deprecated")
                logging.warning("careful")
                print("E0000 cuda: not found", file=sys.stderr)
                os.write(2, b"W tensorflow: no GPU\\n")
                return f"Hello, {name}!"
            """),
    _honest("honest-long-output", "shows a long table", first="'x' * 400_000",
            last="[list(range(100)) for _ in range(200)]"),
    _honest("honest-figures", "draws figures", first="""
            %matplotlib inline
            import matplotlib.pyplot as plt
            plt.plot(range(9))
            plt.show()
            """, last="fig, ax = plt.subplots()\nax.imshow(np.eye(3))\nfig"),
    _honest("honest-progress", "shows progress that overwrites itself", first="""
            import sys, time
            from IPython.display import clear_output, display
            for n in range(5):
                clear_output(wait=True)
                print(f"\\r{n} of 5", end="", flush=True)
                time.sleep(0.05)
            """),
    _honest("honest-subprocess", "asks another program", first="""
            import subprocess, sys
            print(subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout)
            command = [sys.executable, "-c", "print(6 * 7)"]
            print(subprocess.run(command, capture_output=True).stdout)
            files = !ls
            """),
    _honest("honest-threads", "uses threads and a pool", (), first="""
            from concurrent.futures import ThreadPoolExecutor
            """,
            greet=RIGHT["greet"],
            tally="""
            def tally(words):
                with ThreadPoolExecutor(4) as pool:
                    return dict(zip(words, pool.map(words.count, words)))
            """),
    _honest("honest-processes", "uses a pool of processes", first="""
            import multiprocessing
            def square(x): return x * x
            with multiprocessing.get_context("fork").Pool(2) as pool:
                print(pool.map(square, range(5)))
            """),
    _honest("honest-recursion", "recurses too deeply, and catches that", (),
            first="def down(n): return down(n + 1)",
            greet="""
            def greet(name):
                try:
                    return down(0)
                except RecursionError:
                    return f"Hello, {name}!"
            """),
    _honest("honest-exceptions", "raises and catches, and has cells that fail", first="1 / 0",
            last="undefined_name"),
    _honest("honest-slow", "takes a few seconds", ("tally",), first="import time\ntime.sleep(3)",
            greet="def greet(name):\n    time.sleep(0.5)\n    return f'Hello, {name}!'"),
    _honest("honest-files", "writes a file and reads it again, and one that came with the notebook",
            (), first="""
            import json
            from pathlib import Path
            Path("cache").mkdir(exist_ok=True)
            Path("cache/words.json").write_text(json.dumps(["Hello, "]))
            """, files={"data/greeting.txt": b"!"},
            greet="""
            def greet(name):
                (word,) = json.loads(Path("cache/words.json").read_text())
                return word + name + Path("data/greeting.txt").read_text()
            """),
    _honest("honest-own-module", "keeps helpers in a file of its own, one handed in, one written",
            (), files={"helpers.py": b"def hello(name): return 'Hello, ' + name + '!'"},
            first="%%writefile more.py\ndef halve(n): return n // 2",
            greet="from helpers import hello as greet",
            steps="""
            from more import halve
            def steps(n):
                return 0 if n == 1 else 1 + steps(halve(n) if n % 2 == 0 else 3 * n + 1)
            """),
    _honest("honest-temporary-files", "uses temporary files", (), greet="""
            import tempfile
            def greet(name):
                with tempfile.NamedTemporaryFile("w+") as file:
                    file.write(f"Hello, {name}!")
                    file.seek(0)
                    return file.read()
            """),
    _honest("honest-home", "writes settings into its home folder, as libraries do",
            statuses={GRADED, FLAGGED}, first="""
            import os
            from pathlib import Path
            try:
                (Path.home() / ".some-library").write_text("x")
            except OSError as error:
                print("no home:", error)
            """),
    _honest("honest-memory", "takes 300 MB for a while", ("steps",), greet="""
            def greet(name):
                ballast = np.ones(300 << 17)
                return f"Hello, {name}!" if ballast[-1] else ""
            """),
    _honest("honest-state", "keeps what it has seen, and changes what it was given", ("greet",),
            steps="old = []\n" + RIGHT["steps"].replace("count = 0", "count = old.append(n) or 0"),
            tally="""
            def tally(words):
                counts = {}
                while words:
                    word = words.pop()
                    counts[word] = counts.get(word, 0) + 1
                return counts
            """),
    _honest("honest-async", "awaits at top level", first="""
            import asyncio
            await asyncio.sleep(0.01)
            async def later(): return 3
            print(await later())
            """),
    _honest("honest-magics", "measures time, looks at help and lists variables",
            first="%time sum(range(10))\n%who\nimport math\nmath.sqrt?"),
    _honest("honest-imports-again", "imports everything again, and more", first=IMPORTS + """
import tensorflow as tf, pandas_that_is_not_there
""", last="import scipy_that_is_not_there"),
    _honest("honest-unicode", "writes comments and names in its own language", (),
            greet="# ¡Hola! 你好 😀\ndef greet(имя):\n    return f'Hello, {имя}!'"),
    Case("honest-copied-tests", "copies the tests into cells of its own", _copied_tests,
         (SOME, SOME), {GRADED}),
    _honest("honest-own-checks", "writes questions and asserts of its own", last="""
            mine = checks.Question("Mine", points=99)
            mine.check("one", steps, 1).gives(0)
            mine.score()
            """),
    _honest("honest-training", "trains the network that it built", ("net",), last="""
            model = tiny_net(2)
            model.compile("sgd", "sparse_categorical_crossentropy")
            model.fit(np.ones((8, 8, 8, 3)), np.zeros(8), epochs=2, verbose=2)
            """),
    _honest("honest-late-cells", "has an answer's helper in a cell behind its test", ("steps",),
            greet="def greet(name):\n    return 'Hello, ' + name + '!'",
            last="def steps_faster(n): return steps(n)"),
    _honest("honest-signals", "sets an alarm and a handler of its own", first="""
            import signal
            old = signal.signal(signal.SIGALRM, lambda *ignored: None)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            signal.signal(signal.SIGALRM, old)
            """),
    _honest("honest-names", "uses the names that tests use", first="""
            question, expected, words, right, layer, x = 1, 2, 3, 4, 5, 6
            value = number = draw = filters = classes = None
            """),
]  # fmt: skip
