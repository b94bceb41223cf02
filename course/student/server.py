"""Pages that JupyterLab's own server adds for students: handing in, and the newest start page.

`course lab` turns this on. Where students' servers are started in another way, as by a JupyterHub,
it is turned on like any server extension (`course.student.server`), and a link to
`course/start?folder=NAME` brings the folder NAME up to date and opens its start page.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from course.errors import UsageError
from course.student import lab, start_page, submission
from course.student.folder import StudentFolder
from course.student.hand_in_page import render

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


class _Handler(JupyterHandler):
    """Finds the student's folder: the server's, or one below it that the address names."""

    auth_resource = "contents"

    def folder(self) -> StudentFolder:
        named = self.get_argument("folder", "")
        here = (self.root() / named).resolve()
        try:
            found = StudentFolder(here)
        except UsageError as error:
            raise web.HTTPError(404, str(error)) from None
        # Above the server's root there is a folder only if it serves that folder's copies.
        expected = here if named else found.work
        if (found.root if named else here) != expected or not here.is_relative_to(self.root()):
            raise web.HTTPError(404, f"There are no assignments in {here}.")
        return found

    def root(self) -> Path:
        return Path(self.settings["server_root_dir"]).expanduser().resolve()

    def checked(self, folder: StudentFolder, unit: str) -> None:
        if unit not in folder.units():
            raise web.HTTPError(404, f"There is no unit {unit} in {folder.root}.")


class StartHandler(_Handler):
    """Brings in corrections, writes the start page and opens it."""

    @web.authenticated
    @authorized
    def get(self) -> None:
        """Redirect to the start page in JupyterLab."""
        folder = self.folder()
        os.environ[start_page.HAND_IN] = _address(self.base_url, self.get_argument("folder", ""))
        start_page.write(folder, news=lab.bring_in(folder))
        page = (folder.work / start_page.NAME).relative_to(self.root()).as_posix()
        self.redirect(url_path_join(self.base_url, "lab", "tree", quote(page)))


class StartPageHandler(_Handler):
    """Writes the start page anew, as often as a student looks at it."""

    @web.authenticated
    @authorized
    def post(self) -> None:
        """Write it; nothing else changes."""
        start_page.write(self.folder())
        self.set_status(204)


class HandInHandler(_Handler):
    """Shows what would be handed in, and makes the archive."""

    @web.authenticated
    @authorized
    def get(self, unit: str) -> None:
        """Show the state of a student's notebook, and a button."""
        folder = self.folder()
        self.checked(folder, unit)
        self.show(folder, unit, student=submission.remembered(folder))

    @web.authenticated
    @authorized
    def post(self, unit: str) -> None:
        """Make the archive, and show where it is."""
        folder = self.folder()
        self.checked(folder, unit)
        student = self.get_body_argument("student", "").strip()
        anyway = self.get_body_argument("anyway", "") == "yes"
        try:
            made = submission.submit(folder, unit, student=student or None, anyway=anyway)
        except (UsageError, OSError) as error:
            self.set_status(400)
            self.show(folder, unit, student=student, error=str(error))
            return
        self.show(folder, unit, student=student, made=made)

    def show(self, folder: StudentFolder, unit: str, **state: Any) -> None:
        self.set_header("Cache-Control", "no-store")
        query = quote(self.get_argument("folder", ""), safe="")
        xsrf = self.xsrf_token.decode()
        download = url_path_join(self.base_url, "course", "archives")
        page = render(folder, unit, xsrf=xsrf, archives=download, query=query, **state)
        self.finish(page)


class ArchiveHandler(_Handler):
    """Downloads an archive that was made."""

    @web.authenticated
    @authorized
    def get(self, name: str) -> None:
        """Send the archive as a file."""
        archives = submission.archives(self.folder())
        path = archives / name
        if path.parent != archives or path.is_symlink() or not path.is_file():
            raise web.HTTPError(404, f"There is no archive {name}.")
        self.set_header("Content-Type", "application/zip")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(path.read_bytes())


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "course.student.server"}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    """Add the pages; of a server that serves a student's copies, the start page links to them."""
    base = app.web_app.settings["base_url"]
    unit = r"([A-Za-z0-9_.-]+)"
    app.web_app.add_handlers(
        ".*$",
        [
            (url_path_join(base, "course", "start"), StartHandler),
            (url_path_join(base, "course", "start-page"), StartPageHandler),
            (url_path_join(base, "course", "hand-in", unit), HandInHandler),
            (url_path_join(base, "course", "archives", unit), ArchiveHandler),
        ],
    )
    try:
        folder = StudentFolder(app.root_dir)
    except UsageError:
        return
    if folder.work == Path(app.root_dir).resolve():
        # Kernels and terminals inherit it, so that they can name the page, too.
        os.environ[start_page.HAND_IN] = _address(base)
        start_page.write(folder)


def _address(base: str, folder: str = "") -> str:
    query = f"?folder={quote(folder, safe='')}" if folder else ""
    return url_path_join(base, "course", "hand-in", "UNIT") + query
