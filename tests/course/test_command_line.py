"""How commands end: mistakes of the user are one line, bugs keep their traceback."""

import subprocess
import sys

import pytest

import course
from course import _command_line, cli, keras_compat
from course._command_line import exit_status
from course.errors import UsageError


def raises(error):
    def command():
        raise error

    return command


def test_the_status_is_the_commands(capsys):
    assert exit_status("course", lambda: 3) == 3
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [UsageError("Use another."), OSError("said so")])
def test_a_mistake_is_one_line(error, capsys):
    assert exit_status("course", raises(error)) == 1
    assert capsys.readouterr().err == f"course: {error}\n"


@pytest.mark.parametrize(
    ("line", "message"),
    {
        "profile resnet50 --classes 0": "classes must be an integer of at least 1; received class",
        "profile resnet50 --input-shape 0x8x3": "input_shape must be (height, width, channels)",
        "profile lenet5_modern --input-shape 8x8x1": "received input_shape=(8, 8, 1)",
        "train lenet5_modern --dataset digits --dry-run": "--image-size resizes images",
        "train lenet5 --dataset digits --image-size 0x8": "received image_size=(0, 8)",
        "train lenet5 --dataset digits --learning-rate nan": "received learning_rate=nan",
        "train lenet5 --dataset digits --dry-run --checkpoint-every 0": "checkpoint_every must be",
        "compare --measure foo": "ImageNet top-1 error, ",
        "scaling lenet5 --gpus 0": "gpus must be at least 2 to exchange anything; received 0",
        "scaling lenet5 --rate 0": "bandwidth and rate must be positive",
    }.items(),
)
def test_values_that_cannot_be_are_the_users_mistake(line, message, capsys):
    assert cli.main(line.split()) == 1
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""


def test_another_keras_is_no_bug(capsys):
    assert exit_status("course", lambda: keras_compat.maker(object())) == 1
    assert "Install the version of Keras in constraints.txt" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ValueError("shapes (3,) and (2,)"), KeyError("step")])
def test_a_bug_keeps_its_traceback_and_asks_for_a_report(error):
    with pytest.raises(type(error)) as found:
        exit_status("course", raises(error))
    assert found.value.__notes__ == [_command_line.REPORT]
    assert found.traceback[-1].name == "command"


def test_a_bug_is_seen_by_the_user():
    code = (
        "from course import cli\n"
        "def broken(path): raise ValueError('shapes (3,) and (2,)')\n"
        "from course.studies import tables; tables.write = broken\n"
        "cli.main(['study', 'show', '--write', 'page'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "in broken\nValueError: shapes (3,) and (2,)\n" in done.stderr
    assert done.stderr.strip().endswith(_command_line.REPORT)


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"course {course.__version__}\n"
