"""nbgrader's exchange: a folder that students and instructors share, where one is set up."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

CONFIGURATION = "nbgrader_config.py"


def find() -> Path | None:
    """Return the exchange's folder if this machine's nbgrader is configured to use one.

    That is the case if nbgrader is installed and a `nbgrader_config.py` on Jupyter's configuration
    path (such as `/etc/jupyter`) sets `c.Exchange.root` to a folder that exists and can be written
    to. An exchange that cannot be used would only put errors before students.
    """
    if importlib.util.find_spec("nbgrader") is None:
        return None
    from jupyter_core.paths import jupyter_config_path
    from traitlets.config.loader import Config, ConfigFileNotFound, PyFileConfigLoader

    config = Config()
    for folder in reversed(jupyter_config_path()):
        try:
            config.merge(PyFileConfigLoader(CONFIGURATION, folder).load_config())
        except ConfigFileNotFound:
            continue
    root = config.Exchange.get("root")
    if not isinstance(root, str) or not root:
        return None
    return Path(root) if os.path.isdir(root) and os.access(root, os.W_OK | os.X_OK) else None
