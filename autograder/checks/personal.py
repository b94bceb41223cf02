"""Random numbers that belong to a student, so that everybody gets other sizes."""

from __future__ import annotations

import hashlib
import random


class UnknownStudent(ValueError):
    """Numbers of their own need to know whose. Shows its message, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def student_rng(student: str, topic: str) -> random.Random:
    """Return a source of random numbers that belong to a student, the same in every run.

    Args:
        student: the ID that the submission has in the course.
        topic: what the numbers are for, so that no two questions draw the same.

    Raises:
        UnknownStudent: no ID.

    Example:
        >>> student_rng("ada", "sizes").randint(1, 9) == student_rng("ada", "sizes").randint(1, 9)
        True
    """
    if not (isinstance(student, str) and student.strip()):
        raise UnknownStudent(
            f"Whose numbers? Write your id in this course, in quotes; received {student!r}."
        )
    digest = hashlib.sha256(f"{topic}:{student.strip()}".encode()).digest()
    return random.Random(int.from_bytes(digest, "big"))
