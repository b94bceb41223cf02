"""What cannot work is refused, with the reason."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.engine.executor import Executor
from autograder.sandbox import (
    ForkServer,
    Isolation,
    Limits,
    SandboxError,
    client,
    control_groups,
    kernel,
    probe,
    require_isolation,
    view,
)
from autograder.sandbox.probe import why_not
from autograder.sandbox.watch import descendants
from tests.autograder.sandbox.inside import ALL, FILE, HERE, SHUT, SMALL, TARGET, ask, begin


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no.such.module:main", "No module named 'no'"),
        (f"{HERE}:missing", "has no attribute 'missing'"),
    ],
)
def test_a_target_that_is_not_there(any_server, target, said):
    with pytest.raises(SandboxError, match=said):
        any_server.start(target, limits=SMALL)
    assert ask(any_server, "result = 1")[0] == 1


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a\0b"])
def test_files_stay_in_the_work_folder(servers, name):
    with pytest.raises(SandboxError, match="inside the work folder"):
        servers("none").start(TARGET, files={name: b""})


def test_files_must_fit(servers):
    with pytest.raises(SandboxError, match="No file may be larger than 8 MiB; big has 9"):
        servers("none").start(TARGET, files={"big": bytes(9 << 20)}, limits=SMALL)
    with pytest.raises(SandboxError, match="must fit into 16 MiB; they have 18"):
        files = {str(number): bytes(6 << 20) for number in range(3)}
        servers("none").start(TARGET, files=files, limits=SMALL)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3", None])
def test_limits_are_positive_numbers(wrong):
    with pytest.raises(ValueError, match=r"The limit memory_mb must be .*received"):
        Limits(memory_mb=wrong)
    with pytest.raises(ValueError, match="at least 8"):
        Limits(processes=7)
    assert Limits(cpu_s=None, wall_s=None).cpu_s is None


def test_the_home_folder_is_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (Path.home(), "/"):
        with pytest.raises(SandboxError, match="must show neither the home folder"):
            ForkServer(isolation=Isolation.NONE, readable=[path])
    with pytest.raises(SandboxError, match="cannot show .*does not exist"):
        ForkServer(isolation=Isolation.NONE, readable=[tmp_path / "missing"])


def test_what_the_view_is_made_of(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    shown = view.readable_paths([tmp_path / "link", tmp_path / "real" / ".."])
    assert not any(".." in path.parts for path in shown)
    # A folder covers what is below it, and links are followed by name and by where they lead.
    assert tmp_path in shown and not any(tmp_path in path.parents for path in shown)
    assert view.outside_tmp([Path("/opt/x")]) and not view.outside_tmp([Path("/tmp/x")])
    command = view.bubblewrap([tmp_path], user_namespace=True)
    assert {"--unshare-net", "--unshare-pid", "--unshare-user", "--die-with-parent"} <= set(command)


def test_a_preload_that_fails(any_server):
    with pytest.raises(SandboxError, match="could not be started: .*No module named 'absent'"):
        ForkServer(["absent"], isolation=any_server.isolation)


@pytest.mark.parametrize("name", SHUT)
def test_what_the_kernel_allows_works(name):
    """So that a sandbox which is broken does not pass for a machine that can't have it."""
    if name == "landlock":
        possible = kernel.landlock_version() > 0
    else:
        new = ["--ro-bind", "/", "/", "--proc", "/proc", "--unshare-net", "--unshare-pid"]
        new += ["--unshare-user"] if name == "user" else []
        possible = shutil.which("bwrap") and (name == "user" or os.geteuid() == 0)
        possible = possible and subprocess.run(["bwrap", *new, "true"]).returncode == 0
    if not possible:
        pytest.skip(f"this machine does not offer what isolation {name} is made of")
    assert why_not(Isolation(name)) == ""


def test_probe_says_what_it_found_and_why_not_the_rest(monkeypatch, tmp_path):
    found = probe()
    assert found.name in ALL and found.reason
    monkeypatch.setenv("PATH", str(tmp_path))  # no bubblewrap there
    weaker = probe()
    assert weaker.name in ("landlock", "none")
    assert "bubblewrap is not installed" in weaker.reason


