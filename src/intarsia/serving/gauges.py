"""What the service counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Gauges:
    """One registry a service, so that several in one process do not mix."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "intarsia_requests",
            "Requests by route and status.",
            ["route", "code"],
            registry=registry,
        )
        self.rejections = Counter(
            "intarsia_rejections", "Requests turned down, by reason.", ["reason"], registry=registry
        )
        self.abandoned = Counter(
            "intarsia_abandoned", "Clients that left before their answer.", registry=registry
        )
        self.images = Counter("intarsia_images", "Images predicted.", registry=registry)
        self.batch_size = Histogram(
            "intarsia_batch_size",
            "Images in one pass of the network.",
            buckets=_BATCHES,
            registry=registry,
        )
        self.queued = self._seconds("queue", "Waiting, without decoding.")
        self.decoding = self._seconds("decode", "Decoding one image.")
        self.inference = self._seconds("inference", "One pass of the network, from pixels to mask.")
        self.encoding = self._seconds("encode", "Writing mask and pictures.")

    def _seconds(self, name: str, about: str) -> Histogram:
        return Histogram(
            f"intarsia_{name}_seconds", about, buckets=_SECONDS, registry=self.registry
        )

    def watch(self, name: str, about: str, read: Callable[[], float]) -> None:
        """A figure that is looked up whenever somebody asks."""
        Gauge(f"intarsia_{name}", about, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        return generate_latest(self.registry)
