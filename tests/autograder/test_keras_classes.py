"""Which classes of Keras a student's model may contain: the lists, and what Keras exports."""

import importlib
import pkgutil
import types

import pytest

from autograder.wire import model_config
from course import keras_compat


@pytest.fixture(scope="module")
def keras():
    import course.quiet  # noqa: F401

    return pytest.importorskip("keras")


def exported():
    """Names of all classes that a configuration could name, and of functions, by module."""
    import keras

    public = "layers initializers regularizers constraints optimizers optimizers.schedules losses"
    modules = [f"keras.{name}" for name in public.split()]
    modules += ["keras.metrics", "keras.dtype_policies", "keras.random", "keras.models"]
    classes: set[tuple[str, str]] = {("keras.src.models.functional", "Functional")}
    for module in map(importlib.import_module, modules):
        for found in vars(module).values():
            if isinstance(found, type):
                classes.add(tuple(keras_compat.public_name(found).rsplit(".", 1)))
    for package in map(importlib.import_module, ("keras.src.ops", "keras.src.activations")):
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if info.name.endswith("_test"):
                continue
            for found in vars(importlib.import_module(info.name)).values():
                own = isinstance(found, type) and found.__module__ == info.name
                if own and issubclass(found, keras.Operation):
                    name = keras_compat.public_name(found)
                    classes.add(tuple(name.rsplit(".", 1)) if name else (info.name, found.__name__))
    functions: set[str] = set()
    for module in (keras.activations, keras.losses, keras.metrics):
        found = [(n, f) for n, f in vars(module).items() if isinstance(f, types.FunctionType)]
        functions |= {name if name in REFUSED_FUNCTIONS else f.__name__ for name, f in found}
    return classes, functions


REFUSED_FUNCTIONS = {"get", "serialize", "deserialize"}


def test_every_name_that_keras_exports_is_allowed_or_refused(keras):
    """An upgrade of Keras brings new classes: somebody has to decide about each."""
    lists = model_config.keras_classes()
    sides = [
        {(module, name) for module, names in lists[side].items() for name in names}
        for side in ("allowed", "refused")
    ]
    classes, functions = exported()
    known = sides[0] | sides[1]
    assert classes - known == set(), "decide about them in autograder/wire/keras_classes.json"
    assert known - classes == set(), "Keras has them no more: autograder/wire/keras_classes.json"
    assert sides[0] & sides[1] == set()
    named = set(lists["allowed functions"]) | set(lists["refused functions"])
    assert functions == named
    assert set(lists["refused functions"]) == REFUSED_FUNCTIONS


def test_what_runs_code_or_reads_files_is_refused(keras):
    allowed = model_config.keras_classes()["allowed"]
    for name in ("Lambda", "TFSMLayer", "JaxLayer", "TextVectorization", "StringLookup", "RNN"):
        assert name not in allowed["keras.layers"]
    for name in ("Map", "Scan", "WhileLoop", "VectorizedMap"):
        assert name not in allowed["keras.src.ops.core"]
    assert "JVP" not in allowed["keras.src.ops.linalg"]
