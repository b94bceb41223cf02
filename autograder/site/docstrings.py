"""Google-style docstrings, with the sections of this project, as Napoleon reads them."""

from __future__ import annotations

import re

_INLINE = re.compile(r"^(\s*)((?:Input|Output) shape): (.+)$")
_REFERENCE = re.compile(r"^(\s*)Reference:\s*$")
_EXAMPLE = re.compile(r"^(\s*)Example:\s*$")
SECTIONS = ["Input shape", "Output shape", "Reference"]


def prepare(lines: list[str]) -> list[str]:
    """Give a docstring's sections the form that Napoleon knows.

    "Input shape: (batch, ...)" on one line becomes a section, and each reference an item of a list.

    Example:
        >>> prepare(["Input shape: (batch, n)", "Reference:", "    A and B,", "    2016."])
        ['', 'Input shape:', '    (batch, n)', '', 'Reference:', '    - A and B, 2016.']
    """
    out: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if found := _INLINE.match(line):
            indent, name, text = found.groups()
            out += ["", f"{indent}{name}:", f"{indent}    {text}"]
        elif found := _REFERENCE.match(line):
            indent = found[1]
            block = _block(lines[place:], len(indent))
            place += len(block)
            out += ["", line, *(f"{indent}    - {text}" for text in references(block))]
            out += [""] * (place < len(lines))
        elif (found := _EXAMPLE.match(line)) and not _is_session(lines[place:]):
            block = _block(lines[place:], len(found[1]))
            place += len(block)
            out += [line, f"{found[1]}    ::", "", *(f"    {text}" for text in block)]
        else:
            out.append(line)
    return out


def _is_session(lines: list[str]) -> bool:
    """Tell whether an example is one of Python's prompt, which needs no mark as code."""
    return next((line for line in lines if line.strip()), "").lstrip().startswith(">>>")


def _block(lines: list[str], indent: int) -> list[str]:
    """The lines that belong to a section whose title has this indentation."""
    block: list[str] = []
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        block.append(line)
    return block


def references(block: list[str]) -> list[str]:
    """Join lines to references, each of which ends with a full stop at the end of a line."""
    found, begun = [], ""
    for line in block:
        begun = f"{begun} {line.strip()}".strip()
        if begun.endswith("."):
            found.append(begun)
            begun = ""
    return [*found, begun] if begun else found
