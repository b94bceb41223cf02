"""What keeps a network from learning its training set by heart.

Keras has the rest: ``kernel_regularizer``, ``Dropout``, ``SpatialDropout2D``, ``MixUp`` (a share
from Beta(alpha, alpha) for each example, as in the paper's equations), the losses'
``label_smoothing``, the optimizers' ``use_ema`` with ``keras.callbacks.SwapEMAWeights``.
"""

from course.regularization.averaging import ensemble, many_crop, predict_multi_crop, ten_crop
from course.regularization.color import PCAColorNoise, color_components
from course.regularization.drop_block import DropBlock2D
from course.regularization.drop_path import DropPath, linear_decay
from course.regularization.patches import CutMix, Cutout

__all__ = [
    "CutMix",
    "Cutout",
    "DropBlock2D",
    "DropPath",
    "PCAColorNoise",
    "color_components",
    "ensemble",
    "linear_decay",
    "many_crop",
    "predict_multi_crop",
    "ten_crop",
]
