"""The model in training: pixels in, colors normalized, the architecture, logits out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from course import keras_compat
from course._files import replacing
from course.datasets.resizing import resize
from course.errors import UsageError
from course.keras_types import Loss, Model
from course.recipes import Phase, Recipe
from course.training import optimizers, whitening
from course.training.distribution import Devices
from course.training.options import Options
from course.training.plan import Plan

# Bytes of activations and weights up to which a step may know its batch size, which makes steps of
# a few milliseconds quicker; pipelines.without_batch_size says why larger ones may not.
# From eight times this size on, TensorFlow has been observed to add in order of arrival.
_SMALL = 24 * 2**20


class Trainee(NamedTuple):
    """A compiled model on pixels, and the architecture inside it."""

    model: Model
    net: Model
    small: bool  # whether a step may know its batch size


def build(plan: Plan, phase: Phase, devices: Devices) -> Trainee:
    """Build and compile the model of one phase of a plan.

    Raises:
        UsageError: images, classes or arguments that the architecture does not take, or options
            that the devices do not support.
    """
    import keras

    options = plan.options
    devices.check_supported(
        {
            "jit_compile": uses_xla(options),
            "gradient_accumulation_steps": options.gradient_accumulation,
        }
    )
    keras.utils.set_random_seed(options.seed)
    precision = options.mixed_precision
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        with devices.scope():
            net = _architecture(plan, phase, activation=None)
            devices.prepare_layers(net)
            trained = plan.prepare(net, phase)
            _add_weight_decay(net, plan.recipe)
            _whiten(net, plan, phase)
            model = _on_pixels(trained, plan, phase)
            _compile(model, plan, phase, devices)
            model.optimizer.build(model.trainable_variables)
            _build_metrics(model, plan)
        devices.seed_replicas(model)
    finally:
        keras.config.set_dtype_policy("float32")
    return Trainee(model, net, is_small(net, plan.batch_size))


def uses_xla(options: Options) -> bool:
    """Return whether XLA compiles the steps: as the options say, by default on JAX alone.

    TensorFlow makes a graph of a step in any case; JAX without XLA runs one operation at a time.
    """
    import keras

    if options.jit_compile is None:
        jax: bool = keras.backend.backend() == "jax"
        return jax
    return options.jit_compile


def export(trainee: Trainee, plan: Plan, phase: Phase) -> Model:
    """Return the architecture for use: probabilities, float32, one device, compiled to evaluate.

    Its inputs are normalized colors, ``(pixels - mean) / deviation`` with the numbers in
    ``run.json``.
    """
    net = _architecture(plan, phase, activation="softmax")
    net.set_weights(trainee.net.get_weights())
    if len(net.outputs) == 1:
        net.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def save(trainee: Trainee, plan: Plan, phase: Phase, path: Path) -> None:
    """Write the model of :func:`export` as a whole or not at all."""
    with replacing(path, suffix=path.suffix) as temporary:
        export(trainee, plan, phase).save(temporary)


def is_small(net: Model, batch_size: int) -> bool:
    """Return whether a step takes so little memory that it may know its batch size."""
    from course import sizing

    report = sizing.profile(net)
    return bool(report.activation_bytes * batch_size + 4 * report.params <= _SMALL)


def _architecture(plan: Plan, phase: Phase, activation: str | None) -> Model:
    from course import architectures

    options = plan.options
    known = architectures.describe(options.name).own_arguments
    suggested = dict(plan.recipe.arguments) | dict(phase.arguments)
    arguments = {key: value for key, value in suggested.items() if key in known}
    size, channels = plan.size(phase), plan.image_shape[-1]
    try:
        return architectures.build(
            options.name,
            input_shape=(*size, channels),
            classes=plan.data.classes,
            classifier_activation=activation,
            **arguments | dict(options.arguments),
        )
    except UsageError as error:
        own = ", ".join(f"{key}={value!r}" for key, value in options.arguments.items())
        raise UsageError(
            f"{options.name} cannot be built for images of {size[0]}x{size[1]}x{channels} in "
            f"{plan.data.classes} classes{f' with {own}' if own else ''}: {error}"
            + ("" if own else " --image-size resizes images.")
        ) from error


def _on_pixels(net: Model, plan: Plan, phase: Phase) -> Model:
    import keras

    mixed = any(name == "mixup" for name, *_ in phase.augmentations)
    shape = (*plan.size(phase), plan.image_shape[-1])
    pixels = keras.Input(shape, dtype="float32" if mixed else "uint8", name="pixels")
    mean, std = (np.array(values, "float32") for values in (plan.data.mean, plan.data.std))
    # Keras' Normalization layer needs TensorFlow on every backend.
    colors = (keras.ops.cast(pixels, "float32") - mean) / std
    return keras.Model(pixels, net(colors), name=f"{net.name}_on_pixels")


def _add_weight_decay(net: Model, recipe: Recipe) -> None:
    """Add the papers' weight decay, half the squares, to the loss; AdamW has its own."""
    import keras

    if not recipe.weight_decay or recipe.optimizer == "adamw":
        return
    for variable in net.trainable_variables:
        if recipe.decay_on == "all" or len(variable.shape) > 1:
            variable.regularizer = keras.regularizers.L2(recipe.weight_decay / 2)


def _whiten(net: Model, plan: Plan, phase: Phase) -> None:
    if plan.recipe.whitened_layer is None:
        return
    images, size = plan.data.train[0][: whitening.EXAMPLES], plan.size(phase)
    images = images if size == images.shape[1:3] else resize(images, size)
    whitening.fill(net, plan.recipe.whitened_layer, images, plan.data.mean, plan.data.std)


def _compile(model: Model, plan: Plan, phase: Phase, devices: Devices) -> None:
    import keras

    recipe, heads = plan.recipe, len(model.outputs)
    metrics = [keras.metrics.CategoricalAccuracy(name="accuracy")]
    if plan.data.classes >= 50:
        metrics.append(keras.metrics.TopKCategoricalAccuracy(5, name="top5"))

    def loss() -> Loss:
        return keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        )

    model.compile(
        optimizer=optimizers.build(plan, phase, model, devices),
        loss=[loss() for _ in range(heads)] if heads > 1 else loss(),
        loss_weights=[1.0] + [recipe.auxiliary_weight] * (heads - 1) if heads > 1 else None,
        metrics=[metrics] + [[]] * (heads - 1) if heads > 1 else metrics,
        jit_compile=uses_xla(plan.options),
    )


def _build_metrics(model: Model, plan: Plan) -> None:
    """Make the metrics' variables, which a checkpoint has values for; ``fit`` would do it later."""
    import keras

    pixels = keras.KerasTensor((plan.batch_size, *model.input_shape[1:]), model.input.dtype)
    labels = keras.KerasTensor((plan.batch_size, plan.data.classes), "float32")
    heads = len(model.outputs)
    keras_compat.build_metrics(model, pixels, (labels,) * heads if heads > 1 else labels)
