"""Files, folders, links and archives in the place of a notebook, or beside one."""

import gzip
import io
import os
import socket
import stat
import tarfile
import zipfile
from collections.abc import Callable

import nbformat

from tests.hostile.case import ANY, FLAGGED, GRADED, HUMAN, Case, Hand, answered
from tests.hostile.unit import QUICK, UNIT, points

NAME = f"{UNIT}.ipynb"
WHOLE = points(*QUICK)


def _text(hand: Hand) -> bytes:
    return nbformat.writes(answered(hand.released, QUICK), version=4).encode()


def _instead(name: str, tries: str, make: Callable[[Hand], None], statuses=frozenset({HUMAN})):
    """No notebook of the right name: nothing to grade."""
    return Case(name, tries, make, (0, 0), statuses)


def _beside(name: str, tries: str, make: Callable[[Hand], None]):
    """Something beside a right notebook, which is graded all the same."""

    def both(hand: Hand) -> None:
        hand.write(answered(hand.released, QUICK))
        make(hand)

    return Case(name, tries, both, (WHOLE, WHOLE), {GRADED, FLAGGED})


def _named(name: str) -> Callable[[Hand], None]:
    return lambda hand: hand.write(_text(hand), name)


def _zip(entries: dict[str, bytes], name: str = f"{UNIT}.zip", link: bool = False):
    def make(hand: Hand) -> None:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in entries.items():
                info = zipfile.ZipInfo(path)
                info.compress_type = zipfile.ZIP_DEFLATED
                if link:
                    info.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, hand.filled(data.decode("latin-1")).encode("latin-1"))
        hand.write(target.getvalue(), name)

    return make


def _zipped_notebook(hand: Hand, name: str = f"{UNIT}.zip") -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(NAME, _text(hand))
    hand.write(target.getvalue(), name)


def _tar(hand: Hand) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name in ("../../../@MARK@-tar", "/tmp/@MARK@-tar", "ok.txt"):
            info = tarfile.TarInfo(hand.filled(name))
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    hand.write(target.getvalue(), f"{UNIT}.tar.gz")


def _link(target: str, name: str = NAME) -> Callable[[Hand], None]:
    return lambda hand: (hand.folder / name).symlink_to(hand.filled(target))


def _fifo(name: str) -> Callable[[Hand], None]:
    return lambda hand: os.mkfifo(hand.folder / name)


def _socket(name: str) -> Callable[[Hand], None]:
    def make(hand: Hand) -> None:
        # A socket's path is short; it is made in this folder by a short name.
        here = os.open(".", os.O_RDONLY)
        try:
            os.chdir(hand.folder)
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(name)
        finally:
            os.fchdir(here)
            os.close(here)

    return make


def _folder_as_notebook(hand: Hand) -> None:
    (hand.folder / NAME).mkdir()
    hand.write(_text(hand), f"{NAME}/{NAME}")


def _whole_folder_link(hand: Hand) -> None:
    hand.folder.rmdir()
    hand.folder.symlink_to(hand.filled("@COURSE@/submitted/aa-victim/hostile"))


def _loop(hand: Hand) -> None:
    (hand.folder / "here").symlink_to(".")
    (hand.folder / "a").symlink_to("b")
    (hand.folder / "b").symlink_to("a")
    (hand.folder / "up").symlink_to("../..")


def _sparse(name: str, size: int) -> Callable[[Hand], None]:
    def make(hand: Hand) -> None:
        with open(hand.folder / name, "wb") as file:
            file.truncate(size)

    return make


def _deep(hand: Hand) -> None:
    folder = hand.folder
    for _ in range(40):
        folder = folder / "deep"
    folder.mkdir(parents=True)
    (folder / "end.txt").write_text("x")


def _odd_names(hand: Hand) -> None:
    short = ("-rf", "...", " ", "a\nb", "con", "a;touch x", "$(id)", "'", '"', "\u202etxt.exe")
    for name in (*short, "ü" * 100, "x" * 255):
        (hand.folder / name).write_text("x")
    (hand.folder / os.fsdecode(b"\xff\xfe-not-utf-8")).write_text("x")


