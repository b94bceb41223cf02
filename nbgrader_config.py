"""How nbgrader sees this project: `solutions` is the source, `assignments` the release."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "convnets"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# nbgrader copies every other file of a source folder to students. The script beside a notebook
# holds the solutions, and so do its mutants and alternatives.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints", "__pycache__", "*.pyc", "feedback", "[0-9][0-9]_*.py",
    "[0-9][0-9]_*.toml",
]  # fmt: skip

# Seconds for one cell; a question that trains needs some.
c.ExecutePreprocessor.timeout = 60
