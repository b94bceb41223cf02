"""Messages over a socket: a JSON value and byte strings beside it, with limits on both."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

MAX_TEXT = 64 << 20
MAX_BYTES = 1 << 30
_LENGTH = struct.Struct(">Q")


class ChannelError(Exception):
    """The other side is gone, too late, or does not speak the protocol."""


class ChannelTimeout(ChannelError):
    """No whole message came in time."""


class Channel:
    """One end of a conversation.

    Args:
        connection: a connected stream socket.
        max_text: most bytes of JSON in a message that is received.
        max_bytes: most bytes beside it.
    """

    def __init__(
        self, connection: socket.socket, max_text: int = MAX_TEXT, max_bytes: int = MAX_BYTES
    ):
        self.socket = connection
        self.max_text, self.max_bytes = max_text, max_bytes

    def send(
        self, message: object, blobs: Sequence[bytes] = (), seconds: float | None = None
    ) -> None:
        """Send a JSON value, and byte strings that it refers to by position.

        Args:
            message, blobs: what is sent.
            seconds: wait no longer than this for the other side to take it in, each part of it;
                None waits forever.

        Raises:
            ChannelTimeout: the other side did not take it in.
            ChannelError: the other side is gone.
        """
        text = json.dumps([message, [len(blob) for blob in blobs]]).encode()
        try:
            self.socket.settimeout(seconds)
            self.socket.sendall(_LENGTH.pack(len(text)) + text)
            for blob in blobs:
                self.socket.sendall(blob)
        except TimeoutError:
            raise ChannelTimeout("the process does not listen") from None
        except OSError as error:
            raise ChannelError(f"the process is gone ({error})") from None

    def receive(self, seconds: float | None = None) -> tuple[Any, list[bytes]]:
        """Return the next message.

        Args:
            seconds: wait no longer than this for the whole of it; None waits forever.

        Raises:
            ChannelTimeout: it did not come in time.
            ChannelError: the other side is gone, or sent something other than a message.
        """
        end = None if seconds is None else time.monotonic() + seconds
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, end))
        if length > self.max_text:
            raise ChannelError(f"a message of {length:,} bytes is longer than {self.max_text:,}")
        try:
            message, sizes = json.loads(self._exactly(length, end))
            fits = all(type(size) is int and size >= 0 for size in sizes)
        except (ValueError, TypeError, RecursionError) as error:
            raise ChannelError(f"not a message ({type(error).__name__})") from None
        if not fits or sum(sizes) > self.max_bytes:
            raise ChannelError(f"more than {self.max_bytes:,} bytes beside a message")
        return message, [bytes(self._exactly(size, end)) for size in sizes]

    def send_descriptor(self, number: int) -> None:
        """Send an open descriptor.

        Raises:
            ChannelError: the other side is gone.
        """
        try:
            socket.send_fds(self.socket, [b"d"], [number])
        except OSError as error:
            raise ChannelError(f"the process is gone ({error})") from None

    def receive_descriptor(self) -> int:
        """Return the descriptor that the other side sends next.

        Raises:
            ChannelError: the other side is gone, or sent none.
        """
        try:
            self.socket.settimeout(None)
            _, numbers, _, _ = socket.recv_fds(self.socket, 1, 1)
        except OSError as error:
            raise ChannelError(f"the process is gone ({error})") from None
        if not numbers:
            raise ChannelError("no descriptor was received")
        return numbers[0]

    def _exactly(self, count: int, end: float | None) -> bytearray:
        received = bytearray()
        while len(received) < count:
            try:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                self.socket.settimeout(left)
                part = self.socket.recv(min(count - len(received), 1 << 20))
            except TimeoutError:
                raise ChannelTimeout("no answer in time") from None
            except OSError as error:
                raise ChannelError(f"the process is gone ({error})") from None
            if not part:
                raise ChannelError("the process is gone")
            received += part
        return received

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
