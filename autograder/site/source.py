"""The folder that Sphinx reads, where a file that has not changed keeps its time."""

from __future__ import annotations

from pathlib import Path


class SourceTree:
    """A folder of generated files. Sphinx reads a page again only if its file is newer.

    Args:
        folder: everything in it that is not written again is removed by :meth:`finish`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: set[Path] = set()

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file, unless it has this content already.

        Args:
            name: path in the folder.
            content: text or bytes.
        """
        path = self.folder / name
        data = content.encode() if isinstance(content, str) else content
        self._written.add(path)
        if path.is_file() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def finish(self) -> list[str]:
        """Remove files of an earlier time, and return the names of all that are left."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path not in self._written:
                path.unlink()
        return sorted(path.relative_to(self.folder).as_posix() for path in self._written)
