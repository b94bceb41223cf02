"""Forged verdicts: points without the work."""

from tests.hostile.case import ANY, Case, attack, changed, code, lines, work
from tests.hostile.unit import RIGHT, points

EQUAL = """
class Yes:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __len__(self): return 1
    def __iter__(self): return iter([self])
    def __getitem__(self, key): return self
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
    def __sub__(self, other): return 0.0
    __add__ = __mul__ = __truediv__ = __radd__ = __rsub__ = __sub__
    def __abs__(self): return 0.0
    def __float__(self): return 0.0
    def __index__(self): return 0
    def __array__(self, *args, **kwargs): return np.zeros(2)
"""

# Every socket that the process has open besides those it makes itself.
SOCKETS = """
import os, socket, stat, json, struct
found = []
for name in os.listdir("/proc/self/fd"):
    try:
        if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
            found.append(int(name))
    except OSError:
        pass
def frame(message, blobs=()):
    text = json.dumps([message, [len(b) for b in blobs]]).encode()
    return struct.pack(">Q", len(text)) + text + b"".join(blobs)
def put(data):
    for fd in found:
        try:
            os.write(fd, data)
        except OSError:
            pass
"""

FORGED_QUESTION = """
class Question:
    def __init__(self, name, points): self.points, self.random = points, __import__("random")
    def example(self, *args, **kwargs): return self
    check = model = block = gives = gives_rows = raises = example
    has_params = computes = has_order = has_output_shape = example
    def score(self): return self.points
"""

# Writes a file where it is executed, which is nowhere if all is well.
PICKLED = """
import pickle
class Evil:
    def __reduce__(self):
        return (exec, ("open('/tmp/@MARK@-pickle', 'w').write('x')",))
"""

# Answers that no student's process gives, as it was written.
ANSWERS = {
    "error-builtin": {"error": [["ValueError", "Exception"], "x"]},
    "error-exit": {"error": [["SystemExit", "BaseException"], "0"]},
    "error-interrupt": {"error": [["KeyboardInterrupt"], ""]},
    "error-unicode": {"error": [["UnicodeDecodeError", "ValueError", "Exception"], "x"]},
    "error-types": {"error": [[3, None, {}], ["x"]]},
    "error-text": {"error": "x"},
    "incidents-number": {"incidents": 5},
    "incidents-object": {"incidents": {"a": "b"}},
    "values-list": {"values": [1, 2]},
    "values-codes": {"values": {"greet": 3, "steps": ["f"], "tally": ["T", 10**9]}},
    "values-handles": {
        "values": {"greet": ["f", "x", {}, 3, None], "steps": ["C", 10**40, 1, 1, 1]}
    },
    "values-names": {"values": {"checks": ["j", 8], "question": ["j", 8], "greet": ["j", "x"]}},
    "graph": {"graph": [["m", 0, "x"], 5], "value": ["k", 99]},
    "graph-number": {"graph": 7, "value": ["k", -1]},
    "changed": {"value": ["j", 8], "changed": [[99, ["j", 1]], "x", 5]},
    "changed-number": {"value": ["j", 8], "changed": 3},
    "printed": {"value": ["j", 8], "printed": {"a": 1}, "changed": []},
    "no-value": {},
    "outputs": {"outputs": [{"output_type": "stream", "name": "stdout", "text": 5}, 3, None]},
    "outputs-data": {"outputs": [{"output_type": "display_data", "data": {"text/html": [1, {}]}}]},
    "outputs-number": {"outputs": 5, "ok": [], "timed_out": "x"},
    "list": [],
    "null": None,
    "number": 8,
    "text": "ok",
}


