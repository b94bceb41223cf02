"""The client's side: starting the fork server, and processes from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.sandbox.process import Process


class ForkServer:
    """A warm Python from which isolated processes are forked.

    Args:
        preload: modules that it imports. They may run no TensorFlow op and know no secret: all
            processes share the server's memory.
        isolation: what :func:`probe` gave, or a weaker one; None probes, and refuses where
            nothing works. `Isolation.NONE` isolates nothing: for trusted code.
        readable: further files and folders that the processes may read.

    Raises:
        SandboxError: the server cannot be started.
    """

    def __init__(
        self,
        preload: Sequence[str] = (),
        *,
        isolation: Isolation | None = None,
        readable: Sequence[Path | str] = (),
    ):
        raise NotImplementedError

    def start(
        self,
        target: str,
        *,
        limits: Limits | None = None,
        files: Mapping[str, bytes] | Path | None = None,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
    ) -> Process:
        """Fork a process, isolate it, and call a function in it.

        Args:
            target: "package.module:function", called as ``function(channel, *descriptors)``.
            limits: what it may use.
            files: what its work folder holds at the start: names and contents, or a folder to
                copy (regular files only).
            environment: variables to set besides the safe defaults, or in their place.
            descriptors: open descriptors of the client's to pass on, besides the channel.

        Returns:
            The running process, isolated: the function is about to be called.

        Raises:
            SandboxError: it could not be started. A server that died is started anew by the next
                call.
        """
        raise NotImplementedError
