"""Networks that start from weights trained elsewhere."""

from course.keras_graph import transfer_weights
from course.transfer.applications import APPLICATIONS, from_applications, preprocess_input

__all__ = ["APPLICATIONS", "from_applications", "preprocess_input", "transfer_weights"]
