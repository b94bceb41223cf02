"""A class of six for 01_convolution: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Of the 6 shares of question 7 those with a stride of its own are lost, 2.5: 3.5 / 6 of 2 points.
SIDE_BY_SIDE = """\
def pool2d(x, pool_size, strides=None, kind="max"):
    views = windows(x, (pool_size, pool_size), pool_size)
    return views.max(axis=(3, 4)) if kind == "max" else views.mean(axis=(3, 4))
"""
SECOND_HALF = (
    "pool2d", "equivariance_gap", "conv2d_gradients", "conv2d_transpose", "separate",
    "receptive_field",
)  # fmt: skip

ROSTER = (
    Sample("ada", "right: the reference solution", 33),
    Sample("bela", "right, in other ways", 33, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample("dara", "partly right: pools side by side", 32.17, answers={"pool2d": SIDE_BY_SIDE}),
    Sample("emil", "only the first six questions", 16, answers=unwritten(*SECOND_HALF)),
    Sample(
        "lee", "os._exit in question 9", 21, "flagged", answers={"conv2d_gradients": GIVES_UP}
    ),
)  # fmt: skip
