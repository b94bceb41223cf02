"""Habits of courses: what tests do with students' values, each once, judged separately.

Every habit is a question of its own with a right and a wrong answer. All right answers are one
submission, all wrong ones another, so that each is run once. What somebody might try with the same
means to get points without the work stands beside it.
"""

import textwrap
from dataclasses import dataclass, field

import pytest

from autograder.engine import intake, names
from autograder.engine.job import CellPlan, Job, Role


@dataclass
class Habit:
    """A question: what is given, a right answer, a test, a wrong answer."""

    right: str
    test: str
    wrong: str
    given: str = ""
    also_wrong: list[str] = field(default_factory=list)


HABITS = {
    # Plain data and more
    "counter": Habit(
        "from collections import Counter\ndef letters(text):\n    return Counter(text)",
        "assert letters('aab') == {'a': 2, 'b': 1} and letters('aab').most_common(1) == [('a', 2)]",
        "def letters(text):\n    return {'a': 2}",
    ),
    "an error of one's own, through a context": Habit(
        "class Own(ValueError):\n    pass\ndef refuse():\n    raise Own('no')",
        "import contextlib\n@contextlib.contextmanager\ndef inside():\n    yield\n"
        "try:\n    with contextlib.ExitStack() as stack:\n        stack.enter_context(inside())\n"
        "        stack.callback(print)\n        refuse()\nexcept ValueError as error:\n"
        "    assert str(error) == 'no'\nelse:\n    raise AssertionError",
        "def refuse():\n    raise KeyError('no')",
    ),
    "all names, among them modules": Habit(
        "import logging\nimport os\ndef double(n):\n    return 2 * n",
        "assert 'double' in globals() and double(3) == 6",
        "import logging\ndef double(n):\n    return n",
    ),
    "named tuple": Habit(
        "from typing import NamedTuple\nclass Spot(NamedTuple):\n    x: int\n    y: int\n"
        "    def far(self):\n        return self.x + self.y\n",
        "spot = Spot(1, 2)\nassert spot == (1, 2) and spot.y == 2 and isinstance(spot, tuple)\n"
        "assert spot.far() == 3 and isinstance(spot, Spot)",
        "from typing import NamedTuple\nclass Spot(NamedTuple):\n    y: int\n    x: int",
    ),
    "enumeration": Habit(
        "import enum\nclass Hue(enum.Enum):\n    RED = 1\n    BLUE = 2",
        "assert Hue.RED.value == 1 and Hue['RED'] is Hue.RED and len(list(Hue)) == 2\n"
        "assert Hue.RED in Hue and Hue(2) is Hue.BLUE and isinstance(Hue.RED, Hue)",
        "import enum\nclass Hue(enum.Enum):\n    RED = 1\n    BLUE = 3",
    ),
    "list with methods": Habit(
        "class Pile(list):\n    def top(self):\n        return self[-1]",
        "pile = Pile()\npile.append(4)\npile.append(5)\n"
        "assert pile.top() == 5 and len(pile) == 2 and pile == [4, 5] and 4 in pile",
        "class Pile(list):\n    def top(self):\n        return self[0]",
    ),
    "named after a type": Habit(
        "def area(w: float) -> float:\n    'Of a square.'\n    return w * w",
        "assert area.__annotations__['return'] is float and 'square' in area.__doc__\n"
        "assert area.__name__ == 'area' and callable(area) and area(2.0) == 4.0",
        "def area(w: float) -> int:\n    'Of a square.'\n    return w * w",
    ),
    "source": Habit(
        "def loop_sum(values, start=0, *, twice=False):\n    for v in values:\n"
        "        start += v\n    return start",
        "import inspect\nassert 'for' in inspect.getsource(loop_sum) and loop_sum([1, 2]) == 3\n"
        "assert str(inspect.signature(loop_sum)) == '(values, start=0, *, twice=False)'\n"
        "assert inspect.isfunction(loop_sum)",
        "def loop_sum(values, start=0, *, twice=False):\n    return values[0] + values[1]",
    ),
    # Iteration, length, truth, items
    "generator": Habit(
        "def evens(n):\n    yield from range(0, n, 2)",
        "assert list(evens(5)) == [0, 2, 4] and sum(evens(5)) == 6\n"
        "it = evens(5)\nassert next(it) == 0 and iter(it) is it and 4 in it",
        "def evens(n):\n    yield from range(1, n, 2)",
    ),
    "map object": Habit(
        "cubes = map(lambda v: v**3, [1, 2])",
        "assert list(cubes) == [1, 8]",
        "cubes = map(lambda v: v**2, [1, 2])",
    ),
    "container": Habit(
        """
class Bag:
    def __init__(self): self.items = {}
    def __len__(self): return len(self.items)
    def __getitem__(self, key): return self.items[key]
    def __setitem__(self, key, value): self.items[key] = value
    def __delitem__(self, key): del self.items[key]
    def __iter__(self): return iter(self.items)
    def __bool__(self): return bool(self.items)
""",
        """
bag = Bag()
assert not bag
bag['a'], bag['b'] = 1, 2
del bag['b']
assert bag and len(bag) == 1 and bag['a'] == 1 and list(bag) == ['a']
try:
    bag['c']
except KeyError as error:
    assert error.args == ('c',)
else:
    raise AssertionError
""",
        "class Bag(dict):\n    def __delitem__(self, key): pass\n    def more(self): pass",
    ),
    "class is true": Habit(
        "class Lamp:\n    lit = 0\n    def on(self): self.lit = 1",
        "assert Lamp and Lamp().lit == 0 and Lamp.lit == 0\nlamp = Lamp()\nlamp.on()\n"
        "assert lamp and lamp.lit == 1 and isinstance(lamp, Lamp) and type(lamp) is Lamp\n"
        "assert hasattr(lamp, 'on') and not hasattr(lamp, 'off')",
        "class Lamp:\n    lit = 1\n    def on(self): pass",
    ),
    "inheritance": Habit(
        "class Base1: pass\nclass Leaf1(Base1):\n    def size(self): return 1",
        "assert issubclass(Leaf1, Base1) and isinstance(Leaf1(), Base1) and Leaf1().size() == 1",
        "class Base1: pass\nclass Leaf1:\n    def size(self): return 1",
    ),
    "inheritance of what is given": Habit(
        "class Square(Shape):\n    def __init__(self, side): self.side = side\n"
        "    def area(self): return self.side ** 2",
        "assert isinstance(Square(2), Shape) and Square(2).area() == 4",
        "class Square(Shape):\n    def __init__(self, side): self.side = side",
        given="class Shape:\n    def area(self):\n        return 0",
    ),
    # Comparison between two things of the student's
    "equality of objects": Habit(
        "from dataclasses import dataclass\n@dataclass(order=True, frozen=True)\nclass Point:\n"
        "    x: int\n    y: int\n"
        "    def __add__(self, o): return Point(self.x + o.x, self.y + o.y)",
        "assert Point(1, 2) == Point(1, 2) != Point(2, 1) and Point(1, 2) < Point(2, 0)\n"
        "assert (Point(1, 2) + Point(1, 0)).x == 2 and len({Point(1, 2), Point(1, 2)}) == 1\n"
        "assert sorted([Point(2, 0), Point(1, 0)])[0].x == 1 and repr(Point(1, 2)) == "
        "'Point(x=1, y=2)'",
        "class Point:\n    def __init__(self, x, y): self.x, self.y = x, y",
    ),
    "attributes set": Habit(
        "class Agent:\n    def best(self): return max(range(3), key=lambda i: self.values[i])",
        "agent = Agent()\nagent.values = [0, 0, 1]\nassert agent.best() == 2\n"
        "agent._hidden = 3\nassert agent._hidden == 3 and vars(agent)['values'] == [0, 0, 1]",
        "class Agent:\n    def best(self): return 0",
    ),
    "context manager": Habit(
        "class Door:\n    open = False\n    def __enter__(self):\n        self.open = True\n"
        "        return self\n    def __exit__(self, kind, error, trace):\n"
        "        self.open = False\n        return kind is ValueError",
        "with Door() as door:\n    assert door.open\nassert not door.open\n"
        "with Door():\n    raise ValueError('swallowed')",
        "class Door:\n    open = True\n    def __enter__(self): return self\n"
        "    def __exit__(self, *error): pass",
    ),
    "own exception": Habit(
        "class AgeError(ValueError):\n    def __init__(self, age):\n"
        "        super().__init__('no')\n        self.age = age\n"
        "def check_age(age):\n    if age < 0: raise AgeError(age)",
        "try:\n    check_age(-3)\nexcept AgeError as error:\n    assert error.age == -3\n"
        "else:\n    raise AssertionError\nassert issubclass(AgeError, ValueError)",
        "class AgeError(Exception): pass\ndef check_age(age): return age",
    ),
    # What a test hands over
    "function as argument": Habit(
        "def twice(f, v): return f(f(v))",
        "seen = []\ndef spy(v):\n    seen.append(v)\n    return v + 1\n"
        "assert twice(spy, 1) == 3 and seen == [1, 2]\nassert twice(lambda v: v * v, 3) == 81\n"
        "assert twice(str.upper, 'a') == 'A' and twice(abs, -2) == 2",
        "def twice(f, v): return f(v)",
    ),
    "callback with a callback": Habit(
        "def outer(f): return f(lambda v: v + 1)",
        "assert outer(lambda g: g(g(1))) == 3",
        "def outer(f): return f(lambda v: v)",
    ),
    "callback with an argument": Habit(
        "def told(v, tell):\n    v.append(1)\n    first = tell(v)\n    v.append(2)\n"
        "    return first, tell(v)",
        "seen = []\ndef tell(v):\n    seen.append((list(v), v is mine))\n    return len(v)\n"
        "mine = [0]\nassert told(mine, tell) == (2, 3) and mine == [0, 1, 2]\n"
        "assert seen == [([0, 1], True), ([0, 1, 2], True)]",
        "def told(v, tell):\n    first = tell(v + [1])\n    return first, tell(v + [1, 2])",
    ),
    "callback with a part of an argument": Habit(
        "def each(parts, f): return [f(part) for part in parts]",
        "import numpy as np\nparts = [np.ones(2), np.zeros(3)]\n"
        "assert each(parts, lambda part: part.size) == [2, 3]",
        "def each(parts, f): return [f(2)] * 2",
    ),
    "error of a callback": Habit(
        "def safely(f):\n    try:\n        return f()\n    except ZeroDivisionError as error:\n"
        "        return str(error)",
        "assert safely(lambda: 1 / 0) == 'division by zero'",
        "def safely(f): return 'division'",
    ),
    "key function": Habit(
        "def descending(v): return -v",
        "assert sorted([3, 1, 2], key=descending) == [3, 2, 1]",
        "def descending(v): return v",
    ),
    "file object": Habit(
        "def count(f): return len(f.readlines())\ndef say(f): print('hi', file=f)",
        "import io\nassert count(io.StringIO('a\\nb\\n')) == 2\nout = io.StringIO()\nsay(out)\n"
        "assert out.getvalue() == 'hi\\n'",
        "def count(f): return 2\ndef say(f): pass",
    ),
    "mock": Habit(
        "def notify(send): send('a', 1)",
        "from unittest.mock import Mock\nsend = Mock(return_value=3)\nnotify(send)\n"
        "send.assert_called_once_with('a', 1)",
        "def notify(send): send.called = True",
    ),
    "object of the test's": Habit(
        "def rename(thing): thing.name = thing.name.upper()",
        "class Thing2:\n    name = 'a'\nthing = Thing2()\nrename(thing)\nassert thing.name == 'A'",
        "def rename(thing): pass",
    ),
    "object of a given class": Habit(
        "def total(n): return 0 if n is None else n.value + total(n.left) + total(n.right)\n"
        "def grow(n): n.left = Node(9)\ndef root(n): return n",
        "tree = Node(1, Node(2), Node(3))\nassert total(tree) == 6\ngrow(tree)\n"
        "assert tree.left.value == 9 and root(tree) is tree",
        "def total(n): return n.value\ndef grow(n): pass\ndef root(n): return n",
        given="class Node:\n    def __init__(self, value, left=None, right=None):\n"
        "        self.value, self.left, self.right = value, left, right",
    ),
    "object comes back": Habit(
        "class Home:\n    def __init__(self, n): self.n = n\ndef of_home(h): return h.n",
        "home = Home(3)\nassert of_home(home) == 3",
        "class Home:\n    def __init__(self, n): self.n = n\ndef of_home(h): return 0",
    ),
    # Arguments
    "nested change": Habit(
        "def fill(g): g[0][1] = 1",
        "row = [0, 0]\ngrid = [row, [0, 0]]\nfill(grid)\nassert grid == [[0, 1], [0, 0]]\n"
        "assert grid[0] is row",
        "def fill(g): g[0][0] = 1",
    ),
    "identity": Habit(
        "def same(v): return v\ndef swap(a, b): return b, a",
        "a, b = [1], {}\nassert same(a) is a and swap(a, b)[0] is b",
        "def same(v): return list(v)\ndef swap(a, b): return b, a",
    ),
    "array in place": Habit(
        "def negate(x): x *= -1",
        "import numpy as np\nx = np.arange(3, dtype='int32')\nnegate(x)\n"
        "assert x.tolist() == [0, -1, -2]\ny = np.arange(3.0)[::2]\nnegate(y)\nassert y[1] == -2",
        "def negate(x): x = -x",
    ),
    "read-only argument": Habit(
        "def total2(x): return float(x.sum())",
        "import numpy as np\nx = np.ones(3)\nx.flags.writeable = False\nassert total2(x) == 3",
        "def total2(x):\n    x[0] = 1\n    return float(x.sum())",
    ),
    "named argument changed": Habit(
        "def put(*, into): into.append(1)",
        "box = []\nput(into=box)\nassert box == [1]",
        "def put(*, into): pass",
    ),
    # Names
    "given function replaced": Habit(
        "def of(v): return noted(v) + 1",
        "calls = []\nkept = fetch\ndef fetch(v):\n    calls.append(v)\n    return 2 * v\n"
        "assert of(5) == 11 and calls == [5]\nfetch = kept\nassert of(5) == 6",
        "def of(v): return v + 6",
        given="def fetch(v): return v\ndef noted(v): return fetch(v)",
    ),
    "given number changed": Habit(
        "for v in (1, 2):\n    grand += v", "assert grand == 3", "grand = 4", given="grand = 0"
    ),
    "given dict changed": Habit(
        "del ages['ann']", "assert 'ann' not in ages", "ages['bo'] = 2", given="ages = {'ann': 1}"
    ),
    "local of a given function": Habit(
        "inner1 = 3",
        "def check1():\n    outer1 = 1\n    return outer1\nassert inner1 == 3 and check1() == 1",
        "inner1 = 4",
        given="def given1(v):\n    inner1 = v\n    return inner1",
    ),
    "local of a test": Habit(
        "outer1 = 5", "assert outer1 == 5", "outer1 = 6",
    ),
    "builtin's name": Habit("sum = 6", "assert sum == 6", "sum = 5"),
    "listed names": Habit(
        "speed = 3", "assert 'speed' in dir() and get_ipython().user_ns['speed'] == 3", "sped = 3"
    ),
    "module on both sides": Habit(
        "import statistics\ndef middle(v): return statistics.median(v)",
        "import statistics\nassert statistics.mean([middle([1, 2, 3]), 2]) == 2",
        "import statistics\ndef middle(v): return v[0]",
    ),
    "module of the student's alone": Habit(
        "import numpy as the_np\nones1 = the_np.ones(3)", "assert the_np.sum(ones1) == 3",
        "import numpy as the_np\nones1 = the_np.ones(2)",
    ),
    "helper replaced": Habit(
        "def part(v): return v * v\ndef whole(v): return sum(map(part, v)) if 0 else "
        "part(v[0]) + part(v[1])",
        "calls = []\nkept = part\ndef part(v):\n    calls.append(v)\n    return kept(v)\n"
        "assert whole([1, 2]) == 5 and calls == [1, 2]",
        "def part(v): return v * v\ndef whole(v): return v[0] ** 2 + v[1] ** 2",
    ),
    "global changed by a function": Habit(
        "basket = ['a']\nclicks = 0\ndef click():\n    global clicks\n    clicks += 1\n"
        "    basket.append('b')\ndef size(): return len(basket)",
        "click()\nassert clicks == 1 and basket == ['a', 'b']\nbasket.append('c')\n"
        "assert size() == 3",
        "basket = ['a']\nclicks = 0\ndef click(): pass\ndef size(): return 1",
    ),
    # Input, output, files
    "printed": Habit(
        "def hi(n): print('Hi', n)",
        "import contextlib, io\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n"
        "    hi('Bo')\nassert out.getvalue() == 'Hi Bo\\n'",
        "def hi(n): print('Ho', n)",
    ),
    "input": Habit(
        "def ask(): return int(input('a')) + int(input('b'))",
        "from unittest.mock import patch\n"
        "with patch('builtins.input', side_effect=['4', '5']) as fake:\n"
        "    assert ask() == 9\nassert fake.call_count == 2",
        "def ask(): return 9",
        also_wrong=["def ask(): return int(input('a'))"],
    ),
    "patched module": Habit(
        "import math\ndef root2(v): return math.sqrt(v)",
        "from unittest.mock import patch\nwith patch('math.sqrt', return_value=99) as fake:\n"
        "    assert root2(4) == 99\nassert fake.called and root2(4) == 2",
        "def root2(v): return v ** 0.5",
    ),
    "seed": Habit(
        "import random\nimport numpy as np\ndef roll(): return random.random(), np.random.rand()",
        "import random\nimport numpy as np\nrandom.seed(3)\nnp.random.seed(4)\nfirst = roll()\n"
        "random.seed(3)\nnp.random.seed(4)\nassert first == (random.random(), np.random.rand())",
        "def roll(): return 0, 0",
    ),
    "file written": Habit(
        "open('notes.txt', 'w').write('hello')\n"
        "def more():\n    open('sub.txt', 'w').write('x')",
        "assert open('notes.txt').read() == 'hello'\nmore()\nassert open('sub.txt').read() == 'x'",
        "open('notes.txt', 'w').write('bye')\ndef more(): pass",
    ),
    "file of the test's": Habit(
        "def added(path): return sum_of(open(path))\n"
        "def sum_of(file):\n    total = 0\n    for w in file.read().split(): total += int(w)\n"
        "    return total",
        "with open('in.txt', 'w') as file:\n    file.write('1 2 3')\nassert added('in.txt') == 6",
        "def added(path): return 0",
    ),
    "helper module": Habit(
        "def cube(v): return v**3", "import helper\nhelper.check(cube(2), 8)",
        "def cube(v): return v",
    ),
    "magics": Habit(
        "def quick(): return 1",
        "%timeit -n1 -r1 quick()\nassert quick() == 1", "def quick(): return 2",
    ),
    "shown lines": Habit(
        "import matplotlib.pyplot as plt\nfigure1, axes1 = plt.subplots()\n"
        "lines1 = axes1.plot([1, 2], [1, 4])\nplt.show()",
        "assert len(lines1) == 1 and axes1.lines[0].get_ydata().tolist() == [1, 4]",
        "import matplotlib.pyplot as plt\nfigure1, axes1 = plt.subplots()\n"
        "lines1 = axes1.plot([1, 2], [1, 2])",
    ),
}  # fmt: skip
# name: what a student hands in, and the test that it must not pass
FORGED = {
    "equal to everything": (
        "class Yes:\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n"
        "    def __ne__(self, other): return False\n    def __contains__(self, item): return True\n"
        "    def __sub__(self, other): return 0\n    __rsub__ = __sub__\n"
        "    def __lt__(self, other): return True\n    __le__ = __gt__ = __ge__ = __lt__\n"
        "yes = Yes()",
        ["assert yes == 8", "assert 8 == yes", "assert yes in [8]", "assert 8 in yes",
         "assert abs(yes - 8) < 1", "assert abs(8 - yes) < 1", "assert yes <= 8 <= yes",
         "assert not yes != 8", "assert {8: 1}[yes]", "assert yes.__eq__(8) is True"],
    ),
    "list that equals everything": (
        "class Many(list):\n    def __eq__(self, other): return True\n"
        "    def __contains__(self, item): return True\n    def extra(self): return 1\n"
        "many = Many([1])",
        ["assert many == [2]", "assert [2] == many", "assert 2 in many"],
    ),
    "truth that is no bool": (
        "class One(int):\n    def __eq__(self, other): return True\n"
        "class Odd:\n    def __bool__(self): return One(0)\n    def __len__(self): return One(3)\n"
        "odd = Odd()",
        ["assert odd"],
    ),
    "class that lies": (
        "class Lie:\n    __class__ = property(lambda self: int)\n"
        "    def __index__(self): return 8\n"
        "    def __int__(self): return 8\nlie = Lie()",
        ["assert isinstance(lie, int)", "assert type(lie) is int", "assert lie == 8"],
    ),
    "module for a solution": (
        "import subprocess as tool\nimport os as system1",
        ["assert tool.run", "assert system1.system"],
    ),
    "builtin function": (
        "def range(*args): return []\nlen = lambda value: 3\nall = lambda values: True",
        ["assert list(range(2)) == []", "assert len([1]) == 3", "assert all([False])"],
    ),
    "given name changed": (
        "tolerance = 1e9\ntruth.append(8)\ndef reference(v): return 0",
        ["assert tolerance > 1", "assert 8 in truth", "assert reference(2) == 0"],
    ),
    "asks for what is not there": (
        """
def probe(f):
    found = []
    for name in ("__globals__", "__code__", "__self__", "gi_frame", "cr_frame", "tb_frame"):
        try:
            found.append(f.__getattr__(name))
        except Exception:
            try:
                if not isinstance(getattr(f, name), (dict, type(f.__code__))):
                    found.append(getattr(f, name))
            except Exception:
                pass
    return found
def frame(f):
    try:
        f()
    except Exception as error:
        trace = error.__traceback__
        while trace:
            if "secret_of_test" in trace.tb_frame.f_locals:
                return 8
            trace = trace.tb_next
    return 0
""",
        ["secret_of_test = 1\nassert probe(iter([1]))",
         "secret_of_test = 1\nassert frame(lambda: 1 / 0) == 8"],
    ),
    "sets what spies have seen": (
        "def cheat(spy):\n    for do in (lambda: setattr(spy, 'called', True), "
        "lambda: setattr(spy, 'call_count', 1), lambda: spy.reset_mock(), "
        "lambda: spy.mock_calls.append(1), lambda: spy.configure_mock(called=True)):\n"
        "        try:\n            do()\n        except Exception:\n            pass",
        ["from unittest.mock import Mock\nm = Mock()\ncheat(m)\nassert m.called and "
         "m.call_count == 1"],
    ),
    "flood of callbacks": (
        "def flood(f):\n    while True: f()", ["flood(lambda: 1)"],
    ),
    "endless recursion of callbacks": (
        "def again(f): return f(again)", ["def f(g): return g(f)\nassert again(f) == 8"],
    ),
    "endless iterator": (
        "def forever():\n    while True: yield 8", ["assert all(v == 8 for v in forever())"],
    ),
    "huge length": (
        "class Huge:\n    def __len__(self): return 10**15\n"
        "    def __getitem__(self, key): return 8\n"
        "huge = Huge()", ["import numpy as np\nassert (np.asarray(huge) == 8).all()"],
    ),
    "module of the same name": (
        "open('helper.py', 'w').write('def check(*args): pass')\n"
        "open('other.py', 'w').write('value = 8')\n"
        "open('data1.txt', 'w').write('8')",
        ["import helper\nhelper.check(1, 2)", "import other\nassert other.value == 8",
         "assert open('data1.txt').read() == '8'"],
    ),
    "link and pipe": (
        "import os\nos.symlink('/etc/passwd', 'link.txt')\nos.mkfifo('pipe.txt')\n"
        "os.makedirs('deep')\nos.symlink('/etc', 'deep/etc')",
        ["open('link.txt').read()", "open('pipe.txt').read()", "open('deep/etc/passwd').read()"],
    ),
    "pickle in a file": (
        "import pickle\nclass Evil:\n    def __reduce__(self): return (eval, ('8',))\n"
        "pickle.dump(Evil(), open('evil.pkl', 'wb'))",
        ["import pickle\nassert pickle.load(open('evil.pkl', 'rb')) == 8"],
    ),
}  # fmt: skip
GIVEN = "tolerance = 1e-6\ntruth = [1, 2]\ndef reference(v):\n    return v + 1"
HELPER = {"helper.py": b"def check(a, b):\n    assert a == b\n", "data1.txt": b"mine"}


