"""What formgrader's buttons do once `use_autograder` has configured nbgrader.

nbgrader's `Autograde` deletes what was graded before, then runs students' code with the rights of
whoever pressed the button. Its `GenerateAssignment` publishes a solution or a hidden test whose
marker is misspelled. Before they delete or write anything, both make an exporter of a class that
can be configured. Ours grades in the sandbox, and leaves nbgrader nothing to do, or reads the
markers first. If ours cannot be imported, nbgrader stops there.
"""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode


class _Exporter(NotebookExporter):
    """Does something first when one of nbgrader's converters makes it."""

    def __init__(self, config: Any = None, **more: Any) -> None:
        super().__init__(config, **more)
        self.do_first(more["parent"])

    def do_first(self, converter: Any) -> None:
        """Act before the converter deletes or writes anything."""
        raise NotImplementedError


class SandboxedGrading(_Exporter):
    """Grades with `autograder grade` when nbgrader's `Autograde` makes it."""

    def do_first(self, converter: Any) -> None:
        """Grade the submissions that nbgrader is about to, in a process of its own.

        Args:
            converter: nbgrader's `Autograde`, which is left without anything to do.

        Raises:
            NbGraderException: the grader's message, if a submission was not graded.
        """
        from nbgrader.converters.base import NbGraderException

        converter.assignments = {}  # whatever happens now, nbgrader deletes and runs nothing
        course = converter.coursedir
        command = [sys.executable, "-P", "-m", "autograder.cli", "grade"]
        command += [f"--course={course.root}", f"--student={course.student_id}"]
        # Without --force nbgrader skips what is graded already.
        command += [] if converter.force else ["--resume"]
        command += ["--", glob.escape(course.assignment_id)]
        done = subprocess.run(
            command,
            cwd=course.root,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.returncode:
            raise NbGraderException(
                done.stdout.strip() or f"autograder ended with {done.returncode}"
            )
        for line in done.stdout.splitlines():
            converter.log.info(line)


class ReleaseOfKnownMarkers(_Exporter):
    """Reads the source's markers when nbgrader's `GenerateAssignment` makes it."""

    def do_first(self, converter: Any) -> None:
        """Read the source of the assignment that nbgrader is about to release.

        Args:
            converter: nbgrader's `GenerateAssignment`, which has written nothing yet.

        Raises:
            NbGraderException: the markers that nbgrader would not recognize.
        """
        from nbgrader.converters.base import NbGraderException

        from autograder.source_gates import check_markers

        course = converter.coursedir
        folder = Path(course.format_path(course.source_directory, ".", course.assignment_id))
        problems = [
            f"{path.name}, {problem}"
            for path in sorted(folder.glob("*.ipynb"))
            for problem in check_markers(nbformat.read(path, nbformat.NO_CONVERT))
        ]
        if problems:
            raise NbGraderException(
                "\n".join([f"{course.assignment_id} is not released:", *problems])
            )


class LatePenalties(Preprocessor):
    """Computes the course's late penalties again before nbgrader reads them; first in its list."""

    enabled = True
    done = False

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Compute them once for all pages that are written together."""
        from autograder import late
        from autograder.course_directory import CourseDirectory
        from autograder.grading.lock import if_free

        if not self.done:
            exporter: Any = self.parent
            course = CourseDirectory(exporter.parent.coursedir.root)
            with if_free(course.records) as free:
                if free:
                    with course.gradebook() as gradebook:
                        late.refresh(course, gradebook)
            self.done = True
        return nb, resources
