"""The pages of the student's server: handing in by a button, and the newest start page."""

import http.cookiejar
import io
import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import nbformat
import pytest

from course.student import lab, start_page, submission, work
from course.student.folder import StudentFolder
from course.student.hand_in_page import render
from tests.course.student.conftest import UNIT, cell, edit, hand_out, release, write

ANSWER = "def twice(x):\n    return 2 * x"
TOKEN = secrets.token_hex(8)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server as a JupyterHub starts it: its root is the student's home, the course a folder."""
    home = tmp_path_factory.mktemp("home")
    course = home / "my course"
    hand_out(course)
    lecture = nbformat.v4.new_notebook(cells=[cell("one", "# 02 · <Sizing>", "markdown")])
    write(lecture, course / "lectures" / f"{UNIT}.ipynb")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
    environment |= {"HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / ".runtime")}
    command = [
        sys.executable, "-m", "jupyter_server", f"--ServerApp.root_dir={home}", "--no-browser",
        "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.base_url=/user/ada/",
        f"--IdentityProvider.token={TOKEN}", "--allow-root",
        f"--ServerApp.jpserver_extensions={ {'course.student.server': True} }",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+/user/ada/", line):
                break
        else:
            pytest.fail("".join(lines))
        yield Browser(found[0]), StudentFolder(course)
    finally:
        process.terminate()
        process.communicate(timeout=120)


class Browser:
    """Keeps cookies, as a browser does."""

    def __init__(self, address):
        self.address = address
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies), NoRedirects
        )

    def fetch(self, path, **form):
        """Return status, headers and body."""
        data = urllib.parse.urlencode(form).encode() if form else None
        for _ in range(100):
            try:
                with self.opener.open(self.address + path, data, timeout=30) as answer:
                    return answer.status, answer.headers, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.headers, error.read()
            except urllib.error.URLError:  # the address is printed before it is served
                time.sleep(0.1)
        pytest.fail("no answer")

    def page(self, path, **form):
        status, _, body = self.fetch(path, **form)
        return status, body.decode()


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments, **named):
        return None


@pytest.fixture
def hub(served):
    """Logged in, with copies and one answer."""
    browser, folder = served
    lab.prepare(folder)
    write(release(twice=ANSWER), folder.copy(UNIT))
    browser.fetch(f"course/hand-in/{UNIT}?folder=my%20course&token={TOKEN}")
    return browser, folder


PLACE = f"course/hand-in/{UNIT}?folder=my%20course"


def form(page):
    return {"_xsrf": re.search(r'name="_xsrf" value="([^"]+)"', page)[1]}


def test_the_button_makes_an_archive_that_can_be_downloaded(hub):
    browser, folder = hub
    status, page = browser.page(PLACE)
    assert status == 200 and "1 of 2 answered; not essay." in page and "02 · Sizing" in page
    status, page = browser.page(PLACE, **form(page), student="ada")
    assert status == 200 and "The archive is made" in page
    address = re.search(r'class="button" href="/user/ada/([^"]+)"', page)[1]
    status, headers, body = browser.fetch(address)
    assert status == 200 and headers["Content-Disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert json.loads(archive.read(submission.MANIFEST))["student"] == "ada"
        assert archive.read(f"{UNIT}/{UNIT}.ipynb") == folder.copy(UNIT).read_bytes()
    assert 'name="student" value="ada"' in browser.page(PLACE)[1]  # remembered


def test_nobody_else_gets_in_and_no_other_page_can_press_the_button(hub):
    browser, folder = hub
    before = sorted(submission.archives(folder).glob("*"))
    stranger = Browser(browser.address)
    status, headers, _ = stranger.fetch(PLACE)
    assert status == 302 and "/login" in headers["Location"]
    assert stranger.fetch("course/archives/a.zip?folder=my%20course")[0] == 302
    assert stranger.fetch("course/start?folder=my%20course")[0] == 302
    assert browser.fetch(PLACE, student="eve")[0] == 403  # no XSRF token
    assert sorted(submission.archives(folder).glob("*")) == before


def test_what_is_wrong_is_said_on_the_page(hub):
    browser, folder = hub
    _, page = browser.page(PLACE)
    status, page = browser.page(PLACE, **form(page), student="a b")
    assert status == 400 and "An id has up to 64" in page and 'role="alert"' in page
    write(release(twice=ANSWER, test_twice=None), folder.copy(UNIT))
    _, page = browser.page(PLACE)
    assert "are missing: test_twice" in page and 'name="anyway"' in page
    assert browser.page(PLACE, **form(page), student="ada")[0] == 400
    assert browser.page(PLACE, **form(page), student="ada", anyway="yes")[0] == 200
    folder.copy(UNIT).write_text("{")
    _, page = browser.page(PLACE)
    assert "is not a notebook that can be read" in page and 'name="anyway"' not in page


@pytest.mark.parametrize(
    "path",
    [
        "course/hand-in/03_x?folder=my%20course",
        f"course/hand-in/{UNIT}?folder=..",
        f"course/hand-in/{UNIT}?folder=/etc",
        f"course/hand-in/{UNIT}",
        "course/archives/none.zip?folder=my%20course",
        "course/archives/..?folder=my%20course",
        "course/start?folder=elsewhere",
    ],
)
def test_what_is_not_there(hub, path):
    assert hub[0].fetch(path)[0] == 404


def test_an_archive_is_only_what_lies_in_its_folder(hub):
    browser, folder = hub
    archives = submission.archives(folder)
    archives.mkdir(exist_ok=True)
    (archives / "link.zip").symlink_to("/etc/passwd")
    assert browser.fetch("course/archives/link.zip?folder=my%20course")[0] == 404


def test_the_start_link_brings_in_corrections_and_opens_the_start_page(hub):
    browser, folder = hub
    hand_out(folder.root, text="# Corrected")
    try:
        status, headers, _ = browser.fetch("course/start?folder=my%20course")
        assert status == 302
        assert headers["Location"] == "/user/ada/lab/tree/my%20course/work/START.md"
        page = (folder.work / start_page.NAME).read_text()
        assert "your answers are in the new 02_sizing.ipynb" in page
        assert f"(/user/ada/course/hand-in/{UNIT}?folder=my%20course)" in page
    finally:
        hand_out(folder.root)


def test_the_start_page_is_written_anew(hub):
    browser, folder = hub
    page = folder.work / start_page.NAME
    page.unlink()
    place = "course/start-page?folder=my%20course"
    assert browser.fetch(place, student="eve")[0] == 403 and not page.exists()
    _, asked = browser.page(PLACE)
    assert browser.fetch(place, **form(asked))[0] == 204
    assert "1 of 2 answered" in page.read_text()


def test_the_page_escapes_whatever_it_shows(folder):
    work.update(folder)
    hand_out(folder.root, text="# <b>")
    edit(folder.copy(UNIT), twice=ANSWER)
    page = render(
        folder, UNIT, xsrf='"x', archives="/a", student='"><script>', error="<i>wrong</i>"
    )
    assert "<script>" not in page and "<i>" not in page and "<b>" not in page


def test_the_start_page_links_to_it_only_where_it_is(folder, monkeypatch):
    monkeypatch.delenv(start_page.HAND_IN, raising=False)
    assert "[hand in]" not in start_page.write(folder).read_text()
    monkeypatch.setenv(start_page.HAND_IN, "/course/hand-in/UNIT")
    assert "[hand in](/course/hand-in/02_sizing)" in start_page.write(folder).read_text()
