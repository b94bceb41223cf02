"""TF_CONFIG for a cluster that numbers its processes: Slurm, or an indexed Job of Kubernetes.

    export TF_CONFIG=$(python -m course.training.tf_config host-a host-b)

prints it for the process that it runs in. Needs neither Keras nor TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence

from course._command_line import exit_status
from course.errors import UsageError

PORT = 2222
# Where the number of this process stands.
INDICES = ("SLURM_PROCID", "JOB_COMPLETION_INDEX")


def config(hosts: Sequence[str], index: int, port: int = PORT) -> str:
    """Write TF_CONFIG for one process, with one process per host.

    Args:
        hosts: names or addresses, in the same order for all processes.
        index: of this process, from 0.
        port: that each of them listens on.

    Raises:
        UsageError: if there are no hosts, one is named twice, or the index is out of range.

    Example:
        >>> config(["a", "b"], 1)
        '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 1}}'
    """
    if not hosts or len(set(hosts)) < len(hosts):
        raise UsageError(f"Each host has one process; received hosts {' '.join(hosts) or 'none'}.")
    if not 0 <= index < len(hosts):
        raise UsageError(
            f"index must be 0 to {len(hosts) - 1}, for {len(hosts)} hosts; received {index}. "
            "Start as many processes as there are hosts."
        )
    workers = [f"{host}:{port}" for host in hosts]
    return json.dumps(
        {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
    )  # fmt: skip


def own_index(environment: Mapping[str, str]) -> int:
    """Read the number of this process from the cluster's variables.

    Raises:
        UsageError: if none of them is set.
    """
    for name in INDICES:
        number = environment.get(name, "")
        if number.isdecimal():
            return int(number)
    raise UsageError(
        f"A process' number is in {' or '.join(INDICES)}; received neither. Give --index."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print TF_CONFIG; see :func:`course._command_line.exit_status`."""
    parser = argparse.ArgumentParser(prog="python -m course.training.tf_config")
    parser.add_argument("hosts", nargs="+", metavar="HOST", help="of all processes")
    parser.add_argument("--index", type=int, metavar="I", help="default: the cluster's variable")
    parser.add_argument("--port", type=int, default=PORT, help="default: %(default)s")
    given = parser.parse_args(arguments)

    def command() -> int:
        index = own_index(os.environ) if given.index is None else given.index
        print(config(given.hosts, index, given.port))
        return 0

    return exit_status("course", command)


if __name__ == "__main__":
    sys.exit(main())
