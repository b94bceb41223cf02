"""What keeps a network from learning its training set by heart."""

from course.regularization.drop_path import DropPath, linear_decay

__all__ = ["DropPath", "linear_decay"]
