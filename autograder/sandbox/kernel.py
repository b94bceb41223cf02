"""Thin wrappers of system calls that Python's library lacks. Each raises OSError if it fails."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000

READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 0x20, 0x1000, 0x4000, 0x40000

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_SECCOMP, _CAPBSET_DROP = 1, 4, 22, 24
_SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS, _CAP_AMBIENT, _AMBIENT_CLEAR_ALL = 36, 38, 47, 4
_CAPSET = {"x86_64": 126, "aarch64": 91}
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same everywhere


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def unshare(flags: int) -> None:
    """Leave some of the parent's namespaces and enter new ones."""
    _checked(_libc.unshare(ctypes.c_int(flags)), f"unshare {flags:#x}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system; see mount(2)."""
    source_, target_, kind_, options_ = (x.encode() for x in (source, target, kind, options))
    result = _libc.mount(source_, target_, kind_, ctypes.c_ulong(flags), options_)
    _checked(result, f"mount {kind or source} on {target}")


def set_host_name(name: str) -> None:
    """Set the host name of this UTS namespace."""
    _checked(_libc.sethostname(name.encode(), ctypes.c_size_t(len(name))), "sethostname")


def _prctl(option: int, *arguments: int) -> None:
    values = [*arguments, 0, 0, 0, 0][:4]
    result = _libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(value) for value in values))
    _checked(result, f"prctl {option}")


def signal_at_parents_death(number: int) -> None:
    """Receive this signal when the parent ends. A change of the user id cancels this."""
    _prctl(_SET_PDEATHSIG, number)


def set_dumpable(dumpable: bool) -> None:
    """Set whether processes of the same user may inspect this one through /proc."""
    _prctl(_SET_DUMPABLE, int(dumpable))


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, instead of pid 1."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def forbid_new_privileges() -> None:
    """Keep programs started from here from gaining rights, by setuid or otherwise."""
    _prctl(_SET_NO_NEW_PRIVS, 1)


def bar_capabilities() -> None:
    """Empty the set of capabilities that a program could gain. Call it before changing user ids."""
    for capability in range(64):
        try:
            _prctl(_CAPBSET_DROP, capability)
        except OSError as error:
            # We may not drop it, but without new privileges the set grants nothing; or it is
            # beyond the last one that this kernel knows.
            if error.errno not in (errno.EPERM, errno.EINVAL):
                raise
            return


def drop_capabilities() -> None:
    """Give up every capability."""
    _prctl(_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the interface, this process
    number = ctypes.c_long(_CAPSET[platform.machine()])
    _checked(_libc.syscall(number, header, (ctypes.c_uint32 * 6)()), "capset")


def filter_system_calls(program: bytes) -> None:
    """Apply a BPF program to this process and its descendants, for good."""

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]

    text = ctypes.create_string_buffer(program)
    described = Program(len(program) // 8, ctypes.addressof(text))
    mode_filter = ctypes.c_ulong(2)
    zero = ctypes.c_ulong(0)
    result = _libc.prctl(_SET_SECCOMP, mode_filter, ctypes.byref(described), zero, zero)
    _checked(result, "seccomp")


def landlock_version() -> int:
    """Return this kernel's version of Landlock; 0 if it has none."""
    version: int = _libc.syscall(
        ctypes.c_long(_LANDLOCK_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint(1)
    )
    return max(0, version)


def landlock(read: Iterable[str], write: Iterable[str], listed: Iterable[str]) -> None:
    """Restrict this process and its descendants to these files and folders.

    Args:
        read: paths that may be read and executed, with everything below them.
        write: paths that may also be changed.
        listed: folders whose entries may be listed, but not read.

    Raises:
        OSError: this kernel has no Landlock.
    """
    version = landlock_version()
    known = {0: 0, 1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}.get(version, 0xFFFF)
    tcp = 3 if version >= 4 else 0  # bind and connect
    scope = 3 if version >= 6 else 0  # abstract unix sockets and signals stay inside
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = struct.pack("QQQ", known, tcp, scope)[:size]
    create = ctypes.c_long(_LANDLOCK_CREATE)
    ruleset = _checked(
        _libc.syscall(create, rules, ctypes.c_size_t(size), ctypes.c_uint(0)), "Landlock"
    )
    try:
        devices = 1 << 6 | 1 << 11  # making character and block devices
        for path in read:
            _allow(ruleset, path, known & (1 | 4 | 8))  # execute, read file, read folder
        for path in write:
            _allow(ruleset, path, known & ~devices)
        for path in listed:
            _allow(ruleset, path, known & 8)
        zero = ctypes.c_uint(0)
        result = _libc.syscall(ctypes.c_long(_LANDLOCK_RESTRICT), ctypes.c_int(ruleset), zero)
        _checked(result, "Landlock")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            # The rights that a file can have: execute, write, read, truncate, ioctl on devices.
            access &= 1 | 2 | 4 | 1 << 14 | 1 << 15
        rule = struct.pack("=Qi", access, place)
        beneath, zero = ctypes.c_int(1), ctypes.c_uint(0)
        add = ctypes.c_long(_LANDLOCK_ADD)
        _checked(_libc.syscall(add, ctypes.c_int(ruleset), beneath, rule, zero), f"Landlock {path}")
    finally:
        os.close(place)
