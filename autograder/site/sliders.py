"""Sliders on the site: an output's pictures become files, and the page shows one at a time."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer

from course.visualization.states import MIME

FOLDER = "_static/states"


class SlidersOnPage:
    """Renders :class:`course.visualization.states.States`; MyST-NB finds it as an entry point."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = [("html", MIME, 1)]

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Write the pictures, and return the sliders; None for other outputs."""
        if inline or data.mime_type != MIME:
            return None
        env = renderer.renderer.sphinx_env
        content: Any = data.content
        content = json.loads(content) if isinstance(content, str | bytes) else content
        up = "../" * env.docname.count("/")
        text = page_part(content, Path(env.app.outdir, FOLDER), f"{up}{FOLDER}")
        return [nodes.raw(text=text, format="html", classes=["output"])]


def page_part(data: dict[str, Any], folder: Path, address: str) -> str:
    """Write a group's pictures and their descriptions, and return its HTML.

    Args:
        data: what :class:`course.visualization.states.States` shows.
        folder: where files are written.
        address: the folder as the page sees it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    states = [_written(state, folder) for state in data["states"]]
    text = json.dumps(states, ensure_ascii=False)
    name = _digest(text.encode())
    # A script, since pages that are opened from a disk may not read other files.
    script = f"(window.courseStates ??= {{}})[{json.dumps(name)}] = {text};\n"
    (folder / f"{name}.js").write_text(script, encoding="utf-8")
    first = states[_place(data["arguments"])]
    words = escape(first["words"])
    caption = f"<figcaption>{escape(data['caption'])}</figcaption>" if data["caption"] else ""
    picture = f'src="{address}/{first["file"]}"' if first["file"] else "hidden"
    return f"""\
<div class="states" data-states="{name}" data-address="{address}">
<figure><img alt="{words}" {picture}>{caption}</figure>
<p class="states-words" aria-live="polite"></p>
<fieldset hidden><legend>Your turn</legend>
{"".join(_control(argument) for argument in data["arguments"])}</fieldset>
<p class="states-note">{_note(len(states), data["all"])}</p>
<script defer src="{address}/{name}.js"></script>
</div>"""


def _written(state: dict[str, str], folder: Path) -> dict[str, str]:
    """Write a state's picture, named after its content, and return what the script needs."""
    if "webp" not in state:
        return {"file": "", "words": state["words"]}
    image = b64decode(state["webp"])
    name = f"{_digest(image)}.webp"
    if not (folder / name).exists():
        (folder / name).write_bytes(image)
    return {"file": name, "words": state["words"]}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _place(arguments: list[dict[str, Any]]) -> int:
    """The number of the setting that is shown first: the last argument changes first."""
    place = 0
    for argument in arguments:
        place = place * len(argument["values"]) + int(argument["start"])
    return place


def _control(argument: dict[str, Any]) -> str:
    name, values, start = argument["name"], argument["values"], int(argument["start"])
    if argument["list"]:
        options = "".join(
            f'<option value="{number}"{" selected" * (number == start)}>{escape(value)}</option>'
            for number, value in enumerate(values)
        )
        control = f'<select data-count="{len(values)}">{options}</select>'
    else:
        shown = escape(json.dumps(values))
        control = (
            f'<input type="range" min="0" max="{len(values) - 1}" value="{start}" '
            f'data-count="{len(values)}" data-values="{shown}" '
            f'aria-valuetext="{escape(values[start])}"><output>{escape(values[start])}</output>'
        )
    return f"<label><span>{escape(name)}</span>{control}</label>\n"


def _note(here: int, every: int) -> str:
    if here == every:
        return ""
    return f"Here are {here:,} of {every:,} settings; in the notebook you can choose them all."
