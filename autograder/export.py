"""All scores as one table, one row a submission."""

from __future__ import annotations

from pathlib import Path

from autograder.course_directory import CourseDirectory


def write_csv(course: CourseDirectory, path: Path) -> Path:
    """Write what nbgrader's own exporter writes, from the gradebook.

    Args:
        course: whose gradebook is read.
        path: of the CSV file.
    """
    from nbgrader.plugins import CsvExportPlugin

    with course.gradebook() as gradebook:
        plugin = CsvExportPlugin()
        plugin.to = str(path)
        plugin.export(gradebook)
    return path
