"""The student's process: runs cells, and answers questions about what they defined.

It holds the student's code and nothing else: what the judge asks comes in as names, handles and
plain data, and whatever goes out is a claim that the judge checks. It ends when the judge hangs up.
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
from autograder.engine.cell_runner import CellRun, alarm, make_shell
from autograder.engine.received_arguments import Received, snapshot
from autograder.engine.student_codec import StudentCodec
from autograder.wire import results
from autograder.wire.channel import Channel, ChannelError
from autograder.wire.codec import Decoder, Encoder
from autograder.wire.watching import Watch, traced

MAX_INCIDENTS = 20
# Built at import, which a fork server does before it forks.
SHELL = make_shell()


def main(connection: socket.socket) -> None:
    """Serve the judge at the other end until it hangs up."""
    # Modules that were handed in beside the notebook, as a notebook's own folder is on the path.
    sys.path.insert(0, os.getcwd())
    student = StudentServer(Channel(connection))
    noted = student.audit

    def audit(event, args):
        # Called for all that Python does, a million times while a network is traced.
        if event in _NOTED:
            noted(event, args)

    sys.addaudithook(audit)
    student.serve()


class StudentServer:
    """One submission's notebook, open for questions.

    Attributes:
        things: what the judge knows of it, and gave to it.
    """

    def __init__(self, channel: Channel, shell=None):
        self.channel = channel
        self.shell = shell or SHELL
        self.things = StudentCodec(self._ask_back)
        self.incidents: list[str] = []
        self._replaced: dict[str, object] = {}
        self._called = 0  # how many calls are being answered, one within the other
        self._lock = threading.RLock()
        self.folder = work_folder.WorkFolder(os.getcwd())
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
        encoder = self.things.encoder()
        try:
            method = getattr(self, f"do_{request['do']}")
            return method(request, self.things.decoder(blobs), encoder), encoder.blobs
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
        self.folder.write(work_folder.decode_files(request.get("files"), decoder))
        with results.collecting() as collected:
            ran = CellRun(self.shell).run(request["source"], request["seconds"])
        answer = {"outputs": ran["outputs"], "results": [r.to_json() for r in collected]}
        answer["files"] = work_folder.encode_files(self.folder.changed(), encoder)
        space = self.shell.user_ns
        self.things.given |= {
            name: space[name] for name in request.get("given", []) if name in space
        }
        return answer

    def do_get(self, request, decoder, encoder) -> dict:
        """Values of names, as far as they are defined."""
        return {"values": self._globals(request["names"], encoder)}

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
            value = getattr(self.things.handles[request["handle"]], request["name"])
        return {"value": self.things.encode(encoder, value)}

    def do_call(self, request, decoder, encoder) -> dict:
        """Call something that the judge has a handle of, or do something else with it."""
        things = self.things
        if request["op"] == "plain":
            return {"value": encoder.encode_inner(things.handles[request["handle"]])}
        kept = things.received, things.inputs
        things.received, things.inputs = Received(), {}
        printed = io.StringIO()
        try:
            self._replace(request.get("globals", {}), decoder)
            patches.follow_seeds(request.get("seeds", []), decoder)
            self.folder.write(work_folder.decode_files(request.get("files"), decoder))
            with contextlib.redirect_stdout(printed):
                answer = self._called_with(request, decoder, encoder)
            answer["globals"] = self._globals(request.get("follow", []), encoder)
        finally:
            things.received, things.inputs = kept
        answer["files"] = work_folder.encode_files(self.folder.changed(), encoder)
        answer["printed"] = printed.getvalue()[: 1 << 20]
        return answer

    def _called_with(self, request, decoder: Decoder, encoder: Encoder) -> dict:
        """The answer to a call: its value or error, and the arguments that it changed."""
        things, answer = self.things, {}
        args, kwargs = decoder.decode(request["args"]), decoder.decode(request["kwargs"])
        values = [*args, *kwargs.values()]
        before = [snapshot(value, things.given) for value in values]
        weights = weight_changes.weights(values)
        try:
            with (
                self._watched(request, answer),
                self._patched(request, decoder),
                self._during_call(request),
            ):
                value = self._do(request, args, kwargs)
            if things.inputs:
                answer["graph"], value = things.graph(encoder, value)
        except BaseException as error:
            self._failed(answer, encoder, error)
        answer["changed"] = [
            things.encode(encoder, value)
            for value, old in zip(values, before, strict=True)
            if old is not None and snapshot(value, things.given) != old
        ]
        answer["trained"] = weight_changes.sent(values, weights, encoder)
        if "error" not in answer:
            answer["value"] = things.encode(encoder, value)
        return answer

    def _globals(self, names: list[str], encoder: Encoder) -> dict[str, list]:
        space, encode = self.shell.user_ns, self.things.encode
        return {name: encode(encoder, space[name]) for name in names if name in space}

    def _replace(self, codes: dict, decoder: Decoder) -> None:
        """Do to globals what a test did to the judge's."""
        space = self.shell.user_ns
        for name, (how, code) in codes.items():
            value = decoder.decode(code)
            if how == "in" and name in space:
                mutable_values.update(space[name], value)
            else:
                self._replaced.setdefault(name, space.get(name, _MISSING))
                space[name] = value

    def _do(self, request: dict, args: tuple, kwargs: dict):
        value, operation = self.things.handles[request["handle"]], request["op"]
        if operation == "call":
            return value(*args, **kwargs)
        return operations.DO[operation](value, *args, **kwargs)

    def _failed(self, answer: dict, encoder: Encoder, error: BaseException) -> None:
        """Say what was raised: its classes and message, and what it carries."""
        answer["error"] = errors.describe(error)
        if not isinstance(error, Exception):
            return
        if (
            type(error).__module__ == "__main__"
            and self.things.given.get(type(error).__name__) is None
        ):
            answer["raised"] = self.things.encode(encoder, error)
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
        return self._ask_back(judge_objects.INPUT, "call", (str(prompt),), {})

    def _ask_back(self, number: int, operation: str, args: tuple, kwargs: dict):
        """Have something done by the judge while it waits for the answer to a call."""
        with self._lock, _undisturbed():
            if not self._called:
                raise RuntimeError("what a test handed over can be used only while it waits")
            encoder = self.things.encoder()
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
            return self.things.decoder(blobs).decode(answer["value"])

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
_NOTED = frozenset({"socket.connect", "open"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


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
