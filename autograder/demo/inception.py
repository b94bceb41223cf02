"""A class of six for 05_inception: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Question 13 has two checks: the whole, of share 2, and the shape for an even size, of share 0.5,
# which a mean has as well: 0.5 / 2.5 of 2 points.
MEAN_POOLED = """\
def reduction(x, filters):
    direct, reduced, middle, end = filters
    y = conv_bn(conv_bn(x, reduced), middle, 3)
    return layers.Concatenate()([
        conv_bn(x, direct, 3, 2, "valid"),
        conv_bn(y, end, 3, 2, "valid"),
        layers.AveragePooling2D(3, 2)(x),
    ])
"""
OPTIONAL = (
    "adaptive_pool", "merge", "module_17", "reduction", "inception_residual", "random_crops",
    "views",
)  # fmt: skip

ROSTER = (
    Sample("ada", "right: the reference solution", 40),
    Sample("bela", "right, in other ways", 40, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample("dara", "partly right: averages", 38.4, answers={"reduction": MEAN_POOLED}),
    Sample("emil", "only the core", 21, answers=unwritten(*OPTIONAL)),
    Sample("lee", "os._exit in question 10", 21, "flagged", answers={"adaptive_pool": GIVES_UP}),
)
