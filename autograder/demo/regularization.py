"""A class of six for 10_regularization: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Of question 6's shares those with mixed labels are lost, 1 and 0.3 of 4.5: 3.2 / 4.5 of 2 points.
ONE_CLASS_EACH = """\
def smooth(labels, epsilon):
    classes = labels.shape[-1]
    return (1 - epsilon) * np.eye(classes)[labels.argmax(axis=-1)] + epsilon / classes


def best_gap(classes, epsilon):
    if epsilon == 0:
        return math.inf
    return math.log(1 + classes * (1 - epsilon) / epsilon)
"""
SECOND_HALF = (
    "cutout", "mixup", "cutmix", "batches", "early_stop", "ensemble", "polyak", "interval",
)  # fmt: skip

ROSTER = (
    Sample("ada", "right: the reference solution", 37),
    Sample("bela", "right, in other ways", 37, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample("dara", "partly right: one class each", 36.42, answers={"smooth": ONE_CLASS_EACH}),
    Sample("emil", "only the first six questions", 17, answers=unwritten(*SECOND_HALF)),
    Sample("lee", "os._exit in question 9", 21, "flagged", answers={"cutmix": GIVES_UP}),
)
