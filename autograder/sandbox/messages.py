"""Small messages between the client, the server and its children: JSON on packet sockets."""

from __future__ import annotations

import json
import math
import select
import socket
from collections.abc import Sequence
from typing import Any

_LARGEST = 1 << 18  # more than the kernel lets a message have


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that keep messages apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(to: socket.socket, descriptors: Sequence[int] = (), **message: Any) -> None:
    """Send one message.

    Raises:
        OSError: the other end is gone.
    """
    socket.send_fds(to, [json.dumps(message).encode()], descriptors)


def readable(source: socket.socket, seconds: float | None) -> bool:
    """Wait for a message or the other end's end."""
    poll = select.poll()  # not select, which takes no descriptor beyond 1023
    poll.register(source, select.POLLIN)
    return bool(poll.poll(None if seconds is None else math.ceil(1000 * seconds)))


def receive(source: socket.socket, seconds: float | None) -> tuple[dict[str, Any], list[int]]:
    """The next message and its descriptors; an empty one if the other end is gone.

    Raises:
        TimeoutError: neither came in time.
    """
    # Asked first: a receive that does not block, as one with a timeout, can take an end that
    # comes just after a message for the end alone.
    if not readable(source, seconds):
        raise TimeoutError(f"no message after {seconds} s")
    try:
        data, descriptors, _, _ = socket.recv_fds(source, _LARGEST, 1)
    except ConnectionError:
        return {}, []
    return json.loads(data or b"{}"), descriptors