def cell(role, source, **more):
    return CellPlan(Role(role), source, **more)


def given_cells(source):
    return [cell("student", source, instructor_source=source)] if source else []


def errors(executor, cells, seconds=120):
    """What each graded cell of a notebook failed with; "" where it passed."""
    job = Job("u", "s", {"n": cells}, given=HELPER, cell_seconds=seconds)
    ran = executor.run(job)["n"]
    assert not ran.failure, ran.failure
    found = []
    for done, result in zip(cells, ran.cells, strict=True):
        if done.role == Role.TEST:
            failed = [o for o in result.outputs if o["output_type"] == "error"]
            found.append(f"{failed[0]['ename']}: {failed[0]['evalue']}" if failed else "")
    return found


@pytest.fixture(scope="module")
def outcomes(executor):
    """For each habit, what its test said to the right answer and to the wrong ones."""

    def graded(answer):
        cells = []
        for habit in HABITS.values():
            changed = tuple(sorted(names.defined_or_changed(habit.right)))
            cells += given_cells(habit.given)
            cells.append(cell("student", answer(habit), answer_names=changed))
            cells.append(cell("judge", habit.test))
        return dict(zip(HABITS, errors(executor, cells), strict=True))

    answers = [lambda habit: habit.right, lambda habit: habit.wrong]
    answers.append(lambda habit: (habit.also_wrong or [habit.wrong])[0])
    return [graded(answer) for answer in answers]


