"""A grading run as a whole: killed and taken up again, two at once, on a cluster, unisolated."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder import grading
from autograder.course_directory import CourseError
from tests.autograder.test_grading import RIGHT

ONE_EXAMPLE = "def double(x):\n    return 6 if x == 3 else abs(2 * x)"


@pytest.fixture
def course_of_ten(small_course):
    course, submit = small_course
    for number in range(10):
        kinds = (RIGHT, RIGHT | {"double": ONE_EXAMPLE}, {}, RIGHT | {"square": "1/0"})
        submit(f"s{number:02d}", kinds[number % 4])
    return course


def rows(course) -> dict[str, list]:
    """The gradebook's contents without what is different in every one: ids and times."""
    database = sqlite3.connect(course.root / "gradebook.db")
    tables = [r[0] for r in database.execute("select name from sqlite_master where type='table'")]
    grades = database.execute(
        "select s.student_id, b.name, g.auto_score, g.manual_score, g.needs_manual_grade "
        "from grade g join submitted_notebook n on g.notebook_id = n.id "
        "join submitted_assignment s on n.assignment_id = s.id "
        "join base_cell b on g.cell_id = b.id"
    )
    comments = database.execute(
        "select s.student_id, b.name, c.auto_comment "
        "from comment c join submitted_notebook n on c.notebook_id = n.id "
        "join submitted_assignment s on n.assignment_id = s.id "
        "join base_cell b on c.cell_id = b.id"
    )
    counts = {t: database.execute(f"select count(*) from {t}").fetchone()[0] for t in tables}
    return {
        "grades": sorted(grades),
        "comments": sorted(comments, key=str),
        "counts": sorted(counts.items()),
    }


def reset(course):
    """The course as it was before anybody graded in it."""
    import shutil

    shutil.copy(course.root / "gradebook.before", course.root / "gradebook.db")
    for name in ("autograded", ".autograder"):
        shutil.rmtree(course.root / name, ignore_errors=True)


RUN = """
import sys
from autograder.course_directory import CourseDirectory
from autograder.engine.executor import Executor
from autograder.grading import GradingOptions, grade

if __name__ == "__main__":
    with Executor(preload=("IPython",)) as executor:
        options = GradingOptions(resume=sys.argv[2] == "resume", wait=sys.argv[3] == "wait")
        grade(CourseDirectory(sys.argv[1]), executor=executor, options=options,
              on_done=lambda outcome: print(outcome.student, outcome.score, flush=True))
"""


def start(course, tmp_path, resume="anew", wait="refuse"):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    command = [sys.executable, str(script), str(course.root), resume, wait]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=Path(__file__).parents[2], **pipes)


def test_killed_at_random_moments_and_resumed(course_of_ten, tmp_path):
    """The same gradebook, row for row, as a run that nobody disturbed."""
    import shutil

    course = course_of_ten
    shutil.copy(course.root / "gradebook.db", course.root / "gradebook.before")
    begun = time.monotonic()
    undisturbed = start(course, tmp_path)
    out, err = undisturbed.communicate(timeout=120)
    assert undisturbed.returncode == 0, err
    whole = time.monotonic() - begun
    expected, scores = rows(course), sorted(out.splitlines())
    assert len(scores) == 10
    kills = int(os.environ.get("KILLS", "1"))
    for trial in range(kills):
        reset(course)
        for student in course.root.glob("submitted/*"):  # as if killed while it wrote each tree
            left = course.root / "autograded" / student.name / ".autograding-left"
            left.mkdir(parents=True)
            (left / "small.ipynb").touch(0o444)
        for attempt in range(20):
            run = start(course, tmp_path, "resume" if attempt else "anew")
            try:
                run.communicate(timeout=whole * random.uniform(0.2, 0.9) if attempt < 3 else 120)
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
                run.communicate()
                continue
            assert run.returncode == 0
            break
        assert rows(course) == expected, f"after trial {trial}"
        records = sorted((course.records / "small").glob("*.json"))
        assert len(records) == 10
        trees = sorted(p.parent.name for p in course.root.glob("autograded/*/small"))
        assert len(trees) == 10
        # Whatever a killed run has left was cleared away by the one that ended.
        assert list(course.root.glob("autograded/*/.autograding-*")) == []


def test_two_runs_at_once(course_of_ten, tmp_path, executor):
    """The second refuses clearly, or waits; nothing is lost or written twice."""
    course = course_of_ten
    first = start(course, tmp_path)
    while not (course.records / "lock").exists() or not (course.records / "seed").exists():
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    with pytest.raises(CourseError, match=r"Another run is grading .*\(process \d+, since"):
        grading.grade(course, executor=executor)
    waiting = start(course, tmp_path, "resume", "wait")
    assert first.communicate(timeout=120)[0].count("\n") == 10
    assert waiting.communicate(timeout=120)[0].count("\n") == 10
    assert first.returncode == waiting.returncode == 0
    with course.gradebook() as gradebook:
        assert len(gradebook.assignment_submissions("small")) == 10


