"""The gallery: a page for each family of networks, with numbers, figure, tables and code."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from itertools import groupby
from types import FunctionType
from typing import TYPE_CHECKING, cast

from autograder.site import figures
from autograder.site.docstrings import prepare
from autograder.site.profiles import Profile
from autograder.site.source import SourceTree
from course.listing import kept
from course.listing.table import short
from course.visualization import comparison

if TYPE_CHECKING:
    from course.architectures import Architecture

_COMPARED = "comparison.svg"
_SOURCES = "course/architectures"


def write(
    tree: SourceTree, entries: Sequence[Architecture], profiles: Mapping[str, Profile]
) -> None:
    """Write the gallery.

    Args:
        tree: where to.
        entries: the networks, family by family.
        profiles: what they cost, by name.
    """
    compared = comparison.plot(comparison.collect())
    tree.write(f"gallery/{_COMPARED}", figures.svg(compared))
    families = {name: list(group) for name, group in groupby(entries, lambda e: e.family)}
    for name, own in families.items():
        shown = _typical(own, profiles)
        figure = figures.family([entry.name for entry in own], profiles, shown.name)
        tree.write(f"gallery/{name}.svg", figures.svg(figure))
        words = str(figure.get_label())
        tree.write(f"gallery/{name}.md", _page(name, own, profiles, words))
    tree.write("gallery/index.md", _index(families, profiles, str(compared.get_label())))


def anchor(name: str) -> str:
    """Return the label of a network's section, which other pages may refer to."""
    return f"network-{name}"


