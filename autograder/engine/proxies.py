"""The judge's stand-ins for what belongs to the student.

A stand-in passes calls and attribute reads on to the student's process and gives back plain data.
It equals nothing but itself, whatever its owner would have said.
"""

from __future__ import annotations

import builtins
import sys
import time

from autograder.checks import watching
from autograder.engine import models
from autograder.engine.channel import Channel, ChannelError
from autograder.engine.codec import CodecError, Decoder, Encoder

# Beyond the time a call may take, the student's process gets this long to say that it was too long.
GRACE_S = 3.0


class StudentError(Exception):
    """Something in the student's work failed that has no better-known exception."""


class Student:
    """The judge's end of the conversation with one student's process.

    Attributes:
        incidents: what an instructor should look at, in words.
        alive: False once the process is gone or has stopped answering.
        usual: False once it has said something that no honest process says.
        deadline: ``time.monotonic()`` at which the current cell's time is up.
    """

    def __init__(self, channel: Channel):
        self.channel = channel
        self.incidents: list[str] = []
        self.alive = True
        self.deadline = float("inf")
        self.usual = True
        self._tensors: list = []

    def ask(self, seconds: float, blobs: list[bytes] = (), **request) -> tuple[dict, list[bytes]]:
        """Send a request; the answer.

        Raises:
            StudentError: the process is gone, silent, or does not answer as it should.
        """
        if not self.alive:
            raise StudentError("your code ended or blocked the Python process earlier")
        try:
            self.channel.send(request | {"seconds": seconds}, list(blobs))
            answer, beside = self.channel.receive(seconds + GRACE_S)
        except ChannelError as error:
            self.alive = False
            self.channel.close()
            self.incidents.append(f"the code ended or blocked the Python process: {error}")
            raise StudentError(f"your code ended or blocked the Python process ({error})") from None
        if not isinstance(answer, dict):
            self.usual = False
            raise StudentError("your process gave no usable answer")
        for incident in answer.get("incidents", [])[:20]:
            if isinstance(incident, str) and incident not in self.incidents:
                self.incidents.append(incident[:200])
        return answer, beside

    def summary(self) -> dict:
        """What was noticed, and whether the judge that it was may judge others."""
        usual = self.usual and not self.incidents
        return {"incidents": self.incidents, "usual": usual}

    def left(self) -> float:
        """Seconds that the current cell still has.

        Raises:
            StudentError: none.
        """
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise StudentError("the time for this question is up")
        return seconds

    def get(self, names: list[str]) -> dict:
        """Values or stand-ins of the names that the student has defined."""
        answer, beside = self.ask(self.left(), do="get", names=names)
        if "error" in answer:
            raise rebuild_error(answer["error"])
        values = answer.get("values", {})
        decoder = Decoder(beside, self._decode_special)
        return {name: self._decode(decoder, values[name]) for name in names if name in values}

    def attribute(self, handle: int, name: str):
        """An attribute of something of the student's."""
        answer, beside = self.ask(self.left(), do="attribute", handle=handle, name=name)
        if "error" in answer:
            raise rebuild_error(answer["error"])
        return self._decode(Decoder(beside, self._decode_special), answer.get("value"))

    def call(self, handle: int, args: tuple, kwargs: dict):
        """Call something of the student's; its value, or its exception raised."""
        self._tensors = []
        encoder = Encoder(self._encode_special)
        request = {"args": encoder.encode(args), "kwargs": encoder.encode(kwargs)}
        if watch := watching.current():
            request["watch"] = watch.request()
        answer, beside = self.ask(self.left(), encoder.blobs, do="call", handle=handle, **request)
        if isinstance(printed := answer.get("printed"), str):
            sys.stdout.write(printed)
        if watch:
            watch.note(answer.get("watched"))
        if "error" in answer:
            raise rebuild_error(answer["error"])
        decoder = Decoder(beside, self._decode_special)
        self._outputs = self._inline(decoder, answer.get("graph"))
        value = self._decode(decoder, answer.get("value"))
        for position, code in answer.get("changed", []):
            _update(args[position], self._decode(decoder, code))
        return value

    def _inline(self, decoder: Decoder, graph) -> list:
        """Symbolic outputs of a call, computed by the student's layers on our own tensors."""
        if not graph:
            return []
        model = self._decode(decoder, graph[0])
        if isinstance(model, Unreadable):
            raise StudentError(model.reason)
        import keras

        tensors = [self._tensors[position] for position in graph[1]]
        return keras.tree.flatten(models.inline(model, tensors))

    def _decode(self, decoder: Decoder, code):
        try:
            return decoder.decode(code)
        except CodecError as error:
            self.usual = False
            raise StudentError(f"the answer is not usable: {error}") from None

    def _decode_special(self, code: list, decoder: Decoder):
        tag, *rest = code
        match tag:
            case "f" | "o" | "C":
                kind = {"f": StudentFunction, "o": StudentObject, "C": StudentClass}[tag]
                handle, name, mro, text = rest
                return kind(self, int(handle), str(name), [str(part) for part in mro], str(text))
            case "T":
                import keras

                return keras.ops.convert_to_tensor(decoder.array(rest[0]))
            case "m":
                try:
                    arrays = [decoder.array(code) for code in rest[1]]
                    return models.unpack(decoder.blob(rest[0]).decode(errors="replace"), arrays)
                except models.RebuildError as error:
                    self.usual = False
                    return Unreadable(str(error))
            case "k":
                return self._outputs[int(rest[0])]
        raise CodecError(f"a {tag!r} cannot be used in a test")

    def _encode_special(self, value, encoder: Encoder) -> list:
        if isinstance(value, StudentObject):
            return ["h", value._handle]
        keras = sys.modules.get("keras")
        if keras is not None:
            if isinstance(value, keras.KerasTensor):
                self._tensors.append(value)
                return ["k", len(self._tensors) - 1, list(value.shape), str(value.dtype)]
            if models.is_graph(value):
                config, weights = models.pack(value)
                return ["m", encoder.blob(config.encode()), [encoder.array(w) for w in weights]]
            if keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
                return ["T", encoder.array(keras.ops.convert_to_numpy(value))]
        raise CodecError(f"a {type(value).__name__} cannot be handed to a student's function")


