"""A class of six for 08_residual_ablations: submissions, and the scores that they deserve."""

from __future__ import annotations

from autograder.demo.samples import GIVES_UP, Sample, unwritten

# Question 14 asks for three means, three deviations and three errors of the mean, a third of a
# share each, for the variants' names (0.3) and for runs that end alike (0.5). All but deviations
# and errors are right: 1.8 / 3.8 of 2 points.
DIVIDED_BY_N = """\
def summary(errors):
    return {
        variant: (np.mean(values), np.std(values), np.std(values) / len(values) ** 0.5)
        for variant, values in errors.items()
    }
"""
SECOND_HALF = (
    "merge_paths", "pyramid_widths", "residual_paths", "survivals", "stochastic_block", "summary",
    "welch", "ablation",
)  # fmt: skip

ROSTER = (
    Sample("ada", "right: the reference solution", 46),
    Sample("bela", "right, in other ways", 46, base="alternatives"),
    Sample("chen", "untouched", 0, base="untouched"),
    Sample("dara", "partly right: divides by n", 44.95, answers={"summary": DIVIDED_BY_N}),
    Sample("emil", "only the first eight questions", 22, answers=unwritten(*SECOND_HALF)),
    Sample("lee", "os._exit in question 11", 28, "flagged", answers={"residual_paths": GIVES_UP}),
)
