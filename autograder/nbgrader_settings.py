"""Settings that put this autograder behind nbgrader's own buttons and commands.

With them formgrader's *Autograde* and *Generate Feedback*, `nbgrader autograde` and `nbgrader
generate_feedback` run students' code in the sandbox and hide hidden tests, and *Generate* refuses
a source whose solutions or hidden tests would be published. They name classes as text, so that
reading a course's configuration imports none of them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"

GRADING = "autograder.formgrader.SandboxedGrading"
RELEASE = "autograder.formgrader.ReleaseOfKnownMarkers"
MATHML = "autograder.mathml.FormulasAsMathML"
FEEDBACK = (
    "autograder.formgrader.LatePenalties",
    "nbgrader.preprocessors.ClearHiddenTests",
    "autograder.classroom.feedback.WithoutTestSource",
    "nbgrader.preprocessors.GetGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    "autograder.classroom.feedback_summary.Summary",
)


def use_autograder(c: Any) -> None:
    """Change nbgrader's configuration.

    Args:
        c: what `get_config()` returns in `nbgrader_config.py`.
    """
    c.Autograde.exporter_class = GRADING
    c.GenerateAssignment.exporter_class = RELEASE
    c.GenerateFeedback.preprocessors = list(FEEDBACK)
    # For formgrader's page of a submission as well: neither asks a host for MathJax.
    c.HTMLExporter.preprocessors = [MATHML]
    c.HTMLExporter.extra_template_basedirs = [
        str(TEMPLATES),
        str(TEMPLATES / "nbconvert" / "templates"),
        *_nbgraders(),
    ]


def _nbgraders() -> list[str]:
    """Return the folder of formgrader's templates, which extend nbconvert's."""
    found = find_spec("nbgrader")
    if found is None or found.origin is None:
        return []
    return [str(Path(found.origin).parent / "server_extensions" / "formgrader" / "templates")]
