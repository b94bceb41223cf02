"""nbgrader's configuration in `autograder lab`, for courses whose own says nothing of this."""

from autograder.nbgrader_settings import use_autograder

c = get_config()  # noqa: F821

use_autograder(c)
