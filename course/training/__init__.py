"""Train any registered architecture with its paper's recipe.

    >>> from course.training import Options, train
    >>> options = Options("lenet5_modern", "digits", image_size=(32, 32), steps=4, test_limit=99)
    >>> result = train(options, "runs/first", quiet=True)
    >>> (result.folder / "model.keras").exists()
    True

or ``course train lenet5_modern --dataset digits --image-size 32x32``. Importing this package loads
neither Keras nor TensorFlow.
"""

from course.training.options import Options
from course.training.run_state import Result
from course.training.trainer import train

__all__ = ["Options", "Result", "train"]
