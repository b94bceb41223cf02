"""The tests' small network, under a name that the trainer knows."""

import pytest

from tests.course.transfer.tiny import known


@pytest.fixture(scope="module")
def registered():
    """The network's name; the registry forgets it with the last test of a module."""
    with known() as name:
        yield name
