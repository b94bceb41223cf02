"""Import this first, and Keras starts without TensorFlow's messages on stderr.

TensorFlow's libraries greet on file descriptor 2 while they load, whatever the log level; readers
and graders take a line on stderr for trouble. Errors in Python are shown as ever.
"""

import importlib.util
import os
import sys


def _import_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        importlib.import_module("tensorflow")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


# Another backend may be all that is installed.
if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow" and importlib.util.find_spec(
    "tensorflow"
):
    _import_tensorflow()