def _answers() -> list[Case]:
    """Each of the answers, written before anything was asked, and while a call is answered."""
    ahead = [
        attack(
            f"answer-ahead-{name}",
            f"answers questions of every kind before they are asked: {answer!r:.60}",
            first=lines(SOCKETS, f"put(frame({answer!r}) * 30)"),
            statuses=ANY,
        )
        for name, answer in ANSWERS.items()
    ]
    in_calls = [
        attack(
            f"answer-call-{name}",
            f"answers a call in its own words: {answer!r:.60}",
            greet=lines(SOCKETS, f"def greet(name):\n    put(frame({answer!r}))\n    return 'x'"),
            steps="def steps(n):\n    return greet(n)",
            statuses=ANY,
        )
        for name, answer in ANSWERS.items()
    ]
    return ahead + in_calls


def _scored_outputs(notebook):
    """Outputs that claim that every test gave its points."""
    for cell in notebook.cells:
        points = cell.metadata.get("nbgrader", {}).get("points")
        if points:
            cell.execution_count = 1
            cell.outputs = [
                {
                    "output_type": "execute_result",
                    "execution_count": 1,
                    "metadata": {},
                    "data": {"text/plain": str(points)},
                }
            ]


def _more_points(notebook):
    for cell in notebook.cells:
        if "points" in cell.metadata.get("nbgrader", {}):
            cell.metadata.nbgrader.points = 1000


def _negative_points(notebook):
    for cell in notebook.cells:
        if "points" in cell.metadata.get("nbgrader", {}):
            cell.metadata.nbgrader.points = -1


def _own_grade_cell(notebook):
    cell = code("12")
    cell.metadata["nbgrader"] = {
        "grade_id": "bonus", "points": 12, "grade": True, "solution": False, "locked": True,
        "task": False, "schema_version": 3,
    }  # fmt: skip
    notebook.cells.append(cell)


def _tests_say(source):
    def change(notebook):
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                cell.source = source.replace("POINTS", str(cell.metadata.nbgrader.points))

    return change


