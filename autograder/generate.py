"""nbgrader's release step: generate what students receive from a unit's source."""

from __future__ import annotations

import re
from typing import Any

from autograder.course_directory import CourseDirectory


def generate(course: CourseDirectory, unit: str) -> list[str]:
    """Write a unit's release and its gradebook entries with nbgrader.

    Returns:
        What went wrong; empty if nothing did.
    """
    result = course.api().generate_assignment(unit, force=True)
    if result["success"]:
        return []
    return [f"nbgrader could not generate {unit}: {_failure_reason(result)}"]


def _failure_reason(result: dict[str, Any]) -> str:
    """Return why a call of nbgrader's interface failed: the first exception in its log."""
    text = (result.get("log") or "") + "\n" + (result.get("error") or "")
    raised = re.findall(r"^\s*([\w.]*(?:Error|Exception|Entry)\b: .+)$", text, re.MULTILINE)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return str(raised[0]) if raised else (lines[-1] if lines else "no reason given")
