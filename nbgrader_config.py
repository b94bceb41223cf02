"""nbgrader's configuration of this course: `solutions` is the source, `assignments` the release."""

from autograder.folding import FoldTests
from autograder.nbgrader_settings import use_autograder

c = get_config()  # noqa: F821

# formgrader's buttons, `nbgrader autograde` and `nbgrader generate_feedback` grade in the sandbox
# and show no hidden test.
use_autograder(c)

c.CourseDirectory.course_id = "convnets"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# nbgrader copies every other file of a source folder to students. The script beside a notebook
# has the solutions, and so do its mutants and alternatives.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints", "__pycache__", "*.pyc", "feedback", "[0-9][0-9]_*.py",
    "[0-9][0-9]_*.toml",
]  # fmt: skip

# Students see questions and answers; a click shows a test.
c.GenerateAssignment.preprocessors.append(FoldTests)

# Seconds per cell; a question that trains a network needs a while.
c.ExecutePreprocessor.timeout = 60
