"""Errors of whoever gives a course."""

from course.errors import UsageError


class CourseError(UsageError):
    """Something in the course directory that the instructor has to fix."""