def _typical(own: Sequence[Architecture], profiles: Mapping[str, Profile]) -> Architecture:
    """The network in the middle, by multiply-adds."""
    ordered = sorted(own, key=lambda entry: profiles[entry.name].macs)
    return ordered[len(ordered) // 2]


def _index(
    families: Mapping[str, Sequence[Architecture]], profiles: Mapping[str, Profile], words: str
) -> str:
    count = sum(map(len, families.values()))
    lines = [
        "# Networks",
        "",
        f"{count} networks of {len(families)} families, as their papers define them. "
        "`architectures.build(name)` builds each; errors are those that papers report, in percent.",
        "",
        f"```{{figure}} {_COMPARED}",
        f":alt: {words}",
        "",
        "Published accuracy on ImageNet against multiply-adds, with parameters as area.",
        "```",
        "",
        "```{container} wide",
        "| network | year | weight layers | parameters | MACs | ImageNet top-1 | CIFAR-10 |",
        "|:---|---:|---:|---:|---:|---:|---:|",
    ]
    for family, own in families.items():
        lines.append(f"| **[{_heading(family)}]({family}.md)** | | | | | | |")
        lines += [_line(entry, profiles[entry.name]) for entry in own]
    lines += ["```", "", "```{toctree}", ":hidden:", "", *families, "```", ""]
    return "\n".join(lines)


def _line(entry: Architecture, profile: Profile) -> str:
    cells = (
        f"{{ref}}`{entry.name} <{anchor(entry.name)}>`",
        kept()[entry.name].year,
        entry.depth or "",
        short(profile.params),
        short(profile.macs),
        _error(entry, "imagenet"),
        _error(entry, "cifar10"),
    )
    return f"| {' | '.join(map(str, cells))} |"


def _error(entry: Architecture, dataset: str) -> str:
    """The published error with one crop, or else with as many as there are, which is said."""
    found = [p for p in entry.published if p.dataset == dataset and p.measure == "top-1 error"]
    if not found:
        return ""
    best = min(found, key=lambda p: p.crops)
    return f"{best.value:g}" + (f" ({best.crops} crops)" if best.crops > 1 else "")


def _page(
    family: str, own: Sequence[Architecture], profiles: Mapping[str, Profile], words: str
) -> str:
    module = importlib.import_module(f"course.architectures.{family}")
    text = inspect.getdoc(module) or ""
    title, _, rest = text.partition("\n")
    builders = dict.fromkeys(entry.builder for entry in own)
    lines = [
        f"# {_heading(family)}",
        "",
        "```{eval-rst}",
        title.strip(),
        "",
        *_plain(rest),
        "```",
        "",
        *_numbers(own, profiles),
        "",
        f"```{{figure}} {family}.svg",
        f":alt: {words}",
        "```",
        "",
    ]
    for entry in own:
        lines += _network(entry, profiles[entry.name])
    lines += ["## The builder", "", f"In `{_SOURCES}/{family}.py`:", "", "```{eval-rst}"]
    for builder in builders:
        name = cast(FunctionType, builder).__name__
        lines.append(f".. autofunction:: {builder.__module__}.{name}")
    return "\n".join([*lines, "```", ""])


def _plain(text: str) -> list[str]:
    """A module's docstring in reStructuredText, its references as a list."""
    lines = prepare(text.split("\n"))
    found: list[str] = []
    for line in lines:
        if line == "Reference:":
            found += [".. rubric:: Reference", ""]
        else:
            found.append(line.removeprefix("    "))
    return found


def _numbers(own: Sequence[Architecture], profiles: Mapping[str, Profile]) -> list[str]:
    lines = [
        "| network | weight layers | input | parameters | MACs | memory of activations |",
        "|:---|---:|:---|---:|---:|---:|",
    ]
    for entry in own:
        found = profiles[entry.name]
        lines.append(
            f"| {{ref}}`{entry.name} <{anchor(entry.name)}>` | {entry.depth or ''} | "
            f"{_size(entry.input_shape)} | {found.params:,} | {found.macs:,} | "
            f"{found.activation_bytes / 2**20:.3g} MiB |"
        )
    return ["```{container} wide", *lines, "```"]


def _network(entry: Architecture, profile: Profile) -> list[str]:
    facts = {
        "Paper": f"{entry.paper}, {entry.table}",
        "Parameters": f"{profile.params:,}, of which {profile.params_trainable:,} are trained",
        "Multiply-adds": f"{profile.macs:,} for one image of {_size(entry.input_shape)}",
        "Published": ", ".join(map(str, entry.published)),
        "Recipe": f"`{entry.recipe}`" if entry.recipe else "",
        "Weights": f"as `keras.applications.{entry.keras_application}`"
        if entry.keras_application
        else "",
        "Arguments": ", ".join(f"`{k}={v!r}`" for k, v in entry.own_arguments.items()),
        "Note": entry.notes,
    }
    rows = [
        f"| {part.size.replace(' x ', ' × ')} | {part.channels} | {part.layers} | "
        f"{part.params:,} | {part.macs:,} |"
        for part in profile.parts
        if part.layers or part.params  # others only pad, pool or reshape
    ]
    return [
        f"({anchor(entry.name)})=",
        f"## {entry.name}",
        "",
        "```python",
        f'model = architectures.build("{entry.name}")',
        "```",
        "",
        *(f"- **{name}**: {text}" for name, text in facts.items() if text),
        "",
        "```{container} wide",
        "| feature maps | most channels | layers with kernels | parameters | MACs |",
        "|:---|---:|---:|---:|---:|",
        *rows,
        "```",
        "",
    ]


def _heading(family: str) -> str:
    """A family's name as people write it."""
    return _NAMES.get(family, family.replace("_", " ").capitalize())


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


_NAMES = {
    "alexnet": "AlexNet", "amoebanet": "AmoebaNet", "convnext": "ConvNeXt",
    "densenet": "DenseNet", "efficientnet": "EfficientNet", "efficientnet_v2": "EfficientNetV2",
    "fast_cifar": "Fast networks for CIFAR-10", "fractalnet": "FractalNet",
    "gcnn": "Group-equivariant networks", "googlenet": "GoogLeNet",
    "inception_resnet_v2": "Inception-ResNet-v2", "inception_v2": "Inception-v2",
    "inception_v3": "Inception-v3", "inception_v4": "Inception-v4", "lenet": "LeNet",
    "mobilenet": "MobileNet", "mobilenet_v2": "MobileNetV2", "mobilenet_v3": "MobileNetV3",
    "nasnet": "NASNet", "nin": "Network in network", "preactivation": "Pre-activation ResNets",
    "pyramidnet": "PyramidNet", "resnet": "ResNet", "resnet_cifar": "ResNets for CIFAR-10",
    "resnext": "ResNeXt", "senet": "SENet", "shufflenet": "ShuffleNet",
    "shufflenet_v2": "ShuffleNetV2", "stochastic_depth": "Stochastic depth", "vgg": "VGG",
    "wide_resnet": "Wide ResNet", "xception": "Xception", "zfnet": "ZFNet",
}  # fmt: skip
