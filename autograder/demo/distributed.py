"""A class of six for 12_distributed: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Question 5 has five checks of equal weight, one of them with replicas of equal sizes: 1 / 5 of
# 2 points. The example has equal sizes, too, and passes.
SIZES_IGNORED = """\
def merge_statistics(means, variances, sizes):
    means = np.asarray(means)
    return means.mean(axis=0), np.mean(variances, axis=0) + means.var(axis=0)
"""
SECOND_HALF = (
    "rate_at", "accumulated", "dropout_mask", "step_seconds", "bytes_a_step", "repaired",
)  # fmt: skip

ROSTER = (
    Sample("ada", "right: the reference solution", 29),
    Sample("bela", "right, in other ways", 29, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample(
        "dara",
        "partly right: parts of any size count alike",
        27.4,
        answers={"merge_statistics": SIZES_IGNORED},
    ),
    Sample("emil", "only the first six questions", 15, answers=unwritten(*SECOND_HALF)),
    Sample("lee", "os._exit in question 8", 17, "flagged", answers={"accumulated": GIVES_UP}),
)
