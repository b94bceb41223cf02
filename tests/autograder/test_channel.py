"""Messages over a socket."""

import socket
import threading

import pytest

from autograder.wire.channel import Channel, ChannelError, ChannelTimeout


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield Channel(ours, max_text=1000, max_bytes=1000), theirs
    ours.close()
    theirs.close()


def test_a_message_with_bytes(ends):
    ours, theirs = ends
    Channel(theirs).send({"a": 1}, [b"xy", b""])
    assert ours.receive(1) == ({"a": 1}, [b"xy", b""])


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff" * 8,
        b"\0" * 7 + b"\x03" + b"abc",
        b"\0" * 7 + b"\x02" + b"[]",
        b"\0" * 7 + b"\x0a" + b"[1, [-10]]",
        b"\0" * 7 + b"\x0c" + b"[1, [10000]]",
        b"\0" * 7 + b"\x09" + b'[1, "ab"]',
        b"\0" * 7 + b"\x10" + b"[1, [",
    ],
)
def test_what_is_no_message_is_refused(ends, raw):
    ours, theirs = ends
    theirs.sendall(raw)
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ChannelError):
        ours.receive(1)


def test_a_message_that_trickles_in_is_too_late(ends):
    ours, theirs = ends
    stop = threading.Event()

    def trickle():
        theirs.sendall(b"\0" * 7 + b"\x64")
        while not stop.wait(0.05):
            theirs.sendall(b" ")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        with pytest.raises(ChannelTimeout):
            ours.receive(0.4)
    finally:
        stop.set()
        thread.join()
