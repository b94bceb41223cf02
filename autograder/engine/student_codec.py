"""The student's things as codes: in its own process, what the judge knows of them by number."""

from __future__ import annotations

import enum
import sys
from abc import ABCMeta
from collections.abc import Callable

from autograder.engine import judge_objects, judge_proxies, mutable_values, operations
from autograder.engine.plain_subclasses import is_fixed, own_behavior
from autograder.engine.received_arguments import Received, plain_object
from autograder.wire import models
from autograder.wire.codec import CodecError, Decoder, Encoder


class StudentCodec:
    """What one notebook has shown to the judge and got from it.

    Args:
        ask: has the judge do something with what a test handed over, as
            ``ask(number, operation, args, kwargs)``.

    Attributes:
        handles: things that the judge knows by number.
        given: functions and classes of the instructor's that both processes have, by name.
        received: what the current call brought.
        inputs: symbolic inputs of the current call, by number.
    """

    def __init__(self, ask: Callable):
        self.handles: dict[int, object] = {}
        self.given: dict[str, object] = {}
        self.received = Received()
        self.inputs: dict = {}
        self._ask = ask
        self._numbers: dict[int, int] = {}
        self._borrowed: dict[int, object] = {}

    def encoder(self) -> Encoder:
        """An encoder that knows them."""
        return Encoder(self._encode_special, self._encode_first)

    def decoder(self, blobs: list[bytes]) -> Decoder:
        """A decoder that knows them."""
        return Decoder(blobs, self._decode_special)

    def encode(self, encoder: Encoder, value) -> list:
        """The code of any value: at worst that of a stand-in."""
        try:
            return encoder.encode(value)
        except Exception:  # no plain form, or one that raises when it is looked at
            encoder.described.clear()
            return self._described(value, self.encoder())

    def _keep(self, value) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.handles)
            self.handles[number] = value  # and kept, so that no other takes over its id
        return number

    def _encode_first(self, value, encoder: Encoder) -> list | None:
        """Codes of what is the judge's own, or plain data and more than that."""
        if (code := self.received.code(value, encoder, self.given)) is not None:
            return code
        if (name := mutable_values.given_class(value, self.given)) is not None:
            return plain_object(value, name, encoder)
        return self._more_than_plain(value, encoder)

    def _more_than_plain(self, value, encoder: Encoder) -> list | None:
        """The code of plain data that can do more; None of what can not, or is no plain data."""
        kind = type(value)
        more = own_behavior(kind)
        fixed = is_fixed(kind) and kind.__module__ == "__main__" and more != "operators"
        if fixed and (more or isinstance(value, enum.Enum) or hasattr(kind, "_fields")):
            about = self._described_class(kind, encoder)
            return ["w", self._keep(value), about, encoder.encode_inner(value)]
        return self._described(value, encoder) if more else None

    def _encode_special(self, value, encoder: Encoder) -> list:
        if (number := judge_proxies.number_of(value)) is not None:
            return ["H", number]
        if isinstance(value, _Output):
            return ["k", value.position]
        if "keras" in sys.modules and (code := models.encode(value, encoder)) is not None:
            return code
        if isinstance(value, type(sys)):
            return ["module", value.__name__]
        for name, thing in self.given.items():
            if thing is value:
                return ["G", name]
        return self._described(value, encoder)

    def _described(self, value, encoder: Encoder) -> list:
        """The code of a stand-in: names, and what can be done with it; never a test of it."""
        if isinstance(value, type):
            return self._described_class(value, encoder)
        name, kind = getattr(value, "__name__", None), type(value)
        if callable(value) and kind.__module__ != "__main__" and isinstance(name, str):
            return ["f", self._keep(value), name, kind.__name__]
        about = self._described_class(kind, encoder)
        return ["o", self._keep(value), about, bool(own_behavior(kind))]

    def _described_class(self, kind: type, encoder: Encoder) -> list:
        number = self._keep(kind)
        if number in encoder.described:
            return ["C", number]
        encoder.described.add(number)
        bases = []
        for base in kind.__bases__:
            if base.__module__ == "__main__" or issubclass(base, BaseException):
                bases.append(encoder.encode(base))
        own = kind.__module__ == "__main__"
        doc = kind.__doc__ if isinstance(kind.__doc__, str) else ""
        names = list(operations.of(kind))
        of_class = [] if type(kind) in (type, ABCMeta) else list(operations.of(type(kind)))
        return ["C", number, kind.__name__, own, doc[:4000], bases, names, of_class]

    def _decode_special(self, code: list, decoder: Decoder):
        tag, *rest = code
        match tag:
            case "h":
                return self.handles[rest[0]]
            case "#":
                return self.received.note(rest[0], decoder.decode(rest[1]))
            case "@":
                return self.received.value(rest[0])
            case "O":
                return mutable_values.build(self.given[rest[0]], decoder.decode(rest[1]))
            case "G":
                return self.given[rest[0]]
            case "J":
                number = rest[0]
                if number not in self._borrowed:
                    self._borrowed[number] = judge_proxies.borrow(*rest, self._ask)
                return self._borrowed[number]
            case "g":
                return judge_objects.named(*rest)
            case "T" | "m":
                return models.decode(tag, rest, decoder)
            case "k":
                return self._input_tensor(*rest)
        raise CodecError(f"an unknown tag {tag!r}")

    def _input_tensor(self, number: int, shape: list, dtype: str):
        import keras

        if number not in self.inputs:
            self.inputs[number] = keras.Input(batch_shape=shape, dtype=dtype)
        return self.inputs[number]

    def graph(self, encoder: Encoder, value):
        """The model from a call's symbolic inputs to its outputs, and stand-ins for those."""
        import keras

        outputs: list = []

        def stand_in(tensor):
            if not isinstance(tensor, keras.KerasTensor):
                return tensor
            outputs.append(tensor)
            return _Output(len(outputs) - 1)

        value = keras.tree.map_structure(stand_in, value)
        if not outputs:
            return None, value
        model = keras.Model(list(self.inputs.values()), outputs)
        return [models.encode(model, encoder), list(self.inputs)], value


class _Output:
    """Stands for a symbolic output, by its position."""

    def __init__(self, position: int):
        self.position = position
