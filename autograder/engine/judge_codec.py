"""What crosses between a test and a student's process, as codes: the judge's side."""

from __future__ import annotations

import sys

from autograder.engine import mutable_values, standins
from autograder.engine.errors import StudentError
from autograder.engine.judge_objects import JudgeObjects, by_name
from autograder.engine.remote import Remote, remote_of
from autograder.engine.standins import function
from autograder.wire import models
from autograder.wire.codec import CodecError, Decoder, Encoder


class JudgeCodec:
    """What one submission's tests have handed over, and what they got.

    Args:
        student: the conversation, which stand-ins speak with.

    Attributes:
        given: functions and classes of the instructor's that both processes have, by name.
        handed: what tests handed over that has no plain form.
        sent: what the current call's arguments hold that can be changed.
        tensors: symbolic tensors that it was given.
        outputs: those that it gave.
    """

    def __init__(self, student):
        self._student = student
        self.given: dict[str, object] = {}
        self.handed = JudgeObjects()
        self._made: dict[int, object] = {}
        self.begin()

    def begin(self) -> None:
        """Begin a call."""
        self.sent = mutable_values.Sent()
        self.tensors: list = []
        self.outputs: list = []

    def encoder(self, *, numbered: bool = False) -> Encoder:
        """An encoder; with `numbered`, of arguments that the call may change."""
        return Encoder(self._encode_special, *([self._encode_first] if numbered else []))

    def decoder(self, blobs: list[bytes]) -> Decoder:
        """A decoder of what the student's process says."""
        return Decoder(blobs, self._decode_special)

    def inline(self, decoder: Decoder, graph) -> list:
        """Symbolic outputs of a call, computed by the student's layers on our own tensors."""
        if not graph:
            return []
        model = decoder.decode(graph[0])
        if isinstance(model, RejectedModel):
            raise StudentError(model.reason)
        import keras

        tensors = [self.tensors[position] for position in graph[1]]
        return keras.tree.flatten(models.inline(model, tensors))

    def _decode_special(self, code: list, decoder: Decoder):
        tag, *rest = code
        match tag:
            case "=":
                return self.sent.take(rest[0], rest[1] and decoder.decode(rest[1]))
            case "O":
                return mutable_values.build(self.given[rest[0]], decoder.decode(rest[1]))
            case "G":
                return self.given[rest[0]]
            case "H":
                return self.handed.thing(rest[0])
            case "w":
                handle, about, inner = rest
                kind = decoder.decode(about)
                return standins.extend(decoder.decode(inner), kind, self._remote(handle, kind))
            case "f" | "o" | "C":
                return self._stand_in(tag, rest, decoder)
            case "module":
                try:
                    return mutable_values.module(rest[0])
                except CodecError as error:  # most tests never look at it
                    return RejectedModel(f"the answer is not usable: {error}")
            case "m" | "T":
                try:
                    return models.decode(tag, rest, decoder)
                except models.RebuildError as error:
                    return RejectedModel(str(error))
            case "k":
                return self.outputs[int(rest[0])]
        raise CodecError(f"a {tag!r} cannot be used in a test")

    def _stand_in(self, tag: str, rest: list, decoder: Decoder):
        """The stand-in of a handle, the same one whenever it comes."""
        handle = int(rest[0])
        if handle in self._made:
            return self._made[handle]
        if tag == "f":
            _, name, kind = rest
            made = standins.make_object(
                function, Remote(self._student, handle, str(name)[:200], str(kind)[:200], True)
            )
        elif tag == "C":
            _, name, own, doc, bases, names, of_class = rest
            name = str(name)[:200]
            remote = Remote(self._student, handle, name, name, bool(own))
            known = [base for base in decoder.decode_all(bases) if isinstance(base, type)]
            names, of_class = map(str, names), map(str, of_class)
            made = standins.make_class(remote, name, str(doc), known, [*names], [*of_class])
        else:
            _, code, plain = rest
            kind = decoder.decode(code)
            made = standins.make_object(kind, self._remote(handle, kind, bool(plain)))
        return self._made.setdefault(handle, made)

    def _remote(self, handle: int, kind: type, plain: bool = False) -> Remote:
        about = remote_of(kind)
        return Remote(self._student, int(handle), "", about.kind, about.own, plain)

    def _encode_first(self, value, encoder: Encoder) -> list | None:
        if (handle := type(value).__dict__.get("__handle__")) is not None:
            return ["h", handle]
        return self.sent.code(value, encoder, self.given)

    def _encode_special(self, value, encoder: Encoder) -> list:
        if (remote := remote_of(value)) is not None:
            return ["h", remote.handle]
        if "keras" in sys.modules:
            import keras

            if isinstance(value, keras.KerasTensor):
                self.tensors.append(value)
                return ["k", len(self.tensors) - 1, list(value.shape), str(value.dtype)]
            if (code := models.encode(value, encoder)) is not None:
                return code
        for name, thing in self.given.items():
            if thing is value:
                return ["G", name]
        code = by_name(value) or self.handed.code(value)
        if code is None:
            raise CodecError(f"a {type(value).__name__} cannot be handed to a student's function")
        return code


class RejectedModel:
    """A model that was not rebuilt, or a module that a test may not have: using it says why."""

    def __init__(self, reason: str):
        self.__dict__["reason"] = reason

    def _refuse(self, *args, **kwargs):
        raise StudentError(self.reason)

    __call__ = __getattr__ = __iter__ = __len__ = __getitem__ = __bool__ = _refuse

    def __eq__(self, other):
        return False

    __hash__ = None
