"""TFDS, loaded without TensorFlow's messages: ``from course.datasets._tfds import tfds``."""

import course.quiet  # noqa: F401, I001 (before TensorFlow)
import tensorflow_datasets as tfds

__all__ = ["tfds"]
