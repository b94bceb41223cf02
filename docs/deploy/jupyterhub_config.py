"""A JupyterHub on one machine: students' servers, nbgrader's exchange, and a grader as a service.

Accounts are the machine's own, and the hub runs as root. What a site decides is in the environment:
COURSE_HANDOUT (the repository that `autograder publish` keeps), COURSE_DIRECTORY (the course with
its solutions, which the account of the grader alone can read) and COURSE_GRADER (that account).
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821

HANDOUT = os.environ.get("COURSE_HANDOUT", "/srv/handout")
DIRECTORY = os.environ.get("COURSE_DIRECTORY", "/srv/course")
GRADER = os.environ.get("COURSE_GRADER", "grader")
TOOLS = Path(os.environ.get("COURSE_TOOLS", "/usr/local/bin"))

# The JupyterHub's default authenticator asks the machine (PAM). Any other goes here.
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {GRADER}

c.Spawner.cmd = [str(TOOLS / "start-student")]
c.Spawner.environment = {"COURSE_HANDOUT": HANDOUT, "TF_CPP_MIN_LOG_LEVEL": "3"}
c.Spawner.default_url = "/lab/tree/START.md"
c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL"]
c.Spawner.start_timeout = 120  # a first start clones the handout
c.Spawner.http_timeout = 120


def instructors_open_the_course(spawner):
    """Open the course directory with formgrader for the account of the grader."""
    if spawner.user.name == GRADER:
        spawner.default_url = "/lab"
        spawner.cmd = ["autograder", "lab", "--no-browser", "--course", DIRECTORY]


c.Spawner.pre_spawn_hook = instructors_open_the_course

# Collects from the exchange and grades in the sandbox, again and again.
c.JupyterHub.services = [
    {
        "name": "grader",
        "command": [str(TOOLS / "grade")],
        "user": GRADER,
        "cwd": DIRECTORY,
        "environment": {"PATH": os.environ["PATH"], "TF_CPP_MIN_LOG_LEVEL": "3"},
    }
]
