"""The model that is trained: pixels in, color normalized, the architecture, scores out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from course._files import replacing
from course.datasets.resizing import resize
from course.errors import UsageError
from course.recipes import Phase, Recipe
from course.training import distribution, multiworker, schedules, whitening
from course.training.distribution import Devices
from course.training.options import Options
from course.training.pipelines import BatchSource, dataset
from course.training.plan import Plan

# Bytes of activations and weights up to which a step may know its number of examples, which makes
# steps of a few milliseconds quicker; pipelines.without_batch_size says why larger ones may not.
# TensorFlow was seen to add in order of arrival from eight times this size on.
_SMALL = 24 * 2**20


class Trainee(NamedTuple):
    """A compiled model on pixels, and the architecture inside of it."""

    model: object
    net: object


def build(plan: Plan, stage: Phase, devices: Devices) -> Trainee:
    """Build and compile for one stage of a plan.

    Raises:
        UsageError: images or classes that the architecture does not take, an argument that it does
            not have, options that the devices do not have.
    """
    import keras

    options, recipe = plan.options, plan.recipe
    distribution.refuse(
        options.distribute,
        jit_compile=compiled(options),
        gradient_accumulation_steps=options.gradient_accumulation,
    )
    keras.utils.set_random_seed(options.seed)
    precision = options.mixed_precision
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        with devices.scope():
            net = _architecture(plan, stage, activation=None)
            if devices.kind in ("mirrored", "multiworker"):
                distribution.synchronize_statistics(net)
            _decay(net, recipe)
            _whiten(net, plan, stage)
            model = _on_pixels(net, plan, stage)
            _compile(model, plan, devices)
            model.optimizer.build(model.trainable_variables)
            _build_metrics(model, plan)
        distribution.spread_randomness(model, devices)
    finally:
        keras.config.set_dtype_policy("float32")
    return Trainee(model, net)


def compiled(options: Options) -> bool:
    """Whether XLA compiles the steps: as the options say, otherwise on JAX alone.

    TensorFlow makes a graph of a step in any case; JAX without XLA runs one operation at a time.
    """
    import keras

    if options.jit_compile is None:
        return keras.backend.backend() == "jax"
    return options.jit_compile


def export(trainee: Trainee, plan: Plan, stage: Phase):
    """The architecture as people use it: probabilities, float32, one device, compiled to evaluate.

    Its inputs are normalized colors: ``(pixels - mean) / deviation``, as ``run.json`` says.
    """
    net = _architecture(plan, stage, activation="softmax")
    net.set_weights(trainee.net.get_weights())
    if len(net.outputs) == 1:
        net.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def save(trainee: Trainee, plan: Plan, stage: Phase, path: Path) -> None:
    """Write :func:`export`'s model in one go."""
    with replacing(path, suffix=path.suffix) as temporary:
        export(trainee, plan, stage).save(temporary)


def fit(
    trainee: Trainee, source: BatchSource, epoch: int, start: int, stop: int, callbacks
) -> None:
    """Train on a part of an epoch's batches."""
    import keras

    model = trainee.model
    heads = len(model.outputs)
    if distribution.across_workers(model):
        return multiworker.fit(model, source, epoch, start, stop, callbacks)
    steps = None
    if keras.backend.backend() == "tensorflow":
        data = dataset(
            source, epoch, start, stop, static_batch=_is_small(trainee.net, source.batch_size)
        )
        if heads > 1:
            data = data.map(lambda x, y: (x, (y,) * heads))
    else:
        batches = source.batches(epoch, start, stop)
        data = ((x, (y,) * heads if heads > 1 else y) for x, y in batches)
        steps = stop - start
    model.fit(
        data,
        initial_epoch=epoch,
        epochs=epoch + 1,
        steps_per_epoch=steps,
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
    )


def _is_small(net, batch_size: int) -> bool:
    """Whether a step takes so little memory that it may know its number of examples."""
    from course import sizing

    report = sizing.profile(net)
    return report.activation_bytes * batch_size + 4 * report.params <= _SMALL


def _architecture(plan: Plan, stage: Phase, activation: str | None):
    from course import architectures

    options = plan.options
    known = architectures.describe(options.name).overrides
    wanted = dict(plan.recipe.arguments) | dict(stage.arguments)
    arguments = {key: value for key, value in wanted.items() if key in known}
    size, channels = plan.size(stage), plan.image_shape[-1]
    try:
        return architectures.build(
            options.name,
            input_shape=(*size, channels),
            classes=plan.data.classes,
            classifier_activation=activation,
            **arguments | dict(options.arguments),
        )
    except UsageError as error:
        raise UsageError(
            f"{options.name} does not take images of {size[0]}x{size[1]}x{channels} in "
            f"{plan.data.classes} classes, or one of its arguments: {error} --image-size scales "
            "images."
        ) from error


