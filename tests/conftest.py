"""What every test needs: a quiet TensorFlow, and the facts."""

import json
import os
import re
from collections import Counter
from pathlib import Path

# Each pytest worker gets its share of the cores.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import pytest

ROOT = Path(__file__).parents[1]
FACTS = ROOT / "tests" / "facts"


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def facts():
    """Reads a file of numbers that were computed independently of this project."""

    def read(name: str):
        return json.loads((FACTS / name).read_text())

    return read


def _scope(nodeid: str) -> str:
    """Tests of one scope go to one worker, as the fixtures of a file are dear.

    The sweep's names and the demo's classes share nothing, and go one by one; what all units have
    in common goes unit by unit.
    """
    if "test_sweep.py" in nodeid or "test_demo.py" in nodeid:
        return nodeid
    unit = re.search(r"test_units\.py::.*?(\d\d_\w+)", nodeid)
    return unit[1] if unit else nodeid.split("::")[0]


def pytest_collection_modifyitems(config, items):
    """The sweep and its like first, as large nets are slow in an old process; then large scopes."""
    if hasattr(config, "workerinput"):
        sizes = Counter(_scope(item.nodeid) for item in items)
        nets = ("test_sweep.py", "test_jax.py")
        items.sort(key=lambda item: (item.path.name not in nets, -sizes[_scope(item.nodeid)]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Scopes go to workers whole, in the order of the collection."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)
