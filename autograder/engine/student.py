"""The student's process: runs cells, and answers questions about what they defined.

It holds the student's code and nothing else: what the judge asks comes in as names, handles and
plain data, and whatever goes out is a claim that the judge checks. It ends when the judge hangs up.
"""

from __future__ import annotations

import builtins
import contextlib
import enum
import importlib
import io
import os
import signal
import socket
import sys
import threading
from abc import ABCMeta

from autograder.checks.own import set_student
from autograder.checks.watching import Watch, traced
from autograder.engine import borrowed, errors, files, handed, models, operations, updates
from autograder.engine.cells import Cell, alarm, make_shell
from autograder.engine.channel import Channel, ChannelError
from autograder.engine.codec import CodecError, Decoder, Encoder, is_fixed, own_behavior
from autograder.engine.received import Received, plain_object, snapshot

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
    """One submission's notebook, open for questions.

    Attributes:
        handles: things that the judge knows by number.
        given: functions and classes of the instructor's that both processes have, by name.
    """

    def __init__(self, channel: Channel, shell=None):
        self.channel = channel
        self.shell = shell or SHELL
        self.handles: dict[int, object] = {}
        self.given: dict[str, object] = {}
        self.incidents: list[str] = []
        self._numbers: dict[int, int] = {}
        self._borrowed: dict[int, object] = {}
        self._received = Received()
        self._inputs: dict = {}
        self._replaced: dict[str, object] = {}
        self._called = 0  # how many calls are being answered, one within the other
        self._lock = threading.RLock()
        self.folder = files.Folder(os.getcwd())
        self._home = os.path.realpath(os.getcwd())

    def serve(self) -> None:
        """Answer requests one after the other."""
        while True:
            try:
                self._respond(*self.channel.receive())
            except ChannelError:
                return

    def _respond(self, request: dict, blobs: list[bytes]) -> None:
        answer, beside = self._answer(request, blobs)
        answer["incidents"], self.incidents = self.incidents, []
        self.channel.send(answer, beside)

    def _answer(self, request: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        encoder = Encoder(self._encode_special, self._encode_first)
        try:
            method = getattr(self, f"do_{request['do']}")
            return method(request, Decoder(blobs, self._decode_special), encoder), encoder.blobs
        except BaseException as error:
            # Whatever the student's code raises is an answer, too.
            return {"error": errors.describe(error)}, []

    # Requests

    def do_begin(self, request, decoder, encoder) -> dict:
        """Know whose notebook this is."""
        set_student(request["student"])
        return {}

    def do_cell(self, request, decoder, encoder) -> dict:
        """Run a cell; of an instructor's one, remember what it defines."""
        self.folder.write(files.received(request.get("files"), decoder))
        result = Cell(self.shell).run(request["source"], request["seconds"])
        result["files"] = files.sent(self.folder.changed(), encoder)
        space = self.shell.user_ns
        self.given |= {name: space[name] for name in request.get("given", []) if name in space}
        return result

    def do_get(self, request, decoder, encoder) -> dict:
        """Values of names, as far as they are defined."""
        space = self.shell.user_ns
        return {
            "values": {n: self._encode(encoder, space[n]) for n in request["names"] if n in space}
        }

    def do_names(self, request, decoder, encoder) -> dict:
        """Names that the notebook has defined."""
        hidden = set(self.shell.user_ns_hidden)
        found = [n for n in self.shell.user_ns if n not in hidden and not n.startswith("_")]
        return {"names": found[-1000:]}

    def do_restore(self, request, decoder, encoder) -> dict:
        """Give globals that a test has replaced their own values back."""
        space = self.shell.user_ns
        for name, value in self._replaced.items():
            if value is _MISSING:
                space.pop(name, None)
            else:
                space[name] = value
        self._replaced = {}
        return {}

    def do_attribute(self, request, decoder, encoder) -> dict:
        """An attribute of something that the judge has a handle of."""
        with self._during_call(request):
            value = getattr(self.handles[request["handle"]], request["name"])
        return {"value": self._encode(encoder, value)}

    def do_call(self, request, decoder, encoder) -> dict:
        """Call something that the judge has a handle of, or do something else with it."""
        if request["op"] == "plain":
            return {"value": encoder.encode_inner(self.handles[request["handle"]])}
        kept = self._received, self._inputs
        self._received, self._inputs = Received(), {}
        printed = io.StringIO()
        answer: dict = {}
        try:
            args, kwargs = decoder.decode(request["args"]), decoder.decode(request["kwargs"])
            self._replace(request.get("globals", {}), decoder)
            self.folder.write(files.received(request.get("files"), decoder))
            values = [*args, *kwargs.values()]
            before = [snapshot(value, self.given) for value in values]
            try:
                with (
                    self._watched(request, answer),
                    self._patched(request, decoder),
                    contextlib.redirect_stdout(printed),
                    self._during_call(request),
                ):
                    value = self._do(request, args, kwargs)
                if self._inputs:
                    answer["graph"], value = self._graph(encoder, value)
            except BaseException as error:
                self._failed(answer, encoder, error)
            answer["changed"] = [
                self._encode(encoder, value)
                for value, old in zip(values, before, strict=True)
                if old is not None and snapshot(value, self.given) != old
            ]
            space = self.shell.user_ns
            if followed := [name for name in request.get("follow", []) if name in space]:
                answer["globals"] = {name: self._encode(encoder, space[name]) for name in followed}
            if "error" not in answer:
                answer["value"] = self._encode(encoder, value)
        finally:
            self._received, self._inputs = kept
        answer["files"] = files.sent(self.folder.changed(), encoder)
        answer["printed"] = printed.getvalue()[: 1 << 20]
        return answer

    def _replace(self, codes: dict, decoder: Decoder) -> None:
        """Do to globals what a test did to the judge's."""
        space = self.shell.user_ns
        for name, (how, code) in codes.items():
            value = decoder.decode(code)
            if how == "in" and name in space:
                updates.update(space[name], value)
            else:
                self._replaced.setdefault(name, space.get(name, _MISSING))
                space[name] = value

    def _do(self, request: dict, args: tuple, kwargs: dict):
        value, operation = self.handles[request["handle"]], request["op"]
        if operation == "call":
            return value(*args, **kwargs)
        return operations.DO[operation](value, *args, **kwargs)

    def _failed(self, answer: dict, encoder: Encoder, error: BaseException) -> None:
        """Say what was raised: its classes and message, and what it carries."""
        answer["error"] = errors.describe(error)
        if not isinstance(error, Exception):
            return
        if type(error).__module__ == "__main__" and self.given.get(type(error).__name__) is None:
            answer["raised"] = self._encode(encoder, error)
        else:
            with contextlib.suppress(Exception):
                answer["args"] = encoder.encode_all(error.args)

    @contextlib.contextmanager
    def _during_call(self, request):
        """For the time of a call: a limit, and the judge's things within reach."""
        own_input = builtins.input
        builtins.input = self._input
        self._called += 1
        try:
            with alarm(request["seconds"]):
                yield
        finally:
            with self._lock:
                self._called -= 1
            builtins.input = own_input

    @contextlib.contextmanager
    def _patched(self, request, decoder):
        """Replace in modules what a test has replaced there."""
        with contextlib.ExitStack() as stack:
            for module, name, code in request.get("patches", []):
                target, value = importlib.import_module(module), decoder.decode(code)
                stack.callback(setattr, target, name, getattr(target, name))
                setattr(target, name, value)
            yield

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

    # The judge's things

    def _input(self, prompt="", /):
        return self._ask_back(handed.INPUT, "call", (str(prompt),), {})

    def _ask_back(self, number: int, operation: str, args: tuple, kwargs: dict):
        """Have something done by the judge while it waits for the answer to a call."""
        with self._lock, _undisturbed():
            if not self._called:
                raise RuntimeError("what a test handed over can be used only while it waits")
            encoder = Encoder(self._encode_special, self._encode_first)
            message = {"back": number, "op": operation}
            message |= {"args": encoder.encode(args), "kwargs": encoder.encode(kwargs)}
            self.channel.send(message, encoder.blobs)
            while True:
                answer, blobs = self.channel.receive()
                if "do" not in answer:
                    break
                with _disturbed():  # a function of the test's calls one of the student's
                    self._respond(answer, blobs)
            if "error" in answer:
                raise errors.rebuild(answer["error"])
            return Decoder(blobs, self._decode_special).decode(answer["value"])

    # Values

    def _encode(self, encoder: Encoder, value) -> list:
        try:
            return encoder.encode(value)
        except Exception:  # no plain form, or one that raises when it is looked at
            encoder.told.clear()
            return self._described(value, Encoder(self._encode_special, self._encode_first))

    def _keep(self, value) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.handles)
            self.handles[number] = value  # and kept, so that no other takes over its id
        return number

    def _encode_first(self, value, encoder: Encoder) -> list | None:
        """Codes of what is the judge's own, or plain data and more than that."""
        if (code := self._received.code(value, encoder, self.given)) is not None:
            return code
        if (name := updates.given_class(value, self.given)) is not None:
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
        if (number := borrowed.number_of(value)) is not None:
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
        if number in encoder.told:
            return ["C", number]
        encoder.told.add(number)
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
                return self._received.note(rest[0], decoder.decode(rest[1]))
            case "@":
                return self._received.value(rest[0])
            case "O":
                return updates.build(self.given[rest[0]], decoder.decode(rest[1]))
            case "G":
                return self.given[rest[0]]
            case "J":
                number = rest[0]
                if number not in self._borrowed:
                    self._borrowed[number] = borrowed.borrow(*rest, self._ask_back)
                return self._borrowed[number]
            case "g":
                return handed.named(*rest)
            case "T" | "m":
                return models.decode(tag, rest, decoder)
            case "k":
                return self._input_tensor(*rest)
        raise CodecError(f"an unknown tag {tag!r}")

    def _input_tensor(self, number: int, shape: list, dtype: str):
        import keras

        if number not in self._inputs:
            self._inputs[number] = keras.Input(batch_shape=shape, dtype=dtype)
        return self._inputs[number]

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
        return [models.encode(model, encoder), list(self._inputs)], value

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


_MISSING = object()
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class _Output:
    """Stands for a symbolic output, by its position."""

    def __init__(self, position: int):
        self.position = position


@contextlib.contextmanager
def _undisturbed():
    """Let an alarm wait: half a message would be the end of the conversation."""
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


@contextlib.contextmanager
def _disturbed():
    old = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
