"""A gradebook that an older nbgrader made is brought up to date, after a backup."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.errors import CourseError


def file_of(url: str) -> Path | None:
    """Return the file of an SQLite database; None for a database on a server."""
    prefix = "sqlite:///"
    return Path(url.removeprefix(prefix)) if url.startswith(prefix) else None


def lacks(url: str) -> list[str]:
    """List the columns that this nbgrader uses and a database lacks; none if it is empty.

    Raises:
        CourseError: it is not a database, or cannot be opened.
    """
    from nbgrader.api import Base
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import SQLAlchemyError

    engine = create_engine(url)
    try:
        inspector = inspect(engine)
        there = {
            t: {c["name"] for c in inspector.get_columns(t)} for t in inspector.get_table_names()
        }
    except SQLAlchemyError as error:
        raise CourseError(f"The gradebook {url} cannot be opened: {error.__cause__}") from None
    finally:
        engine.dispose()
    return [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if there and column.name not in there.get(table.name, set())
    ]


def bring_up_to_date(url: str) -> str:
    """Migrate a database with nbgrader's own migrations, if an older nbgrader made it.

    A copy is migrated and takes the place of the file when it is complete; the file as it was stays
    beside it.

    Args:
        url: of the database.

    Returns:
        What was done, in a line; "" if nothing was to be done.

    Raises:
        CourseError: the database cannot be migrated; it is as it was.
    """
    if not lacks(url):
        return ""
    file = file_of(url)
    if file is None:
        raise CourseError(
            f"The gradebook {url} was made by an older nbgrader. Back it up, then run "
            "`nbgrader db upgrade` in the course directory."
        )
    backup = file.with_name(f"{file.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".gradebook-") as scratch:
        copy = Path(scratch, file.name)
        _copy(file, copy)
        problem = _migrate(copy, Path(scratch))
        left = lacks(f"sqlite:///{copy}")
        if problem or left:
            why = problem or f"{', '.join(left)} is still missing"
            raise CourseError(
                f"The gradebook {file} was made by an older nbgrader and cannot be brought up to "
                f"date: {why}. It is as it was. Restore a backup, or move it away to start anew."
            )
        os.link(file, backup)
        copy.replace(file)
    return f"{file} was made by an older nbgrader; it is up to date now. As it was: {backup.name}."


def _copy(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, whoever else has it open."""
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _migrate(file: Path, scratch: Path) -> str:
    """Run nbgrader's migrations on a database; return what went wrong, in a line."""
    from nbgrader.dbutil import write_alembic_ini

    settings = scratch / "alembic.ini"
    write_alembic_ini(str(settings), f"sqlite:///{file}")
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", str(settings), "upgrade", "head"],
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stderr.strip().splitlines()[-1:] or [f"alembic ended with {done.returncode}"]
    return last[0] if done.returncode else ""
