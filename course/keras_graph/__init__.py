"""Keras models as graphs of layers: walked, compared and matched.

Nested models and Sequential ones are walked like any other, so two models that compute the same
look the same, however they are put together.
"""

from course.keras_compat import has_graph
from course.keras_graph.matching import pairings, signatures, structural_order
from course.keras_graph.transfer import transfer_weights
from course.keras_graph.walk import Graph, Step, normalized_kind
from course.keras_graph.weights import roles, squeezed, weight_shapes

__all__ = [
    "Graph",
    "Step",
    "has_graph",
    "normalized_kind",
    "pairings",
    "roles",
    "signatures",
    "squeezed",
    "structural_order",
    "transfer_weights",
    "weight_shapes",
]