def _device(hand: Hand) -> None:
    try:
        os.mknod(hand.folder / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:  # not root: a link to it is the nearest that a student can have
        (hand.folder / "zero").symlink_to("/dev/zero")


def _timestamp(text: str) -> Callable[[Hand], None]:
    return lambda hand: hand.write(text.encode(), "timestamp.txt")


def _many(hand: Hand) -> None:
    for number in range(600):
        (hand.folder / f"part-{number}.txt").write_text("x")


def _forbidden(hand: Hand) -> None:
    hand.write(_text(hand))
    (hand.folder / NAME).chmod(0)
    locked = hand.folder / "locked"
    locked.mkdir()
    (locked / "a.txt").write_text("x")
    (locked / "a.txt").chmod(0)


BOMB = bytes(100 << 20)

CASES = [
    _instead("file-nothing", "hands in an empty folder", lambda hand: None),
    _instead("file-other-name", "hands in 'hostile (1).ipynb'", _named(f"{UNIT} (1).ipynb")),
    _instead("file-upper-case", "hands in HOSTILE.IPYNB", _named("HOSTILE.IPYNB")),
    _instead("file-text-suffix", "hands in hostile.ipynb.txt", _named(f"{NAME}.txt")),
    _instead("file-nested", "hands in hostile/hostile.ipynb", _named(f"{UNIT}/{NAME}")),
    _instead("file-checkpoint", "hands in the checkpoint", _named(f".ipynb_checkpoints/{NAME}")),
    _instead("file-folder", "hands in a folder of the notebook's name", _folder_as_notebook),
    _instead("file-fifo", "hands in a pipe of the notebook's name", _fifo(NAME)),
    _instead("file-socket", "hands in a socket of the notebook's name", _socket(NAME)),
    _instead("file-link", "hands in a link to another's notebook",
             _link(f"@COURSE@/submitted/aa-victim/hostile/{NAME}")),
    _instead("file-link-solution", "hands in a link to the instructor's notebook",
             _link(f"@COURSE@/source/hostile/{NAME}")),
    _instead("file-link-loop", "hands in a link to itself", _link(NAME)),
    _instead("file-link-nowhere", "hands in a link to nowhere", _link("/nowhere")),
    _instead("file-link-device", "hands in a link to endless zeros", _link("/dev/zero")),
    _instead("file-sparse", "hands in a notebook of 100 GB, all holes", _sparse(NAME, 100 << 30)),
    _instead("file-folder-link", "hands in a link to another's folder", _whole_folder_link,
             {HUMAN, FLAGGED}),
    Case("file-forbidden", "hands in files that nobody may read", _forbidden, (0, WHOLE), ANY),
    _beside("beside-fifo", "a pipe beside the notebook", _fifo("data.fifo")),
    _beside("beside-socket", "a socket beside the notebook", _socket("s")),
    _beside("beside-device", "a device beside the notebook", _device),
    _beside("beside-loops", "links in circles beside the notebook", _loop),
    _beside("beside-sparse", "a file of 100 GB, all holes", _sparse("data.bin", 100 << 30)),
    _beside("beside-many", "six hundred files", _many),
    _beside("beside-deep", "a file forty folders down", _deep),
    _beside("beside-odd-names", "files with names that shells and codecs mind", _odd_names),
    _beside("beside-other-notebook", "another notebook, broken",
            lambda hand: hand.write(b"{", "scratch.ipynb")),
    _beside("beside-timestamp-text", "a timestamp that is none", _timestamp("yesterday")),
    _beside("beside-timestamp-binary", "a timestamp of noise",
            lambda hand: hand.write(bytes(range(256)), "timestamp.txt")),
    _beside("beside-timestamp-far", "a timestamp in the year 9999",
            _timestamp("9999-12-31 23:59:59.999999 UTC")),
    _beside("beside-timestamp-zone", "a timestamp with a zone that is none",
            _timestamp("2026-01-01 00:00:00 +99:99")),
    _beside("beside-timestamp-folder", "a folder in the place of the timestamp",
            lambda hand: (hand.folder / "timestamp.txt").mkdir()),
    _beside("beside-timestamp-link", "a link in the place of the timestamp",
            _link("@CANARY@", "timestamp.txt")),
    _beside("beside-timestamp-fifo", "a pipe in the place of the timestamp",
            _fifo("timestamp.txt")),
    _beside("beside-zip", "the same in an archive", _zipped_notebook),
    _beside("beside-zip-bomb", "an archive that unpacks to 300 MB",
            _zip({f"part-{number}": BOMB for number in range(3)})),
    _beside("beside-zip-paths", "an archive whose names lead out of the folder",
            _zip({"../../@MARK@-zip": b"x", "/tmp/@MARK@-zip": b"x", "..\\@MARK@-zip": b"x",
                  f"../../aa-victim/hostile/{NAME}": b"{}"})),
    _beside("beside-zip-links", "an archive of links",
            _zip({"link": b"/etc", "up": b"../..", NAME: b"/etc/passwd"}, link=True)),
    _beside("beside-tar", "a tar archive with names and links that lead out", _tar),
    _beside("beside-no-zip", "an archive that is none",
            lambda hand: hand.write(b"PK\x03\x04" + b"junk" * 99, f"{UNIT}.zip")),
    _instead("zip-only", "hands in an archive instead of the notebook", _zipped_notebook),
    _instead("zip-bomb-only", "hands in an archive of 300 MB instead",
             _zip({NAME: BOMB, "b": BOMB, "c": BOMB})),
    _instead("zip-as-notebook", "hands in an archive by the notebook's name",
             lambda hand: _zipped_notebook(hand, NAME)),
    _instead("gzip-as-notebook", "hands in a compressed notebook",
             lambda hand: hand.write(gzip.compress(_text(hand)), NAME)),
    _instead("gzip-bomb-as-notebook", "hands in 300 MB, compressed, by the notebook's name",
             lambda hand: hand.write(gzip.compress(bytes(300 << 20), 1), NAME)),
]  # fmt: skip
