#!/bin/sh
# Creates .venv from constraints.txt. make runs it when one of those files changes; it may run again.
set -eu
PYTHON=${PYTHON:-python3}
root_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_install() { echo "setup: apt-get install $*"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null; }

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
fits "$PYTHON" || {
    said=$("$PYTHON" -V 2>&1) || said="not there"
    for other in python3.13 python3.12 python3.11; do
        fits "$other" && advice="Run: make PYTHON=$other" && break
    done
    echo "setup: Python 3.11, 3.12 or 3.13 is needed (TensorFlow is built for these); $PYTHON is $said." \
        "${advice:-Install one (Debian, Ubuntu: sudo apt install python3.11 python3.11-venv), then: make PYTHON=python3.11}" >&2
    exit 1
}
[ -w . ] || { echo "setup: $PWD is read-only. Copy it to a folder of your own, and run make there." >&2; exit 1; }
# The environment takes 4 GB, and pip needs some room to work.
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
[ -x .venv/bin/python ] || [ "$free" -ge 6 ] || {
    echo "setup: only $free GB are free in $PWD; 6 are needed. Delete what you don't need, or copy this folder to a larger disk." >&2
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
    .venv/bin/python -m pip install --quiet --editable '.[dev]' || {
    echo "setup: the packages could not be installed; pip says why above. Without a network, point pip to a mirror" \
        "(PIP_INDEX_URL=...) or to a folder of wheels (PIP_NO_INDEX=1 PIP_FIND_LINKS=...), then run make again." >&2
    exit 1
}
# Without a browser the tests that need one are skipped. On Ubuntu that package is only a stub.
.venv/bin/python tests/browser/find.py || {
    if root_apt && grep -q '^ID=debian' /etc/os-release; then
        apt_install chromium || echo "setup: could not install chromium; tests in a browser are skipped" >&2
    else echo "setup: no Chromium, so tests in a browser are skipped. Install it: .venv/bin/playwright install chromium" >&2; fi
}
touch .venv/ready
