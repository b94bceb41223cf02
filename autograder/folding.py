"""Fold the test cells of a released assignment, so that students see questions and answers."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor


class FoldTests(NbGraderPreprocessor):
    """Marks test cells as folded, for JupyterLab; a click unfolds them."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Fold a code cell that is graded and not answered in."""
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and marks.get("grade") and not marks.get("solution"):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
        return cell, resources
