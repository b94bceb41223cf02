"""Export all scores as a table with one row per submission."""

from __future__ import annotations

from pathlib import Path

from autograder.course_directory import CourseDirectory


def write_csv(course: CourseDirectory, path: Path) -> Path:
    """Write the gradebook's scores to a CSV file, like nbgrader's own exporter.

    Args:
        course: the course directory.
        path: the path of the CSV file.

    Returns:
        The path.
    """
    from nbgrader.plugins import CsvExportPlugin

    with course.gradebook() as gradebook:
        plugin = CsvExportPlugin()
        plugin.to = str(path)
        plugin.export(gradebook)
    return path
