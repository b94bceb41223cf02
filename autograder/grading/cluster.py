"""Run submissions on a Dask cluster.

A worker starts its own fork server with its first submission and keeps it. If a worker dies,
another one runs its submissions; a submission during which workers died twice is left to a human.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from autograder.course_directory import CourseError
from autograder.engine.executor import Executor
from autograder.engine.job import Job, NotebookResult, ungraded
from autograder.grading.local import choose_isolation
from autograder.grading.options import GradingOptions
from autograder.sandbox import Isolation

if TYPE_CHECKING:
    from distributed import Client

_executor: Executor | None = None
_starting = threading.Lock()


def run_here(job: Job, unsafe: bool) -> dict[str, NotebookResult]:
    """Run a job on the worker that calls this."""
    global _executor
    with _starting:
        if _executor is None:
            _executor = Executor(choose_isolation(unsafe)).__enter__()
    return _executor.run(job)


def isolation_here(unsafe: bool) -> str:
    """Return the name of the isolation on the worker that calls this."""
    return choose_isolation(unsafe).name


def _allow_one_death(dask_scheduler: Any) -> None:
    # A worker's death may be a coincidence once; the second time the submission is to blame.
    dask_scheduler.allowed_failures = 1


class Cluster:
    """A runner that sends jobs to a cluster."""

    def __init__(self, client: Client, unsafe: bool) -> None:
        self._client, self._unsafe = client, unsafe
        found = set(client.run(isolation_here, unsafe).values())
        # A report has to state the weakest isolation of all workers.
        order = [Isolation.NONE, Isolation.LANDLOCK, Isolation.USER, Isolation.ROOT]
        self.isolation = next(isolation for isolation in order if isolation.name in found)

    def run(self, job: Job) -> dict[str, NotebookResult]:
        """Run a job on one of the workers."""
        from distributed import KilledWorker

        future = self._client.submit(run_here, job, self._unsafe, pure=False)
        try:
            results: dict[str, NotebookResult] = future.result()
            return results
        except KilledWorker:
            reason = "the workers that ran it died twice"
            return {name: ungraded(cells, reason) for name, cells in job.notebooks.items()}


@contextmanager
def cluster(options: GradingOptions) -> Iterator[Cluster]:
    """Connect to the cluster that the options name, and use all its threads.

    Raises:
        CourseError: Dask is not installed, no cluster answers, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CourseError(
            "--cluster needs Dask. Install it with `pip install 'convnet-course[cluster]'`."
        ) from None
    try:
        client = Client(options.cluster, timeout=20)
    except (OSError, ValueError) as error:
        raise CourseError(f"No cluster answers at {options.cluster}: {error}") from None
    with client:
        workers = client.scheduler_info().get("workers", {})
        if not workers:
            raise CourseError(f"The cluster at {options.cluster} has no workers.")
        client.run_on_scheduler(_allow_one_death)
        options.workers = max(options.workers, sum(w["nthreads"] for w in workers.values()))
        yield Cluster(client, options.unsafe)
