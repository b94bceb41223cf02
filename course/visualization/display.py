"""Figures with alt text, sliders and tables in a notebook."""

from __future__ import annotations

import base64
import html
import io
import math
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
PURPLE, GRAY = "#CC79A7", "#767676"
STYLE: dict[Any, Any] = {
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
    "text.color": GRAY, "axes.labelcolor": GRAY, "axes.edgecolor": GRAY,
    "xtick.color": GRAY, "ytick.color": GRAY, "font.size": 10, "axes.titlesize": 10,
    "axes.titlecolor": GRAY, "axes.spines.top": False, "axes.spines.right": False,
    "legend.frameon": False,
}  # fmt: skip
DPI = 110
LEAST = 0.55  # of its own width: what a figure may be shrunk to
_NUMBERS = re.compile(r"[-+−±]?\d[-+−±.,e\d %]*( to [-+−]?\d[.,\d]*)?")
_NO_NUMBER = ("", "–", "fails")


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
    """A figure as a notebook shows it: a picture with alt text, and perhaps a line below it."""

    def __init__(self, figure: Figure, caption: str = "") -> None:
        if not alt_text(figure):
            raise UsageError("A figure needs a description in words. Add one with `with_alt_text`.")
        self.words, self.png = alt_text(figure), _saved(figure, format="png")
        self.caption = caption
        # On a telephone a figure is scrolled sideways rather than shrunk until nobody can read it.
        self._least_width = round(LEAST * DPI * figure.get_figwidth())

    def _repr_html_(self) -> str:
        words, caption = html.escape(self.words), html.escape(self.caption)
        image = base64.b64encode(self.png).decode()
        return (
            f'<figure style="margin: 0; overflow-x: auto"><img alt="{words}" '
            f'style="max-width: 100%; min-width: {self._least_width}px" '
            f'src="data:image/png;base64,{image}">'
            f"{caption and f'<figcaption>{caption}</figcaption>'}</figure>"
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


def show(figure: Figure, caption: str = "") -> FigureOutput:
    """Show a figure as the result of a notebook's cell.

    Args:
        figure: made by a function of this package, or any other that has an alt text.
        caption: one line under the figure: what to look at. The alt text says what there is to
            see, to those who don't see it.

    Raises:
        UsageError: if it has no alt text.
    """
    return FigureOutput(figure, caption)


def is_interactive() -> bool:
    """Tell whether somebody can move a slider: JupyterLab and VS Code set a variable."""
    return "JPY_SESSION_NAME" in os.environ or "VSCODE_PID" in os.environ


def interactive(
    draw: Callable[..., Figure],
    start: Mapping[str, object],
    page: Mapping[str, Sequence[Any]] | None = None,
    /,
    *,
    caption: str = "",
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
        caption: one line under the figure.
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

    figure = show(draw(**start), caption)
    if states.most():
        html = figure._repr_html_()
        display(states.States(_pictures(draw), start, choices, page or {}, caption, html))
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
        shown.update(show(draw(**{**start, **chosen}), figure.caption))

    for moved in sliders.values():
        moved.observe(redraw, "value")
    side_by_side = ipywidgets.HBox(list(sliders.values()), layout={"flex_flow": "row wrap"})
    display(ipywidgets.VBox([ipywidgets.HTML("<b>Your turn:</b>"), side_by_side]))


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markdown:
    """Make a table for a notebook, with numbers aligned to the right: 1,234,567 and 0.123.

    Args:
        header: names of the columns.
        rows: strings, ints, floats, and numbers as text: "24.70", "4.2 to 7.3". The floats of a
            column get as many decimals as its largest needs for three digits. A column of
            numbers, and of words such as "fails" between them, is aligned to the right.
    """
    from IPython.display import Markdown

    columns = [_as_text(column) for column in zip(*rows, strict=True)]
    rules = ["---:" if _is_numeric(column) else ":---" for column in columns]
    lines = [header, rules, *zip(*columns, strict=True)]
    return Markdown("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def _as_text(column: Sequence[object]) -> list[str]:
    """Format a column's cells, its floats alike."""
    largest = max((abs(cell) for cell in column if isinstance(cell, float)), default=0.0)
    decimals = min(max(2 - math.floor(math.log10(largest)), 0), 5) if largest else 2
    form = ".1e" if 0 < largest < 0.001 else f".{decimals}f"

    def text(cell: object) -> str:
        if isinstance(cell, int):
            return f"{cell:,}"
        return f"{cell:{form}}" if isinstance(cell, float) else str(cell)

    return [text(cell) for cell in column]


def _is_numeric(column: Sequence[str]) -> bool:
    """Tell whether a column has numbers, and besides them only gaps and words for them."""
    filled = [cell for cell in column if cell not in _NO_NUMBER]
    return bool(filled) and all(_NUMBERS.fullmatch(cell) for cell in filled)
