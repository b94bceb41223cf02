"""nbgrader's release step: from a unit's source to what students get."""

from __future__ import annotations

import re

from autograder.course_directory import CourseDirectory


def generate(course: CourseDirectory, unit: str) -> list[str]:
    """Write a unit's release and its gradebook entries with nbgrader; what went wrong, if so."""
    result = course.api().generate_assignment(unit, force=True)
    if result["success"]:
        return []
    return [f"nbgrader could not generate {unit}: {_failure_reason(result)}"]


def _failure_reason(result: dict) -> str:
    """Why a call of nbgrader's interface failed: the first exception that its log tells of."""
    text = (result.get("log") or "") + "\n" + (result.get("error") or "")
    raised = re.findall(r"^\s*([\w.]*(?:Error|Exception|Entry)\b: .+)$", text, re.MULTILINE)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return raised[0] if raised else (lines[-1] if lines else "no reason given")
