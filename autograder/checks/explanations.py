"""Why two models don't compute the same with the same weights, in words."""

from __future__ import annotations

from collections import Counter

from course.keras_graph import Graph, Step, roles, weight_shapes

_SETTINGS = ("strides", "dilation_rate", "groups", "epsilon", "axis", "rate")
_WINDOWS = ("pool_size", "strides", "padding", "axis", "alpha", "negative_slope", "size")
# They only return their input, or belong to a convolution's padding.
_PASSED_OVER = {
    "inputlayer", "identity", "dropout", "flatten", "reshape", "zeropadding2d", "pad", "linear",
}  # fmt: skip


def unmatched_weights(reference: Graph, student: Graph, any_bias: bool) -> str:
    """Say which layers have no counterpart with such weights in the other model.

    Args:
        reference: the right model's graph.
        student: the student's.
        any_bias: whether a layer's bias does not matter.
    """
    missing, extra = _unmatched(reference, student, any_bias)
    if not any(_unmatched(reference, student, True)):
        return "; ".join(
            f"{step} should have {'no bias' if _has_bias(step) else 'a bias'}" for step in extra[:3]
        )
    said = []
    if missing:
        names = [f"{type(step.layer).__name__}{_sizes(step)}" for step in missing]
        said.append(f"expected {_some(names)}")
    if extra:
        names = [f"{step}{_sizes(step)}" for step in extra]
        said.append(f"{'has' if missing else 'did not expect'} {_some(names)}")
    return ", but ".join(said) if extra else f"{said[0]}, which is missing"


def _unmatched(reference: Graph, student: Graph, any_bias: bool) -> tuple[list[Step], list[Step]]:
    """Return the layers of each side for whose weights the other has no layer."""

    def left(graph: Graph, other: Graph) -> list[Step]:
        there = Counter(weight_shapes(step, not any_bias) for step in other.weighted)
        found = []
        for step in graph.weighted:
            there[weight_shapes(step, not any_bias)] -= 1
            if there[weight_shapes(step, not any_bias)] < 0:
                found.append(step)
        return found

    return left(reference, student), left(student, reference)


def where_apart(
    reference: Graph, student: Graph, partner: dict[Step, Step], apart: set[int]
) -> str:
    """Say where two models part, going from the inputs on.

    Args:
        reference: the right model's graph.
        student: the student's.
        partner: for each layer of the reference its counterpart.
        apart: IDs of the reference's layers whose values differ from their counterpart's.
    """
    right = next((step for step in reference.weighted if id(step) in apart), None)
    mine = None if right is None else partner[right]
    before = [str(step) for step in unweighted_before(student, mine) if step.weights]
    return (
        "expected other outputs for the same weights. It goes wrong after "
        f"{_some(before) or 'the inputs'}, before {mine or 'the output'}: "
        f"{_cause(reference, student, right, mine)}"
    )


def _cause(reference: Graph, student: Graph, right: Step | None, mine: Step | None) -> str:
    said = _settings(right, mine, _SETTINGS) if right and mine else []
    sides = ((reference, right), (student, mine))
    wanted, kinds = (_kinds_before(*side) for side in sides)
    said += [f"{kind} is missing" for kind in wanted - kinds]
    said += [f"{kind} is not expected" for kind in kinds - wanted]
    if not said:
        said += _window_settings(*(unweighted_before(*side) for side in sides))
    if right and mine and not said:
        said += _settings(right, mine, ("padding",))
    return "; ".join(said) or (
        "the layers there are the expected ones, but not their order, connections or padding"
    )


def _window_settings(right: list[Step], mine: list[Step]) -> list[str]:
    """Compare the settings of the first layers of each kind, then of the second ones, and so on."""
    said: list[str] = []
    sides = [[step for step in side if not step.weights] for side in (right, mine)]
    for kind in dict.fromkeys(step.kind for step in sides[0]):
        twins = ([step for step in side if step.kind == kind] for side in sides)
        for a, b in zip(*twins, strict=False):
            said += _settings(a, b, _WINDOWS)
    return said


def unweighted_before(graph: Graph, step: Step | None) -> list[Step]:
    """Return the steps without weights that lead to a step, and the weighted ones before those.

    Args:
        graph: the model's.
        step: one of its steps; None for the outputs.
    """
    waiting = [out for out, _ in graph.outputs] if step is None else list(step.parents)
    found: dict[int, Step] = {}
    while waiting:
        current = waiting.pop()
        if id(current) not in found:
            found[id(current)] = current
            if not current.weights:
                waiting += current.parents
    return [step for step in graph.steps if id(step) in found]


def _kinds_before(graph: Graph, step: Step | None) -> Counter[str]:
    """Count each kind between the weighted steps before and a step, or the outputs."""
    return Counter(
        kind
        for current in unweighted_before(graph, step)
        for kind in (current.kinds[1:] if current.weights else current.kinds)
        if kind not in _PASSED_OVER
    )


def _settings(right: Step, mine: Step, names: tuple[str, ...]) -> list[str]:
    """Say in which settings two layers differ."""
    said = []
    for name in names:
        wanted, value = getattr(right.layer, name, None), getattr(mine.layer, name, None)
        if wanted is not None and value is not None and wanted != value:
            said.append(f"{name} of {mine} should be {wanted}, but is {value}")
    return said


def _has_bias(step: Step) -> bool:
    return any(role.startswith("bias") for role, _ in roles(step))


def _sizes(step: Step) -> str:
    """Say what a layer's weights are."""
    said = [f"{role} {'x'.join(map(str, weight.shape))}" for role, weight in roles(step)]
    return f" with {', '.join(said)}"


def _some(items: list[str]) -> str:
    more = f" and {len(items) - 2} more" if len(items) > 2 else ""
    return " and ".join(items[:2]) + more
