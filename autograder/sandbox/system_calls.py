"""The system call filter: deny what student code never needs and an attack might use.

It lists what is denied, not what is allowed: TensorFlow, subprocesses and C libraries of many years
use most of the rest. It adds to namespaces or Landlock and does not replace them.
"""

from __future__ import annotations

import errno
import os
import platform
import struct

# Numbers on x86_64 and aarch64; None where an architecture lacks the call.
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280),
    "chmod": (90, None), "chown": (92, None), "chroot": (161, 51), "clock_adjtime": (305, 266),
    "clock_settime": (227, 112), "clone": (56, 220), "clone3": (435, 435), "connect": (42, 203),
    "delete_module": (176, 106), "fanotify_init": (300, 262), "fchmod": (91, 52),
    "fchmodat": (268, 53), "fchmodat2": (452, 452), "fchown": (93, 55), "fchownat": (260, 54),
    "file_setattr": (469, 469), "finit_module": (313, 273), "fremovexattr": (199, 16),
    "fsconfig": (431, 431), "fsetxattr": (190, 7), "fsmount": (432, 432), "fsopen": (430, 430),
    "fspick": (433, 433), "futimesat": (261, None), "init_module": (175, 105), "ioctl": (16, 29),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "io_uring_setup": (425, 425),
    "ioprio_set": (251, 30), "kcmp": (312, 272), "kexec_file_load": (320, 294),
    "kexec_load": (246, 104), "keyctl": (250, 219), "kill": (62, 129), "lchown": (94, None),
    "lookup_dcookie": (212, 18), "lremovexattr": (198, 15), "lsetxattr": (189, 6),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "migrate_pages": (256, 238),
    "mmap": (9, 222), "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429),
    "move_pages": (279, 239), "msgget": (68, 186), "open_by_handle_at": (304, 265),
    "open_tree": (428, 428), "open_tree_attr": (467, 467), "perf_event_open": (298, 241),
    "personality": (135, 92), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41), "prlimit64": (302, 261), "process_madvise": (440, 440),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "reboot": (169, 142),
    "removexattr": (197, 14), "removexattrat": (466, 466), "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "semget": (64, 190), "setns": (308, 268), "setpriority": (141, 140),
    "settimeofday": (164, 170), "setxattr": (188, 5), "setxattrat": (463, 463),
    "shmget": (29, 194), "socket": (41, 198), "socketpair": (53, 199), "swapoff": (168, 225),
    "swapon": (167, 224), "syslog": (103, 116), "tgkill": (234, 131), "tkill": (200, 130),
    "truncate": (76, 45), "umount2": (166, 39), "unshare": (272, 97), "userfaultfd": (323, 282),
    "utime": (132, None), "utimensat": (280, 88), "utimes": (235, None), "vhangup": (153, 58),
    "vmsplice": (278, 75),
}  # fmt: skip

_DENIED = """
    acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module fanotify_init
    finit_module fsconfig fsmount fsopen fspick init_module io_uring_enter io_uring_register
    io_uring_setup kcmp kexec_file_load kexec_load keyctl lookup_dcookie memfd_secret mount
    mount_setattr move_mount open_by_handle_at open_tree open_tree_attr perf_event_open
    personality pidfd_getfd pivot_root process_madvise process_vm_readv process_vm_writev ptrace
    quotactl quotactl_fd reboot request_key setns settimeofday swapoff swapon syslog umount2
    unshare userfaultfd vhangup vmsplice
""".split()
# These hold memory that is resident in no process, so the watchdog would miss it.
_UNSEEN_MEMORY = "memfd_create msgget semget shmget".split()
# Landlock leaves these to the file's owner, who may be the grader.
_PRETENDED = """
    chmod chown fchmod fchmodat fchmodat2 fchown fchownat futimesat lchown utime utimensat utimes
""".split()
_OTHERS_FILES = """
    file_setattr fremovexattr fsetxattr lremovexattr lsetxattr removexattr removexattrat setxattr
    setxattrat
""".split()
_OTHERS_PROCESSES = """
    ioprio_set migrate_pages move_pages sched_setattr sched_setparam sched_setscheduler setpriority
""".split()
_SIGNALS = "kill rt_sigqueueinfo rt_tgsigqueueinfo tgkill tkill".split()  # to a process id

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data

