"""Ask nbgrader for its grades, and write them down: `python -m tests.habits.record`."""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.habits.course import GRADES, UNIT, digest, grades, make


def nbgraders_own() -> dict:
    """What `nbgrader autograde` gives both students, with what it depends on. Takes minutes."""
    with tempfile.TemporaryDirectory() as folder:
        course = make(Path(folder))
        command = [sys.executable, "-m", "nbgrader", "autograde", UNIT]
        subprocess.run(command, cwd=course.root, check=True, capture_output=True, text=True)
        found = grades(course)
    return {"habits": digest(), "nbgrader": version("nbgrader"), "grades": found}


if __name__ == "__main__":
    GRADES.write_text(json.dumps(nbgraders_own(), indent=1) + "\n")
    print(GRADES)
