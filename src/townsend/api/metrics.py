"""Numbers about a server in Prometheus' text form, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from townsend.api.feed import Bell
    from townsend.project.serving.owner import Owner

__all__ = ["metrics_of"]


class _Numbers:
    """What the owner, the readers and the feed say of themselves."""

    def __init__(self, owner: Owner, bell: Bell) -> None:
        self._owner = owner
        self._bell = bell

    def collect(self) -> Iterator[Metric]:
        done, owner = self._owner.done, self._owner
        for name, text, value in (
            ("steps", "Steps of the owner loop", done.steps),
            ("step_seconds", "Seconds spent in them", done.seconds),
            ("step_failures", "Steps that failed and were tried again", done.failures),
            ("absorbed_entries", "Accepted entries taken into the facts", done.absorbed),
            ("quarantined_rows", "Rows of them that were quarantined", done.quarantined),
            ("transitions", "Members who entered or left", done.transitions),
            ("parity_checked", "Audiences asked anew by the self-check", done.parity_checked),
            ("parity_differing", "Audiences that differed, and were mended", done.parity_differing),
        ):
            yield CounterMetricFamily(f"townsend_{name}", text, value=value)
        yield GaugeMetricFamily("townsend_ready", "1 once the first step is done", int(owner.ready.is_set()))
        yield GaugeMetricFamily("townsend_last_step_seconds", "Seconds of the last step", done.last_s)
        yield GaugeMetricFamily("townsend_feed_listeners", "Open streams of the feed", self._bell.listeners)
        if owner.acceptance is not None:
            waiting = owner.acceptance.waiting()
            yield GaugeMetricFamily("townsend_waiting_entries", "Accepted, not absorbed", waiting.entries)
            yield GaugeMetricFamily("townsend_waiting_bytes", "Bytes of these", waiting.bytes)
        yield from self._audiences()

    def _audiences(self) -> Iterator[Metric]:
        members = GaugeMetricFamily("townsend_members", "Members of an audience", labels=["audience"])
        ways = CounterMetricFamily(
            "townsend_answers", "How conditions of an audience were asked", labels=["audience", "way"]
        )
        stats: dict[str, Any] = self._owner.stats()
        for name, told in stats.items():
            members.add_metric([name], told["members"])
            for way, times in told["ways"].items():
                ways.add_metric([name, str(way)], times)
        yield members
        yield ways


def metrics_of(owner: Owner, bell: Bell) -> bytes:
    """The numbers of now."""
    registry = CollectorRegistry()
    registry.register(_Numbers(owner, bell))
    return generate_latest(registry)
