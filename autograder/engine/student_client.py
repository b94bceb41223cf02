"""The judge's end of the conversation with a student's process.

What the student defined is received as plain data if it has a plain form; for anything else, a
stand-in (:mod:`autograder.engine.standins`) passes on what is done with it. What a test hands over
goes the other way: as plain data, or by number (:mod:`autograder.engine.judge_objects`).
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from autograder.engine import errors, patches, weight_changes, work_folder
from autograder.engine.errors import StudentError
from autograder.engine.incidents import MAX_INCIDENTS
from autograder.engine.judge_codec import JudgeCodec
from autograder.engine.judge_objects import MAX_NESTED, Refused
from autograder.engine.remote import remote_of
from autograder.engine.scope import Shared
from autograder.wire import watching
from autograder.wire.channel import Channel, ChannelError, ChannelTimeout
from autograder.wire.codec import CodecError, Decoder, Encoder

__all__ = ["GRACE_S", "StudentClient", "StudentError"]

# Beyond the time a call may take, the student's process gets this long to say that it was too long.
GRACE_S = 3.0
# The requests during which the student's code may use what a test handed over.
_SERVED = ("call", "attribute")

Message = dict[str, Any]


class StudentClient:
    """The judge's end of the conversation with one student's process.

    Attributes:
        incidents: what an instructor should look at, in words.
        alive: False once the process is gone or has stopped answering.
        deadline: ``time.monotonic()`` at which the current cell's time is up.
        codec: what its tests have handed over and received.
        cells: sources of the cells that have run, as Python.
        shared: the student's globals that the current test may change.
        folder: the judge's work folder, kept equal to that of the student's process.
    """

    def __init__(self, channel: Channel):
        self.channel = channel
        self.incidents: list[str] = []
        self.alive = True
        self.deadline = float("inf")
        self.codec = JudgeCodec(self)
        self.cells: list[str] = []
        self.shared: Shared | None = None
        self.folder: work_folder.WorkFolder | None = None
        self._nested = 0

    # The conversation

    def ask(
        self, seconds: float, blobs: Sequence[bytes] = (), **request: Any
    ) -> tuple[Message, list[bytes]]:
        """Send a request; return the answer.

        Raises:
            StudentError: the process is gone, silent, or does not answer as it should.
        """
        if not self.alive:
            raise StudentError("your code ended or blocked the Python process earlier")
        try:
            self.channel.send(request | {"seconds": seconds}, list(blobs), seconds + GRACE_S)
            answer, beside = self._answer(seconds, request["do"])
        except ChannelError as error:
            self._lost()
            self.incidents.append(f"the code ended or blocked the Python process: {error}")
            raise StudentError(f"your code ended or blocked the Python process ({error})") from None
        except BaseException:  # the cell's time is up in the midst of a message
            self._lost()
            raise
        if not isinstance(answer, dict):
            raise StudentError("your process gave no usable answer")
        self._note_incidents(answer.get("incidents"))
        return answer, beside

    def _note_incidents(self, reported: object) -> None:
        for incident in reported[:MAX_INCIDENTS] if isinstance(reported, list) else []:
            if isinstance(incident, str):
                # Such as the name of a file, which may have no UTF-8 form.
                text = incident[:200].encode("utf-8", "backslashreplace").decode()
                if text not in self.incidents:
                    self.incidents.append(text)

    def _answer(self, seconds: float, request: str) -> tuple[Any, list[bytes]]:
        """Return the answer to a request, after serving what the student's code asks meanwhile."""
        end = time.monotonic() + seconds + GRACE_S
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise ChannelTimeout("no answer in time")
            answer, beside = self.channel.receive(left)
            if request not in _SERVED or not isinstance(answer, dict) or "back" not in answer:
                return answer, beside
            self.channel.send(*self._serve(answer, beside), left)

    def _serve(self, request: Message, blobs: list[bytes]) -> tuple[Message, list[bytes]]:
        """Do what the student's code wants done with an object that a test handed to it."""
        codec = self.codec
        kept = codec.arguments, codec.tensors, codec.outputs
        self._nested += 1
        try:
            if self._nested > MAX_NESTED:
                raise Refused("the test's functions and yours call each other too deeply")
            # They may be arguments of the call that waits, or in them.
            decoder = self.codec.decoder(blobs)
            args, kwargs = decoder.decode(request["args"]), decoder.decode(request["kwargs"])
            kwargs = {str(name): value for name, value in kwargs.items()}
            codec.begin()
            value = codec.objects.perform(request["back"], request["op"], list(args), kwargs)
            encoder = self.codec.encoder()
            return {"value": encoder.encode(value)}, encoder.blobs
        except Exception as error:
            return {"error": errors.describe(error)}, []
        finally:
            self._nested -= 1
            codec.arguments, codec.tensors, codec.outputs = kept

    def _lost(self) -> None:
        self.alive = False
        self.channel.close()

    def left(self) -> float:
        """Return the seconds that the current cell still has.

        Raises:
            StudentError: none.
        """
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise StudentError("the time for this question is up")
        return seconds

    # Questions

    def run(self, source: str, seconds: float, given: list[str]) -> Message:
        """Run a cell; return what the process says of it: ``outputs`` and ``results``.

        Args:
            source: the cell.
            seconds: how long it may take.
            given: names of the instructor's functions and classes that it defines.
        """
        encoder = self.codec.encoder()
        request = {"source": source, "given": given} | self._files(encoder)
        answer, beside = self.ask(seconds, encoder.blobs, do="cell", **request)
        self._take_files(answer, beside)
        return answer

    def _files(self, encoder: Encoder) -> Message:
        if self.folder is None:
            return {}
        return {"files": work_folder.encode_files(self.folder.changed(), encoder)}

    def _take_files(self, answer: Message, blobs: list[bytes]) -> None:
        if self.folder and "files" in answer:
            decoder = self.codec.decoder(blobs)
            with contextlib.suppress(CodecError):
                self.folder.write(work_folder.decode_files(answer["files"], decoder))

    def get(self, names: list[str]) -> dict[str, Any]:
        """Return values or stand-ins of the names that the student has defined."""
        answer, beside = self.ask(self.left(), do="get", names=names)
        decoder = self.codec.decoder(beside)
        self._raise(answer, decoder)
        values = answer.get("values")
        if not isinstance(values, dict):
            return {}
        return {name: self._decode(decoder, values[name]) for name in names if name in values}

    def names(self) -> list[str]:
        """Return the names that the student has defined."""
        answer, _ = self.ask(self.left(), do="names")
        found = answer.get("names")
        return [n for n in found[:1000] if isinstance(n, str)] if isinstance(found, list) else []

    def restore(self) -> None:
        """Give the student's globals back the values that a test has replaced."""
        if self.shared is not None and self.shared.replaced_any and self.alive:
            with contextlib.suppress(StudentError):
                self.ask(GRACE_S, do="restore")
        self.shared = None

    def attribute(self, handle: int, name: str) -> Any:
        """Return an attribute of something of the student's."""
        answer, beside = self.ask(self.left(), do="attribute", handle=handle, name=name)
        decoder = self.codec.decoder(beside)
        self._raise(answer, decoder)
        return self._decode(decoder, answer.get("value"))

    def operate(
        self,
        operation: str,
        handle: int,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call something of the student's, or do something else with it; return the result.

        Raises:
            Exception: the one that the student's code raised.
        """
        self.codec.begin()
        encoder = self.codec.encoder(numbered=True)
        request: Message = {"args": encoder.encode(tuple(args))}
        request["kwargs"] = encoder.encode(kwargs or {})
        request |= self._files(encoder) | patches.codes(encoder)
        if self.shared is not None:
            request |= {"globals": self.shared.outgoing(encoder), "follow": self.shared.followed}
        if watch := watching.current():
            request["watch"] = watch.request()
        answer, beside = self.ask(
            self.left(), encoder.blobs, do="call", op=operation, handle=handle, **request
        )
        self._take_files(answer, beside)
        if isinstance(printed := answer.get("printed"), str):
            sys.stdout.write(printed)
        if watch:
            watch.note(answer.get("watched"))
        decoder = self.codec.decoder(beside)
        with _usable():
            self.codec.outputs = self.codec.inline(decoder, answer.get("graph"))
        with _usable():
            decoder.decode_all(answer.get("changed") or [])  # which does it to the arguments
            weight_changes.apply_changes(
                [*args, *(kwargs or {}).values()], answer.get("trained"), decoder
            )
        if self.shared is not None and isinstance(codes := answer.get("globals"), dict):
            followed = [name for name in self.shared.followed if name in codes]
            self.shared.incoming({name: self._decode(decoder, codes[name]) for name in followed})
        self._raise(answer, decoder)
        return self._decode(decoder, answer.get("value"))

    def _raise(self, answer: Message, decoder: Decoder) -> None:
        if "error" not in answer:
            return
        try:
            args = decoder.decode_all(answer.get("args") or []) or None
            raised = decoder.decode(answer["raised"]) if "raised" in answer else None
        except Exception:  # it is only a claim
            args = raised = None
        if isinstance(raised, Exception) and remote_of(raised) is not None:
            raise raised
        raise errors.rebuild(answer["error"], args, self.codec.given)

    # Values

    def _decode(self, decoder: Decoder, code: object) -> Any:
        with _usable():
            return decoder.decode(code)


@contextlib.contextmanager
def _usable() -> Iterator[None]:
    """Blame the student's process for what cannot be decoded, whatever the test is."""
    try:
        yield
    except StudentError:
        raise
    except CodecError as error:
        raise StudentError(f"the answer is not usable: {error}") from None
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:500]
        raise StudentError(f"the answer is not usable ({reason})") from None