@pytest.mark.parametrize("name", HABITS)
def test_a_habit_is_judged(outcomes, name):
    right, wrong, also_wrong = (found[name] for found in outcomes)
    assert right == ""
    assert wrong and also_wrong


@pytest.fixture(scope="module")
def forged(executor):
    slow = {"flood of callbacks", "endless recursion of callbacks", "endless iterator",
            "huge length"}  # fmt: skip

    def graded(chosen):
        cells = given_cells(GIVEN)
        for name in chosen:
            source, tests = FORGED[name]
            cells.append(cell("student", source))
            cells += [cell("judge", test) for test in tests]
        found = iter(errors(executor, cells, seconds=1.5))
        return {name: [next(found) for _ in FORGED[name][1]] for name in chosen}

    return graded([n for n in FORGED if n not in slow]) | {
        name: graded([name])[name] for name in slow
    }


@pytest.mark.parametrize("name", FORGED)
def test_nothing_is_forged_by_the_same_means(forged, name):
    passed = [test for test, error in zip(FORGED[name][1], forged[name], strict=True) if not error]
    assert not passed


def test_what_cannot_be_carried_is_told_in_words(executor):
    cells = [
        cell(
            "student",
            "def numbers():\n    yield 1\nclass Own:\n"
            "    def __lt__(self, other): return True\nown = Own()",
        ),
        cell("judge", "raise ValueError(repr([numbers(), own, Own, numbers]))"),
        cell("judge", "own < 3"),
        cell("judge", "3 in own"),
        cell("judge", "own[0]"),
        cell("judge", "numbers(open)"),
        cell("student", "import logging"),
        cell("judge", "logging.info('x')"),
    ]
    first, ordered, inside, items, refused, module = errors(executor, cells)
    assert "a generator" in first and "return a list" in first
    assert "an object of your class Own" in first and "your function numbers" in first
    for text in (first, ordered, inside, items, refused):
        assert not any(word in text for word in ("StudentObject", "opaque", "of the student"))
    assert "return plain numbers, lists or arrays" in ordered
    assert "'Own' object is not subscriptable" in items
    assert "a module that a test does not import itself: 'logging'" in module


