"""A class of six for 07_residual: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Of the 4.3 shares of question 7 only the one for B is right: the others ask for C, alone or with
# the others. 1 / 4.3 of 2 points.
C_TAKEN_FOR_B = """\
def shortcut_weights(n, kind, filters=(16, 32, 64)):
    pairs = zip(filters, filters[1:])
    return 0 if kind == "A" else sum(a * b + 2 * b for a, b in pairs)
"""
SECOND_HALF = (
    "shortcut_weights", "identity_block", "gradient_norms", "without_block", "resnet50",
)  # fmt: skip

ROSTER = (
    Sample("ada", "right: the reference solution", 34),
    Sample("bela", "right, in other ways", 34, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample("dara", "takes C for B", 32.47, answers={"shortcut_weights": C_TAKEN_FOR_B}),
    Sample("emil", "only the first six questions", 18, answers=unwritten(*SECOND_HALF)),
    Sample("lee", "os._exit in question 9", 23, "flagged", answers={"gradient_norms": GIVES_UP}),
)
