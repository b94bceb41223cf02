"""Notebooks that were damaged, by accident or on purpose. Whatever can be made out is graded."""

import copy
import json

import nbformat

from tests.hostile.case import (
    ANY,
    FLAGGED,
    GRADED,
    HUMAN,
    Case,
    Hand,
    answered,
    cell_of,
    changed,
    code,
)
from tests.hostile.unit import QUICK, RIGHT, points

WHOLE = points(*QUICK)


def _damaged(name, tries, change, deserved=(WHOLE, WHOLE), statuses=frozenset({GRADED}), **about):
    """Right answers to the quick questions in a notebook that `change` was done to."""
    return Case(name, tries, changed(change), deserved, statuses, **about)


def _raw(name, tries, change, deserved=(0, 0), statuses=frozenset({HUMAN}), **about):
    """The same, where `change` gives the bytes of the file, from its JSON as data."""

    def make(hand: Hand) -> None:
        notebook = answered(hand.released, QUICK)
        hand.write(change(json.loads(nbformat.writes(notebook, version=4))))

    return Case(name, tries, make, deserved, statuses, **about)


def _dump(data) -> bytes:
    return json.dumps(data).encode()


def _graded(notebook) -> list:
    return [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]


def _solutions(notebook) -> list:
    return [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution")]


def _all_metadata(value):
    def change(notebook):
        for cell in notebook.cells:
            if "nbgrader" in cell.metadata:
                cell.metadata["nbgrader"] = copy.deepcopy(value)

    return change


def _each_metadata(**values):
    def change(notebook):
        for cell in notebook.cells:
            if "nbgrader" in cell.metadata:
                cell.metadata.nbgrader.update(copy.deepcopy(values))

    return change


def _without(cells):
    def change(notebook):
        gone = [id(cell) for cell in cells(notebook)]
        notebook.cells = [cell for cell in notebook.cells if id(cell) not in gone]

    return change


def _duplicate_tests(notebook):
    for cell in _graded(notebook):
        twin = copy.deepcopy(cell)
        twin.id = f"{cell.id}-b"
        notebook.cells.append(twin)


def _duplicate_solution(source):
    def change(notebook):
        cell = cell_of(notebook, "greet")
        twin = copy.deepcopy(cell)
        twin.id, twin.source = "twin", source
        notebook.cells.insert(notebook.cells.index(cell) + 1, twin)

    return change


def _retyped(cells, kind):
    def change(notebook):
        for cell in cells(notebook):
            cell.cell_type = kind
            cell.pop("outputs", None)
            cell.pop("execution_count", None)

    return change


def _reversed(notebook):
    notebook.cells = notebook.cells[::-1]


def _swapped_ids(notebook):
    answer, test = cell_of(notebook, "greet"), cell_of(notebook, "test_greet")
    answer.metadata, test.metadata = test.metadata, answer.metadata


def _one_id(notebook):
    for cell in notebook.cells:
        cell.id = "same"


def _odd_metadata(notebook):
    notebook.metadata.update(
        kernelspec={"name": "bash", "display_name": "Bash", "language": "bash"},
        language_info={"name": "R", "version": "0"}, widgets={"x": 3}, signature="sha256:0",
        celltoolbar="Create Assignment", title=[None],
    )  # fmt: skip
    for cell in notebook.cells:
        cell.metadata.update(editable=False, deletable=False, trusted=True, collapsed="x")


def _no_imports(notebook):
    cell_of(notebook, "imports").source = "import sys\nnp = keras = layers = checks = None"


def _tagged(notebook):
    for cell in notebook.cells:
        cell.metadata["tags"] = ["raises-exception", "skip-execution", "remove-cell"]


def _many_cells(count):
    def change(data):
        extra = {"cell_type": "code", "source": "1 + 1", "metadata": {}, "outputs": [],
                 "execution_count": None}  # fmt: skip
        data["cells"] += [extra | {"id": f"more-{number}"} for number in range(count)]
        return _dump(data)

    return change


def _cells(change):
    """A change of every cell of a notebook's data."""

    def change_all(data):
        for cell in data["cells"]:
            change(cell)
        return _dump(data)

    return change_all


def _old_format(data):
    cells = []
    for cell in data["cells"]:
        cell = {k: v for k, v in cell.items() if k not in ("id", "execution_count")}
        if cell["cell_type"] == "code":
            cell |= {"input": cell.pop("source"), "language": "python", "collapsed": False}
        cells.append(cell)
    return _dump({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""},
                  "worksheets": [{"cells": cells, "metadata": {}}]})  # fmt: skip


def _with(**values):
    return lambda data: _dump(data | values)


def _huge_outputs(data):
    for cell in data["cells"]:
        if cell["cell_type"] == "code":
            text = {"output_type": "stream", "name": "stdout", "text": "x" * 500_000}
            cell["outputs"] = [text, {"output_type": "weird"}, 3, None]
            cell["execution_count"] = "many"
    return _dump(data)