def test_resume_grades_what_has_changed(course_of_ten, executor):
    course = course_of_ten
    grading.grade(course, executor=executor)
    path = course.path("submitted", "s02", "small") / "small.ipynb"
    path.write_text(path.read_text().replace("raise NotImplementedError()", "return x * x"))
    graded = []

    class Watched:
        isolation = executor.isolation

        def run(self, job):
            graded.append(job.student)
            return executor.run(job)

    options = grading.GradingOptions(resume=True)
    outcomes = grading.grade(course, executor=Watched(), options=options)
    assert graded == ["s02"]
    assert len(outcomes) == 10
    assert next(o for o in outcomes if o.student == "s02").score == 3


def test_without_any_isolation(small_course, monkeypatch):
    """Refuse, and say what to install; do it all the same if told to, and stamp the report."""
    from autograder.classroom.report import write_report
    from autograder.sandbox import Isolation

    course, submit = small_course
    submit("s", RIGHT)
    nothing = Isolation("none", "no bubblewrap")
    monkeypatch.setattr("autograder.grading.local.probe", lambda: nothing)
    with pytest.raises(CourseError, match="cannot be isolated.*no bubblewrap.*apt install bubble"):
        grading.grade(course)
    assert not course.path("autograded", "s", "small").exists()
    (outcome,) = grading.grade(course, options=grading.GradingOptions(unsafe=True))
    assert (outcome.score, outcome.isolation) == (5, "none")
    assert "NOT ISOLATED" in write_report(course).read_text()


def test_the_isolation_is_on_the_report(small_course, executor):
    from autograder.classroom.report import write_report

    course, submit = small_course
    submit("s", RIGHT)
    grading.grade(course, executor=executor)
    page = write_report(course).read_text()
    assert "isolated" in page
    assert "NOT ISOLATED" not in page
    record = json.loads((course.records / "small" / "s.json").read_text())
    assert record["isolation"] == executor.isolation.name


def test_on_a_cluster_with_a_worker_that_dies(course_of_ten):
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    course = course_of_ten
    killed = []

    def kill_one(outcome):
        """After the first result, end a worker's process as a crash would."""
        if not killed:
            with distributed.Client(cluster.scheduler_address, timeout=60) as client:
                pids = client.run(os.getpid)
            killed.append(sorted(pids.values())[0])
            os.kill(killed[0], signal.SIGKILL)

    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(host="127.0.0.1", silence_logs=50, **settings) as cluster:
        options = grading.GradingOptions(cluster=cluster.scheduler_address)
        outcomes = grading.grade(course, options=options, on_done=kill_one)
    assert killed
    assert [o.score for o in outcomes] == [5, 4, 0, 2, 5, 4, 0, 2, 5, 4]
    assert {o.status for o in outcomes} == {"graded"}
    with course.gradebook() as gradebook:
        assert len(gradebook.assignment_submissions("small")) == 10


@pytest.mark.whole
def test_a_submission_that_takes_two_workers_with_it(course_of_ten):
    """It is left to a human, with the reason; everybody else is graded."""
    cloudpickle = pytest.importorskip("cloudpickle", reason="the extra `cluster` is not installed")
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

    class Deadly(distributed.WorkerPlugin):
        def setup(self, worker):
            """Let one student's submission end the worker that runs it."""
            import os

            from autograder.grading import cluster

            run_here = cluster.run_here

            def run(job, unsafe):
                if job.student == "s04":
                    os.kill(os.getpid(), 9)
                return run_here(job, unsafe)

            cluster.run_here = run

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(host="127.0.0.1", silence_logs=50, **settings) as cluster:
        with distributed.Client(cluster.scheduler_address, timeout=60) as client:
            client.register_plugin(Deadly())
        options = grading.GradingOptions(cluster=cluster.scheduler_address)
        outcomes = grading.grade(course_of_ten, options=options)
    by_student = {outcome.student: outcome for outcome in outcomes}
    deadly = by_student.pop("s04")
    assert (deadly.status, deadly.score) == ("needs a human", 0)
    assert "died twice" in deadly.reason
    assert [o.score for o in by_student.values()] == [5, 4, 0, 2, 4, 0, 2, 5, 4]
    assert {o.status for o in by_student.values()} == {"graded"}


def test_no_cluster_at_the_address(course_of_ten):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    options = grading.GradingOptions(cluster="tcp://127.0.0.1:9")
    with pytest.raises(CourseError, match="No cluster answers at"):
        grading.grade(course_of_ten, options=options)
