"""What the configuration of a student's model may contain.

Nothing in a configuration is trusted. Every object in it must be one of the classes of Keras that
``keras_classes.json`` allows, or a layer or function of the course. Its module, class and
registered name must agree on one of these, since Keras goes by any of the three. Numbers and depth
are capped. Lambdas, files and the network have no place in it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

MAX_DEPTH = 200
MAX_NUMBER = 5_000_000

# Values that Keras writes as objects, none of which runs code.
_VALUES = {"__keras_tensor__", "__slice__", "__ellipsis__", "__numpy__", "__tensor__"}
_OBJECT_KEYS = {"module", "class_name", "config", "registered_name"}
_MORE_KEYS = {"build_config", "compile_config", "name", "inbound_nodes", "shared_object_id"}
_MARKERS = {"module", "registered_name", "inbound_nodes", "shared_object_id"}
_DTYPE = re.compile(r"bool|string|(u?int|float|complex|bfloat|float8_e\dm\d)\d{0,3}(fn)?")
_COURSE = "course>"  # the package that the course registers its layers and functions under


class RebuildError(Exception):
    """A model that is not rebuilt, and why, for the student."""


class KerasClass(NamedTuple):
    """A class as a configuration names it."""

    module: str
    name: str
    registered_name: str | None


@dataclass(frozen=True)
class Names:
    """What a configuration may name.

    Attributes:
        classes: classes of Keras and of the course.
        functions: functions of Keras, and registered names of the course's.
        registered: all names that Keras would replace by a registered object.
    """

    classes: frozenset[KerasClass]
    functions: frozenset[str]
    registered: frozenset[str]


def keras_classes() -> dict[str, Any]:
    """Return the lists of Keras' classes and functions that are allowed, and that are refused."""
    text = resources.files(__package__).joinpath("keras_classes.json").read_text()
    lists: dict[str, Any] = json.loads(text)
    return lists


@cache
def _of_keras() -> tuple[frozenset[KerasClass], frozenset[str]]:
    lists = keras_classes()
    classes = {
        # Of a class without a public name Keras notes its own name once more.
        KerasClass(module, name, name if module.startswith("keras.src.") else None)
        for module, names in lists["allowed"].items()
        for name in names
    }
    return frozenset(classes), frozenset(lists["allowed functions"])


def layer_modules() -> list[str]:
    """Name the modules of the course's layers, without importing them."""
    spec = importlib.util.find_spec("course.blocks")
    assert spec is not None
    return [
        f"course.blocks.{m.name}" for m in pkgutil.iter_modules(spec.submodule_search_locations)
    ]


@cache
def _import_course() -> None:
    """Import the course's layers, which registers them."""
    for name in layer_modules():
        importlib.import_module(f"course.blocks.{name.rpartition('.')[2]}")


def _allowed() -> Names:
    import keras

    _import_course()
    registered = keras.saving.get_custom_objects()
    of_keras, functions_of_keras = _of_keras()
    classes, functions = set(of_keras), set(functions_of_keras)
    for name, found in registered.items():
        if not name.startswith(_COURSE):
            continue
        if isinstance(found, type):
            classes.add(KerasClass(found.__module__, found.__name__, name))
        else:
            functions.add(name)
    return Names(frozenset(classes), frozenset(functions), frozenset(registered))


def check_config(config: object) -> None:
    """Refuse a configuration that names anything but what is allowed.

    Raises:
        RebuildError: the first thing that is not.
    """
    _Check(_allowed()).value(config)


class _Check:
    def __init__(self, allowed: Names):
        self._allowed = allowed

    def value(self, value: object, depth: int = 0) -> None:
        """Check a value and everything in it."""
        if depth > MAX_DEPTH:
            raise RebuildError("the model's configuration is nested too deeply")
        if isinstance(value, dict):
            if "class_name" in value:
                self._object(value)
            elif _MARKERS & value.keys():
                raise RebuildError("an object in the model's configuration has no class")
            for key, item in value.items():
                if key != "registered_name" and not (key == "seed" and isinstance(item, int)):
                    self.value(item, depth + 1)
        elif isinstance(value, list | tuple):
            for item in value:
                self.value(item, depth + 1)
        elif isinstance(value, str):
            # Keras replaces a string that is a registered name by what is registered.
            if value in self._allowed.registered - self._allowed.functions:
                raise _refused(value, None)
        elif isinstance(value, int | float) and not -MAX_NUMBER <= value <= MAX_NUMBER:
            raise RebuildError(f"a number in the model's configuration is too large: {value:.6g}")

    def _object(self, config: Mapping[str, Any]) -> None:
        name = config["class_name"]
        if not isinstance(name, str):
            raise RebuildError("the model's configuration has a class name that is not text")
        if name in _VALUES:
            self._plain_value(name, config)
            return
        module, registered = config.get("module"), config.get("registered_name")
        if not config.keys() >= _OBJECT_KEYS or not config.keys() <= _OBJECT_KEYS | _MORE_KEYS:
            raise _refused(name, module)
        if name == "function":
            function = config["config"]
            known = isinstance(function, str) and function in self._allowed.functions
            if not known or (module, registered) != ("builtins", "function"):
                raise _refused(f"the function {function!r:.80}", module)
            return
        if not isinstance(module, str) or not isinstance(registered, str | None):
            raise _refused(name, module)
        if KerasClass(module, name, registered) not in self._allowed.classes:
            raise _refused(name, module)
        if not isinstance(config["config"], dict):
            raise _refused(name, module)

    def _plain_value(self, name: str, config: Mapping[str, Any]) -> None:
        if config.keys() != {"class_name", "config"} or not isinstance(config["config"], dict):
            raise _refused(name, config.get("module"))
        dtype = config["config"].get("dtype", "float32")
        # Of a type such as "S2000000000" a single value is too much.
        if not (isinstance(dtype, str) and _DTYPE.fullmatch(dtype)):
            raise _refused(f"the type {dtype!r:.80}", None)


def _refused(name: str, module: object) -> RebuildError:
    place = f" (of {module})" if module is not None else ""
    return RebuildError(
        f"{name}{place} is not accepted in a graded model: make it of Keras' own layers and "
        "operations, with keras.Model(inputs, outputs) or keras.Sequential"
    )
