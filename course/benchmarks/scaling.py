"""Time of a training step on many GPUs: arithmetic against the all-reduce of gradients.

An estimate on paper, for planning; `docs/scaling.md` says what it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from course._markdown import markdown_row
from course.errors import UsageError
from course.training.speed import FLOPS_PER_MAC

_BACKWARD = 2 / 3  # fraction of a step's arithmetic


@dataclass(frozen=True)
class Network:
    """The sizes of an architecture that the estimate needs."""

    name: str
    params: int  # trainable weights, whose gradients are exchanged
    macs: int  # per image, forward
    batch_norms: int  # layers, which exchange statistics


class Link(NamedTuple):
    """GPUs and how they are connected."""

    gpus: int  # in all machines together
    bandwidth: float  # of the slowest link in one direction, bytes per second
    latency: float  # of a small all-reduce, seconds


@dataclass(frozen=True)
class Cluster:
    """GPUs in a ring, as fast as its slowest link.

    Args:
        gpus, bandwidth, latency: as in :class:`Link`.
        rate: operations per second that a GPU reaches in this network.
        overlap: fraction of the backward pass in which gradients can travel, 0 to 1.

    Raises:
        UsageError: if there are fewer than two GPUs, or a number is not positive.
    """

    gpus: int
    bandwidth: float
    latency: float
    rate: float
    overlap: float = 0.5

    def __post_init__(self) -> None:
        if self.gpus < 2:
            raise UsageError(f"gpus must be at least 2 to exchange anything; received {self.gpus}.")
        if min(self.bandwidth, self.rate) <= 0 or self.latency < 0 or not 0 <= self.overlap <= 1:
            raise UsageError(
                "bandwidth and rate must be positive, latency at least 0 and overlap 0 to 1; "
                f"received {self}."
            )


# The two clusters of docs/scaling.md: one machine, and eight of them.
NVLINK = Link(8, bandwidth=300e9, latency=20e-6)
NETWORK = Link(64, bandwidth=12.5e9, latency=100e-6)
CLUSTERS: Mapping[str, Link] = {"8 GPUs, NVLink": NVLINK, "64 GPUs, 100 Gb/s": NETWORK}
# Operations per second of a GPU. Depthwise convolutions wait for memory.
RATES = {"resnet50": 50e12, "efficientnet_b0": 10e12, "efficientnet_b3": 10e12}
BATCH = 128  # images per GPU


class Step(NamedTuple):
    """The time of a step in seconds, and what follows from it."""

    sent: float  # bytes per GPU
    arithmetic: float
    exchange: float  # of gradients
    statistics: float  # of batch normalization, which arithmetic waits for
    seconds: float  # in all; what overlaps counts once
    efficiency: float  # speed relative to as many independent GPUs
    min_overlapped_batch: float  # smallest batch per GPU that hides the all-reduce


def estimate(network: Network, cluster: Cluster, batch: int = BATCH) -> Step:
    """Estimate a step with gradients in float32 that are summed around a ring.

    Args:
        network: such as :func:`measure` returns.
        cluster: the GPUs.
        batch: images per GPU, at least 1.

    Raises:
        UsageError: if the batch is smaller than 1.

    Example:
        >>> net = Network("half a million", 500_000, 10**9, 0)
        >>> estimate(net, Cluster(4, bandwidth=1e9, latency=0, rate=1e12), 10).exchange
        0.003
    """
    if batch < 1:
        raise UsageError(f"batch must be at least 1 image per GPU; received batch={batch}.")
    n = cluster.gpus
    sent = 2 * (n - 1) / n * 4 * network.params
    exchange = sent / cluster.bandwidth
    seconds_per_image = FLOPS_PER_MAC * network.macs / cluster.rate
    arithmetic = batch * seconds_per_image
    # Once forward and once backward for each layer.
    statistics = 2 * network.batch_norms * cluster.latency
    room = _BACKWARD * cluster.overlap
    seconds = arithmetic + statistics + max(0.0, exchange - room * arithmetic)
    hidden = exchange / (room * seconds_per_image) if room else float("inf")
    return Step(
        sent, arithmetic, exchange, statistics, seconds, arithmetic / seconds, hidden
    )  # fmt: skip


def measure(name: str) -> Network:
    """Build a registered architecture and count what the estimate needs."""
    import keras

    from course import architectures, keras_compat, sizing

    model = architectures.build(name)
    report = sizing.profile(model)
    layers = keras_compat.all_layers(model)
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    return Network(name, report.params_trainable, report.macs, len(norms))


def table(
    names: Iterable[str],
    clusters: Mapping[str, Link] = CLUSTERS,
    batch: int = BATCH,
    rate: float | None = None,
) -> str:
    """Tabulate the steps of networks on clusters, in Markdown.

    Args:
        names: of registered architectures.
        clusters: by title.
        batch: images per GPU.
        rate: operations per second; None for :data:`RATES`, or the slowest of them.
    """
    head = (
        *("network", "cluster", "MB sent", "arithmetic ms", "exchange ms", "statistics ms"),
        *("step ms", "efficiency", "images/s", "hidden from"),
    )
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for name in names:
        network = measure(name)
        own = RATES.get(name, min(RATES.values())) if rate is None else rate
        for title, link in clusters.items():
            cluster = Cluster(*link, rate=own)
            step = estimate(network, cluster, batch)
            times = (step.arithmetic, step.exchange, step.statistics, step.seconds)
            cells = (
                *(name, title, f"{step.sent / 1e6:.1f}"),
                *(f"{1e3 * seconds:.2f}" for seconds in times),
                f"{100 * step.efficiency:.0f} %",
                f"{cluster.gpus * batch / step.seconds:,.0f}",
                f"{step.min_overlapped_batch:.1f}",
            )
            lines.append(markdown_row(cells))
    return "\n".join(lines)
