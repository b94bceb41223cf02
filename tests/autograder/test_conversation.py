"""The judge's end of the conversation with a student's process that may send anything."""

import contextlib
import functools
import itertools
import math
import socket
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.engine import student_client
from autograder.engine.errors import StudentError
from autograder.engine.job import CellPlan, Role
from autograder.engine.judge import Judge
from autograder.engine.student_client import StudentClient
from autograder.engine.work_folder import WorkFolder
from autograder.wire import results
from autograder.wire.channel import Channel, ChannelError

BACK = {"back": 0, "op": "call", "args": ["t", []], "kwargs": ["d", []]}


@contextlib.contextmanager
def answering(messages, blobs=()):
    """A client whose process sends these messages, each as the answer to a request."""
    ours, theirs = socket.socketpair()

    def serve():
        channel = Channel(theirs)
        with contextlib.suppress(ChannelError):
            for message in messages:
                channel.receive()
                channel.send(message, blobs)
        theirs.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    client = StudentClient(Channel(ours))
    client.deadline = time.monotonic() + 5
    try:
        yield client
    finally:
        ours.close()
        thread.join(5)
        theirs.close()


NUMBERS = st.sampled_from([0, -1, 2, 10**400, 0.5, math.inf, math.nan, True])
TEXT = st.sampled_from(["", "j", "t", "C", "o", "a", "\ud800", "a\0b", "../x", "builtins", "value"])
JSON = st.recursive(
    st.none() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "incidents", "outputs", "results", "files", "values", "names", "error", "raised", "args",
    "value", "changed", "trained", "globals", "printed", "graph", "watched", "back",
)  # fmt: skip
ANSWERS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4) | JSON


@pytest.mark.parametrize(
    "answer",
    [
        {"incidents": 5},
        {"incidents": {"a": 1}},
        {"incidents": None},
        {"files": [["a", -1], ["\ud800", 0]]},
        {"results": [{"question": "q", "points": 10**400, "score": math.nan, "checks": []}]},
        {"error": [[["m", "a\0b"]], "text"]},
        [],
        None,
    ],
)
def test_no_answer_to_a_cell_ends_the_judge(answer, tmp_path):
    with answering([answer], [b"data"]) as client:
        client.folder = WorkFolder(str(tmp_path))
        plan = CellPlan(Role.STUDENT, "1", is_shared_test=True)
        (result,) = Judge(client).run([plan], 5, 5)
        assert result.results == []
        assert [output["ename"] for output in result.outputs] in ([], ["ProcessEnded"])
    assert list(tmp_path.iterdir()) == []


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ANSWERS)
def test_any_answer_is_used_or_blamed_on_the_students_process(tmp_path, answer):
    with answering(itertools.repeat(answer, 10), [b"data"]) as client:
        client.folder = WorkFolder(str(tmp_path))
        plan = CellPlan(Role.STUDENT, "1", is_shared_test=True)
        (result,) = Judge(client).run([plan], 5, 5)
        result.to_json()
        known = not isinstance(answer, dict) or "error" not in answer
        for ask in (
            functools.partial(client.get, ["value", "j"]),
            client.names,
            functools.partial(client.attribute, 0, "value"),
            functools.partial(client.operate, "call", 0, ([1],)),
        ):
            client.deadline = time.monotonic() + 5
            try:
                ask()
            except StudentError:
                pass
            except Exception:
                assert not known  # the student's own exception
        "".join(client.incidents).encode()


def test_incidents_are_text_of_a_bounded_length():
    with answering([{"incidents": ["a" * 1000, 7, "\ud800", "a" * 1000]}]) as client:
        client.ask(1, do="names")
        assert client.incidents == ["a" * 200, "\\ud800"]


def test_endless_requests_hold_no_worker(monkeypatch):
    monkeypatch.setattr(student_client, "GRACE_S", 0.1)
    for kind in ("call", "get"):
        with answering(itertools.repeat(BACK)) as client:
            started = time.monotonic()
            # Outside a call nothing is served: the first message is the answer, such as it is.
            outcome = pytest.raises(StudentError, match="no answer in time")
            with outcome if kind == "call" else contextlib.nullcontext():
                client.ask(0.3, do=kind, handle=0, op="call")
            assert time.monotonic() - started < 3


def test_a_process_that_does_not_listen_holds_no_worker(monkeypatch):
    monkeypatch.setattr(student_client, "GRACE_S", 0.1)
    ours, theirs = socket.socketpair()
    client = StudentClient(Channel(ours))
    with pytest.raises(StudentError, match="does not listen"):
        client.run("#" * (4 << 20), 0.2, [])
    theirs.close()


def test_claimed_results_hold_finite_numbers():
    check = {"check": "c", "share": 1, "credit": 1, "message": "", "hint": "", "conditional": False}
    question = {
        "question": "q",
        "points": 1,
        "score": 1,
        "checks": [check, check | {"share": 1e999}],
    }
    (found,) = results.claimed([question, question | {"score": 10**400}])
    assert len(found.checks) == 1
