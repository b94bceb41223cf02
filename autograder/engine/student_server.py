"""The student's process: runs cells, and answers questions about what they defined.

It holds the student's code and nothing else. The judge's requests are names, handles and plain
data, and each answer is a claim that the judge checks. The process ends when the judge hangs up.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import io
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from autograder.context import set_student
from autograder.engine import (
    errors,
    judge_objects,
    mutable_values,
    operations,
    patches,
    weight_changes,
    work_folder,
)
from autograder.engine.arguments import ReceivedArguments, snapshot
from autograder.engine.cell_runner import CellRun, Shell, alarm, alarms, make_shell
from autograder.engine.incidents import Incidents
from autograder.engine.student_codec import StudentCodec
from autograder.wire import results
from autograder.wire.channel import Channel, ChannelError
from autograder.wire.codec import Decoder, Encoder
from autograder.wire.tags import Code
from autograder.wire.watching import Watch, traced

Message = dict[str, Any]
Request = Callable[[Message, Decoder, Encoder], Message]
# Built at import, which a fork server does before it forks.
SHELL = make_shell()


def main(connection: socket.socket) -> None:
    """Serve the judge at the other end until it hangs up."""
    # Modules that were handed in beside the notebook, as a notebook's own folder is on the path.
    sys.path.insert(0, os.getcwd())
    student = StudentServer(Channel(connection))
    student.incidents.watch()
    student.serve()


class StudentServer:
    """One submission's notebook, open for questions.

    Attributes:
        codec: what it has shown to the judge, and received from it.
    """

    def __init__(self, channel: Channel, shell: Shell | None = None):
        self.channel = channel
        self.shell = shell or SHELL
        self.codec = StudentCodec(self._ask_back)
        self.incidents = Incidents(os.getcwd())
        self._replaced: dict[str, Any] = {}
        self._called = 0  # how many calls are being answered, one within the other
        self._lock = threading.RLock()
        self.folder = work_folder.WorkFolder(os.getcwd())

    def serve(self) -> None:
        """Answer requests one after the other."""
        while True:
            try:
                self._respond(*self.channel.receive())
            except ChannelError:
                return

    def _respond(self, request: Message, blobs: list[bytes]) -> None:
        answer, beside = self._answer(request, blobs)
        answer["incidents"] = self.incidents.take()
        self.channel.send(answer, beside)

    def _answer(self, request: Message, blobs: list[bytes]) -> tuple[Message, list[bytes]]:
        encoder = self.codec.encoder()
        try:
            method: Request = getattr(self, f"do_{request['do']}")
            return method(request, self.codec.decoder(blobs), encoder), encoder.blobs
        except BaseException as error:
            # Whatever the student's code raises is an answer, too.
            return {"error": errors.describe(error)}, []

    # Requests

    def do_begin(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Note whose notebook this is."""
        set_student(request["student"])
        return {}

    def do_cell(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Run a cell; remember what an instructor's cell defines."""
        self.folder.write(work_folder.decode_files(request.get("files"), decoder))
        with results.collecting() as collected:
            ran = CellRun(self.shell).run(request["source"], request["seconds"])
        answer: Message = {"outputs": ran["outputs"], "results": [r.to_json() for r in collected]}
        answer["files"] = work_folder.encode_files(self.folder.changed(), encoder)
        space = self.shell.user_ns
        self.codec.given |= {
            name: space[name] for name in request.get("given", []) if name in space
        }
        return answer

    def do_get(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Return the values of those names that are defined."""
        return {"values": self._globals(request["names"], encoder)}

    def do_names(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Return the names that the notebook has defined."""
        hidden = set(self.shell.user_ns_hidden)
        found = [n for n in self.shell.user_ns if n not in hidden and not n.startswith("_")]
        return {"names": found[-1000:]}

    def do_restore(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Restore globals that a test has replaced."""
        space = self.shell.user_ns
        for name, value in self._replaced.items():
            if value is _MISSING:
                space.pop(name, None)
            else:
                space[name] = value
        self._replaced = {}
        return {}

    def do_attribute(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Return an attribute of an object that the judge has a handle of."""
        with self._during_call(request):
            value = getattr(self.codec.handles[request["handle"]], request["name"])
        return {"value": self.codec.encode(encoder, value)}

    def do_call(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Call an object that the judge has a handle of, or do something else with it."""
        codec = self.codec
        if request["op"] == "plain":
            return {"value": encoder.encode_inner(codec.handles[request["handle"]])}
        kept = codec.arguments, codec.inputs
        codec.arguments, codec.inputs = ReceivedArguments(), {}
        printed = io.StringIO()
        try:
            self._replace(request.get("globals", {}), decoder)
            patches.follow_seeds(request.get("seeds", []), decoder)
            self.folder.write(work_folder.decode_files(request.get("files"), decoder))
            with contextlib.redirect_stdout(printed):
                answer = self._called_with(request, decoder, encoder)
            answer["globals"] = self._globals(request.get("follow", []), encoder)
        finally:
            codec.arguments, codec.inputs = kept
        answer["files"] = work_folder.encode_files(self.folder.changed(), encoder)
        answer["printed"] = printed.getvalue()[: 1 << 20]
        return answer

    def _called_with(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Return the answer to a call: its value or error, and the arguments that it changed."""
        codec = self.codec
        answer: Message = {}
        args, kwargs = decoder.decode(request["args"]), decoder.decode(request["kwargs"])
        values = [*args, *kwargs.values()]
        before = [snapshot(value, codec.given) for value in values]
        weights = weight_changes.states_of(values)
        try:
            with (
                self._watched(request, answer),
                self._patched(request, decoder),
                self._during_call(request),
            ):
                value = self._do(request, args, kwargs)
            codec.arguments.begin_message()
            if codec.inputs:
                answer["graph"], value = codec.graph(encoder, value)
        except BaseException as error:
            codec.arguments.begin_message()
            self._failed(answer, encoder, error)
        answer["changed"] = [
            codec.encode(encoder, value)
            for value, old in zip(values, before, strict=True)
            if old is not None and snapshot(value, codec.given) != old
        ]
        answer["trained"] = weight_changes.encode_changes(values, weights, encoder)
        if "error" not in answer:
            answer["value"] = codec.encode(encoder, value)
        return answer

    def _globals(self, names: list[str], encoder: Encoder) -> dict[str, Code]:
        space, encode = self.shell.user_ns, self.codec.encode
        return {name: encode(encoder, space[name]) for name in names if name in space}

    def _replace(self, codes: dict[str, Any], decoder: Decoder) -> None:
        """Do to globals what a test did to the judge's."""
        space = self.shell.user_ns
        for name, (how, code) in codes.items():
            value = decoder.decode(code)
            if how == "in" and name in space:
                mutable_values.update(space[name], value)
            else:
                self._replaced.setdefault(name, space.get(name, _MISSING))
                space[name] = value

    def _do(self, request: Message, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value, operation = self.codec.handles[request["handle"]], request["op"]
        if operation == "call":
            return value(*args, **kwargs)
        return operations.OPERATIONS[operation](value, *args, **kwargs)

    def _failed(self, answer: Message, encoder: Encoder, error: BaseException) -> None:
        """Describe what was raised: its classes and message, and what it carries."""
        answer["error"] = errors.describe(error)
        if not isinstance(error, Exception):
            return
        if (
            type(error).__module__ == "__main__"
            and self.codec.given.get(type(error).__name__) is None
        ):
            answer["raised"] = self.codec.encode(encoder, error)
        else:
            with contextlib.suppress(Exception):
                answer["args"] = encoder.encode_all(error.args)

    @contextlib.contextmanager
    def _during_call(self, request: Message) -> Iterator[None]:
        """Set the time limit of a call, and let it use the judge's objects."""
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
    def _patched(self, request: Message, decoder: Decoder) -> Iterator[None]:
        """Replace in modules what a test has replaced there."""
        with contextlib.ExitStack() as stack:
            for module, name, code in request.get("patches", []):
                target, value = importlib.import_module(module), decoder.decode(code)
                stack.callback(setattr, target, name, getattr(target, name))
                setattr(target, name, value)
            yield

    @contextlib.contextmanager
    def _watched(self, request: Message, answer: Message) -> Iterator[None]:
        """Watch what a call does, if that is asked for."""
        if "watch" not in request:
            yield
            return
        watch = Watch(tuple(request["watch"]["without"]), request["watch"]["lines"])
        try:
            with traced(watch, self.shell.user_ns):
                yield
        finally:
            answer["watched"] = watch.seen()

    # The judge's objects

    def _input(self, prompt: object = "", /) -> Any:
        return self._ask_back(judge_objects.INPUT, "call", (str(prompt),), {})

    def _ask_back(
        self, number: int, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Have the judge do something while it waits for the answer to a call."""
        with self._lock, alarms(signal.SIG_BLOCK):  # half a message would end the conversation
            if not self._called:
                raise RuntimeError("what a test handed over can be used only while it waits")
            encoder = self.codec.encoder()
            self.codec.arguments.begin_message()
            message: Message = {"back": number, "op": operation}
            message |= {"args": encoder.encode(args), "kwargs": encoder.encode(kwargs)}
            self.channel.send(message, encoder.blobs)
            while True:
                answer, blobs = self.channel.receive()
                if "do" not in answer:
                    break
                # A function of the test calls one of the student's.
                with alarms(signal.SIG_UNBLOCK):
                    self._respond(answer, blobs)
            if "error" in answer:
                raise errors.rebuild(answer["error"])
            return self.codec.decoder(blobs).decode(answer["value"])


_MISSING = object()