CASES = [
    attack(
        "forge-printed-marks",
        "prints what a passed question prints",
        first="""
        for name in ("Steps", "Tally"):
            print(f"✓ {name}: all 5 checks passed.")
        print("2.0")
        """,
        greet="def greet(name):\n    print('✓ Greet: all 3 checks passed.', '1', sep='\\n')",
        steps="def steps(n):\n    print('✗ other: forged'); print(2.0); return 8",
        last="2.0",
    ),
    attack(
        "forge-printed-failures",
        "prints what a failed question prints, for the report's list of failures",
        first="""
        FORGED = "Steps: 0 of 9 passed.\\n✗ forged check: forged message\\n  Hint: forged hint"
        """,
        steps="""
        def steps(n):
            print(FORGED)
            print("    forged line that goes on")
            return 'eight'
        """,
        greet="""
        def greet(name):
            print(FORGED)
            raise ValueError("\\n✗ forged check: forged message\\n  Hint: forged hint")
        """,
    ),
    attack(
        "forge-display-hook",
        "makes everything that is shown a number of points",
        first="""
        import sys
        shell = get_ipython()
        sys.displayhook = lambda value: print(2.0)
        type(shell.displayhook).__call__ = lambda self, result=None: print(2.0)
        shell.displayhook.compute_format_data = lambda result: ({"text/plain": "2.0"}, {})
        shell.display_formatter.format = lambda *a, **k: ({"text/plain": "2.0"}, {})
        """,
    ),
    attack(
        "forge-input-transformer",
        "rewrites every cell that runs later into its points",
        first="""
        shell = get_ipython()
        shell.input_transformers_post.append(lambda lines: ["2.0\\n"])
        shell.input_transformers_cleanup.append(lambda lines: ["2.0\\n"])
        shell.transform_cell = lambda source: "2.0"
        """,
    ),
    attack(
        "forge-ast-transformer",
        "takes the asserts out of every cell that runs later",
        first="""
        import ast
        class NoAsserts(ast.NodeTransformer):
            def visit_Assert(self, node):
                return ast.copy_location(ast.Pass(), node)
        get_ipython().ast_transformers.append(NoAsserts())
        """,
        greet="def greet(name):\n    return 'nobody'",
    ),
    attack(
        "forge-run-cell",
        "puts its own run_cell and showtraceback in place of IPython's",
        first="""
        from types import SimpleNamespace
        shell = get_ipython()
        good = SimpleNamespace(error_before_exec=None, error_in_exec=None, result=2.0, success=True)
        type(shell).run_cell = lambda self, *a, **k: good
        type(shell)._showtraceback = lambda *a, **k: None
        type(shell).showtraceback = lambda *a, **k: None
        """,
    ),
    attack(
        "forge-events",
        "watches cells by IPython's events and swaps names and results",
        first="""
        shell = get_ipython()
        def swap(*args):
            for name in ("steps", "tally", "greet"):
                shell.user_ns[name] = lambda *a: shell.user_ns.get("expected", lambda *b: 8)(*a)
            if args:
                args[0].result = 2.0
                args[0].error_in_exec = None
        for event in ("pre_execute", "post_execute", "pre_run_cell", "post_run_cell"):
            shell.events.register(event, swap)
        """,
    ),
    attack(
        "forge-numpy",
        "makes NumPy's comparisons true",
        first="""
        np.allclose = np.array_equal = np.isclose = lambda *a, **k: True
        np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
        np.core.numeric.allclose = np.allclose if hasattr(np, "core") else None
        """,
        normalize="def normalize(x):\n    return x * 0",
    ),
    attack(
        "forge-keras",
        "makes Keras find every model right",
        first="""
        keras.Model.count_params = lambda self: 10**6
        keras.ops.convert_to_numpy = lambda value: np.zeros(4, "float32")
        keras.Model.__call__ = lambda self, *a, **k: np.zeros((4, 3), "float32")
        """,
        net='def tiny_net(classes):\n    return keras.Sequential([keras.Input((3,))], name="n")',
    ),
    attack(
        "forge-builtins",
        "changes what isinstance, type, abs, all and sum say",
        first="""
        import builtins
        builtins.abs = lambda value: 0
        builtins.all = builtins.any = builtins.isinstance = lambda *a: True
        builtins.AssertionError = type("Quiet", (Exception,), {})
        """,
        steps="def steps(n):\n    return 'eight'",
        statuses=ANY,
    ),
    attack(
        "forge-checks",
        "patches Question so that every check passes",
        first="""
        from autograder.checks import arrays, call, question as q
        call.difference = lambda expected, value: None
        arrays.same = lambda expected, found, tolerance: True
        for cls in (checks.Question, q.Question):
            cls.score = lambda self: float(self.points)
        checks.Call.gives = lambda self, *a, **k: self._record(1)
        from autograder.wire.results import CheckResult
        CheckResult.credit = 1.0
        CheckResult.passed = True
        """,
        steps="def steps(n):\n    return 1",
    ),
    attack(
        "forge-checks-module",
        "puts a module of its own in the place of autograder.checks",
        first=FORGED_QUESTION + "\nimport sys, types\n"
        "fake = types.ModuleType('autograder.checks')\nfake.Question = Question\n"
        "sys.modules['autograder.checks'] = checks = fake\n"
        "import autograder\nautograder.checks = fake\n",
    ),
    attack(
        "forge-names",
        "defines the names that tests use themselves",
        first=FORGED_QUESTION + "\nclass checks: Question = Question\n"
        "question = Question('x', 2)\nexpected = steps = lambda n: 8\nkey = right = words = None\n"
        "Fraction = int\nrange = lambda *a: []\n",
        last="range = lambda *a: []",
    ),
    attack(
        "forge-equal-objects",
        "returns objects that equal everything",
        first=EQUAL,
        greet="def greet(name):\n    return Yes()",
        steps="def steps(n):\n    return Yes()",
        tally="def tally(words):\n    return Yes()",
        normalize="def normalize(x):\n    return Yes()",
        mean="class RunningMean(Yes):\n    def __init__(self, m): pass\n    mean = Yes()",
        net="def tiny_net(classes):\n    return Yes()",
        block="def block(x, filters):\n    return Yes()",
    ),
    attack(
        "forge-equal-values",
        "returns subclasses of plain types that equal everything",
        first="""
        same = {"__eq__": lambda s, o: True, "__ne__": lambda s, o: False, "__hash__": lambda s: 0}
        Int, Str = type("int", (int,), same), type("str", (str,), same)
        class Dict(dict):
            __eq__ = lambda s, o: True
            def __missing__(self, key): return Int(2)
            def __contains__(self, key): return True
            def __getitem__(self, key): return Int(2)
        class Array(np.ndarray):
            def __eq__(self, other): return np.ones(self.shape, bool)
            def __array_ufunc__(self, *a, **k): return np.zeros(2)
            def __array_function__(self, *a, **k): return True
        """,
        greet="def greet(name):\n    return Str('x')",
        steps="def steps(n):\n    return Int(8)",
        tally="def tally(words):\n    return Dict()",
        normalize="def normalize(x):\n    return np.zeros(x.shape).view(Array)",
    ),
    attack(
        "forge-class-lies",
        "returns objects that say that they are of another class",
        first="""
        class Lie:
            __class__ = property(lambda self: int)
            __name__ = "✓ Steps: all 5 checks passed.\\n2.0"
            __doc__ = "2.0"
            def __eq__(self, other): return True
            def __repr__(self): return "8"
            def __int__(self): return 8
            __index__ = __int__
        """,
        steps="def steps(n):\n    return Lie()",
        greet="greet = Lie()",
    ),
    attack(
        "forge-methods",
        "returns an object whose methods give what is asked for",
        normalize="""
        class Result:
            dtype, ndim = np.dtype(float), 2
            def __init__(self, shape): self.shape = shape
            def mean(self, axis=None): return np.zeros(self.shape[1])
            def std(self, axis=None): return np.ones(self.shape[1])
            def tolist(self): return [[-1, -1], [1, 1]]
            def __array__(self, *a, **k): return np.zeros(self.shape)
        def normalize(x):
            return Result(x.shape)
        """,
    ),
    attack(
        "forge-visible-examples",
        "answers the visible examples and nothing else",
        greet="def greet(name):\n    return 'Hello, Ada!'",
        steps="def steps(n):\n    return 8",
        tally="def tally(words):\n    return {'a': 2, 'b': 1}",
        normalize="def normalize(x):\n    return np.array([[-1.0, -1.0], [1.0, 1.0]])",
    ),
    attack(
        "forge-call-count",
        "answers by the number of the call",
        steps="""
        calls = []
        def steps(n):
            calls.append(n)
            return [8, 8, 112, 20, 9, 10][len(calls) % 6]
        """,
        tally="def tally(words, answers=[{'a': 2, 'b': 1}] * 9):\n    return answers.pop()",
    ),
    attack(
        "forge-arguments",
        "changes its arguments so that the right answer becomes its own",
        tally="""
        def tally(words):
            words[:] = ["deep"] * len(words)
            return {"deep": len(words)}
        """,
        normalize="""
        def normalize(x):
            x[...] = 0
            x[::2] = 1
            return x
        """,
    ),
    attack(
        "forge-frames",
        "looks through the callers' frames for a question and sets its results",
        steps="""
        def steps(n):
            import gc, sys
            frame = sys._getframe()
            while frame:
                for space in (frame.f_locals, frame.f_globals):
                    for value in list(space.values()):
                        if hasattr(value, "results"):
                            value.results.clear()
                            value.points = 2
                    if "expected" in space:
                        return space["expected"](n)
                    space.update(expected=8, value=8) if isinstance(space, dict) else None
                frame = frame.f_back
            for thing in gc.get_objects():
                if type(thing).__name__ == "Question":
                    thing.score = lambda: 2.0
            return 8
        """,
    ),
    attack(
        "forge-threads",
        "a thread swaps functions and values while tests run",
        first="""
        import threading, time
        def swap():
            end = time.monotonic() + 20
            space = get_ipython().user_ns
            while time.monotonic() < end:
                space["steps"] = space.get("expected", lambda n: 8)
                space["greet"] = lambda name: "Hello, Ada!"
                checks.Question.score = lambda self: self.points
                time.sleep(0.01)
        threading.Thread(target=swap, daemon=True).start()
        """,
    ),
    attack(
        "forge-exceptions",
        "raises exceptions that look like the test's own end",
        greet="def greet(name):\n    raise SystemExit(0)",
        steps="""
        class ChecksFailed(BaseException): pass
        def steps(n):
            raise type("2.0", (StopIteration, KeyboardInterrupt), {})("✓ Steps: all passed")
        """,
        tally="def tally(words):\n    raise GeneratorExit",
        normalize="def normalize(x):\n    raise type('BdbQuit', (Exception,), {})(2.0)",
    ),
    attack(
        "forge-json",
        "patches json in its own process so that answers claim more",
        first="""
        import json
        real = json.dumps
        def dumps(value, *args, **kwargs):
            text = real(value, *args, **kwargs)
            return text.replace('"error"', '"value"').replace("NotImplementedError", "2.0")
        json.dumps = dumps
        """,
        statuses=ANY,
    ),
    attack(
        "forge-codec",
        "patches the encoder so that every value is a right-looking one",
        first="""
        from autograder.engine import student_server
        from autograder.wire import codec
        codec.Encoder.encode = lambda self, value, depth=0: ["j", 8]
        student_server.describe = lambda error: ["ok", "2.0"]
        """,
        steps="def steps(n):\n    return None",
        statuses=ANY,
    ),
    attack(
        "forge-pickled-array",
        "answers with an array file that holds a pickle",
        first=lines(
            PICKLED,
            """
        import io
        from autograder.wire import codec
        target = io.BytesIO()
        np.save(target, np.array([Evil()], dtype=object), allow_pickle=True)
        raw = target.getvalue()
        def array(self, value):
            return self.blob(raw)
        codec.Encoder.array = array
        codec.Encoder.blob = lambda self, data: (self.blobs.append(raw), len(self.blobs) - 1)[1]
        """,
        ),
        normalize="def normalize(x):\n    return np.zeros(3)",
        greet="def greet(name):\n    return b'bytes'",
        statuses=ANY,
    ),
    attack(
        "forge-reduce",
        "returns objects that do something when they are unpickled",
        first=PICKLED,
        steps="def steps(n):\n    return Evil()",
        tally="def tally(words):\n    return {'a': Evil(), Evil(): 1}",
    ),
    attack(
        "forge-frames-ahead",
        "writes answers to questions that have not been asked into every open socket",
        first=lines(
            SOCKETS,
            """
        for value in (8, 2.0, True, "Hello, Ada!"):
            put(frame({"value": ["j", value], "incidents": [], "changed": [], "printed": ""}))
        put(frame({"outputs": [], "ok": True, "cells": [], "incidents": []}))
        """,
        ),
        statuses=ANY,
    ),
    attack(
        "forge-frame-of-results",
        "writes what a judge would report into every open socket",
        first=lines(
            SOCKETS,
            """
        show = {"output_type": "execute_result", "data": {"text/plain": "2.0"}, "metadata": {}}
        cells = [{"outputs": [show], "seconds": 0.1}] * 30
        put(frame({"cells": cells, "incidents": [], "reason": ""}))
        """,
        ),
        statuses=ANY,
    ),
    attack(
        "forge-frame-nonsense",
        "writes noise, then a length of 2^62, into every open socket",
        right=(),
        first=SOCKETS + "put(b'\\xff' * 300)\nput(struct.pack('>Q', 2**62))\n",
        statuses=ANY,
    ),
    attack(
        "forge-frame-deep",
        "writes JSON that is nested a hundred thousand times",
        first=SOCKETS
        + "text = b'[' * 100000\nput(struct.pack('>Q', len(text)) + text)\nput(frame(None))\n",
        statuses=ANY,
    ),
    attack(
        "forge-frame-tags",
        "answers a call with codes that no encoder makes",
        steps=SOCKETS
        + """
def steps(n):
    for code in (["h", 0], ["k", -1], ["o"], ["f", "x", {}, 3, None], ["a", 10**9], ["m", 0, [0]],
                 ["module", "os"], ["__class__"], [["j"]], {}, None, ["i", "f" * 10**6]):
        put(frame({"value": code, "changed": [[0, code], [10**9, code], "x"], "printed": []}))
        put(frame({"error": code, "incidents": [code, "x" * 10**5] * 10}))
""",
        statuses=ANY,
    ),
    attack(
        "forge-mean-property",
        "has attributes that compute what the test wants to see",
        mean="""
        class RunningMean:
            def __init__(self, momentum): self.seen = None
            @property
            def mean(self):
                return type("F", (float,), {"__eq__": lambda s, o: True, "__hash__": None})(1)
            def __call__(self, x, training=False):
                return type("T", (), {"tolist": lambda s: [1, 1]})()
        """,
    ),
    Case(
        "forge-stored-outputs",
        "hands in outputs that claim all points",
        changed(_scored_outputs, right=()),
    ),
    Case(
        "forge-points",
        "sets every cell's points to 1000",
        changed(_more_points, right=("greet",)),
        (1, 1),
    ),
    Case(
        "forge-negative-points",
        "sets every cell's points to -1",
        changed(_negative_points, right=("greet",)),
        (1, 1),
    ),
    Case(
        "forge-own-grade-cell",
        "adds a graded cell of its own, worth 12 points",
        changed(_own_grade_cell, right=("steps",)),
        (2, 2),
    ),
    Case(
        "forge-rewritten-tests",
        "rewrites every test cell to give its points",
        changed(_tests_say("POINTS"), right=("greet",)),
        (1, 1),
        {"flagged"},
        reason="was changed",
    ),
    Case(
        "forge-emptied-tests",
        "empties every test cell",
        changed(_tests_say(""), right=()),
        (0, 0),
        {"flagged"},
        reason="was changed",
    ),
    attack(
        "forge-shadowed-modules",
        "hands in modules with the names of those that a test imports",
        files={
            f"{name}.py": "from autograder.checks import call, question as q\n"
            "q.Question.score = lambda self: float(self.points)\n"
            "call.difference = lambda expected, value: None\n"
            "class Fraction(int): pass\n"
            "open('/tmp/@MARK@-shadow', 'w').write('x')\n"
            for name in (
                "colorsys",
                "fractions",
                "course",
                "sitecustomize",
                "usercustomize",
                "statistics",
                "ipython_config",
                "conftest",
                "numbers",
                "decimal",
                "token",
                "this",
            )
        }
        | {
            "autograder/__init__.py": "",
            "autograder/checks.py": FORGED_QUESTION,
            ".ipython/profile_default/startup/00.py": FORGED_QUESTION,
            "keras/__init__.py": "raise SystemExit",
            "ipython_startup.py": "",
        },
        steps="def steps(n):\n    return 1",
        greet=RIGHT["greet"].replace("Hello", "Bye"),
    ),
    Case(
        "forge-half-honest",
        "does three questions and forges the rest",
        work(
            ("greet", "steps", "tally"),
            first=EQUAL + "\nchecks.Question.score = lambda self: self.points",
            normalize="def normalize(x):\n    return Yes()",
            net="def tiny_net(classes):\n    return Yes()",
        ),
        (points("greet", "steps", "tally"),) * 2,
    ),
    *_answers(),
]
