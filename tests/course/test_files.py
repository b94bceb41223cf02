"""Files that are replaced as a whole, and locks."""

import os
import subprocess
import sys

import pytest

from course import _files


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "page.txt"
    _files.write_text(path, "old")
    with pytest.raises(RuntimeError), _files.replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with _files.replacing(path, suffix=".txt") as temporary:
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".txt")
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_synced_file_is_on_the_disk_before_its_name(tmp_path, monkeypatch):
    synced = []
    path, sync = tmp_path / "page.txt", os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(path.exists()), sync(handle)))
    with _files.replacing(path, sync=True) as temporary:
        temporary.write_text("new")
    assert synced == [False, True]


HOLD = """
import pathlib, sys
from course import _files
with _files.locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_lock_is_one_process(tmp_path):
    path = tmp_path / "folder" / "lock"
    other = [sys.executable, "-c", HOLD, path]
    with _files.locked(path):
        holder = f"process {os.getpid()}, since 20"
        with pytest.raises(_files.LockedError, match=holder), _files.locked(path):
            pass
        done = subprocess.run(other, capture_output=True, text=True)
        assert f"LockedError: {holder}" in done.stderr
    assert subprocess.run(other, input="", capture_output=True, text=True).stdout == "held\n"


def test_a_lock_can_be_waited_for(tmp_path):
    path = tmp_path / "lock"
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLD, path], **streams) as other:
        assert other.stdout.readline() == "held\n"
        other.stdin.write("end\n")
        other.stdin.flush()
        with _files.locked(path, wait=True):
            assert f"process {os.getpid()}," in path.read_text()
