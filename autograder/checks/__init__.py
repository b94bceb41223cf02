"""Checks for graded cells: what was expected, what was received, and where to look.

A graded cell makes one :class:`Question` and ends with its score, a number that nbgrader takes as
the cell's points::

    question = checks.Question("Output sizes", points=4)
    question.example("a 3-wide kernel", conv_output_size, 7, 3).gives(5, hint="count the places")
    ### BEGIN HIDDEN TESTS
    size = question.random.randint(20, 90)
    question.check("any size", conv_output_size, size, 5).gives(size - 4)
    ### END HIDDEN TESTS
    question.score()

Functions that give a Keras model are checked with ``question.model`` and ``question.block``
(``models.py``), one check per line::

    block = question.block("your block", residual_block, (8, 8, 4), 4)
    block.has_output_shape((8, 8, 4))
    block.has_order(["Conv2D", "BatchNormalization", "ReLU"])
    block.behaves_like(reference, also=[(5, 17, 3)])

``question.rules`` sets what the text forbids.

Every check is made, whatever the result of those before it; an exception in the student's code
fails only its check. If some checks fail, the cell says which and is worth a part of the points; if
all fail, it raises :class:`ChecksFailed`, so that it looks failed as well. In the student's own
notebook, without the hidden part, it shows a card (``card.py``) and gives no points: neither a
number nor an error. :func:`summary` shows all questions in one table.
"""

from autograder.checks.call import Call
from autograder.checks.keeping import keeping
from autograder.checks.overview import summary
from autograder.checks.personal import student_rng
from autograder.checks.question import ChecksFailed, Question
from autograder.checks.report import MORE
from autograder.context import student

__all__ = [
    "MORE",
    "Call",
    "ChecksFailed",
    "Question",
    "keeping",
    "student",
    "student_rng",
    "summary",
]
