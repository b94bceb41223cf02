"""Prepared datasets on disk: finding them, making ours, downloading others.

A set is looked for in two folders: the one for data (the argument `data_dir`, else the environment
variable TFDS_DATA_DIR, else TFDS' own ``~/tensorflow_datasets``), and a cache
(``$XDG_CACHE_HOME/convnet-course``), which takes what has to be written when the first is
read-only. TFDS' layout is used in both: ``name/config/version``.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import json
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from course.datasets import sources

# TFDS is not annotated, and not imported here.
DatasetBuilder: TypeAlias = Any
DataDir: TypeAlias = str | os.PathLike[str] | None

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_OWN = {name.partition("/")[0] for name in sources.SOURCES}


class DatasetNotFoundError(FileNotFoundError):
    """A dataset is neither on disk nor available from the network."""


def folders(data_dir: DataDir = None) -> list[Path]:
    """Return the folder for data, and the cache."""
    data = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return [Path(data).expanduser(), Path(cache).expanduser() / "convnet-course"]


def prepared(data_dir: DataDir = None) -> set[str]:
    """List the datasets on disk, ``name`` or ``name/config``."""
    found = set()
    for folder in folders(data_dir):
        for info in (*folder.glob("*/*/features.json"), *folder.glob("*/*/*/features.json")):
            *name, version = info.parent.relative_to(folder).parts
            if _VERSION.fullmatch(version) and not name[0].startswith("."):
                found.add("/".join(name))
    return found


def find_prepared(name: str, data_dir: DataDir = None) -> Path | None:
    """Find the folder of a dataset on disk: its newest version, unless named ``name:version``."""
    name, _, version = name.partition(":")
    for folder in folders(data_dir):
        found = _versions(folder / name) or _versions(_default_config(folder / name))
        if version:
            found = [path for path in found if path.name == version]
        if found:
            return max(found, key=lambda path: tuple(map(int, path.name.split("."))))
    return None


def locate(name: str, data_dir: DataDir = None) -> Path:
    """Find a prepared dataset as :func:`find_prepared` does; fail if there is none.

    Raises:
        DatasetNotFoundError: the set is not on disk.
    """
    path = find_prepared(name, data_dir)
    if path is None:
        looked = " and ".join(map(str, folders(data_dir)))
        raise DatasetNotFoundError(
            f"Dataset {name!r} is not in {looked}, and only TensorFlow could download it, which is "
            f"not installed. Get it on a machine that has TensorFlow with\n    python -m "
            f"course.datasets {shlex.quote(name)}\nand copy its folder, or set TFDS_DATA_DIR to a "
            "folder that has it."
        )
    return path


def _versions(folder: Path) -> list[Path]:
    return [p.parent for p in folder.glob("*/features.json") if _VERSION.fullmatch(p.parent.name)]


def _default_config(folder: Path) -> Path:
    """The config that stands for the set: the one TFDS noted, or the only one there is."""
    note = folder / ".config" / "metadata.json"
    if note.is_file():
        return folder / json.loads(note.read_text())["default_config_name"]
    configs = {info.parents[1] for info in folder.glob("*/*/features.json")}
    return configs.pop() if len(configs) == 1 else folder


def builder(
    name: str,
    data_dir: DataDir = None,
    *,
    download: bool = True,
    verbose: bool = False,
) -> DatasetBuilder:
    """Return a TFDS builder whose files are ready; create or download them if needed.

    Args:
        name: ``digits``, ``course_shapes/target``, or any name that TFDS knows.
        data_dir: folder for data; None takes TFDS_DATA_DIR or TFDS' own.
        download: False looks on disk only.
        verbose: show TFDS' messages and progress bars.

    Raises:
        DatasetNotFoundError: neither here nor to be had; says where it looked and what to do.
    """
    from course.datasets._tfds import tfds

    own = sources.get_source(name)
    wanted = f"{own.name}:{sources.VERSION}" if own else name
    path = find_prepared(wanted, data_dir)
    if path is None:
        if own:
            path = _make(own, _writable_folder(data_dir), verbose)
        elif download:
            path = _download(name, data_dir, verbose)
        else:
            raise DatasetNotFoundError(_missing(name, data_dir, "downloads are turned off"))
    return tfds.builder_from_directory(path)


def _make(source: sources.Source, folder: Path, verbose: bool) -> Path:
    """Write one of the course's own sets. Any number of processes may do it at the same time."""
    from course.datasets.course_shapes import CourseShapes
    from course.datasets.digits import Digits

    base, _, config = source.name.partition("/")
    make = {"digits": Digits, "course_shapes": CourseShapes}[base]
    place = folder / source.name / sources.VERSION
    place.parent.mkdir(parents=True, exist_ok=True)
    # Each writes into a separate folder, and a rename shows the whole set at once.
    with tempfile.TemporaryDirectory(prefix=".incomplete-", dir=folder) as scratch:
        new = make(data_dir=scratch, **({"config": config} if config else {}))
        with _preparing(verbose):
            new.download_and_prepare()
        try:
            os.rename(new.data_dir, place)
        except OSError:
            if not (place / "features.json").is_file():
                raise
            # Somebody else was faster, with the same examples.
    return place