_NEW_NAMESPACES = 0x7E020000
_AF_UNIX, _DATAGRAM, _SOCKET_KIND = 1, 2, 0xF
_SHARED_ANONYMOUS = 0x21
_PUSH_INPUT = 0x5412  # TIOCSTI

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def architecture() -> str:
    """Return this machine's architecture, as `uname` reports it.

    Raises:
        OSError: the filter has no system call numbers for it.
    """
    machine = platform.machine()
    if machine not in _AUDIT or struct.calcsize("P") != 8:
        raise OSError(
            errno.ENOSYS, f"the system call filter supports x86_64 and aarch64, not {machine}"
        )
    return machine


def filter_program(*, landlock: int = 0, machine: str = "") -> bytes:
    """Assemble the BPF program that denies the calls listed above.

    Args:
        landlock: the version of Landlock that replaces namespaces, or 0 if there are namespaces.
            What Landlock does not cover is then denied here.
        machine: "x86_64" or "aarch64"; empty for this machine.
    """
    machine = machine or architecture()
    column = list(_AUDIT).index(machine)

    def deny(names: list[str], code: int = errno.EPERM) -> list[Instruction]:
        numbers = [NUMBERS[name][column] for name in names]
        return [i for n in numbers if n is not None for i in _deny(n, code)]

    def deny_if(
        name: str, argument: int, condition: list[Instruction], code: int = errno.EPERM
    ) -> list[Instruction]:
        number = NUMBERS[name][column]
        return [] if number is None else _deny_if(number, argument, condition, code)

    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, _AUDIT[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":  # the x32 numbers of the same calls
        program += [(_IF_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    program += deny(_DENIED + _UNSEEN_MEMORY)
    # Its flags are in memory, which a filter cannot read. libc then falls back to clone.
    program += deny(["clone3"], errno.ENOSYS)
    program += deny_if("clone", 0, _has_any_bit_of(_NEW_NAMESPACES))
    # ZeroMQ aborts on any other error number.
    program += deny_if("socket", 0, _differs_from(_AF_UNIX), errno.EOPNOTSUPP)
    # After MADV_DONTNEED such pages stay, resident in no process. Files in /dev/shm still work.
    program += deny_if("mmap", 3, _equals(_SHARED_ANONYMOUS, mask=_SHARED_ANONYMOUS))
    program += deny_if("ioctl", 1, _equals(_PUSH_INPUT))
    program += deny_if("prlimit64", 0, _differs_from(0))
    if landlock:
        program += deny(_PRETENDED, 0)  # "done": programs that copy files give up on an error
        program += deny(_OTHERS_FILES + _OTHERS_PROCESSES)
        program += deny_if("sched_setaffinity", 0, _differs_from(0))
        # Landlock does not cover sockets that are files: neither a stream's connect nor the
        # address in a datagram.
        program += deny(["connect"], errno.EACCES)
        for name in ("socket", "socketpair"):
            datagram = _equals(_DATAGRAM, mask=_SOCKET_KIND)
            program += deny_if(name, 1, datagram, errno.EOPNOTSUPP)
        if landlock < 3:
            program += deny(["truncate"])
        if landlock < 6:  # signals would reach every process of this user
            program += deny(["pidfd_send_signal"])  # a descriptor does not say of which process
            for name in _SIGNALS:
                program += deny_if(name, 0, _differs_from(os.getpid()))
    program += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _deny(number: int, code: int) -> list[Instruction]:
    return [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | code)]


def _deny_if(
    number: int, argument: int, condition: list[Instruction], code: int
) -> list[Instruction]:
    """Deny a call if the low half of an argument meets a condition; all these are 32-bit values."""
    body = [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
        *condition,
        (_RETURN, 0, 0, _ERROR | code),
        (_LOAD, 0, 0, _NUMBER),  # for the rules that follow
    ]
    return [(_IF_EQUAL, 0, len(body), number), *body]


# Conditions on the loaded argument: where they do not hold, they skip the instruction that follows.


def _equals(value: int, *, mask: int | None = None) -> list[Instruction]:
    test = (_IF_EQUAL, 0, 1, value)
    return [test] if mask is None else [(_AND, 0, 0, mask), test]


def _differs_from(value: int) -> list[Instruction]:
    return [(_IF_EQUAL, 1, 0, value)]


def _has_any_bit_of(mask: int) -> list[Instruction]:
    return [(_IF_ANY_BIT, 0, 1, mask)]
