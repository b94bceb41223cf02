"""The client's request to the fork server, in an anonymous file of any size."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from autograder.sandbox.limits import Limits, SandboxError


@dataclass
class Request:
    """A process to start; see :meth:`ForkServer.start`.

    Attributes:
        slot: a number that no other running sandboxed process has.
        confirm: the supervisor waits for the client's confirmation before it goes on.
        files: names and sizes of the files; their contents follow in the same order.
    """

    target: str
    slot: int
    limits: Limits
    environment: dict[str, str]
    confirm: bool = False
    files: list[tuple[str, int]] = field(default_factory=list)

    def pack(self, contents: Mapping[str, bytes | Path]) -> int:
        """Write the request and its files; return the descriptor of an anonymous file."""
        blobs = {n: c.read_bytes() if isinstance(c, Path) else c for n, c in contents.items()}
        self.files = [(name, len(blob)) for name, blob in blobs.items()]
        descriptor = os.memfd_create("request")
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(json.dumps(asdict(self)).encode() + b"\n")
            for blob in blobs.values():
                file.write(blob)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    @classmethod
    def read(cls, descriptor: int) -> Request:
        """Read a request, and leave the file's position at the first byte of its contents."""
        with os.fdopen(os.dup(descriptor), "rb") as file:
            line = file.readline()
        os.lseek(descriptor, len(line), os.SEEK_SET)
        data = json.loads(line)
        return cls(**data | {"limits": Limits(**data["limits"])})

    def unpack(self, descriptor: int, folder: str) -> None:
        """Write the files into a folder, reading their contents from where `read` stopped."""
        for name, size in self.files:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                while size:
                    block = os.read(descriptor, min(size, 1 << 20))
                    file.write(block)
                    size -= len(block)


def collect(files: Mapping[str, bytes] | Path | None, limits: Limits) -> dict[str, bytes | Path]:
    """Check the files to hand over, and return their names and contents.

    Raises:
        SandboxError: a name leads out of the work folder, or the limits are exceeded.
    """
    if files is None:
        return {}
    found: dict[str, bytes | Path]
    if isinstance(files, Mapping):
        found = dict(files)
        sizes = {name: len(content) for name, content in files.items()}
    else:
        # Links could point to other people's files: only regular files are copied.
        paths = [p for p in sorted(Path(files).rglob("*")) if p.is_file() and not p.is_symlink()]
        found = {path.relative_to(files).as_posix(): path for path in paths}
        sizes = {name: (files / name).stat().st_size for name in found}
    for name, size in sizes.items():
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\0" in name:
            raise SandboxError(
                f"A file's name must be a path inside the work folder; received {name!r}."
            )
        if size > limits.file_mb << 20:
            raise SandboxError(
                f"No file may be larger than {limits.file_mb} MiB; {name} has {size >> 20}. "
                "Raise the limit file_mb, or add its folder to `readable`."
            )
    if sum(sizes.values()) > limits.disk_mb << 20:
        raise SandboxError(
            f"The files must fit into {limits.disk_mb} MiB; they have "
            f"{sum(sizes.values()) >> 20}. Raise the limit disk_mb, or add their folder to "
            "`readable`."
        )
    return found
