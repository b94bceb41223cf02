"""The page that hands a unit in: what the notebook has, whose it is, and one button."""

from __future__ import annotations

from html import escape

from course.errors import UsageError
from course.student import start_page, submission
from course.student.folder import StudentFolder

STYLE = """
:root { color-scheme: light dark; --line: #8886; --good: #1a7f37; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --good: #57d27c; --bad: #ff8a80; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto;
       padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; }
label { display: block; margin: 1rem 0; font-weight: 600; }
input[type=text] { display: block; width: 100%; max-width: 20rem; box-sizing: border-box;
       margin-top: .25rem; padding: .5rem; font: inherit; }
label small { display: block; font-weight: 400; }
button, a.button { display: inline-block; padding: .6rem 1.2rem; border: 0; border-radius: .4rem;
       background: #0b57d0; color: #fff; font: inherit; font-weight: 600; text-decoration: none;
       cursor: pointer; }
:focus-visible { outline: 3px solid #f9ab00; outline-offset: 2px; }
.note { border: 1px solid var(--line); border-left: .4rem solid var(--line);
       border-radius: .3rem; padding: .1rem 1rem; margin: 1rem 0; }
.note.good { border-left-color: var(--good); }
.note.bad { border-left-color: var(--bad); }
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Hand in {unit}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{style}</style></head><body><main>
<h1>Hand in: {title}</h1>
{body}
</main></body></html>
"""
FORM = """<form method="post">
<input type="hidden" name="_xsrf" value="{xsrf}">
<label>Your id in this course
<input type="text" name="student" value="{student}" required maxlength="64" autocomplete="username"
 spellcheck="false"></label>
{anyway}<button>{button}</button>
</form>
<p>Unsaved changes are not seen here: save the notebook (Ctrl+S), then
<a href="">look again</a>.</p>
"""
ANYWAY = """<label><input type="checkbox" name="anyway" value="yes"> Hand it in as it is
<small>although cells are missing, which then earn nothing</small></label>
"""


def render(
    folder: StudentFolder,
    unit: str,
    *,
    xsrf: str,
    archives: str,
    query: str = "",
    student: str = "",
    made: submission.Submission | None = None,
    error: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        folder: of the student.
        unit: "02_sizing", one of the folder's.
        xsrf: the server's token for forms.
        archives: address of the folder of archives.
        query: the folder's name for addresses; "" for the server's own.
        student: what stands in the field for the id.
        made: the archive that was just made.
        error: why none was made.
    """
    if made is not None:
        body = _done(made, archives, query)
    else:
        body = _asking(folder, unit, xsrf, student, error)
    title = start_page.title(folder.released(unit)).replace("\\|", "|")
    return PAGE.format(unit=escape(unit), title=escape(title), style=STYLE, body=body)


def _done(made: submission.Submission, archives: str, query: str) -> str:
    address = f"{archives}/{made.path.name}" + (f"?folder={query}" if query else "")
    lines = "".join(f"<p>{escape(line)}</p>" for line in made.lines)
    return (
        '<div class="note good" role="status"><p><strong>✓ The archive is made.</strong></p>'
        f'{lines}</div><p><a class="button" href="{escape(address)}" download>Download it</a></p>'
        "<p>Nothing has been sent anywhere: hand the file in as it says above. You may do so "
        'again; the newest counts. <a href="">Make another</a></p>'
    )


def _asking(folder: StudentFolder, unit: str, xsrf: str, student: str, error: str) -> str:
    lines, missing = [], False
    try:
        lines = submission.examine(folder, unit)
    except UsageError as found:
        missing = isinstance(found, submission.MissingCells)
        error = error or str(found)
    shown = f'<div class="note">{"".join(f"<p>{escape(line)}</p>" for line in lines)}</div>'
    if error:
        said = f"<p><strong>✗ Not made yet.</strong></p><p>{escape(error)}</p>"
        shown = f'<div class="note bad" role="alert">{said}</div>' + (shown if lines else "")
    return shown + FORM.format(
        xsrf=escape(xsrf),
        student=escape(student),
        anyway=ANYWAY if missing else "",
        button="Make the archive",
    )