def _download(name: str, data_dir: DataDir, verbose: bool) -> Path:
    """Let TFDS get one of its sets."""
    from course.datasets._tfds import tfds

    if re.split("[/:]", name)[0] in _OWN:
        reason = "this course makes no set of this name"
        raise DatasetNotFoundError(_missing(name, data_dir, reason, command=False))
    folder = _writable_folder(data_dir)
    try:
        new = tfds.builder(name, data_dir=folder)
    except tfds.core.DatasetNotFoundError as error:
        reason = "TensorFlow Datasets has no set of this name"
        raise DatasetNotFoundError(_missing(name, data_dir, reason, command=False)) from error
    except (ValueError, AssertionError) as error:  # an unknown config or version
        reason = f"TensorFlow Datasets has this set in other configs or versions ({_brief(error)})"
        raise DatasetNotFoundError(_missing(name, data_dir, reason, command=False)) from error
    try:
        _check_network(new)
        with _preparing(verbose):
            new.download_and_prepare()
    except Exception as error:
        # Another process may have finished the same set while this one worked on it.
        if not find_prepared(name, data_dir):
            reason = f"it could not be downloaded ({_brief(error)})"
            raise DatasetNotFoundError(_missing(name, data_dir, reason)) from error
    return Path(new.data_dir)


def _check_network(new: DatasetBuilder) -> None:
    """Fail at once if a host can't be reached; TFDS would retry ten times, for minutes.

    Raises:
        ConnectionError: no answer from the host of the set's first file.
    """
    import requests

    for url in list(new.url_infos or ())[:1]:
        host = "/".join(url.split("/")[:3])
        try:
            requests.head(host, timeout=20)
        except requests.RequestException as error:
            raise ConnectionError(f"no answer from {host}") from error


def _brief(error: Exception) -> str:
    """The kind of an error and the first line of what it says, without TFDS' preamble."""
    lines = str(error).split('}": ')[-1].strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"


@contextlib.contextmanager
def _preparing(verbose: bool) -> Iterator[None]:
    """Keeps TFDS silent while it prepares a set, unless `verbose`."""
    from tensorflow_datasets.core.utils import tqdm_utils

    # TFDS can switch its bars on and off, and cannot tell which they are.
    shown = tqdm_utils._active
    try:
        tqdm_utils._active = verbose
        with contextlib.nullcontext() if verbose else contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tqdm_utils._active = shown


def _writable_folder(data_dir: DataDir) -> Path:
    """Return the first folder that is writable.

    Raises:
        PermissionError: none can.
    """
    for folder in folders(data_dir):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        # The superuser could write anywhere; a folder that nobody may write to is to stay as it is.
        if os.access(there, os.W_OK | os.X_OK) and there.stat().st_mode & 0o222:
            folder.mkdir(parents=True, exist_ok=True)
            return folder
    raise PermissionError(
        "Preparing a dataset needs a writable folder; neither of these is: "
        f"{', '.join(map(str, folders(data_dir)))}. Set TFDS_DATA_DIR or XDG_CACHE_HOME to one."
    )


def _missing(name: str, data_dir: DataDir, reason: str, command: bool = True) -> str:
    """One message: what was asked for, where it was looked for, what may be meant, what to do."""
    looked = " and ".join(map(str, folders(data_dir)))
    message = f"Dataset {name!r} is not in {looked}, and {reason}."
    known = _known(name, data_dir)
    near = difflib.get_close_matches(name, known - {name}, n=3, cutoff=0.75)
    if name not in known and near:
        message += f" Did you mean {' or '.join(map(repr, near))}?"
    if command:
        target = shlex.quote(str(folders(data_dir)[0]))
        message += (
            " Where there is a network, get it with\n"
            f"    TFDS_DATA_DIR={target} python -m course.datasets {shlex.quote(name)}\n"
            "or set TFDS_DATA_DIR to a folder that has it."
        )
    else:
        message += " course.datasets.names() lists the sets that are ready."
    return message


def _known(name: str, data_dir: DataDir) -> set[str]:
    """Every name that could have been meant, with the configs of the set that was asked for."""
    from course.datasets._tfds import tfds

    known = {*tfds.list_builders(with_community_datasets=False), *prepared(data_dir)}
    base = re.split("[/:]", name)[0]
    if base in known - _OWN:
        with contextlib.suppress(tfds.core.DatasetNotFoundError):
            known |= {f"{base}/{config}" for config in tfds.builder_cls(base).builder_configs}
    return known | {*sources.SOURCES, "course_shapes"}
