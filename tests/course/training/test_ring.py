"""A ring all-reduce on arrays, and parts of the CPU for notebooks."""

import subprocess
import sys

import numpy as np
import pytest

from course.errors import UsageError
from course.training.distribution.ring import ring_all_reduce, ring_rounds


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("shape", [(7,), (4, 3), (1,), (16, 5)])
def test_every_replica_has_the_sum(count, shape):
    draw = np.random.default_rng(count)
    arrays = [draw.integers(-99, 99, shape) for _ in range(count)]
    before = [array.copy() for array in arrays]
    sums, sent = ring_all_reduce(arrays)
    assert len(sums) == len(sent) == count
    for own in sums:
        assert np.array_equal(own, sum(arrays))
    assert all(map(np.array_equal, arrays, before))


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_each_sends_its_part_of_twice_the_array(count):
    arrays = [np.ones((count, 10), "float32")] * count
    assert ring_all_reduce(arrays)[1] == [2 * (count - 1) * 40] * count


def test_messages_go_to_the_next_replica_one_chunk_a_round():
    rounds = ring_rounds([np.arange(8.0)] * 4)
    assert [done.phase for done in rounds] == ["reduce"] * 3 + ["gather"] * 3
    for done in rounds:
        assert [(m.source, m.target) for m in done.messages] == [(0, 1), (1, 2), (2, 3), (3, 0)]
        assert len({m.chunk for m in done.messages}) == 4
        assert {m.bytes for m in done.messages} == {16}


@pytest.mark.parametrize(
    "arrays", [[], [np.ones(3), np.ones(4)], [np.ones(3), np.ones(3, "float32")]]
)
def test_arrays_must_be_alike(arrays):
    with pytest.raises(UsageError, match="all of the same shape and type; received"):
        ring_rounds(arrays)


# Devices are fixed for a whole process, so each case has one of its own.
SPLIT = """
import course.quiet
from course.errors import UsageError
from course.training.distribution import parts
import tensorflow as tf

parts.split(3)
parts.split(2)
parts.split(3)
assert [parts.strategy(n).num_replicas_in_sync for n in (1, 2, 3)] == [1, 2, 3]
parts.split(2)
for call, words in (
    (lambda: parts.split(4), "received count=4 when it already computes on 3"),
    (lambda: parts.split(0), "received count=0"),
    (lambda: parts.strategy(4), "at most 3"),
    (lambda: parts.strategy(0), "received count=0"),
):
    try:
        call()
    except UsageError as error:
        assert words in str(error), error
    else:
        raise SystemExit(words)
print("done")
"""


def test_the_cpu_is_split_once():
    found = subprocess.run([sys.executable, "-c", SPLIT], capture_output=True, text=True)
    assert found.returncode == 0 and "done" in found.stdout, found.stderr[-2000:]
