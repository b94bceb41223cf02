"""Release, grade, explain: nbgrader assignments from the instructor's source to the report."""
