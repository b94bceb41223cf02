#!/bin/sh
# Creates .venv from constraints.txt. make runs it when one of those files changes; it may run again.
set -eu
PYTHON=${PYTHON:-python3}
root_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_install() { echo "setup: apt-get install $*"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null; }

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: Python 3.11 or newer is needed, $PYTHON is $("$PYTHON" -V 2>&1). Try: make PYTHON=python3.11" >&2
    exit 1
}
# Debian's python3 lacks the module that installs pip into a new environment.
"$PYTHON" -c 'import ensurepip' 2>/dev/null || {
    if root_apt; then apt_install python3-venv
    else echo "setup: Python's venv module is missing. Install it: sudo apt install python3-venv" >&2; exit 1; fi
}
# bubblewrap isolates students' code. If it is missing, grading says so too.
command -v bwrap >/dev/null || {
    if root_apt; then apt_install bubblewrap || echo "setup: could not install bubblewrap; try: apt install bubblewrap" >&2
    else echo "setup: bubblewrap is missing, which isolates students' code. Install it: sudo apt install bubblewrap" >&2; fi
}
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
echo "setup: installing the pinned packages into .venv (a few minutes the first time)"
# As an environment variable, the constraints also apply to the build of this package.
PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
    .venv/bin/python -m pip install --quiet --editable '.[dev]'
touch .venv/ready
