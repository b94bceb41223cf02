"""What a training step costs on many GPUs: arithmetic against the exchange of gradients.

A model on paper, for planning: `docs/scaling.md` says what it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from course.errors import UsageError
from course.training.speed import OPERATIONS

_BACKWARD = 2 / 3  # of a step's arithmetic


@dataclass(frozen=True)
class Network:
    """What the estimate needs to know of an architecture."""

    name: str
    params: int  # learned weights, whose gradients are exchanged
    macs: int  # an image forward
    norms: int  # layers of batch normalization, which exchange statistics


@dataclass(frozen=True)
class Cluster:
    """GPUs in a ring, as fast as its slowest link.

    Args:
        gpus: in all machines together.
        bandwidth: of the slowest link in one direction, bytes a second.
        latency: of a small exchange between all, seconds.
        rate: operations a second that a GPU reaches in this network.
        overlap: share of the backward pass in which gradients can travel, 0 to 1.

    Raises:
        UsageError: fewer than two GPUs, or a number that is not positive.
    """

    gpus: int
    bandwidth: float
    latency: float
    rate: float
    overlap: float = 0.5

    def __post_init__(self) -> None:
        if self.gpus < 2:
            raise UsageError(f"A cluster needs at least 2 GPUs; received {self.gpus}.")
        if min(self.bandwidth, self.rate) <= 0 or self.latency < 0 or not 0 <= self.overlap <= 1:
            raise UsageError(
                "bandwidth and rate must be positive, latency at least 0 and overlap 0 to 1; "
                f"received {self}."
            )


# The two clusters of docs/scaling.md: one machine, and eight.
NVLINK: dict[str, Any] = {"gpus": 8, "bandwidth": 300e9, "latency": 20e-6}
NETWORK: dict[str, Any] = {"gpus": 64, "bandwidth": 12.5e9, "latency": 100e-6}
CLUSTERS = {"8 GPUs, NVLink": NVLINK, "64 GPUs, 100 Gb/s": NETWORK}
# Operations a second of a GPU. Depthwise convolutions wait for memory.
RATES = {"resnet50": 50e12, "efficientnet_b0": 10e12, "efficientnet_b3": 10e12}
BATCH = 128  # images on each GPU


class Step(NamedTuple):
    """Seconds of a step, and what follows from them."""

    sent: float  # bytes that each GPU sends
    arithmetic: float
    exchange: float  # of gradients
    statistics: float  # of batch normalization, which arithmetic waits for
    seconds: float  # of all, with what overlaps counted once
    efficiency: float  # share of the speed that as many GPUs had alone
    hidden_from: float  # images on each GPU from which on the exchange hides in the backward pass


def estimate(network: Network, cluster: Cluster, batch: int = BATCH) -> Step:
    """A step with `batch` images on each GPU, gradients in float32 added up around a ring.

    Args:
        network: see :func:`measure`.
        cluster: where.
        batch: images on each GPU, at least 1.

    Raises:
        UsageError: a batch below 1.

    Example:
        >>> net = Network("half a million", 500_000, 10**9, 0)
        >>> estimate(net, Cluster(4, bandwidth=1e9, latency=0, rate=1e12), 10).exchange
        0.003
    """
    if batch < 1:
        raise UsageError(f"batch must be at least 1 image on each GPU; received batch={batch}.")
    n = cluster.gpus
    sent = 2 * (n - 1) / n * 4 * network.params
    exchange = sent / cluster.bandwidth
    an_image = OPERATIONS * network.macs / cluster.rate
    arithmetic = batch * an_image
    # Once forward and once backward for each layer.
    statistics = 2 * network.norms * cluster.latency
    room = _BACKWARD * cluster.overlap
    seconds = arithmetic + statistics + max(0.0, exchange - room * arithmetic)
    hidden = exchange / (room * an_image) if room else float("inf")
    return Step(
        sent, arithmetic, exchange, statistics, seconds, arithmetic / seconds, hidden
    )  # fmt: skip


def measure(name: str) -> Network:
    """A registered architecture as the estimate sees it."""
    import keras

    from course import architectures, keras_compat, sizing

    model = architectures.build(name)
    report = sizing.profile(model)
    layers = keras_compat.all_layers(model)
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    return Network(name, report.params_trainable, report.macs, len(norms))


def table(
    names: Iterable[str],
    clusters: Mapping[str, dict[str, Any]] | None = None,
    batch: int = BATCH,
    rate: float | None = None,
) -> str:
    """Tabulate the estimated training steps of networks on clusters.

    Args:
        names: registered architectures.
        clusters: arguments of :class:`Cluster` except `rate`, by name; None for :data:`CLUSTERS`.
        batch: images per GPU.
        rate: operations per second; None for :data:`RATES`, or the lowest of them.
    """
    head = (
        *("network", "cluster", "MB sent", "arithmetic ms", "exchange ms", "statistics ms"),
        *("step ms", "efficiency", "images/s", "hidden from"),
    )
    lines = [_line(head), _line(["---"] * len(head))]
    for name in names:
        network = measure(name)
        own = rate or RATES.get(name, min(RATES.values()))
        for title, arguments in (clusters or CLUSTERS).items():
            cluster = Cluster(rate=own, **arguments)
            step = estimate(network, cluster, batch)
            times = (step.arithmetic, step.exchange, step.statistics, step.seconds)
            cells = (
                *(name, title, f"{step.sent / 1e6:.1f}"),
                *(f"{1e3 * seconds:.2f}" for seconds in times),
                f"{100 * step.efficiency:.0f} %",
                f"{cluster.gpus * batch / step.seconds:,.0f}",
                f"{step.hidden_from:.1f}",
            )
            lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
