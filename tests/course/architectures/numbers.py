"""Known numbers of each network, and a representative of each kind."""

from __future__ import annotations

import json

import keras

import course.quiet  # noqa: F401
from course import architectures
from tests.parts import ROOT

_FACTS = json.loads((ROOT / "tests" / "facts" / "architectures.json").read_text())
FACTS = {row["name"]: row for row in _FACTS["architectures"]}
# Trainable weights that the independent numbers count but the network does not have.
NOT_THERE = {
    # Two weights per feature map for Caffe's Scale layers, which only multiply by the gates.
    "se_inception": 2 * (256 + 320 + 3 * 576 + 2 * 608 + 1056 + 2 * 1024),
}
# Numbers that are worked out by hand, per layer: of networks that are not in tests/facts. A row has
# `name`, `input_shape` and `classes`; `weight_layers`, the depth as registered, which may be None;
# `params_trainable`, `params_total` (with the moving statistics of batch normalization) and `macs`,
# each an integer, or None if it cannot be worked out.
OWN = {
    "fast_cifar": {
        "name": "fast_cifar",
        "input_shape": [32, 32, 3],
        "classes": 10,
        "weight_layers": 1 + 3 * 2 + 1,
        # Kernels with scale and shift of each of their feature maps; the dense layer.
        "params_trainable": (
            (9 * 24 * 64 + 9 * 64 * 64 + 4 * 64)
            + (9 * 64 * 256 + 9 * 256 * 256 + 4 * 256)
            + (9 * 256 * 256 + 9 * 256 * 256 + 4 * 256)
            + (256 * 10 + 10)
        ),
        "params_total": 1_972_490 + 4 * 3 * 24 + 2 * 2 * (64 + 256 + 256),
        # Patches at 31x31; maps of 31x31 and 15x15, of 15x15 and 7x7, of 7x7 and 3x3.
        "macs": (
            31 * 31 * 4 * 3 * 24
            + (31 * 31 * 9 * 24 * 64 + 15 * 15 * 9 * 64 * 64)
            + (15 * 15 * 9 * 64 * 256 + 7 * 7 * 9 * 256 * 256)
            + (7 * 7 * 9 * 256 * 256 + 3 * 3 * 9 * 256 * 256)
            + 256 * 10
        ),
    },
}


def known(name: str) -> dict[str, int]:
    """Return the known numbers among a network's `params`, `params_trainable` and `macs`."""
    fact = (FACTS | OWN)[name]
    keys = {"params": "params_total", "params_trainable": "params_trainable", "macs": "macs"}
    found = {key: fact[theirs] for key, theirs in keys.items() if isinstance(fact[theirs], int)}
    for key in {"params", "params_trainable"} & found.keys():
        found[key] -= NOT_THERE.get(name, 0)
    return found


def kind(name: str) -> tuple:
    """Return the builder, and the arguments that choose what is built rather than its size."""
    entry = architectures.describe(name)
    chosen = [
        (key, value if isinstance(value, str) else bool(value))
        for key, value in sorted(entry.own_arguments.items())
        if key != "stages"
    ]
    return entry.builder, *chosen


def representatives() -> list[str]:
    """Return the network of each kind with the fewest parameters."""
    smallest: dict[tuple, str] = {}
    for name in sorted(architectures.names(), key=lambda name: known(name).get("params", 1e12)):
        smallest.setdefault(kind(name), name)
    return [name for name in architectures.names() if name in smallest.values()]


# Families with more than 20 weight layers whose builders take no number of blocks.
FULL_SIZE = {
    *("convnext", "efficientnet", "efficientnet_v2", "googlenet", "inception_resnet_v2"),
    *("inception_v2", "inception_v3", "inception_v4", "mobilenet", "mobilenet_v2"),
    *("mobilenet_v3", "senet", "shufflenet", "shufflenet_v2", "xception"),
}


def shortened(name: str) -> dict:
    """Return arguments that make a network of the same kind with as few blocks as possible.

    The arguments that count blocks are `blocks` and `repeats` (a tuple of integers, one per stage),
    `cells`, and `depth`. A deep network without any of them has to be in ``FULL_SIZE``.
    """
    entry = architectures.describe(name)
    found = {}
    for key, value in entry.own_arguments.items():
        counts = isinstance(value, tuple) and all(isinstance(n, int) for n in value)
        if key in ("blocks", "repeats") and counts:
            found[key] = (2, *(1 for _ in value[1:]))  # one of them with a shortcut of its own
        if key == "cells":
            found[key] = 1
        if key == "depth" and isinstance(value, int):
            found[key] = next(depth for depth in range(4, value + 1) if _exists(name, depth))
    if not found and entry.family not in FULL_SIZE and (count := _weight_layers(name)) > 20:
        raise AssertionError(
            f"{name} has {count} weight layers, and none of its arguments is known to shorten it: "
            "call the one that does blocks, repeats, cells or depth, or add its family to FULL_SIZE"
        )
    return found


def _weight_layers(name: str) -> int:
    return architectures.describe(name).depth or sum(
        hasattr(layer, "kernel") for layer in without_values(name).layers
    )


def _exists(name: str, depth: int) -> bool:
    try:
        without_values(name, depth=depth)
    except ValueError:
        return False
    return True


def without_values(name: str, **overrides):
    """Build the network with shapes instead of variables: ten times faster, and without memory."""
    with keras.StatelessScope(initialize_variables=False):
        model = architectures.build(name, **overrides)
    keras.utils.clear_session()  # or Keras would give them values later
    return model
