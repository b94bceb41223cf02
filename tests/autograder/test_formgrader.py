"""nbgrader's own buttons and commands: formgrader, `nbgrader autograde`, `generate_feedback`."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from traitlets import TraitError

from autograder import formgrader, grading, late
from autograder.course_directory import CourseDirectory
from autograder.lab import SETTINGS
from autograder.nbgrader_settings import use_autograder
from tests.autograder.conftest import CONFIG

RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "square": "def square(x):\n    return x * x",
}
OURS = "from autograder.nbgrader_settings import use_autograder\n" + CONFIG + "use_autograder(c)\n"
# Leaves a trace wherever it runs; nbgrader's own autograder would run it with our rights.
NOSY = RIGHT["double"] + "\nopen({path!r}, 'w').write('was here')\n"


@pytest.fixture
def ours(small_course, executor):
    """A graded class, configured like this project's, and the file that ada's code writes."""
    course, submit = small_course
    trace = course.root.parent / "trace"
    submit("ada", RIGHT | {"double": NOSY.format(path=str(trace))})
    submit("ben", RIGHT | {"square": "def square(x):\n    return 4"})
    (course.root / "nbgrader_config.py").write_text(OURS)
    course = CourseDirectory(course.root)
    grading.grade(course, executor=executor)
    assert not trace.exists()
    return course, trace


def files(course, step="autograded"):
    folder = course.root / step
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Ran:
    """In place of `subprocess.run`: remembers the command."""

    def __init__(self, returncode=0, stdout="small  ada  5 / 5\n"):
        self.returncode, self.stdout, self.command = returncode, stdout, None

    def __call__(self, command, **more):
        self.command = command
        return self


def test_autograde_hands_over_to_the_sandbox_and_deletes_nothing(ours, monkeypatch):
    course, trace = ours
    before, ran = files(course), Ran()
    monkeypatch.setattr(formgrader.subprocess, "run", ran)
    result = course.api().autograde("small", "ada")
    assert result["success"] and "5 / 5" in result["log"]
    assert ran.command[-5:] == [
        "grade", f"--course={course.root}", "--student=ada", "--", "small",
    ]  # fmt: skip
    assert files(course) == before and not trace.exists()


def test_without_force_what_is_graded_is_not_graded_again(ours, monkeypatch):
    course, _ = ours
    ran = Ran()
    monkeypatch.setattr(formgrader.subprocess, "run", ran)
    assert course.api().autograde("small", "ada", force=False)["success"]
    assert "--resume" in ran.command


def test_a_failure_is_told_and_deletes_nothing(ours, monkeypatch):
    course, _ = ours
    before = files(course)
    monkeypatch.setattr(formgrader.subprocess, "run", Ran(1, "autograder: Another run is grading"))
    result = course.api().autograde("small", "ada")
    assert not result["success"] and "Another run is grading" in result["error"]
    assert files(course) == before


def test_without_the_sandbox_nothing_is_run(ours, monkeypatch):
    course, trace = ours
    before = files(course)
    monkeypatch.delattr(formgrader, "SandboxedGrading")
    with pytest.raises(TraitError, match="could not be imported"):
        course.api().autograde("small", "ada")
    assert files(course) == before and not trace.exists()


def test_a_source_with_a_misspelled_marker_is_not_released(ours):
    course, _ = ours
    source = course.path("source", ".", "small") / "small.ipynb"
    right = source.read_text()
    assert course.api().generate_assignment("small")["success"]
    before = files(course, "release")
    source.write_text(right.replace("BEGIN HIDDEN TESTS", "BEGIN HIDEN TESTS", 1))
    result = course.api().generate_assignment("small")
    assert not result["success"] and "looks like '### BEGIN HIDDEN TESTS'" in result["error"]
    assert files(course, "release") == before


def test_nbgraders_feedback_is_ours(ours):
    course, _ = ours
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student("ben", first_name="Ben", last_name="Lima")
    result = course.api().generate_feedback("small")  # as formgrader and the command line do
    assert result["success"], result["error"]
    pages = files(course, "feedback")
    assert {path.name for path in pages} == {"small.html"} and len(pages) == 2
    for page in map(bytes.decode, pages.values()):
        shown = page.split("</style>")[-1]
        assert "HIDDEN TESTS" not in shown and "square(7)" not in shown and "49" not in shown
        assert "Doubling" in shown and "<script" not in page and "//" not in shown
    assert any("Ben Lima" in page.decode() for page in pages.values())


def test_nbgraders_feedback_has_penalties_of_today(ours):
    course, _ = ours
    (course.root / "nbgrader_config.py").write_text(
        OURS + 'c.LateSubmissionPlugin.penalty_method = "zero"\n'
    )
    (course.path("submitted", "ben", "small") / "timestamp.txt").write_text("2026-11-20 10:00 UTC")
    course = CourseDirectory(course.root)
    with course.gradebook() as gradebook:
        submission = gradebook.find_submission("small", "ben")
        submission.timestamp = late._in_utc("2026-11-20 10:00")
        submission.assignment.duedate = late._in_utc("2026-11-10 10:00")
        gradebook.db.commit()
    assert course.api().generate_feedback("small", "ben")["success"]
    page = (course.path("feedback", "ben", "small") / "small.html").read_text()
    assert "10 days late, penalty 2" in page


def test_a_preprocessor_of_the_courses_own_is_kept_and_none_runs_twice(ours):
    from autograder.classroom.feedback import _settings

    course, _ = ours
    course.config.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades", formgrader.LatePenalties, "a_course.Watermark",
    ]  # fmt: skip
    found = _settings(course)["GenerateFeedback"]["preprocessors"]
    assert found[-2:] == ["a_course.Watermark", "autograder.classroom.feedback_summary.Summary"]
    assert sum("GetGrades" in str(one) for one in found) == 1
    assert not any("LatePenalties" in str(one) for one in found)


def test_this_projects_configuration_is_that():
    from traitlets.config import Config

    from autograder.ledgers import PROJECT

    wanted = Config()
    use_autograder(wanted)
    found = CourseDirectory(PROJECT).config
    sections = {"Autograde", "GenerateAssignment", "GenerateFeedback", "HTMLExporter"}
    assert sections == set(wanted)
    assert all(wanted[section].items() <= found[section].items() for section in wanted)


# A running server


@contextlib.contextmanager
def server(course, tmp_path):
    """Start a Jupyter server as `autograder lab` does; yields a function that asks it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyter_server", f"--ServerApp.root_dir={course.root}",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--no-browser", "--allow-root", "--IdentityProvider.token=secret",
        "--ServerApp.disable_check_xsrf=True",
    ]  # fmt: skip
    log = tmp_path / "server.log"
    with log.open("w") as out:
        environment = os.environ | dict.fromkeys(
            ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH"), str(SETTINGS)
        )
        running = subprocess.Popen(
            command, cwd=course.root, env=environment, stdout=out, stderr=out
        )

    def ask(path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", method=method)
        request.add_header("Authorization", "token secret")
        with urllib.request.urlopen(request, timeout=500) as answer:
            return answer.read().decode()

    try:
        for _ in range(3000):
            with contextlib.suppress(OSError):
                ask("formgrader/api/status")
                break
            assert running.poll() is None, log.read_text()
            time.sleep(0.1)
        yield ask
    finally:
        running.kill()  # nothing of it has to be kept
        running.wait(60)


def test_formgraders_buttons(ours, tmp_path):
    """Both buttons, by formgrader's own interface, in a course that says nothing of them."""
    course, trace = ours
    (course.root / "nbgrader_config.py").write_text(CONFIG)
    before = files(course)
    with server(course, tmp_path) as ask:
        graded = json.loads(ask("formgrader/api/submission/small/ada/autograde", "POST"))
        assert graded["success"], graded
        assert "small  ada" in graded["log"]
        assert not trace.exists()  # her code ran, and only in the sandbox
        assert files(course).keys() == before.keys()
        told = json.loads(ask("formgrader/api/assignment/small/ada/generate_feedback", "POST"))
        assert told["success"], told
        page = (course.path("feedback", "ada", "small") / "small.html").read_text()
        assert "HIDDEN TESTS" not in page and "square(7)" not in page
        (entry, *_) = json.loads(ask("formgrader/api/submitted_notebooks/small/small"))
        shown = ask(f"formgrader/submissions/{entry['id']}/")
        assert "window.MathJax = {Hub" in shown  # formgrader's script asks for it
        assert "cdnjs" not in shown and not re.search(r'src="(?:https?:)?//', shown)
