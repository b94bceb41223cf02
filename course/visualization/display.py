"""Figures with alt text, sliders and tables in a notebook."""

from __future__ import annotations

import base64
import html
import io
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course.errors import UsageError
from course.visualization import states

if TYPE_CHECKING:
    from IPython.display import Markdown
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# Okabe and Ito's colors, which color-blind readers can tell apart, and a gray for text and axes
# that reads on a white page as well as on a dark one.
BLUE, ORANGE, GREEN, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#56B4E9", "#D55E00"
PURPLE, GRAY = "#CC79A7", "#737373"
STYLE: dict[Any, Any] = {
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
    "text.color": GRAY, "axes.labelcolor": GRAY, "axes.edgecolor": GRAY,
    "xtick.color": GRAY, "ytick.color": GRAY, "font.size": 10, "axes.titlesize": 10,
    "axes.titlecolor": GRAY, "axes.spines.top": False, "axes.spines.right": False,
    "legend.frameon": False,
}  # fmt: skip
DPI = 110
_NUMBERS = re.compile(r"[-+−±]?\d[-+−±.,e\d %]*( to [-+−]?\d[.,\d]*)?")


def canvas(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float], **options: Any
) -> tuple[Figure, NDArray[Any]]:
    """Create a figure in the course's style, and its Matplotlib axes as a two-dimensional array.

    The figure does not belong to pyplot: only :func:`show` shows it, and it need not be closed.

    Args:
        rows, columns: of panels.
        size: width and height in inches.
        options: further arguments of ``Figure.subplots``.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        return figure, figure.subplots(rows, columns, squeeze=False, **options)


def with_alt_text(figure: Figure, words: str) -> Figure:
    """Describe in words what a figure shows, and return the figure."""
    figure.set_label(" ".join(words.split()))
    return figure


def alt_text(figure: Figure) -> str:
    """Return the description of a figure for those who cannot see it."""
    return str(figure.get_label())


class FigureOutput:
    """A figure as a notebook shows it: a picture, with its description as alt text and below it."""

    def __init__(self, figure: Figure) -> None:
        if not alt_text(figure):
            raise UsageError("A figure needs a description in words. Add one with `with_alt_text`.")
        self.words, self.png = alt_text(figure), _saved(figure, format="png")

    def _repr_html_(self) -> str:
        words = html.escape(self.words)
        image = base64.b64encode(self.png).decode()
        return (
            f'<figure style="margin: 0"><img alt="{words}" style="max-width: 100%" '
            f'src="data:image/png;base64,{image}"><figcaption><em>In words: {words}</em>'
            "</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"In words: {self.words}"


def _saved(figure: Figure, **options: Any) -> bytes:
    """A figure as a file, in the course's style."""
    import matplotlib

    data = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(data, dpi=DPI, **options)
    return data.getvalue()


def show(figure: Figure) -> FigureOutput:
    """Show a figure as the result of a notebook's cell.

    Args:
        figure: made by a function of this package, or any other that has an alt text.

    Raises:
        UsageError: if it has no alt text.
    """
    return FigureOutput(figure)


def is_interactive() -> bool:
    """Tell whether somebody can move a slider: JupyterLab and VS Code set a variable."""
    return "JPY_SESSION_NAME" in os.environ or "VSCODE_PID" in os.environ


def interactive(
    draw: Callable[..., Figure],
    start: Mapping[str, object],
    page: Mapping[str, Sequence[Any]] | None = None,
    /,
    **choices: Sequence[Any],
) -> None:
    """Show a figure and, if somebody can move them, sliders that change it.

    On the course's site they move as well, between pictures that were drawn in advance.

    Args:
        draw: function that draws a figure from keyword arguments.
        start: arguments of the figure that is shown first.
        page: values that the site offers for an argument, where all of them would be too many
            pictures; :func:`course.visualization.states.thinned` chooses if there are still too
            many.
        choices: values that a slider offers for an argument; strings are offered in a list.

    Example:
        >>> def draw_square(side):
        ...     figure, axes = canvas(size=(2, 2))
        ...     axes[0, 0].plot([0, side, side], [0, 0, side])
        ...     return with_alt_text(figure, f"two sides of a square of {side}")
        >>> interactive(draw_square, {"side": 2}, side=[1, 2, 3])
        In words: two sides of a square of 2
    """
    from IPython.display import display

    figure = show(draw(**start))
    if states.most():
        html = figure._repr_html_()
        display(states.States(_pictures(draw), start, choices, page or {}, html))
    elif is_interactive():
        _sliders(draw, start, figure, choices)
    else:
        display(figure)


def _pictures(draw: Callable[..., Figure]) -> Callable[..., tuple[bytes, str]]:
    """Return a function that draws a setting as a WebP image, with its description."""

    def picture(**setting: Any) -> tuple[bytes, str]:
        figure = draw(**setting)
        # Half as large as PNG, with the same pixels.
        image = _saved(figure, format="webp", pil_kwargs={"lossless": True})
        return image, alt_text(figure)

    return picture


def _sliders(
    draw: Callable[..., Figure],
    start: Mapping[str, object],
    figure: FigureOutput,
    choices: Mapping[str, Sequence[Any]],
) -> None:
    """Show a figure with sliders that redraw it."""
    import ipywidgets
    from IPython.display import display

    # The sliders update this output, so that there is one picture, which a saved notebook keeps.
    shown = display(figure, display_id=True)
    look = {"layout": {"width": "22em"}, "style": {"description_width": "initial"}}

    def slider(name: str, options: list[Any]) -> ipywidgets.Widget:
        # A slider has no room for a name.
        names = any(isinstance(option, str) for option in options)
        kind = ipywidgets.Dropdown if names else ipywidgets.SelectionSlider
        return kind(options=options, value=start[name], description=name, **look)

    sliders = {name: slider(name, list(options)) for name, options in choices.items()}

    def redraw(_: object) -> None:
        chosen = {name: moved.value for name, moved in sliders.items()}
        shown.update(show(draw(**{**start, **chosen})))

    for moved in sliders.values():
        moved.observe(redraw, "value")
    side_by_side = ipywidgets.HBox(list(sliders.values()), layout={"flex_flow": "row wrap"})
    display(ipywidgets.VBox([ipywidgets.HTML("<b>Your turn:</b>"), side_by_side]))


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markdown:
    """Make a table for a notebook, with numbers aligned to the right: 1,234,567 and 0.123.

    Args:
        header: names of the columns.
        rows: strings, ints, floats, and numbers as text: "24.70", "4.2 to 7.3". The last row
            determines which columns are aligned as numbers.
    """
    from IPython.display import Markdown

    def text(cell: object) -> str:
        if isinstance(cell, int):
            return f"{cell:,}"
        return f"{cell:.3g}" if isinstance(cell, float) else str(cell)

    rows = [tuple(row) for row in rows]
    rules = ["---:" if _NUMBERS.fullmatch(text(cell)) else ":---" for cell in rows[-1]]
    lines = [header, rules, *([text(cell) for cell in row] for row in rows)]
    return Markdown("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))
