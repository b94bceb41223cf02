"""The student's process: runs cells, and answers questions about what they defined.

It holds the student's code and nothing else: what the judge asks comes in as names, handles and
plain data, and whatever goes out is a claim that the judge checks. It ends when the judge hangs up.
"""

from __future__ import annotations

import contextlib
import enum
import io
import os
import socket
import sys

from autograder.checks.own import set_student
from autograder.checks.watching import Watch, traced
from autograder.engine import models
from autograder.engine.cells import Cell, CellTimeout, alarm, make_shell
from autograder.engine.channel import Channel, ChannelError
from autograder.engine.codec import CodecError, Decoder, Encoder, has_own_behavior

MAX_INCIDENTS = 20
# Built at import, which a fork server does before it forks.
SHELL = make_shell()


def main(connection: socket.socket) -> None:
    """Serve the judge at the other end until it hangs up."""
    # Modules that were handed in beside the notebook, as a notebook's own folder is on the path.
    sys.path.insert(0, os.getcwd())
    student = Student(Channel(connection))
    sys.addaudithook(student.audit)
    student.serve()


class Student:
    """One submission's notebook, open for questions."""

    def __init__(self, channel: Channel, shell=None):
        self.channel = channel
        self.shell = shell or SHELL
        self.handles: dict[int, object] = {}
        self.incidents: list[str] = []
        self._home = os.path.realpath(os.getcwd())

    def serve(self) -> None:
        """Answer requests one after the other."""
        while True:
            try:
                request, blobs = self.channel.receive()
            except ChannelError:
                return
            answer, beside = self._answer(request, blobs)
            answer["incidents"], self.incidents = self.incidents, []
            try:
                self.channel.send(answer, beside)
            except ChannelError:
                return

    def _answer(self, request: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        encoder = Encoder(self._encode_special, self._encode_first)
        try:
            method = getattr(self, f"do_{request['do']}")
            return method(request, Decoder(blobs, self._decode_special), encoder), encoder.blobs
        except BaseException as error:
            # Whatever the student's code raises is an answer, too.
            return {"error": describe(error)}, []

    # Requests

    def do_begin(self, request, decoder, encoder) -> dict:
        """Know whose notebook this is."""
        set_student(request["student"])
        return {}

    def do_cell(self, request, decoder, encoder) -> dict:
        """Run a cell."""
        return Cell(self.shell).run(request["source"], request["seconds"])

    def do_get(self, request, decoder, encoder) -> dict:
        """Values of names, as far as they are defined."""
        space = self.shell.user_ns
        return {
            "values": {n: self._encode(encoder, space[n]) for n in request["names"] if n in space}
        }

    def do_attribute(self, request, decoder, encoder) -> dict:
        """An attribute of something that the judge has a handle of."""
        with alarm(request["seconds"]):
            value = getattr(self.handles[request["handle"]], request["name"])
        return {"value": self._encode(encoder, value)}

    def do_call(self, request, decoder, encoder) -> dict:
        """Call something that the judge has a handle of."""
        self._inputs = {}
        args = decoder.decode(request["args"])
        kwargs = decoder.decode(request["kwargs"])
        before = [_snapshot(value) for value in args]
        printed = io.StringIO()
        answer: dict = {}
        try:
            with (
                self._watched(request, answer),
                contextlib.redirect_stdout(printed),
                alarm(request["seconds"]),
            ):
                value = self.handles[request["handle"]](*args, **kwargs)
            if self._inputs:
                answer["graph"], value = self._graph(encoder, value)
            answer["value"] = self._encode(encoder, value)
            answer["changed"] = [
                [position, self._encode(encoder, value)]
                for position, (value, old) in enumerate(zip(args, before, strict=True))
                if old is not None and _snapshot(value) != old
            ]
        except BaseException as error:
            answer["error"] = describe(error)
        answer["printed"] = printed.getvalue()[: 1 << 20]
        return answer

    @contextlib.contextmanager
    def _watched(self, request, answer):
        """Look at what a call does, if that is asked for."""
        if "watch" not in request:
            yield
            return
        watch = Watch(tuple(request["watch"]["without"]), request["watch"]["lines"])
        try:
            with traced(watch, self.shell.user_ns):
                yield
        finally:
            answer["watched"] = watch.seen()

    # Values

    def _encode(self, encoder: Encoder, value) -> list:
        try:
            return encoder.encode(value)
        except Exception:  # no plain form, or one that raises when it is looked at
            return ["o", self._keep(value), *_description(value)]

    def _keep(self, value) -> int:
        number = len(self.handles)
        self.handles[number] = value
        return number

    def _encode_first(self, value, encoder: Encoder) -> list | None:
        """A stand-in's code for what is plain data and more than that."""
        if has_own_behavior(type(value)) and not isinstance(value, enum.Enum):
            return self._encode_special(value, encoder)
        return None

    def _encode_special(self, value, encoder: Encoder) -> list:
        keras = sys.modules.get("keras")
        if keras is not None:
            if isinstance(value, _Output):
                return ["k", value.position]
            if models.is_graph(value):
                config, weights = models.pack(value)
                return ["m", encoder.blob(config.encode()), [encoder.array(w) for w in weights]]
            if keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
                return ["T", encoder.array(keras.ops.convert_to_numpy(value))]
        if isinstance(value, type(sys)):
            return ["module", value.__name__]
        kind = "C" if isinstance(value, type) else "f" if callable(value) else "o"
        return [kind, self._keep(value), *_description(value)]

    def _decode_special(self, code: list, decoder: Decoder):
        tag, *rest = code
        if tag == "h":
            return self.handles[rest[0]]
        if tag == "T":
            import keras

            return keras.ops.convert_to_tensor(decoder.array(rest[0]))
        if tag == "m":
            arrays = [decoder.array(code) for code in rest[1]]
            return models.unpack(decoder.blob(rest[0]).decode(), arrays)
        if tag == "k":
            import keras

            number, shape, dtype = rest
            if number not in self._inputs:
                self._inputs[number] = keras.Input(batch_shape=shape, dtype=dtype)
            return self._inputs[number]
        raise CodecError(f"an unknown tag {tag!r}")

    def _graph(self, encoder: Encoder, value):
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
        model = keras.Model(list(self._inputs.values()), outputs)
        config, weights = models.pack(model)
        code = ["m", encoder.blob(config.encode()), [encoder.array(w) for w in weights]]
        return [code, list(self._inputs)], value

    def audit(self, event: str, args: tuple) -> None:
        """Note attempts to leave the sandbox; the sandbox itself is what stops them."""
        if event == "socket.connect":
            self._incident(f"tried to connect to {args[1]!r}")
        elif event == "open" and isinstance(args[0], str | bytes) and args[2] & _WRITES:
            path = os.path.realpath(os.fsdecode(args[0]))
            if not path.startswith((self._home, "/dev/", "/tmp/")):
                self._incident(f"tried to write to {path}")

    def _incident(self, what: str) -> None:
        if len(self.incidents) < MAX_INCIDENTS:
            self.incidents.append(what[:200])


_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class _Output:
    """Stands for a symbolic output, by its position."""

    def __init__(self, position: int):
        self.position = position


def _description(value) -> list[str]:
    """What the judge's stand-in shows of a value: names, never a test of it."""
    kind = value if isinstance(value, type) else type(value)
    name = getattr(value, "__name__", "")
    text = getattr(value, "__doc__", "") or ""
    mro = [parent.__name__ for parent in kind.__mro__]
    return [
        name if isinstance(name, str) else "",
        mro,
        text[:4000] if isinstance(text, str) else "",
    ]


def describe(error: BaseException) -> list:
    """An exception as plain data: the names of its classes, and its message."""
    names = [kind.__name__ for kind in type(error).__mro__]
    if isinstance(error, CellTimeout):
        return [["TimeoutError", "OSError", "Exception"], "it did not finish in time"]
    try:
        return [names, str(error)[:2000]]
    except Exception:
        return [names, ""]


def _snapshot(value) -> bytes | None:
    """What can be compared to see that a call changed its argument; None for what it cannot."""
    if type(value) in (list, dict, set):
        return repr(value)[: 1 << 20].encode()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray) and value.nbytes < 1 << 24:
        return value.tobytes()
    return None
