"""A class of six for 06_normalization: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Question 13 asks for six tables of rates (0.7 each), two with a loss that is not finite, NaN among
# small losses, a loss exactly at the limit, rates close together, one bad seed, each training once
# (1 each), and no usable rate (0.5). All but the loss at the limit are right: 10.7 / 11.7 of 3.
LIMIT_PASSES = """\
def usable(train, rates, seeds, limit):
    best, stretch = [], []
    for rate in sorted(rates):
        losses = [train(rate, seed) for seed in seeds]
        stretch = [*stretch, rate] if all(loss <= limit for loss in losses) else []
        best = stretch if len(stretch) > len(best) else best
    return (best[0], best[-1]) if best else None
"""
SECOND_HALF = (
    "recalibrate", "group_norm", "renormalize", "mean_noise", "usable", "small_net",
)  # fmt: skip

ROSTER = (
    Sample("ada", "right: the reference solution", 38),
    Sample("bela", "right, in other ways", 38, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample("dara", "partly right: the limit passes", 37.74, answers={"usable": LIMIT_PASSES}),
    Sample("emil", "only the first eight questions", 22, answers=unwritten(*SECOND_HALF)),
    Sample("lee", "os._exit in question 11", 28, "flagged", answers={"renormalize": GIVES_UP}),
)
