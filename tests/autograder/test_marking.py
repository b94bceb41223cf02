"""`autograder mark`: everybody's answers on a page, scores and comments in the gradebook."""

import json
import re
import shutil
import threading

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port

from autograder import grading
from autograder.classroom.feedback import write_feedback
from autograder.cli import main
from autograder.course_directory import CourseDirectory, CourseError
from autograder.generate import generate
from autograder.mark import render, server
from autograder.mark.questions import add_answers, hand_questions, save, split_scheme
from tests.autograder.conftest import CONFIG, SOURCE, notebook

MODEL = "Twice *every* number is even: $2n$."
SCHEME = "**Marking scheme** (4 points)\n\n- 1: even\n- 3: why"
CELLS = SOURCE | {
    "task": ("markdown", "## 3 · In your own words\n\nIs $2n$ even? [4 points]", None),
    "open": (
        "markdown",
        f"### BEGIN SOLUTION\n{MODEL}\n\n{SCHEME}\n### END SOLUTION",
        {"grade": True, "solution": True, "points": 4, "locked": False},
    ),
}
HOSTILE = (
    "Yes, $n<3$ and `x`.\n\n<script>steal()</script> <img src=x onerror=steal()> "
    "[link](javascript:steal()) ![](https://example.org/spy.png) <iframe src=//x></iframe>"
)


def hand_in(course, student, answer=None):
    folder = course.path("submitted", student, "small")
    folder.mkdir(parents=True, exist_ok=True)
    released = nbformat.read(course.path("release", ".", "small") / "small.ipynb", 4)
    for cell in released.cells:
        if answer and cell.metadata.get("nbgrader", {}).get("grade_id") == "open":
            cell.source = answer
    nbformat.write(released, folder / "small.ipynb")


@pytest.fixture(scope="session")
def _graded(tmp_path_factory, executor):
    """A graded class: ada and ben have written something, cleo nothing, dan a broken file."""
    root = tmp_path_factory.mktemp("hand")
    (root / "nbgrader_config.py").write_text(CONFIG)
    (root / "source" / "small").mkdir(parents=True)
    nbformat.write(notebook(CELLS), root / "source" / "small" / "small.ipynb")
    course = CourseDirectory(root)
    assert generate(course, "small") == []
    hand_in(course, "ada", "It is, as $2n = n + n$.")
    hand_in(course, "ben", HOSTILE)
    hand_in(course, "cleo")
    hand_in(course, "dan")
    (course.path("submitted", "dan", "small") / "small.ipynb").write_text("cut off")
    grading.grade(course, executor=executor)
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student("ada", first_name="Ada", last_name="<b>Lovelace")
    return root


@pytest.fixture
def course(_graded, tmp_path):
    """The graded class, for one test alone."""
    shutil.copytree(_graded, tmp_path / "course")
    return CourseDirectory(tmp_path / "course")


def the_question(course):
    (question,) = hand_questions(course, "small")
    add_answers(course, "small", question)
    return question


def answer(course, student):
    (found,) = (one for one in the_question(course).answers if one.student == student)
    return found


def give(course, student, score, comment="", seen=(None, "")):
    with course.gradebook() as gradebook:
        return save(
            gradebook, "small", the_question(course), student,
            score=score, comment=comment, seen=seen,
        )  # fmt: skip


# What is on the page


def test_the_question_has_its_scheme_model_answer_and_text(course):
    question = the_question(course)
    assert (question.name, question.points) == ("3 · In your own words", 4)
    assert "3: why" in question.scheme and "Twice" not in question.scheme
    assert "<em>every</em>" in question.model and "scheme" not in question.model
    assert "<math" in question.task and "4 points" in question.task
    assert "SOLUTION" not in question.model + question.scheme + question.task


def test_each_answer_says_what_it_is(course):
    found = {one.student: one for one in the_question(course).answers}
    assert list(found) == ["ada", "ben", "cleo", "dan"] and found["ada"].name == "Ada <b>Lovelace"
    assert found["ada"].waits and found["ada"].score is None
    assert found["cleo"].untouched and found["cleo"].score == 0 and not found["cleo"].waits
    assert found["dan"].untouched and "submitted again" in found["dan"].note
    assert the_question(course).waiting == 3


