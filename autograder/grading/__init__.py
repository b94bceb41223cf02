"""Grade a class: read the submissions, run them, and record what they score."""

from autograder.grading.options import GradingOptions
from autograder.grading.outcome import Outcome
from autograder.grading.run import grade
from autograder.grading.state import load_outcomes

__all__ = ["GradingOptions", "Outcome", "grade", "load_outcomes"]
