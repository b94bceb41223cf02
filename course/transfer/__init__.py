"""Networks that begin with weights from elsewhere."""

from course.transfer.applications import APPLICATIONS, from_applications, preprocess_input
from course.transfer.matching import transfer_weights

__all__ = ["APPLICATIONS", "from_applications", "preprocess_input", "transfer_weights"]
