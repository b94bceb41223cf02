"""Figures about several devices: a ring, its rounds, and what crosses between towers."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin
from typing import TYPE_CHECKING, Any

import numpy as np

from course.training.distribution.ring import Round
from course.training.distribution.ring import ring_rounds as rounds_of
from course.visualization.display import BLUE, GRAY, ORANGE, SKY, canvas, with_alt_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FULL, _PART = BLUE, SKY


def _contributions(count: int) -> tuple[list[list[str]], list[Round]]:
    """The chunks' names before the first round, and the rounds.

    Replica k has the number 2 ** k in every chunk, so that a sum says whose numbers it has.
    """
    rounds = rounds_of([np.full(count, 2**k) for k in range(count)])
    start = [[_whose(2**k)] * count for k in range(count)]
    return start, rounds


def _whose(number: int) -> str:
    """Which replicas a sum is of: "0+2" for 5."""
    return "+".join(str(bit) for bit in range(int(number).bit_length()) if number >> bit & 1)


def _states(count: int) -> list[tuple[str, list[list[str]]]]:
    start, rounds = _contributions(count)
    found = [("start", start)]
    for number, done in enumerate(rounds):
        turn = number % (count - 1) + 1
        chunks = [[_whose(int(chunk[0])) for chunk in own] for own in done.chunks]
        found.append((f"{done.phase} {turn}", chunks))
    return found


def _chunk(axis: Axes, x: float, y: float, text: str, *, full: bool, new: bool) -> None:
    """A chunk as a box: whose numbers it has added up; with a thick frame where it has changed."""
    from matplotlib.patches import Rectangle

    axis.add_patch(
        Rectangle(
            (x, y), 0.92, 0.84, facecolor=_FULL if full else _PART if "+" in text else "white",
            edgecolor=ORANGE if new else GRAY, linewidth=2.4 if new else 0.8,
        )
    )  # fmt: skip
    color = "white" if full else "black"
    text = "all" if full else text
    size = 9 if len(text) < 5 else 8
    axis.text(x + 0.46, y + 0.42, text, ha="center", va="center", color=color, fontsize=size)


def ring_rounds(count: int) -> Figure:
    """Draw what each replica of a ring has before the first round and after each one.

    Args:
        count: replicas, 2 to 4.
    """
    states = _states(count)
    columns = min(4, len(states))
    rows = -(-len(states) // columns)
    figure, axes = canvas(rows, columns, size=(2.45 * columns, (0.42 * count + 0.5) * rows))
    everyone = "+".join(map(str, range(count)))
    before = states[0][1]
    for axis in axes.flat[len(states) :]:
        axis.axis("off")
    for axis, (name, chunks) in zip(axes.flat, states, strict=False):
        for replica, own in enumerate(chunks):
            axis.text(-0.15, -replica + 0.42, str(replica), ha="right", va="center", color=GRAY)
            for number, text in enumerate(own):
                new = text != before[replica][number]
                _chunk(axis, number, -replica, text, full=text == everyone, new=new)
        axis.set(xlim=(-0.6, count), ylim=(-count + 0.9, 1.0), title=name)
        axis.axis("off")
        before = chunks
    said = "; ".join(
        f"{name}: "
        + ", ".join(f"replica {k} has {' | '.join(own)}" for k, own in enumerate(chunks))
        for name, chunks in states
    )
    return with_alt_text(
        figure,
        f"{count} replicas, one a row, with {count} chunks each. A chunk says whose numbers it has "
        "added up; it is dark, and says so, if that is all of them, and framed if it has just "
        f"changed. {said}.",
    )


def ring(count: int, turn: int) -> Figure:
    """Draw the replicas on a circle, and the messages of one round between them.

    Args:
        count: replicas, 2 to 5.
        turn: the round, from 1 to 2 (count - 1).
    """
    done = _contributions(count)[1][turn - 1]
    figure, axes = canvas(size=(4.6, 4.2))
    axis = axes[0, 0]
    places = [
        (cos(pi / 2 - 2 * pi * k / count), sin(pi / 2 - 2 * pi * k / count)) for k in range(count)
    ]
    said = []
    everyone = 2**count - 1
    for message in done.messages:
        after = int(done.chunks[message.target][message.chunk][0])
        _arrow(axis, places[message.source], places[message.target], f"chunk {message.chunk}")
        said.append(
            f"replica {message.source} sends chunk {message.chunk} to replica {message.target}, "
            f"which then has the sum of {_whose(after)}"
        )
    for replica, (x, y) in enumerate(places):
        full = sum(int(chunk[0]) == everyone for chunk in done.chunks[replica])
        axis.text(
            x, y, f"replica {replica}\n{full} of {count}\ncomplete", ha="center", va="center",
            color="black", fontsize=8,
            bbox={"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": BLUE, "lw": 2},
        )  # fmt: skip
    kind = "adds" if done.phase == "reduce" else "keeps"
    axis.set(xlim=(-1.5, 1.5), ylim=(-1.4, 1.4), aspect="equal")
    axis.set_title(f"round {turn} of {2 * (count - 1)}, {done.phase}: the target {kind} it")
    axis.axis("off")
    return with_alt_text(
        figure, f"{count} replicas on a circle. In round {turn}, {done.phase}: {'; '.join(said)}."
    )


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    """An arrow between two replicas that leaves room for their boxes, with a word beside it."""
    between: Any = {
        "arrowstyle": "-|>", "color": ORANGE, "lw": 2, "shrinkA": 30, "shrinkB": 30,
        "connectionstyle": "arc3,rad=-0.2",
    }  # fmt: skip
    axis.annotate("", xy=end, xytext=start, arrowprops=between)
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    dx, dy = end[0] - start[0], end[1] - start[1]
    # Beside the arrow, on the outside of the circle: to the left of its direction.
    axis.text(
        x - 0.24 * dy, y + 0.24 * dx, text, ha="center", va="center", color=GRAY, fontsize=9
    )  # fmt: skip


def towers(layers: Sequence[tuple[str, tuple[int, ...], str]]) -> Figure:
    """Draw a network that is split in two towers, and where they need each other's channels.

    Args:
        layers: name, shape of what the layer reads of both towers together, and "own" or "all".
    """
    from matplotlib.patches import FancyBboxPatch

    figure, axes = canvas(size=(1.25 * len(layers) + 1, 2.6))
    axis = axes[0, 0]
    said = []
    for number, (name, shape, reads) in enumerate(layers):
        for row in (0, 1):
            frame = FancyBboxPatch(
                (number - 0.33, row - 0.2), 0.66, 0.4, boxstyle="round,pad=0.03",
                facecolor="white", edgecolor=BLUE, linewidth=2,
            )  # fmt: skip
            axis.add_patch(frame)
            axis.text(number, row, name, ha="center", va="center", color="black", fontsize=9)
            if number:
                _link(axis, (number - 1, row), (number, row), BLUE)
                if reads == "all":
                    _link(axis, (number - 1, 1 - row), (number, row), ORANGE)
        lent = int(np.prod(shape)) // 2
        if reads == "all":
            axis.text(number - 0.5, 1.42, f"{lent:,}", ha="center", color=GRAY, fontsize=9)
            said.append(f"{name} needs {lent:,} values of the other tower")
    for row, name in ((1, "GPU 0"), (0, "GPU 1")):
        axis.text(-0.55, row, name, ha="right", va="center", color=GRAY)
    axis.set(xlim=(-1.2, len(layers) - 0.5), ylim=(-0.4, 1.65))
    axis.axis("off")
    return with_alt_text(
        figure,
        f"Two rows of {len(layers)} layers, one row for each GPU: "
        f"{', '.join(name for name, *_ in layers)}. Each layer reads its own row; crossing arrows "
        f"say where it reads the other one as well: {'; '.join(said)}.",
    )


def _link(axis: Axes, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
    style: Any = {"arrowstyle": "-|>", "color": color, "lw": 1.6}
    axis.annotate(
        "", xy=(end[0] - 0.37, end[1]), xytext=(start[0] + 0.37, start[1]), arrowprops=style
    )
