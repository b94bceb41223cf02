"""A notebook's conversation with its student's process on record, to judge it again without that.

Requests are kept as digests, answers as they came. A corrected test that asks the same of the
student's code gets the same answers; at the first other request it is known that it does not.
"""

from __future__ import annotations

import hashlib
import json
import socket
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from autograder.wire.channel import Channel

# Bytes of answers beyond which a conversation is not kept.
MAX_KEPT = 64 << 20


class Sent(str):
    """The digest of a message to the student's process."""


@dataclass(frozen=True)
class Received:
    """A message of the student's process, and the byte strings beside it."""

    message: Any
    blobs: list[bytes]


@dataclass
class Transcript:
    """A conversation.

    Attributes:
        key: a digest of what the answers depend on besides the requests.
        seed: of the questions' draws.
        events: what was sent and received, in order.
    """

    key: str
    seed: int
    events: list[Sent | Received] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        """Return it, compressed, for a file."""
        blobs: list[bytes] = []
        codes: list[Any] = []
        for event in self.events:
            if isinstance(event, Sent):
                codes.append(event)
            else:
                codes.append([event.message, [len(blob) for blob in event.blobs]])
                blobs += event.blobs
        text = json.dumps([self.key, self.seed, codes]).encode()
        return zlib.compress(b"%d\n" % len(text) + text + b"".join(blobs), level=1)

    @classmethod
    def from_bytes(cls, data: bytes) -> Transcript:
        """Rebuild what :meth:`to_bytes` returned.

        Raises:
            ValueError: the data are damaged.
        """
        try:
            length, _, rest = zlib.decompress(data).partition(b"\n")
            key, seed, codes = json.loads(rest[: int(length)])
            left = memoryview(rest)[int(length) :]
            events: list[Sent | Received] = []
            for code in codes:
                if isinstance(code, str):
                    events.append(Sent(code))
                    continue
                message, sizes = code
                blobs = []
                for size in sizes:
                    blobs.append(bytes(left[:size]))
                    left = left[size:]
                events.append(Received(message, blobs))
        except (zlib.error, ValueError, TypeError) as error:
            raise ValueError(f"no transcript ({error})") from None
        return cls(key, seed, events)


class RecordingChannel(Channel):
    """A channel to a student's process that keeps what passes.

    Args:
        connection: to the process.
        transcript: receives what passes.

    Attributes:
        complete: False once a message was lost, or there was more than may be kept.
    """

    def __init__(self, connection: socket.socket, transcript: Transcript):
        super().__init__(connection)
        self._transcript, self._left = transcript, MAX_KEPT
        self.complete = True

    def send(
        self, message: object, blobs: Sequence[bytes] = (), seconds: float | None = None
    ) -> None:
        """As for :class:`Channel`."""
        self._keep(Sent(_digest(message, blobs)), 0)
        try:
            super().send(message, blobs, seconds)
        except BaseException:
            self._drop()
            raise

    def receive(self, seconds: float | None = None) -> tuple[Any, list[bytes]]:
        """As for :class:`Channel`."""
        try:
            message, blobs = super().receive(seconds)
        except BaseException:  # the cell's time is up in the midst of a message, too
            self._drop()
            raise
        self._keep(Received(message, blobs), sum(map(len, blobs)))
        return message, blobs

    def _keep(self, event: Sent | Received, size: int) -> None:
        self._left -= size
        if self._left < 0:
            self._drop()
        if self.complete:
            self._transcript.events.append(event)

    def _drop(self) -> None:
        self.complete = False
        self._transcript.events.clear()


class ReplayedChannel(Channel):
    """Answers as the student's process did, without one.

    Args:
        transcript: of the earlier run.
        on_other: called at the first request that was not made then; does not return.
    """

    def __init__(self, transcript: Transcript, on_other: Callable[[], NoReturn]):
        # No socket: a sandbox may forbid to make one.
        self._events, self._on_other = deque(transcript.events), on_other

    def send(
        self, message: object, blobs: Sequence[bytes] = (), seconds: float | None = None
    ) -> None:
        """Compare a request with that of the earlier run.

        A look at an attribute may be left out: a check that fails wants the function's name.
        """
        wanted = _digest(message, blobs)
        while self._events:
            event = self._events.popleft()
            if event == wanted:
                return
            if not (isinstance(event, Sent) and event.startswith("attribute ")):
                break
            self._events.popleft()  # what it was answered
        self._on_other()

    def receive(self, seconds: float | None = None) -> tuple[Any, list[bytes]]:
        """Return the answer of the earlier run."""
        event = self._events.popleft() if self._events else None
        if not isinstance(event, Received):
            self._on_other()
        return event.message, event.blobs

    def close(self) -> None:
        """There is nothing to hang up."""


def _digest(message: object, blobs: Sequence[bytes]) -> str:
    """Return what a message does, and its digest without the time that it allows."""
    does = ""
    if isinstance(message, dict):
        does = message.get("do", "")
        message = {name: value for name, value in message.items() if name != "seconds"}
    whole = hashlib.sha256(json.dumps([message, [len(blob) for blob in blobs]]).encode())
    for blob in blobs:
        whole.update(blob)
    return f"{does} {whole.hexdigest()}"
