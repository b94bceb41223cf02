"""Small messages between the client, the server and its children, as JSON on packet sockets."""

from __future__ import annotations

import json
import math
import select
import socket
from collections.abc import Sequence
from typing import Any

_LARGEST = 1 << 18  # more than the kernel allows for a message


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets that preserve the boundaries of messages."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(to: socket.socket, descriptors: Sequence[int] = (), **message: Any) -> None:
    """Send one message.

    Raises:
        OSError: the other end is gone.
    """
    socket.send_fds(to, [json.dumps(message).encode()], descriptors)


def readable(source: socket.socket, seconds: float | None) -> bool:
    """Wait until a message arrives or the other end closes; return whether either happened."""
    poll = select.poll()  # not select, which takes no descriptor beyond 1023
    poll.register(source, select.POLLIN)
    return bool(poll.poll(None if seconds is None else math.ceil(1000 * seconds)))


def receive(source: socket.socket, seconds: float | None) -> tuple[dict[str, Any], list[int]]:
    """Return the next message and its descriptors; an empty message if the other end is gone.

    Raises:
        TimeoutError: neither happened in time.
    """
    # Poll first: a receive that does not block, such as one with a timeout, can miss a message
    # whose sender closes its end right after it.
    if not readable(source, seconds):
        raise TimeoutError(f"no message after {seconds} s")
    try:
        data, descriptors, _, _ = socket.recv_fds(source, _LARGEST, 1)
    except ConnectionError:
        return {}, []
    return json.loads(data or b"{}"), descriptors
