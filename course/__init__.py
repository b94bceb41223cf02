"""Convolutional networks in Keras: every block and architecture of the course, and its lectures.

Importing this package is cheap: subpackages load Keras or TensorFlow only when they need them.
"""

__version__ = "0.2.0.dev0"