def _on_pixels(net, plan: Plan, stage: Phase):
    import keras

    mixed = any(step[0] == "mixup" for step in stage.augmentations)
    shape = (*plan.size(stage), plan.image_shape[-1])
    pixels = keras.Input(shape, dtype="float32" if mixed else "uint8", name="pixels")
    mean, deviation = (np.array(v, "float32") for v in (plan.data.mean, plan.data.deviation))
    # Keras' layer for this asks for TensorFlow on every backend.
    colors = (keras.ops.cast(pixels, "float32") - mean) / deviation
    return keras.Model(pixels, net(colors), name=f"{net.name}_on_pixels")


def _decay(net, recipe: Recipe) -> None:
    """The papers' weight decay: half the squares in the loss, for optimizers that have none."""
    import keras

    if not recipe.weight_decay or recipe.optimizer == "adamw":
        return
    for variable in net.trainable_variables:
        if recipe.decay_on == "all" or len(variable.shape) > 1:
            variable.regularizer = keras.regularizers.L2(recipe.weight_decay / 2)


def _whiten(net, plan: Plan, stage: Phase) -> None:
    if plan.recipe.whitened_layer:
        images = plan.data.train[0][: whitening.EXAMPLES]
        images = (
            images if plan.size(stage) == images.shape[1:3] else resize(images, plan.size(stage))
        )
        whitening.fill(net, plan.recipe.whitened_layer, images, plan.data.mean, plan.data.deviation)


def _compile(model, plan: Plan, devices: Devices) -> None:
    import keras

    recipe, heads = plan.recipe, len(model.outputs)
    metrics = [keras.metrics.CategoricalAccuracy(name="accuracy")]
    if plan.data.classes >= 50:
        metrics.append(keras.metrics.TopKCategoricalAccuracy(5, name="top5"))

    def loss():
        return keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        )

    model.compile(
        optimizer=_optimizer(plan, model, devices),
        loss=[loss() for _ in range(heads)] if heads > 1 else loss(),
        loss_weights=[1.0] + [recipe.auxiliary_weight] * (heads - 1) if heads > 1 else None,
        metrics=[metrics] + [[]] * (heads - 1) if heads > 1 else metrics,
        jit_compile=compiled(plan.options),
    )


def _build_metrics(model, plan: Plan) -> None:
    """Make the metrics' variables, which a checkpoint has values for; `fit` would later."""
    import keras

    pixels = keras.KerasTensor((plan.batch_size, *model.input_shape[1:]), model.input.dtype)
    labels = keras.KerasTensor((plan.batch_size, plan.data.classes), "float32")
    heads = len(model.outputs)
    model._symbolic_build(data_batch=(pixels, (labels,) * heads if heads > 1 else labels))


def _optimizer(plan: Plan, model, devices: Devices):
    import keras

    recipe = plan.recipe
    own = {
        "sgd": {"momentum": recipe.momentum, "nesterov": recipe.nesterov},
        "rmsprop": {"momentum": recipe.momentum, "rho": 0.9},
        "adam": {},
        "adamw": {"weight_decay": recipe.weight_decay},
    }[recipe.optimizer]
    if recipe.epsilon is not None:
        own["epsilon"] = recipe.epsilon
    if recipe.ema:
        own |= {"use_ema": True, "ema_momentum": recipe.ema}
    accumulation = plan.options.gradient_accumulation
    kinds = {
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
    }
    kind = kinds[recipe.optimizer]
    if recipe.clip_norm and devices.kind in ("mirrored", "multiworker"):
        kind = distribution.clipping_after_reduction(kind)
    optimizer = kind(
        learning_rate=schedules.learning_rate_schedule(plan.schedule, accumulation),
        global_clipnorm=recipe.clip_norm,
        gradient_accumulation_steps=accumulation if accumulation > 1 else None,
        **own,
    )
    if recipe.optimizer == "adamw" and recipe.decay_on == "kernels":
        model_variables = [v for v in model.trainable_variables if len(v.shape) < 2]
        optimizer.exclude_from_weight_decay(var_list=model_variables)
    # fit() would put the moving average in place of the weights at the end of every epoch.
    optimizer.finalize_variable_values = lambda variables: None
    return optimizer
