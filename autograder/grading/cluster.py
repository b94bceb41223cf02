"""Running submissions on a Dask cluster: the same units of work, on other machines.

A worker starts its own fork servers with its first submission and keeps them. A worker that dies
has its submissions done by another; a submission during which workers died twice is not tried a
third time, and is left to a human.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from autograder.course_directory import CourseError
from autograder.engine.executor import Executor
from autograder.engine.job import Job, NotebookResult, ungraded
from autograder.grading.local import choose_isolation
from autograder.sandbox import Isolation

_executor: Executor | None = None
_starting = threading.Lock()


def run_here(job: Job, unsafe: bool) -> dict[str, NotebookResult]:
    """Run a job on the worker that this is called on."""
    global _executor
    with _starting:
        if _executor is None:
            _executor = Executor(choose_isolation(unsafe)).__enter__()
    return _executor.run(job)


def isolation_here(unsafe: bool) -> str:
    """The isolation of the worker that this is called on."""
    return choose_isolation(unsafe).name


def _allow_one_death(dask_scheduler) -> None:
    # A submission may take a worker with it once; the second time it is the submission's doing.
    dask_scheduler.allowed_failures = 1


class Cluster:
    """Hands jobs to a cluster, with the face of an :class:`Executor`."""

    def __init__(self, client, unsafe: bool):
        self._client, self._unsafe = client, unsafe
        found = set(client.run(isolation_here, unsafe).values())
        # The weakest that a worker has is what a report has to say.
        order = [Isolation.NONE, Isolation.LANDLOCK, Isolation.USER, Isolation.ROOT]
        self.isolation = next(isolation for isolation in order if isolation.name in found)

    def run(self, job: Job) -> dict[str, NotebookResult]:
        """Run a job on some worker."""
        from distributed import KilledWorker

        future = self._client.submit(run_here, job, self._unsafe, pure=False)
        try:
            return future.result()
        except KilledWorker:
            reason = "the machines that ran it died twice"
            return {name: ungraded(cells, reason) for name, cells in job.notebooks.items()}


@contextmanager
def cluster(options) -> Iterator[Cluster]:
    """The cluster at an address, for as long as the context lasts.

    Raises:
        CourseError: Dask is not installed, there is no cluster, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CourseError(
            "--cluster needs Dask. Install it: pip install 'convnet-course[cluster]'"
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
