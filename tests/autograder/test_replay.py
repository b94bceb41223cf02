"""A corrected test judges what students' code did before, unless it asks for more."""

import nbformat
import pytest

from autograder.engine.executor import STUDENT
from autograder.engine.transcript import Received, Sent, Transcript
from autograder.generate import generate
from autograder.grading import GradingOptions, grade

RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "square": "def square(x):\n    return x * x",
}
CHECK = "q.check('any number', double, number).gives(2 * number)"
WRONG = CHECK.replace("gives(2", "gives(3")
ANEW, REPLAY = (GradingOptions(replay=replay, calibrate=False) for replay in (False, True))


def change(course, old, new):
    """Change the test of the first question, and release the unit again."""
    path = course.path("source", ".", "small") / "small.ipynb"
    source = nbformat.read(path, 4)
    (cell,) = (cell for cell in source.cells if cell.id == "test-double")
    assert old in cell.source
    cell.source = cell.source.replace(old, new)
    nbformat.write(source, path)
    assert generate(course, "small") == []


@pytest.fixture
def course(small_course, executor):
    """Graded with a test that is wrong: a right answer has lost half of its two points."""
    course, submit = small_course
    change(course, CHECK, WRONG)
    submit("ada", RIGHT)
    (outcome,) = grade(course, options=ANEW, executor=executor)
    assert (outcome.score, outcome.replayed) == (4, False)
    return course


@pytest.fixture
def started(executor, monkeypatch):
    """The names of the processes that are started."""
    names, start = [], executor._server.start

    def noted(target, **more):
        names.append(target)
        return start(target, **more)

    monkeypatch.setattr(executor._server, "start", noted)
    return names


def test_a_corrected_test_runs_no_students_code(course, executor, started):
    change(course, WRONG, CHECK)
    (outcome,) = grade(course, options=REPLAY, executor=executor)
    assert (outcome.score, outcome.replayed) == (5, True)
    assert outcome.status == "graded" and outcome.timings["student_cpu"] == 0
    assert STUDENT not in started
    with course.gradebook() as gradebook:
        assert gradebook.find_submission("small", "ada").score == 5


def test_once_more_is_the_same(course, executor, started):
    change(course, WRONG, CHECK)
    outcomes = [grade(course, options=REPLAY, executor=executor)[0] for _ in range(2)]
    assert [outcome.score for outcome in outcomes] == [5, 5]
    assert all(outcome.replayed for outcome in outcomes) and STUDENT not in started


def test_without_being_asked_students_code_runs(course, executor, started):
    (outcome,) = grade(course, options=ANEW, executor=executor)
    assert not outcome.replayed and STUDENT in started


def test_a_test_that_asks_for_more_runs_it(course, executor, started):
    change(
        course,
        WRONG,
        CHECK.replace("double, number)", "double, number + 1)").replace(
            "* number", "* (number + 1)"
        ),
    )
    (outcome,) = grade(course, options=REPLAY, executor=executor)
    assert (outcome.score, outcome.replayed) == (5, False)
    assert STUDENT in started
    (again,) = grade(course, options=REPLAY, executor=executor)
    assert again.replayed and again.score == 5


@pytest.mark.parametrize("what", ["answer", "file", "student", "record"])
def test_whatever_else_has_changed_runs_it(course, executor, what):
    folder = course.path("submitted", "ada", "small")
    kept = course.records / "small" / "ada.calls"
    score = 5
    if what == "answer":
        text = (folder / "small.ipynb").read_text()
        (folder / "small.ipynb").write_text(text.replace("return x * x", "return x + x"))
        score = 2
    elif what == "file":
        (folder / "data.txt").write_text("new")
    elif what == "student":
        (course.records / "small" / "ben.calls").write_bytes(kept.read_bytes())
        folder.rename(course.path("submitted", "ben", "small").parent.parent / "ben_")
        ben = course.path("submitted", "ben", "small")
        ben.parent.mkdir(parents=True, exist_ok=True)
        (ben.parent.parent / "ben_").rename(ben)
    else:
        kept.write_bytes(kept.read_bytes()[:-20])
    change(course, WRONG, CHECK)
    (outcome,) = grade(course, options=REPLAY, executor=executor)
    assert (outcome.score, outcome.replayed) == (score, False)


def test_code_that_ended_its_process_is_not_kept(course, small_course, executor):
    _, submit = small_course
    submit("bad", RIGHT | {"square": "import os\n\ndef square(x):\n    os._exit(1)"})
    grade(course, students="bad", options=ANEW, executor=executor)
    assert not (course.records / "small" / "bad.calls").exists()


def test_what_is_kept_is_bounded(small_course, executor, monkeypatch, tmp_path):
    """Measured in the judge, which is forked from a server that has the real bound."""
    from autograder.engine import transcript

    monkeypatch.setattr(transcript, "MAX_KEPT", 10)
    import socket

    here, there = socket.socketpair()
    made = Transcript("key", 0)
    channel = transcript.RecordingChannel(here, made)
    transcript.Channel(there).send({"value": 1}, [b"x" * 6])
    channel.receive()
    assert channel.complete and len(made.events) == 1
    transcript.Channel(there).send({"value": 2}, [b"x" * 6])
    assert channel.receive() == ({"value": 2}, [b"x" * 6])
    assert not channel.complete and made.events == []


def test_a_transcript_is_kept_as_bytes():
    made = Transcript(
        "key", 7, [Sent("abc"), Received({"a": [1, None]}, [b"", b"\n\0x"]), Sent("d")]
    )
    assert Transcript.from_bytes(made.to_bytes()) == made
    for damaged in (b"", made.to_bytes()[:-3], b"\0" + made.to_bytes()):
        with pytest.raises(ValueError, match="no transcript"):
            Transcript.from_bytes(damaged)