def test_probe_sees_a_leak():
    assert "the sandbox leaks: " in why_not(Isolation.NONE)


def test_no_sandbox_is_an_error_and_not_a_choice(monkeypatch):
    nothing = Isolation("none", "nothing works")
    monkeypatch.setattr(sys.modules["autograder.sandbox.probe"], "probe", lambda: nothing)
    with pytest.raises(SandboxError, match="nothing works"):
        require_isolation()
    with pytest.raises(SandboxError, match="nothing works"):
        Executor()


def test_control_group_has_the_limits_and_the_supervisor(servers, monkeypatch, tmp_path):
    """On a folder that looks like a control group: real ones need a machine that delegates them."""
    groups = []

    class Fake(control_groups.ControlGroup):
        def _write(self, name, value):
            # In a real group the files are there, and the kernel looks at what is written.
            (self.path / name).write_text(str(value))

        def add(self, pid):
            super().add(pid)
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            groups.append([self, int(stat[1]), descendants(pid)[1:]])

        def remove(self):
            shutil.rmtree(self.path)

    server = servers("none")
    monkeypatch.setattr(client, "ControlGroup", Fake)
    monkeypatch.setattr(server, "_groups", tmp_path)
    with begin(server, "import os; stream.readline(); os.kill(os.getpid(), 9)") as process:
        group, parent, children = groups[0]
        # The supervisor was put in before it had children to leave outside.
        assert parent == server.pid and children == []
        assert (group.path / "memory.max").read_text() == str((400 + 2 * 16 + 64) << 20)
        assert (group.path / "memory.swap.max").read_text() == "0"
        (group.path / "memory.events").write_text("oom 1\noom_kill 1\n")
        process.channel.sendall(b"\n")
        end = process.wait(10)
    assert (end.code, end.reason) == (-9, "memory")
    assert not group.path.exists()
    assert server.memory_limit == "control group and watchdog"


def test_a_folder_that_is_no_control_group_is_not_taken_for_one(tmp_path, monkeypatch):
    monkeypatch.setattr(control_groups, "ROOT", tmp_path)
    monkeypatch.setattr(control_groups, "_OWN", tmp_path / "own")
    (tmp_path / "own").write_text("4:memory:/x\n0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert control_groups.find_parent() is None
    assert list((tmp_path / "a").rglob("*")) == [tmp_path / "a" / "b"]


def test_answers_are_withheld_wherever_the_package_is(tmp_path, monkeypatch):
    """Also in an environment that holds the package itself, and so is shown whole."""
    packages = tmp_path / "venv" / "lib" / "site-packages"
    demo = packages / "autograder" / "demo"
    demo.mkdir(parents=True)
    (packages / "autograder" / "checks").mkdir()
    (tmp_path / "venv" / "bin").mkdir()
    (tmp_path / "venv" / "lib64").symlink_to("lib")
    monkeypatch.setattr(view, "package_root", lambda: packages)
    command = view.bubblewrap([tmp_path / "venv"], user_namespace=True)
    assert command.index("--tmpfs") > command.index(str(tmp_path / "venv"))
    assert command[command.index("--tmpfs") + 1] == str(demo)
    shown = view.without_withheld([tmp_path / "venv"])
    assert shown == [tmp_path / "venv" / "bin", packages / "autograder" / "checks"]


@pytest.mark.every_isolation
def test_answers_cannot_be_read_even_with_the_package_s_folder(server):
    package = view.package_root() / "autograder"
    code = f"""
        result = []
        folder = {str(package / "demo")!r}
        try:
            open(f"{{folder}}/play.py").read(1)
            result.append("read")
        except OSError:
            pass
        try:
            open(f"{{folder}}/new", "w")
            result.append("written")
        except OSError:
            pass
        result.append(open({str(package / "cli.py")!r}).read(1))
    """
    with ForkServer([HERE], isolation=server.isolation, readable=[FILE, package]) as own:
        result, _ = ask(own, code)
    assert result == ['"'], result
