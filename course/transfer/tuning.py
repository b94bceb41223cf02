"""The plan of fine-tuning: phases, learning rates, and the weights that a run starts from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from course.errors import UsageError
from course.keras_graph import Graph
from course.keras_types import Array, Model
from course.recipes import Phase
from course.training import schedules
from course.training.data import Examples, TrainingData
from course.training.plan import Plan
from course.transfer import freezing, groups, structure
from course.transfer.forgetting import Forgetting, measure_forgetting
from course.transfer.weights import Pretrained, load_pretrained, saved_network

if TYPE_CHECKING:
    from course.training import Result
    from course.transfer.options import TuningOptions

_GROUPS = 4  # of the body's layers, each with a learning rate of its own


@dataclass(frozen=True, eq=False)
class TuningPlan(Plan):
    """The plan of a run that starts from trained weights."""

    tuning: TuningOptions  # the run's options
    origin: str
    weights: Mapping[str, list[Array]]  # of the trained network, by the layer's name

    def first_step(self, phase: Phase) -> int:
        """Return a phase's first step: each has a new optimizer, for other weights."""
        starts = _starts(self)
        return starts[[part for _, part in self.phases].index(phase)]

    def prepare(self, net: Model, phase: Phase) -> Model:
        """Set all weights but the head's, and freeze what the phase does not train.

        Raises:
            UsageError: weights that do not fit, or no layer to train from.
        """
        if len(net.outputs) > 1:
            raise UsageError(
                f"Fine-tuning takes a network with one output; received {net.name} with "
                f"{len(net.outputs)}. Choose the one without auxiliary classifiers."
            )
        self._set_weights(net)
        freezing.freeze(net)
        freezing.unfreeze(net, phase.trained, batch_norm=self.tuning.batch_norm == "training")
        return freezing.with_frozen_in_inference(net)

    def _set_weights(self, net: Model) -> None:
        heads = {id(layer) for layer in structure.head_layers(net)}
        for step in Graph(net).weighted:
            layer = step.layer
            if id(layer) in heads:
                continue
            found = self.weights.get(layer.name, [])
            shapes, wanted = ([tuple(w.shape) for w in side] for side in (found, layer.weights))
            if shapes != wanted:
                raise UsageError(
                    f"The weights must be those of the same network; received {self.origin}, where "
                    f"{layer.name!r} has {shapes or 'none'} instead of {wanted}. Images of the "
                    "same size, or the same --set, may be needed."
                )
            layer.set_weights(found)
            structure.finalize(layer)

    def rate_factors(self, net: Model, phase: Phase) -> Mapping[str, float]:
        """Return the factors of `layer_decay`."""
        decay = self.tuning.layer_decay
        return groups.weight_factors(net, decay, _GROUPS) if decay != 1 else {}

    def details(self) -> dict[str, str]:
        """Describe where the run starts, and its phases."""
        options, rates = self.tuning, []
        for start, (end, phase) in zip(_starts(self), self.phases, strict=True):
            length = -(-(end - start) // self.steps_per_epoch)
            rate = _peak(self, self.tuning, phase)
            rates.append(f"{phase.trained} for {length} epochs at {rate:.3g}")
        decay = f", times {options.layer_decay:g} by group" if options.layer_decay != 1 else ""
        return {
            "weights": self.origin,
            "phases": ", then ".join(rates) + decay,
            "batch norm": f"in {options.batch_norm} mode where the body is trained",
        }


def adapt(plan: Plan, options: TuningOptions) -> TuningPlan:
    """Return a plan with phases, weights, and colors as in the weights' own training.

    Raises:
        UsageError: a recipe with phases of its own; weights or images that do not fit.
    """
    if plan.recipe.phases:
        raise UsageError(
            "Fine-tuning has phases of its own; received a recipe with others: "
            f"{plan.recipe_name}. Leave out --recipe."
        )
    source = load_pretrained(options.weights, options.name, input_shape=_rgb(plan.image_shape))
    recipe = replace(
        plan.recipe,
        phases=_phases(plan, options),
        arguments=dict(plan.recipe.arguments) | dict(source.arguments),
        whitened_layer=None,  # which would replace the weights
    )
    values = {part.name: getattr(plan, part.name) for part in fields(Plan)}
    values |= {"recipe": recipe, "data": _with_colors(plan.data, source)}
    tuned = TuningPlan(
        **values, tuning=options, origin=source.origin, weights=source.layer_weights()
    )
    _check_lengths(tuned, options)
    return replace(tuned, schedule=_schedule(tuned, options))


def _rgb(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Gray images are shown to networks for colors as colors."""
    return (*shape[:2], 3)


def _phases(plan: Plan, options: TuningOptions) -> tuple[Phase, ...]:
    total = sum(length for _, length in options.phases)
    done, found = 0.0, []
    for start, length in options.phases:
        done += length
        found.append(Phase(done / total, 1.0, plan.recipe.augmentations, trained=start))
    return tuple(found)


def _with_colors(data: TrainingData, source: Pretrained) -> TrainingData:
    """Return the data with the source's normalization, and with as many channels."""
    channels, wanted = data.train[0].shape[-1], len(source.mean)
    if channels not in (1, wanted):
        raise UsageError(
            f"Images must have {wanted} channels for these weights; received {channels}."
        )

    def colored(examples: Examples) -> Examples:
        return np.repeat(examples[0], wanted // channels, axis=-1), examples[1]

    return replace(
        data,
        train=colored(data.train),
        evaluation=colored(data.evaluation),
        mean=list(source.mean),
        std=list(source.deviation),
    )


def _starts(plan: Plan) -> tuple[int, ...]:
    """Return the first step of each phase."""
    ends = [end for end, _ in plan.phases]
    return (0, *ends[:-1])


def _check_lengths(plan: Plan, options: TuningOptions) -> None:
    """Raise UsageError if a phase would be shorter than an epoch."""
    ends = [end for end, _ in plan.phases]
    if 0 in np.diff([0, *ends]):
        raise UsageError(
            f"Each phase needs an epoch; received {plan.epochs} epochs for "
            f"{', '.join(f'{start}:{length:g}' for start, length in options.phases)}. Set more "
            "--epochs, or other --phases."
        )


def _peak(plan: Plan, options: TuningOptions, phase: Phase) -> float:
    """Return a phase's highest learning rate."""
    return plan.learning_rate * (1.0 if phase.trained == "head" else options.tuning_factor)


def _schedule(plan: TuningPlan, options: TuningOptions) -> schedules.Consecutive:
    """Return the recipe's schedule for each phase, lower where the body is trained."""
    parts = []
    for start, (end, phase) in zip(_starts(plan), plan.phases, strict=True):
        parts.append(
            schedules.for_recipe(
                plan.recipe,
                peak=_peak(plan, options, phase),
                steps=max(1, end - start),
                steps_per_epoch=plan.steps_per_epoch,
                scaled=False,
            )
        )
    return schedules.Consecutive(_starts(plan), tuple(parts))


def forgotten(
    options: TuningOptions, result: Result, data_dir: str | os.PathLike[str] | None = None
) -> Forgetting:
    """Measure what a run has forgotten of its `source_dataset`, on that dataset's test split.

    Raises:
        UsageError: weights without the classes of that dataset.
    """
    from course import datasets

    if options.source_dataset is None:
        raise UsageError("There is no dataset to have forgotten; received source_dataset=None.")
    tuned = saved_network(result.folder / "model.keras")
    source = load_pretrained(options.weights, options.name, input_shape=tuned.input_shape[1:])
    size = source.model.input_shape[1:3]
    images, labels = datasets.load_arrays(
        options.source_dataset, "test", image_size=size, data_dir=data_dir
    )
    classes = datasets.info(options.source_dataset, data_dir).num_classes
    if source.model.output_shape[-1] != classes:
        raise UsageError(
            f"source_dataset must be what the weights were trained on, with "
            f"{source.model.output_shape[-1]} classes; received {options.source_dataset!r} with "
            f"{classes}."
        )
    some = slice(options.test_limit)
    return measure_forgetting(
        source.model, tuned, images[some], labels[some], preprocess=source.preprocess
    )
