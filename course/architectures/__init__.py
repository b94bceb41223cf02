"""The papers' networks by name.

    >>> from course import architectures
    >>> model = architectures.build("resnet20_cifar")

Each family is one page: the paper, its table as data, one builder that loops over it.
"""

from course.architectures.architecture import Architecture
from course.architectures.published import Published
from course.architectures.registry import build, describe, load, names, register

__all__ = ["Architecture", "Published", "build", "describe", "load", "names", "register"]
