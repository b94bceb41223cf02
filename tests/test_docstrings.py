"""The examples in docstrings do what they show.

Docstrings are found in the source, so that nothing is imported before a test runs. An example knows
the names of its own module and runs in an empty folder, without any data of the machine's.
"""

import ast
import doctest
import importlib

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.conftest import ROOT

DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _documented(node, names=()):
    """Every definition's names, docstring and the line where it begins."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, DEFINITIONS):
            yield from _documented(child, (*names, child.name))
    if isinstance(node, DEFINITIONS) and (text := ast.get_docstring(node)):
        yield names, text, node.body[0].lineno


def _examples():
    parser = doctest.DocTestParser()
    for package in ("course", "autograder"):
        for path in sorted((ROOT / package).rglob("*.py")):
            source = path.read_text()
            if ">>>" not in source or not path.stem.isidentifier():
                continue
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            module = module.removesuffix(".__init__")
            for names, text, line in _documented(ast.parse(source)):
                if parser.get_examples(text):
                    yield pytest.param(module, text, line, id=".".join((module, *names)))


def test_examples_are_found():
    """Those of a package, a function, a method."""
    names = {example.id for example in _examples()}
    assert {
        "course.architectures",
        "course.sizing.geometry.conv_output_size",
        "course.training.options.Options.as_arguments",
    } <= names


@pytest.mark.parametrize(("module", "text", "line"), list(_examples()))
def test_example(module, text, line, tmp_path, monkeypatch):
    if module.startswith("course.datasets"):
        pytest.importorskip("tensorflow_datasets")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Shown as in Python, though a test before this one started IPython in this process.
    monkeypatch.setattr(InteractiveShell, "initialized", lambda: False)
    known = dict(vars(importlib.import_module(module)))
    example = doctest.DocTestParser().get_doctest(text, known, module, module, line)
    said = []
    doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not said, "".join(said)
