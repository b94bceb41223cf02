"""TFDS, loaded without TensorFlow's messages: ``from course.datasets._tfds import tfds``."""

import importlib.resources
import importlib.resources.abc
import importlib.util
import sys

import course.quiet  # noqa: F401

# TFDS 4.9.10 imports this package to prepare a set and does not require it; Python's own module
# has what it uses.
if not importlib.util.find_spec("importlib_resources"):
    sys.modules["importlib_resources"] = importlib.resources

import tensorflow_datasets as tfds

__all__ = ["tfds"]
