"""Which layer of one model corresponds to which layer of another.

Layers are told apart by their place in the graph: by what a description says of the layers with
weights before and after them, and by how these come together. Names don't matter, nor does the
order of the terms of a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice, permutations, product

from course.keras_graph.walk import Graph, Step

COMMUTATIVE = {"add", "multiply", "maximum", "minimum", "average"}
MAX_PAIRINGS = 24

# What a layer with weights must have in common with its counterpart.
Describe = Callable[[Step], Hashable]
Pairs = list[tuple[Step, Step]]


def _mark(*parts: Hashable) -> int:
    """Return a number for some parts; unlike `hash`, the same in every process."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def _description(step: Step, describe: Describe) -> Hashable:
    """Return what tells a step from others; None for one that is looked through."""
    if step.weights:
        return describe(step)
    return step.kind if len(step.sources) > 1 else None


def _marks(graph: Graph, describe: Describe) -> dict[int, int]:
    """Return for each step's ID a number that depends on the step and all that comes before it."""
    marks: dict[int, int] = {}
    for step in graph.steps:
        before = [marks[id(parent)] for parent in step.parents]
        if step.kind in COMMUTATIVE:
            before.sort()
        own = _description(step, describe)
        marks[id(step)] = _mark(own, *before) if own or len(before) != 1 else before[0]
    return marks


def signatures(graph: Graph, describe: Describe) -> dict[int, int]:
    """Return for the ID of each step with weights a number for its place in the graph."""
    up, down = _marks(graph, describe), dict[int, int]()
    children = graph.children()
    for step in reversed(graph.steps):
        after = []
        for child, position in children[id(step)]:
            ordered = len(child.sources) > 1 and child.kind not in COMMUTATIVE
            after.append(_mark(down[id(child)], position) if ordered else down[id(child)])
        after += [_mark("output", n) for n, (out, _) in enumerate(graph.outputs) if out is step]
        own = _description(step, describe)
        down[id(step)] = _mark(own, *sorted(after)) if own or len(after) != 1 else after[0]
    return {id(step): _mark(up[id(step)], down[id(step)]) for step in graph.weighted}


def structural_order(graph: Graph, describe: Describe) -> list[Step]:
    """Return the steps with weights in an order that the structure alone decides.

    It goes from the inputs to the outputs, along one path after the other; the terms of a sum are
    ordered by what comes before them. A layer that is used twice has its first place.
    """
    marks = _marks(graph, describe)
    found: dict[int, Step] = {}
    visited: set[int] = set()
    waiting = [(step, False) for step, _ in reversed(graph.outputs)]
    while waiting:
        step, done = waiting.pop()
        if done:
            if step.weights:
                found.setdefault(id(step.layer), step)
        elif id(step) not in visited:
            visited.add(id(step))
            parents = step.parents
            if step.kind in COMMUTATIVE:
                parents = sorted(parents, key=lambda parent: marks[id(parent)])
            waiting.append((step, True))
            waiting += [(parent, False) for parent in reversed(parents)]
    return list(found.values())


def pairings(one: Graph, other: Graph, describe: Describe) -> Iterator[Pairs]:
    """Yield ways to pair the steps with weights of two models, likely ones first.

    Layers are paired by their place in the graph; if the graphs differ, by their description in the
    order of computation. Models with different descriptions have no pairing.

    Args:
        one, other: the graphs.
        describe: what paired layers have in common.
    """
    groups = _grouped(
        (structural_order(one, describe), signatures(one, describe)),
        (structural_order(other, describe), signatures(other, describe)),
    )
    if groups is None:
        groups = _grouped(
            *((g.weighted, {id(s): describe(s) for s in g.weighted}) for g in (one, other))
        )
    if groups is None:
        return
    orders = [
        list(permutations(steps)) if len(steps) <= 4 else [tuple(steps)] for _, steps in groups
    ]
    for chosen in islice(product(*orders), MAX_PAIRINGS):
        yield [
            pair
            for (mine, _), theirs in zip(groups, chosen, strict=True)
            for pair in zip(mine, theirs, strict=True)
        ]


def _grouped(
    *sides: tuple[list[Step], Mapping[int, Hashable]],
) -> list[tuple[list[Step], ...]] | None:
    """Group the steps of both sides by their sign; None if the groups differ in size."""
    groups: list[dict[Hashable, list[Step]]] = [{}, {}]
    for group, (steps, signs) in zip(groups, sides, strict=True):
        for step in steps:
            group.setdefault(signs[id(step)], []).append(step)
    one, other = groups
    if {key: len(steps) for key, steps in one.items()} != {
        key: len(steps) for key, steps in other.items()
    }:
        return None
    return [(steps, other[key]) for key, steps in one.items()]