class StudentObject:
    """Something of the student's that has no plain form."""

    def __init__(self, student: Student, handle: int, name: str, mro: list[str], text: str):
        self._student, self._handle, self._mro = student, handle, mro
        self.__name__ = name or (mro[0] if mro else "object")
        self.__doc__ = text

    def __repr__(self):
        return f"<{self.__name__} of the student>"

    def __call__(self, *args, **kwargs):
        return self._student.call(self._handle, args, kwargs)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(f"{self.__name__} has no {name} that a test can use")
        return self._student.attribute(self._handle, name)

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__

    def __bool__(self):
        raise StudentError(f"{self!r} is no plain value and cannot be true or false")


class StudentFunction(StudentObject):
    """A function of the student's."""


class StudentClass(StudentObject):
    """A class of the student's; calling it makes an object of it."""

    def __instancecheck__(self, value):
        return isinstance(value, StudentObject) and self.__name__ in value._mro


class Unreadable:
    """A model that was not rebuilt: using it says why."""

    def __init__(self, reason: str):
        self.__dict__["reason"] = reason

    def _refuse(self, *args, **kwargs):
        raise StudentError(self.reason)

    __call__ = __getattr__ = __iter__ = __len__ = __getitem__ = __bool__ = _refuse

    def __eq__(self, other):
        return False

    __hash__ = None


def rebuild_error(description) -> Exception:
    """An exception as the student's code raised it, as far as it is one of Python's own."""
    try:
        names, message = description
        names, message = [str(name) for name in names], str(message)
    except (TypeError, ValueError):
        return StudentError("your process gave no usable answer")
    for name in names:
        kind = getattr(builtins, name, None)
        if kind is Exception or not (isinstance(kind, type) and issubclass(kind, Exception)):
            continue
        try:
            return kind(message)
        except TypeError:  # UnicodeDecodeError and its like want more than a message
            continue
    own = type(names[0][:80] if names else "StudentError", (StudentError,), {})
    return own(message)


def _update(value, new) -> None:
    """Do to an argument what the student's code did to its copy."""
    if type(value) is type(new) is list:
        value[:] = new
    elif type(value) is type(new) and isinstance(value, dict | set):
        value.clear()
        value.update(new)
    elif hasattr(value, "shape") and value.shape == getattr(new, "shape", None):
        value[...] = new
