"""Training any registered architecture with its paper's recipe.

    >>> from course.training import Options, train
    >>> train(Options("lenet5_modern", "digits", image_size=(32, 32)), "runs/first").error

or ``course train lenet5_modern --dataset digits --image-size 32x32``. Importing this package loads
neither Keras nor TensorFlow.
"""

from course.training.options import Options
from course.training.trainer import Result, train

__all__ = ["Options", "Result", "train"]
