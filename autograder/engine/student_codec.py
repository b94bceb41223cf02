"""The student's side of what is exchanged with the judge, as codes."""

from __future__ import annotations

import enum
import sys
from abc import ABCMeta
from typing import Any

from autograder.engine import mutable_values, operations
from autograder.engine.arguments import ReceivedArguments
from autograder.engine.judge_objects import library_object
from autograder.engine.judge_proxies import Ask, make_proxy, number_of
from autograder.engine.object_codec import ObjectCodec
from autograder.engine.plain_subclasses import is_fixed, own_behavior
from autograder.wire import models
from autograder.wire.codec import Decoder, Encoder
from autograder.wire.tags import Code, Tag
from course.keras_types import KerasTensor


class StudentCodec(ObjectCodec):
    """What one notebook has shown to the judge, and received from it.

    Args:
        ask: has the judge do something with an object that a test handed over.

    Attributes:
        handles: objects that the judge knows by number.
        arguments: what the current call's arguments hold that can be changed.
        inputs: symbolic inputs of the current call, by number.
    """

    def __init__(self, ask: Ask):
        super().__init__()
        self.handles: dict[int, Any] = {}
        self.arguments = ReceivedArguments()
        self.inputs: dict[int, KerasTensor] = {}
        self._ask = ask
        self._numbers: dict[int, int] = {}
        self._proxies: dict[int, Any] = {}

    def encoder(self) -> Encoder:
        """Return an encoder of what the judge is told."""
        return Encoder(self._encode_special, self._encode_first)

    def encode(self, encoder: Encoder, value: Any) -> Code:
        """Return the code of any value: at worst that of a stand-in."""
        try:
            return encoder.encode(value)
        except Exception:  # no plain form, or one that raises when it is read
            encoder.described.clear()
            return self._described(value, self.encoder())

    def _keep(self, value: Any) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.handles)
            self.handles[number] = value  # and kept, so that no other gets its ID
        return number

    def _encode_first(self, value: Any, encoder: Encoder) -> Code | None:
        """Return codes of what is the judge's own, or plain data and more than that."""
        if (code := self.arguments.encode(value, encoder, self.given)) is not None:
            return code
        if (name := mutable_values.given_class(value, self.given)) is not None:
            return mutable_values.encode_object(value, name, encoder)
        return self._more_than_plain(value, encoder)

    def _more_than_plain(self, value: Any, encoder: Encoder) -> Code | None:
        """Return the code of plain data that can do more than its plain type; else None."""
        kind = type(value)
        more = own_behavior(kind)
        fixed = is_fixed(kind) and kind.__module__ == "__main__" and more != "operators"
        if fixed and (more or isinstance(value, enum.Enum) or hasattr(kind, "_fields")):
            about = self._described_class(kind, encoder)
            return [Tag.EXTENDED, self._keep(value), about, encoder.encode_inner(value)]
        return self._described(value, encoder) if more else None

    def _encode_special(self, value: Any, encoder: Encoder) -> Code:
        if (number := number_of(value)) is not None:
            return [Tag.JUDGE_HANDLE, number]
        if isinstance(value, _Output):
            return [Tag.SYMBOLIC, value.position]
        if isinstance(value, type(sys)):
            return [Tag.MODULE, value.__name__]
        return self._encode_shared(value, encoder) or self._described(value, encoder)

    def _described(self, value: Any, encoder: Encoder) -> Code:
        """Return the code of a stand-in: names, and what can be done with it."""
        if isinstance(value, type):
            return self._described_class(value, encoder)
        name, kind = getattr(value, "__name__", None), type(value)
        if callable(value) and kind.__module__ != "__main__" and isinstance(name, str):
            return [Tag.FUNCTION, self._keep(value), name, kind.__name__]
        about = self._described_class(kind, encoder)
        return [Tag.OBJECT, self._keep(value), about, bool(own_behavior(kind))]

    def _described_class(self, kind: Any, encoder: Encoder) -> Code:
        number = self._keep(kind)
        if number in encoder.described:
            return [Tag.CLASS, number]
        encoder.described.add(number)
        bases = [
            encoder.encode(base)
            for base in kind.__bases__
            if base.__module__ == "__main__" or issubclass(base, BaseException)
        ]
        own = kind.__module__ == "__main__"
        doc = kind.__doc__ if isinstance(kind.__doc__, str) else ""
        names = list(operations.operations_of(kind))
        meta: Any = type(kind)
        of_class = [] if meta in (type, ABCMeta) else list(operations.operations_of(meta))
        return [Tag.CLASS, number, kind.__name__, own, doc[:4000], bases, names, of_class]

    def _decode_special(self, code: Code, decoder: Decoder) -> Any:
        tag, *rest = code
        match tag:
            case Tag.HANDLE:
                return self.handles[rest[0]]
            case Tag.ARGUMENT:
                return self.arguments.note(rest[0], decoder.decode(rest[1]))
            case Tag.ARGUMENT_AGAIN:
                return self.arguments.value(rest[0])
            case Tag.JUDGE_OBJECT:
                number, name, kind, allowed = rest
                if number not in self._proxies:
                    self._proxies[number] = make_proxy(number, name, kind, allowed, self._ask)
                return self._proxies[number]
            case Tag.LIBRARY:
                return library_object(*rest)
            case Tag.SYMBOLIC:
                return self._input_tensor(*rest)
        return super()._decode_special(code, decoder)

    def _input_tensor(self, number: int, shape: list[int | None], dtype: str) -> KerasTensor:
        import keras

        if number not in self.inputs:
            self.inputs[number] = keras.Input(batch_shape=shape, dtype=dtype)
        return self.inputs[number]

    def graph(self, encoder: Encoder, value: Any) -> tuple[list[Any] | None, Any]:
        """Return the model from a call's symbolic inputs to its outputs, and the value.

        Args:
            encoder: of the answer.
            value: what the call returned.

        Returns:
            The model's code with the numbers of the inputs, None if there are no outputs; and the
            value with a number instead of each output.
        """
        import keras

        outputs: list[KerasTensor] = []

        def replaced(tensor: Any) -> Any:
            if not isinstance(tensor, keras.KerasTensor):
                return tensor
            outputs.append(tensor)
            return _Output(len(outputs) - 1)

        value = keras.tree.map_structure(replaced, value)
        if not outputs:
            return None, value
        model = keras.Model(list(self.inputs.values()), outputs)
        return [models.encode(model, encoder), list(self.inputs)], value


class _Output:
    """Stands for a symbolic output, by its position."""

    def __init__(self, position: int):
        self.position = position