def _odd_sources(data):
    values = iter([3, None, {"a": "b"}, ["print(1)\n", 7, None], True])
    for cell in data["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = next(values, 3.5)
    return _dump(data)


def _odd_cells(data):
    data["cells"] = [3, None, "cell", [], {}, {"cell_type": 4}, {"source": "1"}, *data["cells"]]
    return _dump(data)


def _truncated(data):
    text = _dump(data)
    return text[: len(text) * 2 // 3]


def _duplicate_keys(data):
    text = _dump(data).decode()
    return ('{"cells": [], ' + text[1:]).encode()


def _magics(notebook):
    for source in (
        "%matplotlib inline", "%load_ext autoreload\n%autoreload 2", "%%capture\nprint(1)",
        "%%time\nsum(range(9))", "%%writefile helper.py\nvalue = 3", "import helper",
        "%%javascript\nalert(1)", "%%script python\nprint(3)", "%run helper.py", "%reset -f",
        "%config InlineBackend.figure_format = 'svg'", "!echo shell", "files = !ls", "?greet",
        "%pdb on", "%xmode Verbose", "%autocall 2", "%history", "%who", "%colors linux",
    ):  # fmt: skip
        notebook.cells.append(code(source))


def _not_code(notebook):
    cell_of(notebook, "steps").source = "This is not code, it's an answer: n → 8 “quoted”"


def _odd_text(notebook):
    cell = cell_of(notebook, "greet")
    cell.source = "# \u202e\u0000 \ufeff 😀 é\r\n\f\n" + cell.source.replace("name", "ñame")
    notebook.cells.append(code("x = '" + "y" * 900_000 + "'"))


def _magic_only(notebook):
    cell_of(notebook, "steps").source = "%%bash\nexit 3"


# As it was released.
STUB = '''\
def greet(name):
    """Hello, and the name."""
    # YOUR CODE HERE
    raise NotImplementedError()'''

CASES = [
    _damaged("nb-untouched-order", "changes nothing", lambda notebook: None),
    _damaged("nb-duplicate-tests", "has every test cell twice", _duplicate_tests),
    _damaged("nb-duplicate-stub", "has a stub after the answer", _duplicate_solution(STUB),
             statuses={GRADED, FLAGGED}),
    _damaged("nb-duplicate-wrong", "has a wrong answer after the right one",
             _duplicate_solution("def greet(name):\n    return 'Bye'"), (WHOLE - 1, WHOLE),
             statuses={GRADED, FLAGGED}),
    _damaged("nb-no-tests", "has no test cells", _without(_graded)),
    _damaged("nb-no-solutions", "has no solution cells", _without(_solutions), (0, 0)),
    _damaged("nb-one-solution-missing", "has one solution cell less",
             _without(lambda nb: [cell_of(nb, "tally")]), (WHOLE - 2, WHOLE - 2)),
    _damaged("nb-only-solutions", "has nothing but solution cells",
             _without(lambda nb: [c for c in nb.cells if c not in _solutions(nb)])),
    _damaged("nb-no-cells", "has no cells", _without(lambda nb: nb.cells), (0, 0)),
    _damaged("nb-tests-as-text", "has markdown where tests were", _retyped(_graded, "markdown"),
             statuses=ANY),
    _damaged("nb-solutions-as-text", "has markdown where solutions were",
             _retyped(_solutions, "markdown"), (0, WHOLE), statuses=ANY),
    _damaged("nb-solutions-as-raw", "has raw cells where solutions were",
             _retyped(_solutions, "raw"), (0, WHOLE), statuses=ANY),
    _damaged("nb-reversed", "has its cells in reverse", _reversed),
    _damaged("nb-swapped-ids", "swaps the grade ids of an answer and its test", _swapped_ids,
             (WHOLE - 1, WHOLE), {FLAGGED, HUMAN}),
    _damaged("nb-one-cell-id", "gives all cells one id", _one_id),
    _damaged("nb-odd-metadata", "is a Bash notebook, signed and trusted", _odd_metadata),
    _damaged("nb-no-imports", "replaces the locked imports", _no_imports, (0, WHOLE), {FLAGGED}),
    _damaged("nb-tags", "asks by tags not to be run", _tagged),
    _damaged("nb-schema-1", "says schema version 1", _each_metadata(schema_version=1)),
    _damaged("nb-schema-99", "says schema version 99", _each_metadata(schema_version=99)),
    _damaged("nb-schema-text", "says schema version 'x'", _each_metadata(schema_version="x")),
    _damaged("nb-all-tasks", "makes every cell a task", _each_metadata(task=True, points=2)),
    _damaged("nb-all-solutions", "makes every cell a solution and unlocked",
             _each_metadata(solution=True, locked=False, grade=False)),
    _damaged("nb-odd-points", "has points of odd types", _each_metadata(points=[1], grade="yes")),
    _damaged("nb-odd-checksum", "has checksums of odd types", _each_metadata(checksum={"a": 1})),
    _damaged("nb-no-nbgrader", "has lost all of nbgrader's metadata", _all_metadata({}),
             (0, WHOLE), ANY),
    _damaged("nb-nbgrader-number", "has a number for nbgrader's metadata", _all_metadata(3),
             (0, WHOLE), ANY),
    _damaged("nb-nbgrader-list", "has a list for nbgrader's metadata", _all_metadata(["x"]),
             (0, WHOLE), ANY),
    _damaged("nb-odd-ids", "has grade ids that are no text", _each_metadata(grade_id=[1, {}]),
             (0, WHOLE), ANY),
    _damaged("nb-path-ids", "has a grade id that is a path", _each_metadata(grade_id="../../x"),
             (0, WHOLE), ANY),
    _damaged("nb-magics", "adds cells of magics and shell lines", _magics,
             statuses={GRADED, FLAGGED}),
    _damaged("nb-not-code", "answers in prose where code belongs", _not_code, (3, 3)),
    _damaged("nb-bash-answer", "answers in another language", _magic_only, (3, 3)),
    _damaged("nb-odd-text", "has control characters, odd line ends and very long lines", _odd_text,
             (WHOLE - 1, WHOLE)),
    _raw("nb-empty", "is empty", lambda data: b""),
    _raw("nb-truncated", "is cut off", _truncated, reason="cut off or damaged"),
    _raw("nb-null", "is null", lambda data: b"null"),
    _raw("nb-list", "is a list", lambda data: _dump(data["cells"])),
    _raw("nb-number", "is a number with five thousand digits", lambda data: b"1" * 5000),
    _raw("nb-text", "is the answers as text",
         lambda data: "\n".join(RIGHT.values()).encode()),
    _raw("nb-binary", "is noise", lambda data: bytes(range(256)) * 40),
    _raw("nb-deep", "is nested a hundred thousand times", lambda data: b"[" * 100_000),
    _raw("nb-huge", "has 25 MB", lambda data: _dump(data) + b" " * (25 << 20), reason="MiB"),
    _raw("nb-cells-object", "has an object for its cells", _with(cells={"a": 1})),
    _raw("nb-cells-gone", "has no cells at all", lambda data: _dump({"nbformat": 4})),
    _raw("nb-three-thousand-cells", "has three thousand cells more", _many_cells(3000)),
    _raw("nb-500-cells", "has five hundred cells more", _many_cells(500), (WHOLE, WHOLE), {GRADED}),
    _raw("nb-format-99", "says format 99", _with(nbformat=99), (0, WHOLE), ANY),
    _raw("nb-format-text", "says format 'four'", _with(nbformat="four"), (0, WHOLE), ANY),
    _raw("nb-format-3", "is in the format of 2013", _old_format, (0, WHOLE), ANY),
    _raw("nb-metadata-list", "has a list for its metadata", _with(metadata=[1]),
         (WHOLE, WHOLE), ANY),
    _raw("nb-nan", "has NaN and infinity in its metadata",
         _with(metadata={"a": float("nan"), "b": float("inf")}), (WHOLE, WHOLE), {GRADED}),
    _raw("nb-duplicate-keys", "has the key cells twice", _duplicate_keys, (0, WHOLE), ANY),
    _raw("nb-utf-16", "is in UTF-16", lambda data: json.dumps(data).encode("utf-16"),
         (0, WHOLE), ANY),
    _raw("nb-byte-order-mark", "begins with a byte order mark",
         lambda data: b"\xef\xbb\xbf" + _dump(data), (WHOLE, WHOLE), {GRADED}),
    _raw("nb-latin-1", "is in Latin-1",
         lambda data: json.dumps(data, ensure_ascii=False).replace("# YOUR CODE", "# ÄÖÜ é")
         .encode("latin-1"), (0, WHOLE), ANY),
    _raw("nb-windows", "has Windows' line ends",
         lambda data: json.dumps(data, indent=1).replace("\n", "\r\n").encode(), (WHOLE, WHOLE),
         {GRADED}),
    _raw("nb-surrogates", "has half characters in a source",
         lambda data: _dump(data).replace(b'"# A small unit"', b'"\\ud800 half"'),
         (WHOLE, WHOLE), {GRADED, FLAGGED}),
    _raw("nb-lists-of-lines", "has sources as lists of lines",
         _cells(lambda cell: cell.update(source=str(cell["source"]).splitlines(True))
                if isinstance(cell["source"], str) else None), (WHOLE, WHOLE), {GRADED}),
    _raw("nb-odd-sources", "has tests whose source is no text", _odd_sources, (WHOLE, WHOLE), ANY),
    _raw("nb-odd-cells", "has cells that are no cells", _odd_cells, (WHOLE, WHOLE), ANY),
    _raw("nb-no-cell-fields", "has cells without id, outputs and count",
         _cells(lambda cell: [cell.pop(k, None) for k in ("id", "outputs", "execution_count")]),
         (WHOLE, WHOLE), {GRADED}),
    _raw("nb-huge-outputs", "has 8 MB of old outputs, some of no known kind", _huge_outputs,
         (WHOLE, WHOLE), {GRADED}),
]  # fmt: skip