def test_an_answer_in_a_cell_below_is_shown(course, executor):
    path = course.path("submitted", "ada", "small") / "small.ipynb"
    own = nbformat.read(path, 4)
    own.cells += [new_markdown_cell("And *so* is $4n$."), new_code_cell("print(6)")]
    nbformat.write(own, path)
    grading.grade(course, students="ada", executor=executor)
    shown = answer(course, "ada").shown
    assert "<em>so</em>" in shown and "print" in shown and "<pre>6\n</pre>" in shown


def test_nothing_that_a_student_wrote_does_anything(course):
    shown = answer(course, "ben").shown
    assert "&lt;script&gt;" in shown and "<math" in shown and "<code>x</code>" in shown
    assert not re.search(r"<(script|iframe|img[^>]*onerror)|javascript:", shown)


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE, "$\\text{<script>steal()</script>}$", "<svg onload=steal()>", "<style>*{}</style>",
        "```html\n<script>steal()</script>\n```", "<a href='data:text/html,x'>y</a>",
        "\ue0000\ue001 $x$", "<math><script>steal()</script></math>",
    ],
)  # fmt: skip
def test_markdown_that_nobody_has_cleaned_before(text):
    shown = render.markdown(text)
    assert not re.search(r"<(script|iframe|svg|style)|<[^>]*\son\w+=|href=.(data|java)", shown)


def test_outputs_show_text_and_pictures_only():
    cell = new_code_cell("show()", outputs=[
        new_output("display_data", {"text/html": "<b>x</b><script>steal()</script>"}),
        new_output("display_data", {"image/png": '"><script>', "text/plain": "<i>"}),
        new_output("display_data", {"application/javascript": "steal()"}),
        new_output("stream", text="\x1b[31m<red>" + "y" * 30_000),
    ])  # fmt: skip
    shown = render.cell(cell)
    assert "<script" not in shown and "steal" not in shown and "<b>x</b>" in shown
    assert "&lt;red&gt;" in shown and "10005 characters more" in shown


def test_a_scheme_is_found_by_its_title():
    assert split_scheme("It is.\n\n## Marking scheme\n- 1: yes") == (
        "It is.", "## Marking scheme\n- 1: yes",
    )  # fmt: skip
    assert split_scheme("The marking scheme of life.") == ("The marking scheme of life.", "")


# What is written


def test_a_mark_and_a_comment_survive_a_regrade_and_are_on_the_feedback_page(course, executor):
    assert give(course, "ada", 2.5, "Say why.") == ("", False)
    grading.grade(course, students="ada", executor=executor)
    found = answer(course, "ada")
    assert (found.score, found.comment) == (2.5, "Say why.")
    assert found.waits  # to be confirmed, since the answer may be another one now
    assert give(course, "ada", 2.5, "Say why.", (2.5, "Say why.")) == ("", False)
    assert not answer(course, "ada").waits
    write_feedback(course, students="ada")
    page = (course.path("feedback", "ada", "small") / "small.html").read_text()
    assert "Say why." in page and "2.5 of 4 points" in page


def test_a_mark_can_be_taken_back(course):
    give(course, "ada", 4, "Good")
    assert give(course, "ada", None, "", (4.0, "Good")) == ("", True)
    assert (answer(course, "ada").score, answer(course, "ada").comment) == (None, "")
    assert give(course, "cleo", 1, "", (0.0, "")) == ("", False)
    assert give(course, "cleo", None, "", (1.0, "")) == ("", False)  # 0, as nothing was written


def test_what_somebody_else_has_entered_meanwhile_is_not_overwritten(course):
    give(course, "ada", 3, "Well argued.")
    why, _ = give(course, "ada", 1)
    assert "changed it meanwhile (3)" in why
    assert (answer(course, "ada").score, answer(course, "ada").comment) == (3, "Well argued.")


@pytest.mark.parametrize("score", [-0.5, 4.5, float("nan"), float("inf")])
def test_a_score_is_within_the_points(course, score):
    assert "from 0 to 4" in give(course, "ada", score)[0]
    assert answer(course, "ada").score is None


def test_an_answer_that_is_gone(course):
    assert "no longer" in give(course, "nobody", 1)[0]


def test_a_unit_that_has_nothing_to_mark(small_course):
    course, _ = small_course
    with pytest.raises(CourseError, match="no question that is marked by hand"):
        hand_questions(course, "small")
    assert main(["mark", "nowhere", "--course", str(course.root)]) == 1


# The server


