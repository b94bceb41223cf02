"""What a question's checks earn together, and the report that a student reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from textwrap import TextWrapper

from autograder.wire.results import UNWRITTEN, CheckResult

FAILED, PASSED = "✗", "✓"
NOT_WRITTEN = "not written yet"
FORBIDDEN = "not allowed"  # the check that a broken rule counts as
ALL_CONDITIONAL = "They count only beside another graded check that earns credit."
WIDTH = 96  # characters of a line
MORE = "    "  # what a continued line starts with


def earned_fraction(results: Sequence[CheckResult]) -> float:
    """Return the fraction of a question's points that its checks earn.

    If there are graded checks, examples earn nothing, since their answers can be seen; but a failed
    example costs as much as one more graded check that failed. Conditional checks (such as
    `raises`) count only if some other check earned credit; otherwise a function that always raises
    would score. So if every graded check is conditional, the question earns nothing.
    """
    graded = [result for result in results if result.share]
    examples = [replace(result, share=1) for result in results if not result.share]
    counted = graded or examples
    if graded and not any(result.credit for result in graded if not result.conditional):
        return 0.0
    total = sum(result.share for result in counted)
    lost = sum(1 - result.credit for result in examples) if graded else 0
    earned = sum(result.share * result.credit for result in counted) / total
    # The least of the two: a mistake that hidden checks find as well costs once.
    return min(earned, total / (total + lost))


def summary(name: str, broken: Sequence[CheckResult], results: Sequence[CheckResult]) -> str:
    """Write the report of a question.

    Args:
        name: the question's.
        broken: the rules that were broken, as checks.
        results: the checks.
    """
    failed = [result for result in results if not result.passed]
    total = len(results)
    if not failed and not broken:
        return f"{PASSED} {name}: {'all ' if total > 1 else ''}{_checks(total)} passed."
    count = f"{total - len(failed)} of {_checks(total)} passed."
    unwritten = [result.check for result in failed if is_unwritten(result)]
    lines = [
        f"{FAILED} {result.check}: {result.text}"
        for result in [*broken, *failed]
        if not is_unwritten(result)
    ]
    if unwritten:
        which = f": {', '.join(unwritten)}" if lines or len(unwritten) < total else ""
        lines.append(f"{FAILED} {NOT_WRITTEN}{which}.")
    return wrapped("\n".join([f"{name}: {count}", *lines]))


def is_unwritten(result: CheckResult) -> bool:
    """Return whether a check failed because there is no answer yet."""
    return not result.passed and UNWRITTEN in result.message


def _checks(count: int) -> str:
    return f"{count} check{'' if count == 1 else 's'}"


def wrapped(report: str) -> str:
    """Break lines to fit into a notebook, which breaks longer ones in the middle of a word."""
    fill = TextWrapper(
        WIDTH, subsequent_indent=MORE, break_long_words=False, break_on_hyphens=False
    ).fill
    return "\n".join(map(fill, report.splitlines()))
