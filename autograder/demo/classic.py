"""A class of six for 04_classic_networks: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Of question 9's three checks only that of a single image is right: a third of 2 points.
ONE_COLOR_FOR_ALL = """\
def color_noise(images, values, vectors, draws):
    color = vectors @ (values * draws[0])
    return images + color
"""
SECOND_HALF = ("alexnet", "ten_crop", "color_noise", "vgg", "bound", "convnet")

ROSTER = (
    Sample("ada", "right: the reference solution", 32),
    Sample("bela", "right, in other ways", 32, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample("dara", "partly right: one color", 30.67, answers={"color_noise": ONE_COLOR_FOR_ALL}),
    Sample("emil", "only the first six questions", 15, answers=unwritten(*SECOND_HALF)),
    Sample("lee", "os._exit in question 9", 22, "flagged", answers={"color_noise": GIVES_UP}),
)  # fmt: skip
