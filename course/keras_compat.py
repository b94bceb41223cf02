"""Every function of the course that relies on private parts of Keras.

No other module uses a private name of Keras, so an upgrade is checked here: each function has a
test in ``tests/course/test_keras_compat.py``. A missing name raises :class:`KerasChangedError`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from course.errors import UsageError
from course.keras_types import (
    KerasTensor,
    Layer,
    Model,
    Operation,
    Optimizer,
    SeedGenerator,
    Tensor,
    Variable,
)

Gradients = list[Tensor]


class KerasChangedError(AttributeError, UsageError):
    """The installed Keras lacks a private name that the course uses."""


class _Arguments(Protocol):
    kwargs: dict[str, Any]
    keras_tensors: list[KerasTensor]

    def fill_in(
        self, tensor_dict: Mapping[int, Tensor]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]: ...


class Node(Protocol):
    """Keras' record of one call of a layer or an operation.

    Attributes:
        operation: what was called.
        arguments: what it was called with.
        outputs: the symbolic tensors that it returned.
        is_input: whether it stands for an input of a model.
    """

    operation: Operation
    arguments: _Arguments
    outputs: list[KerasTensor]
    is_input: bool


def _private(owner: object, name: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        import keras

        kind = owner if isinstance(owner, type) else type(owner)
        raise KerasChangedError(
            f"Keras {keras.__version__} has no {kind.__name__}.{name}, which the course uses. "
            "Install the version of Keras in constraints.txt, or adapt course/keras_compat.py."
        ) from None


# Graphs


def has_graph(model: object) -> bool:
    """Return whether a value is a built model whose layers and tensors are all known."""
    import keras

    if isinstance(model, keras.Sequential):
        return bool(model.built) and getattr(model, "_functional", None) is not None
    return isinstance(model, keras.Model) and hasattr(model, "_nodes_by_depth")


def functional(model: Model) -> Model:
    """Return the model that holds the graph: a Sequential model keeps it in an inner model."""
    import keras

    return _private(model, "_functional") if isinstance(model, keras.Sequential) else model


def nodes(model: Model) -> Iterator[Node]:
    """Yield the calls in a model's graph, in an order in which they can be computed."""
    levels: dict[int, list[Node]] = _private(functional(model), "_nodes_by_depth")
    for depth in sorted(levels, reverse=True):
        yield from levels[depth]


def call_arguments(
    node: Node, tensors: Mapping[int, Tensor]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call, with your own tensors.

    Args:
        node: the call.
        tensors: by the ID of each symbolic tensor in the call, what takes its place.
    """
    filled: tuple[tuple[Any, ...], dict[str, Any]] = node.arguments.fill_in(tensors)
    return filled


def run_graph(model: Model, tensors: Sequence[Tensor]) -> Any:
    """Run a model's layers on other tensors, so that the layers become part of their graph.

    Calling the model would show it as one layer.
    """
    return _private(functional(model), "_run_through_graph")(tensors)


def maker(tensor: KerasTensor) -> Operation:
    """Return the layer or operation that made a symbolic tensor."""
    return _private(tensor, "_keras_history").operation


def all_layers(model: Model) -> list[Layer]:
    """Return a model and all layers in it, however deeply nested, the outermost first."""
    return list(_private(model, "_flatten_layers")())


def is_too_small(error: ValueError) -> bool:
    """Return whether an error says that a layer's input is smaller than its window."""
    return "Computed output size would be zero or negative" in str(error)


# Weights


@contextlib.contextmanager
def adding_weights(prepare: Callable[[tuple[int, ...], Any], Any]) -> Iterator[None]:
    """Decide inside how the weights of new layers are initialized.

    Args:
        prepare: called with each weight's shape and initializer; returns the initializer to use.
    """
    import keras

    original = _private(keras.Layer, "add_weight")

    def add_weight(
        self: Layer, shape: Any = None, initializer: Any = None, *args: Any, **kwargs: Any
    ) -> Variable:
        sizes = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        return original(self, shape, prepare(sizes, initializer), *args, **kwargs)

    keras.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.Layer.add_weight = original


def seed_generator(layer: Layer) -> SeedGenerator:
    """Return the source of random numbers of a preprocessing layer, for the layer's backend."""
    return _private(layer, "_get_seed_generator")(_private(layer.backend, "_backend"))


# Training


def build_metrics(model: Model, images: KerasTensor, labels: Any) -> None:
    """Make the variables of a compiled model's metrics, which ``fit`` would make later."""
    _private(model, "_symbolic_build")(data_batch=(images, labels))


def sync_variables(model: Model) -> None:
    """Bring a model's variables up to date; on JAX, ``fit`` keeps their values elsewhere."""
    import keras

    if keras.backend.backend() == "jax" and not getattr(model, "_jax_state_synced", True):
        _private(model, "jax_state_sync")()


def weight_averages(optimizer: Optimizer) -> list[Variable]:
    """Return an optimizer's moving averages, in the order of the weights that it trains."""
    return list(_private(optimizer, "_model_variables_moving_average"))


def leave_weights_alone(optimizer: Optimizer) -> None:
    """Stop ``fit`` from replacing the weights by their moving averages after each epoch."""
    _private(optimizer, "finalize_variable_values")
    optimizer.finalize_variable_values = lambda variables: None


def with_clipping(
    kind: type[Any], clip: Callable[[Gradients, Callable[[Gradients], Gradients]], Gradients]
) -> type[Any]:
    """Make a class of optimizers that clips gradients in another way.

    Args:
        kind: class of Keras' optimizer.
        clip: called with the gradients, and with Keras' own function that clips them.
    """
    _private(kind, "_clip_gradients")

    class Clipping(kind):
        def _clip_gradients(self, gradients: Gradients) -> Gradients:
            return clip(gradients, super()._clip_gradients)

    Clipping.__name__ = kind.__name__  # Keras names the variables after it
    return Clipping


def with_rates(kind: type[Any], factors: Sequence[float]) -> type[Any]:
    """Make a class of optimizers with a learning rate for each weight.

    Decoupled weight decay follows the weight's own rate, too.

    Args:
        kind: class of Keras' optimizer.
        factors: by what the learning rate is multiplied, in the order of the trainable weights.
    """
    for name in ("_get_variable_index", "_apply_weight_decay", "_use_weight_decay"):
        _private(kind, name)

    class Grouped(kind):
        def _apply_weight_decay(self, variables: Sequence[Variable]) -> None:
            """Leave it to each weight's update."""

        def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
            rate = learning_rate * factors[self._get_variable_index(variable)]
            if self.weight_decay is not None and self._use_weight_decay(variable):
                self.assign_sub(variable, variable * self.weight_decay * rate)
            super().update_step(gradient, variable, rate)

    Grouped.__name__ = kind.__name__  # Keras names the variables after it
    return Grouped


# Saving


@contextlib.contextmanager
def safe_mode() -> Iterator[None]:
    """Refuse inside to load lambdas, even if unsafe deserialization is enabled."""
    from keras.src.saving import serialization_lib

    with _private(serialization_lib, "SafeModeScope")(True):
        yield


def public_name(symbol: object) -> str | None:
    """Return the name that Keras exports a class or function under; None if it is private."""
    from keras.src import api_export

    name: str | None = _private(api_export, "get_name_from_symbol")(symbol)
    return name
