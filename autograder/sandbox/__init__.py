"""Run untrusted code in isolated processes, forked from a Python that has its imports done.

A :class:`ForkServer` imports what the code will need, once. Each :meth:`ForkServer.start` forks a
process from it, isolates that process, and calls one function in it. A socket is the function's
only connection to the outside::

    modules = ("numpy", "tensorflow", "keras")
    with ForkServer(modules, isolation=require_isolation()) as server:
        process = server.start("package.module:function", limits=Limits(memory_mb=2000))
        process.channel.sendall(b"...")
        exit = process.wait(60)

The function is called as ``function(channel, *descriptors)``, with a ``socket.socket`` and the
numbers of any further descriptors that were passed on. Its working directory holds the given
`files` and nothing else, and is deleted when the process ends.
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
