"""With TensorFlow in it, and as an ordinary user."""

import contextlib
import gc
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import types
from pathlib import Path

import pytest

from autograder.sandbox import ForkServer, Isolation, Limits
from autograder.sandbox.child import environment
from autograder.sandbox.server import _preload
from autograder.sandbox.watch import descendants
from tests.autograder.sandbox.inside import FILE, HERE, NAMESPACES, ROOT, ask

WARM = ("numpy", "tensorflow", "keras", "IPython", "matplotlib.pyplot", HERE)
ROOMY = Limits(memory_mb=3000, processes=120, cpu_s=100, wall_s=60)


@pytest.fixture(scope="module")
def warm(request, servers, best):
    name = best if request.param == "best" else request.param
    servers(name)  # skips where this does not work
    with ForkServer(WARM, isolation=Isolation(name), readable=[FILE]) as server:
        yield server


def other_threads(server: ForkServer) -> list[str]:
    """Names of the server's threads, without its main thread."""
    # Around the server there may be bubblewrap, and its own pid 1.
    python = descendants(server.pid)[-1]
    tasks = Path(f"/proc/{python}/task")
    return [(t / "comm").read_text().strip() for t in tasks.iterdir() if t.name != str(python)]


def test_work_of_a_course_runs_inside(warm):
    code = """
        import gc, sys, threading
        from tensorflow.python.eager import context
        result = {"untouched": not context.context()._initialized, "frozen": gc.get_freeze_count()}
        import os
        result["variables"] = sorted(os.environ)
        import keras, numpy as np, random, tempfile, tensorflow as tf
        model = keras.Sequential([
            keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(),
            keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        history = model.fit(np.ones((32, 8, 8, 1)), np.ones(32), verbose=0).history
        result["loss"] = history["loss"][0] >= 0
        model.save("model.keras")
        result["loaded"] = keras.saving.load_model("model.keras").count_params()
        import matplotlib.pyplot as plt
        plt.plot([1, 2]); plt.savefig("plot.png")
        result["plot"] = open("plot.png", "rb").read(4)[1:].decode()
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        shell.run_cell("said = !echo from a shell")
        result["shell"] = list(shell.user_ns["said"])
        result["random"] = [random.random(), np.random.rand(), float(tf.random.normal([])),
                            float(keras.random.uniform([]))]
        result["temporary"] = tempfile.gettempdir()
        import subprocess
        code = "import numpy; print(numpy.arange(3).sum())"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        result["python"] = run.stdout.strip() or run.stderr
    """
    others = other_threads(warm)
    # pyarrow's allocator keeps a background thread, which a fork can do without.
    assert set(others) <= {"jemalloc_bg_thd"}
    assert warm.threads == 1 + len(others)
    one, end = ask(warm, code, limits=ROOMY)
    assert isinstance(one, dict), one
    two, _ = ask(warm, code, limits=ROOMY)
    assert end.code == 0 and one["untouched"] and one["frozen"] > 10_000
    assert one["variables"] == sorted(environment("/x"))
    assert one["loss"] and one["loaded"] == (9 * 4 + 4) + (6 * 6 * 4 + 1)
    assert one["plot"] == "PNG" and one["shell"] == ["from a shell"] and one["python"] == "3"
    assert all(a != b for a, b in zip(one["random"], two["random"], strict=True))
    if warm.isolation.name in NAMESPACES:
        assert one["temporary"] == "/student/.tmp"


def test_process_pools_work_inside(warm):
    if warm.isolation == Isolation.LANDLOCK:
        pytest.skip("without namespaces there is no /dev/shm, which pools need")
    code = """
        import math, multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        with multiprocessing.Pool(2) as pool:
            result = [pool.map(math.factorial, range(5))]
        with ProcessPoolExecutor(2) as pool:
            result.append(list(pool.map(math.sqrt, [4, 9])))
    """
    assert ask(warm, code, limits=ROOMY)[0] == [[1, 1, 2, 6, 24], [2.0, 3.0]]


@pytest.mark.parametrize("touched", [False, True])
def test_a_preload_that_runs_an_op_is_refused(monkeypatch, touched):
    # TensorFlow's own attribute is read in test_work_of_a_course_runs_inside.
    module = types.ModuleType("context")
    module.context = lambda: types.SimpleNamespace(_initialized=touched)
    monkeypatch.setitem(sys.modules, "tensorflow.python.eager.context", module)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    refusal = pytest.raises(RuntimeError, match="must not run a TensorFlow op")
    with refusal if touched else contextlib.nullcontext():
        _preload(["json"])


# As an ordinary user


ORDINARY = f"""
import json, os
from autograder.sandbox import ForkServer, Isolation, probe
from {HERE} import NAMESPACES, SMALL, ask
found = probe()
with ForkServer([{HERE!r}], isolation=found, readable=[{FILE!r}]) as server:
    forks = '''
import os, time
result = 0
try:
    for _ in range(60):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        result += 1
except BlockingIOError:
    pass
'''
    who = '''
import os
result = [os.getuid(), os.getpid(), sorted(int(n) for n in os.listdir("/proc") if n.isdigit())]
for name in ("mem", "environ", "maps", "root/etc"):
    try:
        os.listdir("/proc/1/" + name) if "/" in name else open("/proc/1/" + name, "rb").close()
        result.append(name)
    except OSError:
        pass
'''
    print(json.dumps([os.getuid(), found.name, ask(server, forks)[0], ask(server, who)[0]]))
"""


def opened(folder: Path, *paths: Path) -> str:
    """Shell commands after which everybody can reach paths that lie in folders closed to others."""
    closed = {}
    for path in paths:
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & stat.S_IXOTH:
                closed[path] = parent
                break
    kept = {path: folder / str(place) for place, path in enumerate(closed)}
    steps = []
    for path in closed:
        steps += [["mkdir", kept[path]], ["mount", "--bind", path, kept[path]]]
    for parent in sorted(set(closed.values())):
        steps.append(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", parent])
    for path in closed:
        steps += [["mkdir", "-p", path], ["mount", "--bind", kept[path], path]]
    return "; ".join(shlex.join(map(str, step)) for step in [*steps, ["cd", ROOT]])


def test_user_mode_as_an_ordinary_user(servers, tmp_path):
    """Where the tests run as root they become nobody, in a private view of the folders."""
    servers("user")
    command = [sys.executable, "-c", ORDINARY]
    if os.geteuid() == 0:
        if not shutil.which("setpriv") or not shutil.which("unshare"):
            pytest.skip("unshare and setpriv are needed to become an ordinary user")
        nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all"
        script = f'{opened(tmp_path, Path(sys.base_prefix), ROOT)}; exec {nobody} "$@"'
        command = ["unshare", "--mount", "sh", "-e", "-c", script, "sh", *command]
    variables = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=variables
    )
    assert result.returncode == 0, result.stderr
    uid, mode, forks, inside = json.loads(result.stdout)
    assert uid != 0 and mode == "user" and inside == [uid, 2, [1, 2]]
    assert 20 <= forks < 30