def test_layers_that_a_call_freezes_are_frozen_in_the_tests_own_model(executor):
    freezing = """
        def freeze(model): model.layers[0].trainable = False
        def freeze_all(model): model.trainable = False
        def unfreeze(model): model.trainable = True"""
    test = """
        import keras
        body = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
        net = keras.Sequential([keras.Input((2,)), body, keras.layers.Dense(1)])
        def flags(): return [x.trainable for x in (net, body, body.layers[0], net.layers[1])]
        freeze(net)
        one = flags()
        net(keras.ops.ones((4, 2)), training=True)
        moved = bool(keras.ops.any(body.layers[0].moving_mean != 0))
        freeze_all(net)
        every = flags()
        unfreeze(net)
        raise ValueError(f"{one}, {moved}, {every}, {flags()}")"""
    cells = [cell("student", textwrap.dedent(freezing)), cell("judge", textwrap.dedent(test))]
    assert errors(executor, cells) == [
        "ValueError: [True, False, False, True], False, [False, False, False, False], "
        "[True, True, True, True]"
    ]


def test_what_a_call_does_to_a_model_is_done_to_the_tests_own(executor):
    halved = "for w in model.weights: w.assign(w / 2)"
    test = """
        import keras
        net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, bias_initializer="ones")])
        at_first = [w.copy() for w in net.get_weights()]
        change(net)
        same = all((w == old).all() for w, old in zip(net.get_weights(), at_first))
        half = all((2 * w == old).all() for w, old in zip(net.get_weights(), at_first))
        raise ValueError(f"same {same}, half {half}, trained {len(net.trainable_weights)}")"""
    cells = []
    for done in ("pass", halved, "model.trainable = False"):
        cells.append(cell("student", f"def change(model):\n    {done}"))
        cells.append(cell("judge", textwrap.dedent(test)))
    # With Keras at hand a mock, which has every attribute, must be no tensor.
    mock = "from unittest.mock import Mock\nsend = Mock()\nchange(send)\n"
    mock += "send.assert_called_once_with(1)"
    cells += [cell("student", "def change(send): send(1)"), cell("judge", mock)]
    assert errors(executor, cells) == [
        "ValueError: same True, half False, trained 2",
        "ValueError: same False, half True, trained 2",
        "ValueError: same True, half False, trained 0",
        "",
    ]


