"""The server of `autograder mark`: one person on this machine, with the address that it prints."""

from __future__ import annotations

import hmac
import json
import secrets
from typing import Any

from jinja2 import Environment, PackageLoader
from tornado import web

from autograder.course_directory import CourseDirectory, CourseError
from autograder.mark import render
from autograder.mark.questions import HandQuestion, add_answers, hand_questions, save

HOST = "127.0.0.1"
LONGEST_COMMENT = 20_000
# Only the page's own script runs, and nothing is loaded from anywhere.
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Marking:
    """What is being marked, and the secret of whoever may do so.

    Args:
        course: the course directory.
        unit: the assignment.
        port: the server's.

    Raises:
        CourseError: the unit has nothing that is marked by hand.
    """

    def __init__(self, course: CourseDirectory, unit: str, port: int) -> None:
        self.course, self.unit, self.port = course, unit, port
        self.token = secrets.token_urlsafe(24)
        self.questions = hand_questions(course, unit)
        loader = PackageLoader("autograder", "templates")
        self.page = Environment(loader=loader, autoescape=True).get_template("mark.html")

    @property
    def address(self) -> str:
        """The address that opens the page."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The cookie's name; cookies of one host are shared by all its ports."""
        return f"mark-{self.port}"

    @property
    def hosts(self) -> set[str]:
        """The names under which a browser reaches this server."""
        return {f"{HOST}:{self.port}", f"localhost:{self.port}"}


def application(marking: Marking) -> web.Application:
    """Return the web application of a unit."""
    return web.Application(
        [(r"/", _Start), (r"/(\d+)", _Page), (r"/(\d+)/save", _Save)],
        default_handler_class=_Nothing,
        marking=marking,
    )


class _Handler(web.RequestHandler):
    """Lets only the holder of the token in, by a name that is this machine's."""

    @property
    def marking(self) -> Marking:
        found: Marking = self.settings["marking"]
        return found

    def set_default_headers(self) -> None:
        self.nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Security-Policy", POLICY.format(nonce=self.nonce))
        self.set_header("Cache-Control", "no-store")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")

    def prepare(self) -> None:
        if self.request.host not in self.marking.hosts:
            raise web.HTTPError(403, "unknown host")
        if not self.known():
            raise web.HTTPError(403, "no token")

    def known(self) -> bool:
        """Return whether the browser has the token."""
        held = self.get_cookie(self.marking.cookie, "") or ""
        return hmac.compare_digest(held.encode(), self.marking.token.encode())

    def write_error(self, status_code: int, **more: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        said = {
            403: "Open the address that `autograder mark` has printed.",
            404: "There is no such page.",
        }
        error = more.get("exc_info", (None, None))[1]
        self.finish(said.get(status_code) or f"{type(error).__name__}: {error}")

    def question(self, number: str) -> HandQuestion:
        """Return a question by its number, which begins with 1."""
        if not 1 <= int(number[:6]) <= len(self.marking.questions):
            raise web.HTTPError(404)
        return self.marking.questions[int(number[:6]) - 1]


class _Nothing(_Handler):
    def get(self) -> None:
        raise web.HTTPError(404)


class _Start(_Handler):
    """Takes the token out of the address, and opens the first question that waits."""

    def prepare(self) -> None:
        given = self.get_query_argument("token", "")
        known = hmac.compare_digest(given.encode(), self.marking.token.encode())
        if known and self.request.host in self.marking.hosts:
            self.set_cookie(
                self.marking.cookie, self.marking.token, httponly=True, samesite="Strict"
            )
            self.redirect("/")
        else:
            super().prepare()

    def get(self) -> None:
        for question in self.marking.questions:
            add_answers(self.marking.course, self.marking.unit, question)
        waiting = [n for n, one in enumerate(self.marking.questions, 1) if one.waiting]
        self.redirect(f"/{(waiting or [1])[0]}")


class _Page(_Handler):
    def get(self, number: str) -> None:
        question = self.question(number)
        add_answers(self.marking.course, self.marking.unit, question)
        self.write(
            self.marking.page.render(
                unit=self.marking.unit,
                question=question,
                number=int(number),
                questions=self.marking.questions,
                nonce=self.nonce,
                code_light=render.style("default"),
                code_dark=render.style("github-dark"),
            )
        )


class _Save(_Handler):
    """Saves one answer's score and comment; only the page's own script can ask for it."""

    def prepare(self) -> None:
        super().prepare()
        origin = self.request.headers.get("Origin", "")
        if origin.removeprefix("http://") not in self.marking.hosts:
            raise web.HTTPError(403)
        if self.request.headers.get("Content-Type", "").split(";")[0] != "application/json":
            raise web.HTTPError(415)

    def post(self, number: str) -> None:
        question = self.question(number)
        try:
            sent = json.loads(self.request.body)
            student, comment, seen = str(sent["student"]), str(sent["comment"]), sent["seen"]
            score = _number(sent["score"])
            before = (_number(seen["score"]), str(seen["comment"]))
        except (ValueError, KeyError, TypeError):
            raise web.HTTPError(400) from None
        if len(comment) > LONGEST_COMMENT:
            self.refuse(f"a comment has at most {LONGEST_COMMENT} characters")
            return
        course, waits = self.marking.course, False
        try:
            with course.gradebook() as gradebook:
                why, waits = save(
                    gradebook, self.marking.unit, question, student,
                    score=score, comment=comment.strip(), seen=before,
                )  # fmt: skip
        except Exception as error:  # the gradebook is locked, or the disk full
            why = f"the gradebook could not be written ({type(error).__name__}); try again"
        if why:
            self.refuse(why)
        else:
            self.write({"saved": True, "waits": waits})

    def refuse(self, why: str) -> None:
        """Say why it was not saved."""
        self.set_status(409)
        self.write({"saved": False, "why": why})


def _number(value: object) -> float | None:
    """Return a score; None for none.

    Raises:
        TypeError: it is no number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def serve(course: CourseDirectory, unit: str, *, port: int = 0, browser: bool = True) -> None:
    """Serve the page until it is stopped with Ctrl-C.

    Args:
        course: the course directory.
        unit: the assignment.
        port: 0 for any that is free.
        browser: open a browser; otherwise only print the address.

    Raises:
        CourseError: the unit has nothing that is marked by hand, or the port is in use.
    """
    import asyncio
    import webbrowser

    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    try:
        sockets = bind_sockets(port, HOST)
    except (OSError, OverflowError) as error:
        raise CourseError(
            f"Port {port} cannot be used ({error}). Choose another: --port."
        ) from None
    marking = Marking(course, unit, sockets[0].getsockname()[1])

    async def run() -> None:
        HTTPServer(application(marking), max_body_size=200_000).add_sockets(sockets)
        print(f"Mark {unit} at\n  {marking.address}\nStop with Ctrl-C.", flush=True)
        if browser:
            webbrowser.open(marking.address)
        await asyncio.Event().wait()

    asyncio.run(run())
