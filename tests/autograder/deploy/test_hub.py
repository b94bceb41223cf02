"""The JupyterHub of docs/deploy: a student's server, the exchange, and the grader as a service."""

import http.cookiejar
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import nbformat
import pytest

from autograder.course_directory import CourseDirectory
from autograder.handout import contents
from autograder.handout.publish import publish
from tests.conftest import ROOT

DEPLOY = ROOT / "docs" / "deploy"
BIN = Path(sys.executable).parent
PROXY = os.environ.get("CONFIGURABLE_HTTP_PROXY") or shutil.which("configurable-http-proxy")
CONFIGURATION = """
load_subconfig({settings!r})
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "secret"
c.JupyterHub.spawner_class = "simple"  # one account of the machine for all
c.SimpleLocalProcessSpawner.home_dir_template = {home!r} + "/{{username}}"
c.Spawner.env_keep += ["JUPYTER_CONFIG_PATH"]
c.Spawner.start_timeout = c.Spawner.http_timeout = 600  # on a busy machine
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{ports[1]}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = {proxy!r}
for service in c.JupyterHub.services:
    del service["user"]
    service["environment"] |= {extra!r}
"""
pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(not PROXY, reason="configurable-http-proxy is not installed (npm)"),
]


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def course(small_course, tmp_path, monkeypatch):
    """A small course in the exchange, its handout published, and everybody's configuration."""
    pytest.importorskip("jupyterhub")
    course, _ = small_course
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write('\nc = get_config()\nc.CourseDirectory.course_id = "convnets"\n')
    course = CourseDirectory(course.root)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "Ada")
        monkeypatch.setenv(f"{name}_EMAIL", "ada@example.org")
    item = contents.Item(contents.TEMPLATES, b"# a library")
    monkeypatch.setattr(contents, "_library", lambda: {"library/__init__.py": item})
    publish(course, tmp_path / "handout")
    settings = tmp_path / "etc"
    settings.mkdir()
    (tmp_path / "exchange").mkdir()
    (tmp_path / "exchange").chmod(0o777)
    text = (DEPLOY / "nbgrader_config.py").read_text()
    assert "/srv/nbgrader/exchange" in text
    text = text.replace("/srv/nbgrader/exchange", str(tmp_path / "exchange"))
    (settings / "nbgrader_config.py").write_text(
        f"{text}\nc.Exchange.cache = {str(tmp_path / 'cache')!r}\n"
    )
    shutil.copy(DEPLOY / "jupyter_server_config.py", settings)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(settings))
    monkeypatch.setenv("PATH", os.pathsep.join([str(BIN), os.environ["PATH"]]))
    nbgrader("release_assignment", "small", there=course.root)
    return course


def nbgrader(*arguments, there, **environment):
    done = subprocess.run(
        ["nbgrader", *arguments], cwd=there, env=os.environ | environment, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture
def hub(course, tmp_path, monkeypatch):
    """The running hub's address, where homes are, and what it says."""
    ports = free_ports(3)
    for name in os.environ:
        if name.startswith("JUPYTERHUB"):
            monkeypatch.delenv(name)
    extra = {
        "GRADE_EVERY": "5",
        "JUPYTER_CONFIG_PATH": os.environ["JUPYTER_CONFIG_PATH"],
        "HOME": str(tmp_path),
    }
    text = CONFIGURATION.format(
        settings=str(DEPLOY / "jupyterhub_config.py"), home=str(tmp_path / "homes"), ports=ports,
        proxy=[PROXY], extra=extra,
    )  # fmt: skip
    (tmp_path / "homes").mkdir()
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "config.py").write_text(text)
    environment = os.environ | {
        "COURSE_HANDOUT": str(tmp_path / "handout"),
        "COURSE_DIRECTORY": str(course.root),
        "COURSE_TOOLS": str(DEPLOY),
    }
    with open(tmp_path / "hub" / "log", "w") as log:
        process = subprocess.Popen(
            [BIN / "jupyterhub", "--config", "config.py"], cwd=tmp_path / "hub", env=environment,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{ports[0]}", tmp_path / "homes", tmp_path / "hub" / "log"
    finally:
        process.terminate()
        process.wait(180)


class Person:
    """Somebody with a browser."""

    def __init__(self, address, name):
        self.address, self.name = address, name
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )

    def fetch(self, path, **form):
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with self.opener.open(self.address + path, data, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (urllib.error.URLError, ConnectionError) as error:
            return 0, str(error)

    def until(self, path, wanted, seconds=300):
        """Fetch a page until it contains something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status, page = self.fetch(path)
            if status == 200 and wanted in page:
                return page
            time.sleep(1)
        pytest.fail(f"{path} never had {wanted!r}: {status} {page[-500:]}")

    def log_in_and_start(self):
        page = self.until("/hub/login", "_xsrf")
        token = re.search(r'name="_xsrf" value="([^"]+)"', page)[1]
        self.fetch("/hub/login", username=self.name, password="secret", _xsrf=token)
        self.fetch(f"/hub/spawn/{self.name}")


def test_from_the_students_server_through_the_exchange_to_a_grade(hub, course):
    address, homes, log = hub
    ada = Person(address, "ada")
    ada.log_in_and_start()
    page = ada.until("/user/ada/course/hand-in/small", "Make the archive")
    assert 'name="student" value="ada"' in page and "0 of 2 answered" in page
    start = (homes / "ada/course/work/START.md").read_text()
    assert "(/user/ada/course/hand-in/small)" in start
    listed = json.loads(ada.fetch("/user/ada/assignments?course_id=convnets")[1])
    assert [one["status"] for one in listed["value"]] == ["fetched"], listed

    copy = homes / "ada/course/work/small/small.ipynb"
    notebook = nbformat.read(copy, 4)
    for cell in notebook.cells:
        if cell.id == "double":
            cell.source = "def double(x):\n    return 2 * x"
    nbformat.write(notebook, copy)
    token = re.search(r'name="_xsrf" value="([^"]+)"', page)[1]
    form = {"assignment_id": "small", "course_id": "convnets", "_xsrf": token}
    status, answer = ada.fetch("/user/ada/assignments/submit", **form)
    assert status == 200 and "submitted" in answer, answer

    end = time.monotonic() + 600
    while time.monotonic() < end and not list(course.records.glob("**/small.json")):
        time.sleep(1)
    with course.gradebook() as gradebook:
        (submission,) = gradebook.assignment_submissions("small")
        assert submission.score == 2, log.read_text()[
            -3000:
        ]  # of `double`; the rest is not written


def test_the_graders_account_opens_formgrader_on_the_course(hub, course):
    address, _, _ = hub
    grader = Person(address, "grader")
    grader.log_in_and_start()
    grader.until("/user/grader/lab", "JupyterLab")
    status, page = grader.fetch("/user/grader/formgrader")
    assert status == 200 and "nbgrader" in page
    assert "small" in grader.fetch("/user/grader/formgrader/api/assignments")[1]
