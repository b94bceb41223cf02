"""A class of six for 11_transfer: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Question 12 has nine checks of equal weight. Storing features once for each phase of the head,
# not once for all, gives a wrong number where there are two such phases: 8 / 9 of 2 points.
STORED_TWICE = """\
def body_passes(images, phases, stored=False):
    total = 0
    for epochs, share in phases:
        if stored and share == 0:
            total += images * min(epochs, 1)
        else:
            total += images * epochs * (1 + 2 * share)
    return total
"""
SECOND_HALF = (
    "on_frozen", "train_from", "fine_tune", "layer_rates", "recalibrate", "forgetting",
    "body_passes", "choose",
)  # fmt: skip

ROSTER = (
    Sample("ada", "right: the reference solution", 38),
    Sample("bela", "right, in other ways", 38, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample("dara", "partly right: stores twice", 37.78, answers={"body_passes": STORED_TWICE}),
    Sample("emil", "only the first five questions", 15, answers=unwritten(*SECOND_HALF)),
    Sample("lee", "os._exit in question 9", 25, "flagged", answers={"layer_rates": GIVES_UP}),
)
