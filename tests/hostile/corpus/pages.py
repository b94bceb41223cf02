"""What would act in the browser of whoever opens feedback or formgrader."""

from tests.hostile.case import Case, attack, changed

# Each word is in a place where a browser would run it, and nowhere else.
ACTIVE = (
    "<script", "<iframe", "<object", "<embed", "<form", "<meta", "<base", "<link", "<style",
    "onerror", "onload", "javascript:", "srcdoc", "position:",
)  # fmt: skip
# As text, an attribute does nothing.
TAGS = tuple(word for word in ACTIVE if word.startswith("<"))

HTML = (
    "<script>x()</script>", "<img src=q onerror=x()>", "<svg onload=x()></svg>",
    "<a href='javascript:x()'>a</a>", "<a href='JaVaScRiPt:x()'>a</a>",
    "<iframe srcdoc='<b>'></iframe>", "<object data=q></object>", "<embed src=q>",
    "<form action=q><input name=b></form>", "<meta http-equiv=refresh content=0>",
    "<base href=q>", "<link rel=stylesheet href=q>", "<style>*{display:none}</style>",
    "<div style='position:fixed'>full marks</div>", "<scr<script>ipt>x()</script>",
    "<math><mtext><table><mglyph><style><img src=q onerror=x()>",
)  # fmt: skip


def _edited(notebook):
    """Markup in the first text cell, which is not locked."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    cell.source += "\n\n" + "\n\n".join(HTML)


CASES = [
    attack(
        "page-html",
        "displays HTML with scripts, handlers and frames",
        right=("greet",),
        first="from IPython.display import HTML, display\n"
        + "\n".join(f"display(HTML({text!r}))" for text in HTML),
        must_not=ACTIVE,
    ),
    attack(
        "page-html-markdown-output",
        "displays Markdown with the same in it",
        right=("greet",),
        first="from IPython.display import Markdown, display\n"
        + "\n".join(f"display(Markdown({text!r}))" for text in HTML),
        must_not=TAGS,
    ),
    attack(
        "page-javascript",
        "displays JavaScript, a widget's view and a type of its own",
        right=("greet",),
        first="""
        from IPython.display import Javascript, display
        display(Javascript("pwned()"))
        for kind in ("application/javascript", "text/javascript",
                     "application/vnd.jupyter.widget-view+json", "application/x-own"):
            display({kind: "pwned()"}, raw=True)
        """,
        must_not=("pwned()",),
    ),
    attack(
        "page-repr-html",
        "answers with an object that shows itself as a script",
        right=("greet",),
        steps="""
        class Answer(int):
            def _repr_html_(self):
                return "<script>pwned()</script>"
        def steps(n):
            return Answer(3)
        steps(1)
        """,
        must_not=("<script", "pwned()"),
    ),
    Case(
        "page-markdown-cell",
        "writes the same into a text cell",
        changed(_edited, right=("greet",)),
        (1, 1),
        must_not=TAGS,
    ),
]