@pytest.fixture
def served(course):
    """A function that asks the server: path, and what `HTTPRequest` takes."""
    sockets, port = bind_unused_port(address="127.0.0.1")
    marking = server.Marking(course, "small", port)
    ready, loops = threading.Event(), []

    def run():
        import asyncio

        async def until_stopped():
            HTTPServer(server.application(marking)).add_socket(sockets)
            loops.append((IOLoop.current(), stop := asyncio.Event()))
            ready.set()
            await stop.wait()

        asyncio.run(until_stopped())

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(20)

    def ask(path, headers=None, token=True, **more):
        import asyncio

        headers = dict(headers or {})
        if token:
            headers["Cookie"] = f"{marking.cookie}={marking.token}"

        async def fetch():
            request = HTTPRequest(
                f"http://127.0.0.1:{port}{path}", headers=headers, follow_redirects=False, **more
            )
            return await AsyncHTTPClient(force_instance=True).fetch(request, raise_error=False)

        return asyncio.run(fetch())

    ask.marking = marking
    yield ask
    loop, stop = loops[0]
    loop.add_callback(stop.set)
    thread.join(20)


def post(ask, headers=None, **change):
    body = {"student": "ada", "score": 3, "comment": "Well", "seen": {"score": None, "comment": ""}}
    own = {"Origin": f"http://127.0.0.1:{ask.marking.port}", "Content-Type": "application/json"}
    return ask(
        "/1/save", own | (headers or {}), method="POST", body=json.dumps(body | change)
    )  # fmt: skip


def test_the_address_opens_the_page_once_and_the_page_asks_no_other_host(served):
    first = served(f"/?token={served.marking.token}", token=False)
    assert first.code == 302 and first.headers["Location"] == "/"
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert served("/").headers["Location"] == "/1"
    page = served("/1")
    shown = page.body.decode()
    assert page.code == 200 and "&lt;b&gt;Lovelace" in shown and "3: why" in shown
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<(?:script|link|iframe)[^>]*\s(?:src|href)=", shown)
    nonce = re.search(r"nonce-([\w-]+)", page.headers["Content-Security-Policy"])[1]
    assert re.findall(r"<script[^>]*>", shown) == [f'<script nonce="{nonce}">']
    assert served.marking.token not in shown


def test_a_mark_is_saved(served, course):
    assert json.loads(post(served).body) == {"saved": True, "waits": False}
    assert (answer(course, "ada").score, answer(course, "ada").comment) == (3, "Well")
    again = post(served, score=1)
    assert again.code == 409 and "meanwhile" in json.loads(again.body)["why"]


@pytest.mark.parametrize(
    ("path", "headers", "token"),
    [
        ("/", None, False), ("/1", None, False), ("/?token=guess", None, False),
        ("/1", {"Cookie": "mark-1=x"}, False), ("/1", {"Host": "evil.example"}, True),
        ("/nowhere", None, False),
    ],
)  # fmt: skip
def test_nobody_else_gets_in(served, path, headers, token):
    refused = served(path, headers, token=token)
    assert refused.code == 403 and b"ada" not in refused.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"}, {"Origin": ""}, {"Content-Type": "text/plain"},
        {"Origin": "null"},
    ],
)  # fmt: skip
def test_another_page_cannot_save(served, course, headers):
    assert post(served, headers).code in (403, 415)
    assert answer(course, "ada").score is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"score": "4"}, 400), ({"score": True}, 400), ({"seen": None}, 400), ({"score": 99}, 409),
        ({"comment": "x" * 20_001}, 409), ({"student": "nobody"}, 409),
    ],
)  # fmt: skip
def test_odd_requests_change_nothing(served, course, change, code):
    assert post(served, **change).code == code
    assert answer(course, "ada").score is None


def test_there_is_no_such_page(served):
    assert served("/2").code == served("/0").code == served("/nowhere").code == 404


def test_a_port_in_use_is_said(course):
    busy, port = bind_unused_port(address="127.0.0.1")
    with busy, pytest.raises(CourseError, match=f"Port {port} cannot be used"):
        server.serve(course, "small", port=port, browser=False)


def test_a_gradebook_that_cannot_be_written_is_said(served, monkeypatch):
    def locked(*args, **more):
        raise OSError("database is locked")

    monkeypatch.setattr(server, "save", locked)
    refused = post(served)
    assert refused.code == 409 and "could not be written" in json.loads(refused.body)["why"]
