"""The reference: a page for each public package, from its docstrings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass, field

from autograder.site.source import SourceTree


@dataclass(frozen=True)
class Package:
    """A package of the reference.

    Attributes:
        name: of the package.
        about: what it is for, in a few words.
        modules: modules of it with a section of their own; "*" for all that are public.
    """

    name: str
    about: str
    modules: tuple[str, ...] = field(default=())


PACKAGES = (
    Package("course.sizing", "sizes, parameters, multiply-adds, memory, receptive fields"),
    Package("course.architectures", "the papers' networks by name"),
    Package("course.blocks", "what networks are made of: functions from tensor to tensor", ("*",)),
    Package(
        "course.regularization",
        "what Keras lacks, or does otherwise than papers",
        ("augmentations",),
    ),
    Package("course.datasets", "images to train on"),
    Package("course.recipes", "the papers' training recipes as data"),
    Package("course.training", "training, on one device or many", ("schedules", "callbacks")),
    Package(
        "course.transfer",
        "features, probes, fine-tuning: what starts from trained weights",
        (
            "extraction",
            "retrieval",
            "probing",
            "freezing",
            "statistics",
            "weights",
            "applications",
            "fine_tuning",
            "options",
            "groups",
            "forgetting",
        ),
    ),
    Package("course.averaging", "test-time crops and flips, ensembles"),
    Package("course.keras_graph", "Keras models as graphs of layers"),
    Package("course.studies", "recorded runs that differ in one thing", ("runs", "tables")),
    Package("course.benchmarks", "measured and estimated speed", ("*",)),
    Package("course.visualization", "figures, sliders and tables of notebooks", ("*",)),
    Package("autograder.checks", "checks for graded cells", ("array_call", "structure", "models")),
    Package("course.errors", "what is raised for callers' mistakes"),
)

# Public names that are for the course's own commands, or are documented by what uses them.
NOT_SHOWN = {
    "course.cli", "course.completion", "course.doctor", "course.gpu", "course.keras_compat",
    "course.keras_types", "course.lectures", "course.listing", "course.quiet", "course.student",
    "course.units",
}  # fmt: skip


def page_of(package: str) -> str:
    """Return the page of a package, without its ending."""
    return f"api/{package}"


def write(tree: SourceTree) -> None:
    """Write a page for each package, and one that lists them."""
    lines = ["# Reference", "", "From the docstrings. `help()` in Python shows the same.", ""]
    lines += ["| package | |", "|:---|:---|"]
    for package in PACKAGES:
        tree.write(f"{page_of(package.name)}.rst", _page(package))
        lines.append(f"| [`{package.name}`]({package.name}.rst) | {package.about} |")
    lines += ["", "```{toctree}", ":hidden:", ""]
    tree.write("api/index.md", "\n".join([*lines, *(p.name for p in PACKAGES), "```", ""]))


def _page(package: Package) -> str:
    module = importlib.import_module(package.name)
    parts = [_title(package.name, "="), *_documented(package.name)]
    names = list(package.modules)
    if names == ["*"]:
        found = (info.name for info in pkgutil.iter_modules(module.__path__))
        names = [name for name in found if not name.startswith("_")]
    for name in names:
        full = f"{package.name}.{name}"
        parts += [_title(full, "-"), *_documented(full)]
    return "\n".join(parts)


def _title(text: str, line: str) -> str:
    return f"\n{text}\n{line * len(text)}\n"


def _documented(name: str) -> list[str]:
    """Document a module: what it exports, or else what it defines.

    What a package exports is documented under the name that people import, whether it is there
    already or is imported when it is asked for.
    """
    module = importlib.import_module(name)
    lines = [f".. automodule:: {name}"]
    if not hasattr(module, "__all__"):
        return [*lines, "   :members:", ""]
    lines.append("")
    for exported in module.__all__:
        lines += _directive(f"{name}.{exported}", getattr(module, exported))
    return lines


def _directive(name: str, thing: object) -> list[str]:
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        return [f".. {kind}:: {name}", "   :members:", ""]
    # A constant has no docstring; modules that use it say what it is.
    return [f".. autofunction:: {name}", ""] if callable(thing) else []
