"""What Prometheus may ask: requests, their latency, and what became of the alert senders' deliveries.

`api/guard.py` counts every response; `api/routes/health.py` serves the numbers. Each app has a registry of its own, so
that several apps in one process do not count into each other.
"""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

# From a memory read to the longest wait for a worker (api/acting.py: 10 s).
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counters of one app."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "hotwash_http_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "hotwash_http_request_duration_seconds",
            "Time from request to response headers.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._deliveries = Counter(
            "hotwash_webhook_deliveries",
            "Deliveries of alert senders: accepted, refused (the sender's fault) or failed (ours).",
            ["sender", "outcome"],
            registry=self._registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One response; `route` is the path's template, so that ids make no new series."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def count_delivery(self, sender: str, status: int) -> None:
        """One delivery of an alert sender, by what it was answered."""
        outcome = "accepted" if status < 400 else "refused" if status < 500 else "failed"  # noqa: PLR2004 - HTTP classes
        self._deliveries.labels(sender, outcome).inc()

    def text(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
