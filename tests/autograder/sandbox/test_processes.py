"""What goes in and what comes out, in every isolation."""

import os
import select
import threading

import pytest

from autograder.sandbox import Isolation, SandboxError
from autograder.sandbox.watch import descendants
from tests.autograder.sandbox.inside import HERE, NAMESPACES, SMALL, ask, begin, gone, line


@pytest.mark.every_isolation
def test_a_result_comes_back(any_server):
    result, end = ask(any_server, "result = 6 * 7")
    assert (result, end.code, end.reason) == (42, 0, "")
    assert end.cpu_seconds > 0 and end.peak_memory_mb > 5 and 0 < end.wall_seconds < 20


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("code = 3", 3),
        ("import sys; sys.exit(4)", 4),
        ("import sys; sys.exit('said')", 1),
        ("raise KeyboardInterrupt", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("import os; os.abort()", -6),
    ],
)
def test_exit_codes(any_server, code, expected):
    _, end = ask(any_server, code)
    assert (end.code, end.reason) == (expected, "")


def test_only_the_channel_is_open(any_server):
    code = """
        import os
        open_now = {n: os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                    if os.path.lexists(f"/proc/self/fd/{n}")}
        result = open_now
    """
    result, _ = ask(any_server, code)
    assert [result.pop(n) for n in "012"] == ["/dev/null"] * 3
    assert list(result) == ["3"] and result["3"].startswith("socket:")


def test_further_descriptors_are_passed_on(any_server):
    reading, writing = os.pipe()
    os.write(writing, b"from outside")
    code = "import os; result = [list(descriptors), os.read(4, 99).decode()]"
    assert ask(any_server, code, descriptors=[reading, writing])[0] == [[4, 5], "from outside"]
    os.close(reading)
    os.close(writing)


def test_files_from_names_and_from_a_folder(any_server, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "data.csv").write_bytes(b"1,2\n" * 500_000)
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    code = """
        import os
        result = {os.path.join(at, name): os.path.getsize(os.path.join(at, name))
                  for at, _, names in os.walk(".") for name in names}
        open("data.csv" if "./data.csv" in result else "folder/data.csv", "a").write("more")
    """
    assert ask(any_server, code, files=tmp_path)[0] == {"./folder/data.csv": 2_000_000}
    given = {"data.csv": b"\0\xff", "deep/er/x": b""}
    assert ask(any_server, code, files=given)[0] == {"./data.csv": 2, "./deep/er/x": 0}


def test_environment_holds_defaults_and_what_is_given(any_server, monkeypatch):
    monkeypatch.setenv("GRADER_SECRET", "of the grader")
    code = """
        import os
        visible = []
        for pid in [*range(1, 200), *range(os.getppid() - 200, os.getppid() + 200)]:
            try:
                visible.append(open(f"/proc/{pid}/environ").read())
            except OSError:
                pass
        writable = [open(os.path.join(os.environ[n], "x"), "w") and n for n in ("HOME", "TMPDIR")]
        result = [dict(os.environ), visible, writable, os.getcwd()]
    """
    (variables, visible, writable, cwd), _ = ask(
        any_server, code, environment={"LANG": "de", "MORE": "1"}
    )
    assert variables["HOME"] == cwd and writable == ["HOME", "TMPDIR"]
    assert variables["LANG"] == "de" and variables["MORE"] == "1"
    assert variables["CUDA_VISIBLE_DEVICES"] == "" and variables["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert "GRADER_SECRET" not in variables
    if any_server.isolation != Isolation.NONE:
        assert not any("GRADER_SECRET" in text for text in visible)


def test_interrupt_reaches_the_main_process(any_server):
    code = """
        import time
        try:
            stream.write('"ready"\\n'); stream.flush()
            time.sleep(20)
        except KeyboardInterrupt:
            result = "interrupted"
    """
    with begin(any_server, code) as process:
        assert line(process) == "ready"
        assert process.poll() is None
        with pytest.raises(TimeoutError, match="still running"):
            process.wait(0.05)
        process.interrupt()
        assert line(process) == "interrupted"
        assert process.wait(10).code == 0
        assert select.select([process], [], [], 0)[0] or process.poll()


def test_many_threads_start_many_processes(any_server):
    code = (
        "import os; result = os.getuid(); stream.write('1\\n'); stream.flush(); stream.readline()"
    )
    processes = []

    def start():
        process = begin(any_server, code)
        line(process)
        processes.append(process)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        process.channel.sendall(b"\n")
    users = [line(process) for process in processes]
    for process in processes:
        assert process.wait(10).code == 0
        process.channel.close()
    assert len(users) == 8
    assert len(set(users)) == (8 if any_server.isolation == Isolation.ROOT else 1)


def test_nothing_piles_up(any_server):
    """After many processes the client and the server hold what they held before."""
    # Below bubblewrap and its init. After it may come what an earlier test has left dying.
    inner = descendants(any_server.pid)[2 if any_server.isolation.name in NAMESPACES else 0]

    def held():
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in ("self", inner)]

    ask(any_server, "result = 1")
    before = held()
    for _ in range(5):
        ask(any_server, "result = 1", files={"a": b"b"})
        with pytest.raises(SandboxError):
            any_server.start(f"{HERE}:missing", limits=SMALL)
    assert held() == before
    assert gone(descendants(inner)[1:])
