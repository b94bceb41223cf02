"""How hard is ``course_shapes``? Trains the models behind ``data/course_shapes.json``.

    python -m course.datasets.measure data/course_shapes.json

takes a minute per seed on two cores.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from course.datasets import sources
from course.datasets.pipeline import load_arrays
from course.keras_types import Array, Model

SEEDS = (0, 1, 2)


def linear() -> Model:
    """Softmax regression on the pixels."""
    from keras import Input, Sequential, layers

    head = [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return Sequential([Input((32, 32, 3)), layers.Rescaling(1 / 127.5, -1), *head])


def small_cnn() -> Model:
    """Convolutions of 16, 32, 64 and 128 3x3 filters, each with batch normalization and pooling."""
    from keras import Input, Sequential, layers

    stack = [Input((32, 32, 3)), layers.Rescaling(1 / 127.5, -1)]
    for filters in (16, 32, 64, 128):
        stack += [layers.Conv2D(filters, 3, padding="same", use_bias=False)]
        stack += [layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()]
    stack[-1] = layers.GlobalAveragePooling2D()
    return Sequential([*stack, layers.Dense(10, activation="softmax")])


def _trained(
    model: Model, data: tuple[Array, Array], *, epochs: int, batch_size: int, rate: float
) -> Model:
    import keras

    images, labels = data
    steps = epochs * -(-len(images) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(
        keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(images, labels, epochs=epochs, batch_size=batch_size, verbose=0)
    return model


def measure(seed: int) -> dict[str, float]:
    """Accuracies on the test splits, for one seed of weights and order.

    Args:
        seed: any integer of at least 0.
    """
    import course.quiet  # noqa: F401, I001
    import keras

    keras.utils.set_random_seed(seed)
    source, source_test, target, target_test = (
        load_arrays(f"course_shapes/{config}", split)
        for config in ("source", "target")
        for split in ("train", "test")
    )

    def accuracy(model: Model, data: tuple[Array, Array]) -> float:
        return round(float(model.evaluate(*data, verbose=0, batch_size=500)[1]), 4)

    long: dict[str, Any] = {"epochs": 6, "batch_size": 64}
    short: dict[str, Any] = {"epochs": 40, "batch_size": 20, "rate": 1e-3}
    result = {"linear": accuracy(_trained(linear(), source, rate=1e-3, **long), source_test)}
    start = time.perf_counter()
    pretrained = _trained(small_cnn(), source, rate=3e-3, **long)
    result["small_cnn_training_seconds"] = round(time.perf_counter() - start, 1)
    result["small_cnn"] = accuracy(pretrained, source_test)
    result["target_untouched"] = accuracy(pretrained, target_test)
    result["target_fine_tuned"] = accuracy(_trained(pretrained, target, **short), target_test)
    scratch = _trained(small_cnn(), target, **short)
    return result | {"target_from_scratch": accuracy(scratch, target_test)}


def _milliseconds_an_image(config: str, count: int = 2000) -> float:
    start = time.perf_counter()
    for _ in zip(range(count), sources.SOURCES[config].examples("test"), strict=False):
        pass
    return round((time.perf_counter() - start) / count * 1e3, 3)


def main(path: str) -> None:
    """Measure every seed and write what was found, with how, to `path`."""
    runs = [measure(seed) for seed in SEEDS]
    record = {
        "command": f"python -m course.datasets.measure {path}",
        "version": sources.VERSION,
        "splits": {name: dict(source.splits) for name, source in sources.SOURCES.items()},
        "training": "Adam, cosine decay to 0, cross-entropy, no augmentation",
        "models": {
            "linear": f"{linear.__doc__} 6 epochs of source, batches of 64, rate 1e-3.",
            "small_cnn": f"{small_cnn.__doc__} 6 epochs of source, batches of 64, rate 3e-3.",
            "target_untouched": "small_cnn as it is, on target's test split.",
            "target_fine_tuned": "small_cnn, then 40 epochs of target, batches of 20, rate 1e-3.",
            "target_from_scratch": "The same 40 epochs without the 6 on source.",
        },
        "small_cnn_parameters": small_cnn().count_params(),
        "seeds": SEEDS,
        "cores": len(os.sched_getaffinity(0)),
        "milliseconds_an_image": {
            config: _milliseconds_an_image(config)
            for config in ("course_shapes/source", "course_shapes/target")
        },
        "mean": {key: round(float(np.mean([run[key] for run in runs])), 4) for key in runs[0]},
        "runs": runs,
    }
    Path(path).write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record["mean"], indent=2))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "data/course_shapes.json")
