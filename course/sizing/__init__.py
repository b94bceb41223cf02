"""Output sizes, parameters, multiply-adds, receptive fields and memory.

Everything here is integer arithmetic and needs no Keras, except :func:`profile`, which walks a
Keras model. Sizes, kernels and strides are an ``int`` (the same for every axis) or a tuple with
one entry per axis, in the order of the tensor's axes: ``(height, width)``.
"""

from course.sizing.cost import (
    activation_bytes,
    conv_connections,
    conv_macs,
    conv_params,
    dense_macs,
    dense_params,
    depthwise_conv_macs,
    depthwise_conv_params,
    separable_conv_macs,
    separable_conv_params,
)
from course.sizing.geometry import (
    conv_output_size,
    conv_transpose_output_size,
    pool_output_size,
    receptive_field,
)
from course.sizing.report import Report, Row, profile

__all__ = [
    "Report",
    "Row",
    "activation_bytes",
    "conv_connections",
    "conv_macs",
    "conv_output_size",
    "conv_params",
    "conv_transpose_output_size",
    "dense_macs",
    "dense_params",
    "depthwise_conv_macs",
    "depthwise_conv_params",
    "pool_output_size",
    "profile",
    "receptive_field",
    "separable_conv_macs",
    "separable_conv_params",
]
