"""An nbgrader course directory: its files and its configuration."""

from __future__ import annotations

import fnmatch
import logging
import os
import shutil
import stat
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.errors import CourseError as CourseError

if TYPE_CHECKING:
    from nbgrader.api import Gradebook
    from nbgrader.apps.api import NbGraderAPI
    from traitlets.config import Config


class CourseDirectory:
    """An nbgrader course directory: this project's, or any other.

    Args:
        root: the folder with nbgrader's trees and, if there is one, `nbgrader_config.py`.

    Raises:
        CourseError: there is no such folder.
    """

    def __init__(self, root: Path | str = ".") -> None:
        self.root = Path(root).resolve()
        if not self.root.is_dir():
            raise CourseError(f"No course directory at {self.root}. Name one with --course DIR.")
        _put_tools_on_path()
        # About nbgrader's use of its own database, not about anything an instructor can change.
        warnings.filterwarnings("ignore", message="Object of type <Submitted", module="nbgrader")
        self.config = self._load_config()
        self.config.CourseDirectory.root = str(self.root)

        from nbgrader import coursedir

        self.directory = coursedir.CourseDirectory(config=self.config)

    def _load_config(self) -> Config:
        from jupyter_core.paths import jupyter_config_path
        from traitlets.config.loader import Config, ConfigFileNotFound, PyFileConfigLoader

        config = Config()
        for folder in [*reversed(jupyter_config_path()), str(self.root)]:
            try:
                config.merge(PyFileConfigLoader("nbgrader_config.py", folder).load_config())
            except ConfigFileNotFound:
                continue
        return config

    def path(self, step: str, student: str, unit: str) -> Path:
        """Return the folder of a step.

        Args:
            step: "source", "release", "submitted", "autograded" or "feedback".
            student: the student's id; "." for "source" and "release".
            unit: the assignment's name.
        """
        name = getattr(self.directory, f"{step}_directory")
        return Path(self.directory.format_path(name, student, unit))

    def units(self, wanted: list[str] | None = None) -> list[str]:
        """List the assignments that have a source notebook, or a released one if none has.

        Args:
            wanted: globs of names; None for all.

        Raises:
            CourseError: there are none, or a glob matches none.
        """
        source, release = (self.path(step, ".", "x").parent for step in ("source", "release"))
        found = _units(source) or _units(release)
        if not found:
            raise CourseError(
                f"No assignment with a notebook under {source}. "
                "Is this an nbgrader course directory? Name one with --course DIR."
            )
        missing = [name for name in wanted or [] if not fnmatch.filter(found, name)]
        if missing:
            raise CourseError(f"No unit {', '.join(missing)}. There are: {', '.join(found)}.")
        return [u for u in found if not wanted or any(fnmatch.fnmatch(u, w) for w in wanted)]

    def notebooks(self, unit: str) -> list[str]:
        """List the names of a unit's notebooks, without `.ipynb`."""
        folders = (self.path(step, ".", unit) for step in ("source", "release"))
        names = (sorted(path.stem for path in folder.glob("*.ipynb")) for folder in folders)
        return next(filter(None, names), [])

    def students(self, unit: str, pattern: str = "*") -> list[str]:
        """List the students who submitted a unit and whose names match a glob.

        A folder that cannot be read counts, since it may hold a submission.
        """
        submitted = self.path("submitted", "*", unit)
        parent = Path(*submitted.parts[: submitted.parts.index("*")])
        try:
            names = [entry.name for entry in os.scandir(parent)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise CourseError(f"{parent} cannot be read: {error.strerror}.") from None
        return sorted(
            name
            for name in fnmatch.filter(names, pattern)
            if _may_be_folder(self.path("submitted", name, unit))
        )

    def students_own_files(self, unit: str) -> set[str]:
        """Return the files that students edit and submit: nbgrader's `exclude_overwriting`."""
        from nbgrader.converters import Autograde

        named = Autograde(config=self.config).exclude_overwriting.get(unit, [])
        return {os.path.normpath(name) for name in named}

    def api(self, **overrides: dict[str, Any]) -> NbGraderAPI:
        """Return nbgrader's own interface to this course, whose calls return their log.

        Args:
            overrides: for a section of the configuration, the options to change.
        """
        from nbgrader import coursedir
        from nbgrader.apps.api import NbGraderAPI

        config = self.config.copy()
        for section, values in overrides.items():
            config[section].update(values)
        api = NbGraderAPI(coursedir=coursedir.CourseDirectory(config=config), config=config)
        api.log.setLevel(logging.INFO)
        return api

    def gradebook(self) -> Gradebook:
        """Open nbgrader's database of this course, as a context manager.

        One that an older nbgrader made is brought up to date first, after a backup.

        Raises:
            CourseError: it is not a database, or cannot be brought up to date.
        """
        from nbgrader.api import Gradebook

        from autograder.old_gradebook import bring_up_to_date

        if done := bring_up_to_date(self.directory.db_url):
            print(f"autograder: {done}", file=sys.stderr)
        return Gradebook(self.directory.db_url, self.directory.course_id)

    @property
    def records(self) -> Path:
        """The folder of the autograder's own records of this course."""
        return self.root / ".autograder"


def _units(folder: Path) -> list[str]:
    return sorted({notebook.parent.name for notebook in folder.glob("*/*.ipynb")})


def _may_be_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _put_tools_on_path() -> None:
    """Let nbgrader find `alembic`, even if the virtual environment is not activated."""
    if not shutil.which("alembic"):
        own = str(Path(sys.executable).parent)
        os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", os.defpath)])
