"""Servers of each isolation; by day the best that works here, in a whole run every one."""

import contextlib
import os
import select

import pytest

from autograder.sandbox import ForkServer, Isolation, probe
from autograder.sandbox.probe import why_not
from tests import parts
from tests.autograder.sandbox.inside import ALL, FILE, HERE, NAMESPACES, SHUT

ISOLATIONS = {"any_server": ALL, "server": SHUT, "namespaced": NAMESPACES, "warm": SHUT}


def pytest_generate_tests(metafunc):
    """A test marked `every_isolation` meets all of its fixture's on every day."""
    every = parts.whole(metafunc.config) or any(
        mark.name == "every_isolation" for mark in metafunc.definition.iter_markers()
    )
    for fixture in ISOLATIONS.keys() & set(metafunc.fixturenames):
        names = ISOLATIONS[fixture] if every else ["best"]
        metafunc.parametrize(fixture, names, indirect=True, scope="module")


@pytest.fixture(scope="session")
def servers():
    """One server for each isolation that is asked for, with nothing heavy in it."""
    made, problems = {}, {}

    def get(name):
        isolation = Isolation(name)
        if name not in made and name not in problems:
            problem = "" if name == "none" else why_not(isolation)
            if problem:
                problems[name] = problem
            else:
                made[name] = ForkServer([HERE], isolation=isolation, readable=[FILE])
        if name in problems:
            pytest.skip(f"isolation {name} {parts.NOT_HERE}: {problems[name]}")
        return made[name]

    yield get
    for server in made.values():
        server.close()


@pytest.fixture(scope="session")
def best() -> str:
    """The name of the best isolation that works here."""
    return probe().name


def _wanted(request, best: str) -> str:
    name = best if request.param == "best" else request.param
    if name not in ISOLATIONS[request.fixturename]:
        pytest.skip(f"the best isolation here is {name}, which does not promise this")
    return name


@pytest.fixture(scope="module")
def any_server(request, servers, best):
    return servers(_wanted(request, best))


@pytest.fixture(scope="module")
def server(request, servers, best):
    return servers(_wanted(request, best))


@pytest.fixture(scope="module")
def namespaced(request, servers, best):
    return servers(_wanted(request, best))


@pytest.fixture
def lifeline():
    """A pipe: whoever gets its writing end keeps the reading end from ending."""
    reading, writing = os.pipe()

    def is_cut(seconds=0.0):
        with contextlib.suppress(OSError):
            os.close(writing)
        ready = select.select([reading], [], [], seconds)[0]
        return bool(ready) and os.read(reading, 1) == b""

    yield writing, is_cut
    os.close(reading)