def test_what_a_test_leaves_behind_does_not_reach_the_next_student(executor):
    test = (
        "import math\nkept = math.sqrt\nmath.sqrt = None\nassert root() == 2 and kept(4) == 2\n"
        "import json\nassert not hasattr(json, 'left')\njson.left = 1"
    )
    cells = [cell("student", "def root(): return 2"), cell("judge", test)]
    assert errors(executor, cells) == errors(executor, cells) == [""]


def test_an_answer_may_use_what_a_visible_test_imports(executor):
    first, second = "import math\nassert a(1) == 2", "assert b(2.5) == 2"
    cells = [
        cell("student", "def a(x):\n    return 2 * x"),
        cell("judge", first, visible_source=first),
        cell("student", "%matplotlib inline\ndef b(x):\n    return math.floor(x)"),
        cell("judge", second, visible_source=second),
    ]
    assert errors(executor, intake._with_echoes(cells)) == ["", ""]


def test_an_endless_loop_after_a_call_back_costs_its_own_question_only(executor):
    looping = "def g():\n    return 1\ndef f(back):\n    back()\n    while True:\n        pass"
    cells = [
        cell("student", looping),
        cell("judge", "def back():\n    g()\nf(back)"),
        cell("student", "def h():\n    return 5"),
        cell("judge", "assert h() == 5"),
    ]
    first, second = errors(executor, cells, seconds=1)
    assert (first, second) == ("TimeoutError: it did not finish in time", "")


def test_figures_are_shown_without_a_magic(executor):
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    ran = executor.run(Job("u", "s", {"n": [cell("student", draw), cell("judge", draw)]}))["n"]
    for result in ran.cells:
        (shown,) = [o for o in result.outputs if o["output_type"] == "display_data"]
        assert "image/png" in shown["data"]
