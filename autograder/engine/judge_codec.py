"""The judge's side of what is exchanged with a student's process, as codes."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from autograder.engine import mutable_values, standins
from autograder.engine.arguments import SentArguments
from autograder.engine.errors import StudentError
from autograder.engine.judge_objects import JudgeObjects, encode_by_name
from autograder.engine.object_codec import ObjectCodec
from autograder.engine.remote import Conversation, Remote, remote_of, the_remote
from autograder.wire import models
from autograder.wire.codec import CodecError, Decoder, Encoder
from autograder.wire.tags import Code, Tag
from course.keras_types import KerasTensor


class JudgeCodec(ObjectCodec):
    """What one submission's tests have handed over, and what they received.

    Args:
        student: the conversation, for stand-ins to speak with.

    Attributes:
        objects: what tests handed over that has no plain form.
        arguments: what the current call's arguments hold that can be changed.
        tensors: symbolic tensors that the current call was given.
        outputs: those that it returned.
    """

    def __init__(self, student: Conversation):
        super().__init__()
        self._student = student
        self.objects = JudgeObjects()
        self._stand_ins: dict[int, Any] = {}
        self.begin()

    def begin(self) -> None:
        """Begin a call."""
        self.arguments = SentArguments()
        self.tensors: list[KerasTensor] = []
        self.outputs: list[KerasTensor] = []

    def encoder(self, *, numbered: bool = False) -> Encoder:
        """Return an encoder; with `numbered`, of arguments that the call may change."""
        if numbered:
            return Encoder(self._encode_special, self._encode_first)
        return Encoder(self._encode_special)

    def inline(self, decoder: Decoder, graph: Any) -> list[KerasTensor]:
        """Return a call's symbolic outputs, computed by the student's layers on our own tensors."""
        if not graph:
            return []
        model = decoder.decode(graph[0])
        if isinstance(model, RejectedModel):
            raise StudentError(reason_of(model))
        import keras

        tensors = [self.tensors[position] for position in graph[1]]
        outputs: list[KerasTensor] = keras.tree.flatten(models.inline(model, tensors))
        return outputs

    def _decode_special(self, code: Code, decoder: Decoder) -> Any:
        tag, *rest = code
        match tag:
            case Tag.ARGUMENT_BACK:
                return self.arguments.updated(rest[0], rest[1] and decoder.decode(rest[1]))
            case Tag.JUDGE_HANDLE:
                return self.objects.get(rest[0])
            case Tag.EXTENDED:
                handle, about, inner = rest
                kind = decoder.decode(about)
                return standins.extend(decoder.decode(inner), kind, self._remote(handle, kind))
            case Tag.FUNCTION | Tag.OBJECT | Tag.CLASS:
                return self._stand_in(tag, rest, decoder)
            case Tag.MODULE:
                try:
                    return mutable_values.library_module(rest[0])
                except CodecError as error:  # most tests never look at it
                    return RejectedModel(f"the answer is not usable: {error}")
            case Tag.SYMBOLIC:
                return self.outputs[int(rest[0])]
        try:
            return super()._decode_special(code, decoder)
        except models.RebuildError as error:
            return RejectedModel(str(error))

    def _stand_in(self, tag: Tag, rest: list[Any], decoder: Decoder) -> Any:
        """Return the stand-in of a handle, the same one each time."""
        handle = int(rest[0])
        if handle in self._stand_ins:
            return self._stand_ins[handle]
        if tag == Tag.FUNCTION:
            _, name, kind = rest
            remote = Remote(self._student, handle, str(name)[:200], str(kind)[:200], True)
            made = standins.make_object(standins.StudentFunction, remote)
        elif tag == Tag.CLASS:
            _, name, own, doc, bases, names, of_class = rest
            name = str(name)[:200]
            remote = Remote(self._student, handle, name, name, bool(own))
            known = [base for base in decoder.decode_all(bases) if isinstance(base, type)]
            made = standins.make_class(
                remote, name, str(doc), known, map(str, names), map(str, of_class)
            )
        else:
            _, code, plain = rest
            kind = decoder.decode(code)
            made = standins.make_object(kind, self._remote(handle, kind, bool(plain)))
        return self._stand_ins.setdefault(handle, made)

    def _remote(self, handle: int, kind: type, plain: bool = False) -> Remote:
        about = the_remote(kind)
        return Remote(self._student, int(handle), "", about.kind, about.own, plain)

    def _encode_first(self, value: Any, encoder: Encoder) -> Code | None:
        if (handle := type(value).__dict__.get("__handle__")) is not None:
            return [Tag.HANDLE, handle]
        return self.arguments.encode(value, encoder, self.given)

    def _encode_special(self, value: Any, encoder: Encoder) -> Code:
        if (remote := remote_of(value)) is not None:
            return [Tag.HANDLE, remote.handle]
        if "keras" in sys.modules and isinstance(value, sys.modules["keras"].KerasTensor):
            self.tensors.append(value)
            number = len(self.tensors) - 1
            return [Tag.SYMBOLIC, number, list(value.shape), str(value.dtype)]
        code = self._encode_shared(value, encoder)
        code = code or encode_by_name(value) or self.objects.encode(value)
        if code is None:
            raise CodecError(f"a {type(value).__name__} cannot be handed to a student's function")
        return code


class RejectedModel:
    """A model that was not rebuilt, or a module that a test may not have; using it says why."""

    def __init__(self, reason: str):
        self.__dict__["reason"] = reason

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise StudentError(reason_of(self))

    __call__ = __getattr__ = __iter__ = __len__ = __getitem__ = __bool__ = _refuse

    def __eq__(self, other: object) -> bool:
        return False

    __hash__: Any = None


def reason_of(rejected: RejectedModel) -> str:
    """Return why a model was not rebuilt."""
    return str(rejected.__dict__["reason"])
