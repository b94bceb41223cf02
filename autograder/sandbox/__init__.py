"""Run untrusted code in processes that are forked from a warm Python and shut off from the rest.

A :class:`ForkServer` imports what the code will need, once. Each :meth:`ForkServer.start` then
forks a process of its own from it, isolates it, and calls one function there, whose only way in
and out is a socket::

    modules = ("numpy", "tensorflow", "keras")
    with ForkServer(modules, isolation=require_isolation()) as server:
        process = server.start("package.module:function", limits=Limits(memory_mb=2000))
        process.channel.sendall(b"...")
        exit = process.wait(60)

The function is called as ``function(channel, *descriptors)``, with a ``socket.socket`` and the
numbers of any further descriptors that were passed on. It finds itself in an empty folder that
holds the given `files` and that vanishes with it.
"""

from autograder.sandbox.client import ForkServer
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Exit, Limits, SandboxError
from autograder.sandbox.probe import probe, require_isolation
from autograder.sandbox.process import Process

__all__ = [
    "Exit",
    "ForkServer",
    "Isolation",
    "Limits",
    "Process",
    "SandboxError",
    "probe",
    "require_isolation",
]
