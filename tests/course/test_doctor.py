"""The doctors: each thing that can be in the way is found, and said with what to do."""

import collections
import socket
import sys
from pathlib import Path

import pytest

from course import doctor, gpu
from course.cli import main
from course.doctor import Caution
from course.errors import UsageError


def test_results_are_told_apart_and_decide_the_status(capsys):
    def cautions():
        raise Caution("works, but")

    def fails():
        raise UsageError("does not work\nwith details")

    def says_nothing():
        raise TimeoutError

    assert doctor.examine({"one": lambda: "works", "two": cautions}) == 0
    assert doctor.examine({"three": fails, "four": says_nothing}) == 1
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["ok", "one", "works"],
        ["note", "two", "works, but"],
        ["no", "three", "does not work"],
        ["no", "four", "TimeoutError"],
    ]


def test_the_command_examines_the_folder(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(doctor, "checks", lambda folder: {"here": lambda: str(folder)})
    assert main(["doctor", "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split()[-1] == str(tmp_path.resolve())


def test_everything_that_can_be_in_the_way_is_looked_at(tmp_path):
    assert list(doctor.checks(tmp_path)) == (
        "system Python packages memory disk folder port kernel GPU data network".split()
    )


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_a_python_without_tensorflow(version, monkeypatch):
    assert doctor.python() == sys.version.split()[0]
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    with pytest.raises(UsageError, match=r"3\.11, 3\.12 or 3\.13"):
        doctor.python()


def test_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert "everything works" in doctor.system()
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Caution, match="submit` work; grading needs Linux"):
        doctor.system()
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(UsageError, match="WSL 2"):
        doctor.system()


def test_packages(monkeypatch):
    assert doctor.packages().startswith("tensorflow 2.")
    wanted = ["keras>=99", "no-such-package", 'other; extra == "dev"', "numpy"]
    monkeypatch.setattr(doctor, "requires", lambda name: wanted)
    with pytest.raises(UsageError, match=r"missing: keras>=99 \(3\..* is installed\), no-such-pac"):
        doctor.packages()


@pytest.mark.parametrize(
    ("free", "kind", "says"),
    [
        (8.0, None, "8.0 GiB free"),
        (2.0, Caution, "2.0 GiB free: enough for one notebook"),
        (0.4, UsageError, "only 0.4 GiB free"),
    ],
)
def test_memory(free, kind, says, monkeypatch):
    monkeypatch.setattr(doctor, "_free_memory", lambda: free)
    if kind is None:
        assert doctor.memory() == says
    else:
        with pytest.raises(kind, match=says):
            doctor.memory()


def test_free_memory_is_a_containers(monkeypatch):
    limits = {"memory.max": str(3 << 30), "memory.current": str(1 << 30)}
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, *a, **k: limits.get(path.name) or read(path, *a, **k)
    )
    assert doctor._free_memory() == 2.0
    limits["memory.max"] = "max"
    assert 0 < doctor._free_memory() != 2.0


def test_disk(monkeypatch, tmp_path):
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage(5 << 30))
    assert doctor.disk(tmp_path) == "5 GiB free here"
    small = {tmp_path: 5 << 30}
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage(small.get(place, 1 << 29)))
    with pytest.raises(UsageError, match=r"only 0\.5 GiB free in .*TMPDIR"):
        doctor.disk(tmp_path)


def test_a_folder_is_tried(tmp_path):
    assert "can be written to" in doctor.writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="Copy the course into a folder of your own"):
        doctor.writable(Path("/proc"))


def test_a_port_in_use_is_seen(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert doctor.port_in_use(taken)
        monkeypatch.setattr(doctor, "PORT", taken)
        with pytest.raises(Caution, match=f"{taken} is in use.*next free one, "):
            doctor.port()
        with pytest.raises(UsageError, match=f"Port {taken} is in use"):
            doctor.require_free(taken)
    assert doctor.port() == f"{taken} is free"
    doctor.require_free(taken)
    doctor.require_free(None)


def test_no_port_is_free(monkeypatch):
    monkeypatch.setattr(doctor, "port_in_use", lambda number: True)
    with pytest.raises(UsageError, match="8888 to 8937 are in use"):
        doctor.port()


def test_a_kernel_starts_without_a_word(capfd):
    assert doctor.kernel() == "a Python kernel starts and trains a Keras model"
    assert capfd.readouterr() == ("", "")


def test_data(monkeypatch, tmp_path):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    assert "TFDS_DATA_DIR is not set" in doctor.data()
    for version in ("cifar10/3.0.2", "course_shapes/source/1.0.0"):
        (tmp_path / version).mkdir(parents=True)
        (tmp_path / version / "dataset_info.json").touch()
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert doctor.data().endswith(f"in {tmp_path}: cifar10, course_shapes")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="where there is no folder"):
        doctor.data()


def test_no_network_is_no_failure(monkeypatch):
    def no_address(*args, **kwargs):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "create_connection", no_address)
    with pytest.raises(Caution, match="Temporary failure.*nothing else needs a network"):
        doctor.network()
    with socket.socket() as there:
        monkeypatch.setattr(socket, "create_connection", lambda *a, **k: there)
        assert "answers" in doctor.network()


def test_a_gpu_without_its_libraries(monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(gpu, "devices", lambda: ["/dev/nvidia0"])
    monkeypatch.setattr(gpu, "usable", lambda: 0)
    with pytest.raises(UsageError, match=r"cannot use it.*pip install 'tensorflow\[and-cuda\]'"):
        gpu.examine()
    monkeypatch.setattr(gpu, "usable", lambda: 1)
    assert gpu.examine() == "1 GPU that tensorflow can use"
    monkeypatch.setattr(gpu, "devices", list)
    monkeypatch.setattr(gpu, "usable", lambda: 0)
    assert gpu.examine() == "no GPU: everything runs on the CPU"


def test_gpus_are_counted_without_a_word(capfd, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpu.usable() == 0
    assert capfd.readouterr() == ("", "")


def test_a_backend_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(RuntimeError, match="torch is not installed"):
        gpu.usable()


def test_training_warns_of_a_gpu_that_cannot_be_used(monkeypatch, capsys):
    line = "train lenet5_modern --dataset digits --image-size 32x32 --dry-run".split()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(gpu, "devices", lambda: ["/dev/nvidia0", "/dev/nvidia1"])
    assert main(line) == 0
    (said,) = capsys.readouterr().err.splitlines()
    assert "2 GPUs are there" in said and "runs on the CPU" in said
    monkeypatch.setattr(gpu, "devices", list)
    assert main(line) == 0
    assert capsys.readouterr().err == ""
