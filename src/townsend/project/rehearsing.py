"""Projects that rehearse: their connections lead to servers on this machine, started when needed.

``rehearsal:`` in the settings says which generated company, on which seed, and how fast vendor time
runs. The servers' changes (lists, segments) are kept beside the store, so one command goes on where
the one before ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townsend.clock import AcceleratedClock, Clock
from townsend.project.folder import STORE
from townsend.rehearsal import VENDORS, Server, start

if TYPE_CHECKING:
    from townsend.project.settings import Settings

__all__ = ["Rehearsal", "rehearsal_of", "serving"]


@dataclass(frozen=True)
class Rehearsal:
    """Which company the servers hold, how fast their time runs, and the seed of their faults if any."""

    seed: int
    size: int
    anchor: datetime
    factor: float
    chaos: int | None = None

    def to_settings(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "size": self.size,
            "anchor": self.anchor.isoformat().replace("+00:00", "Z"),
            "factor": self.factor,
            **({} if self.chaos is None else {"chaos": self.chaos}),
        }


def rehearsal_of(settings: Settings) -> Rehearsal | None:
    """The rehearsal that a project's settings ask for, if they do."""
    body = settings.rehearsal
    if body is None:
        return None
    anchor = body["anchor"]
    at = anchor if isinstance(anchor, datetime) else datetime.fromisoformat(str(anchor))
    return Rehearsal(int(body["seed"]), int(body["size"]), at, float(body["factor"]), body.get("chaos"))


@contextmanager
def serving(
    rehearsal: Rehearsal, folder: Path, now: datetime, vendors: Sequence[str] = VENDORS
) -> Iterator[tuple[Clock, list[Server], Mapping[str, str]]]:
    """Servers for the time of a command: their clock, themselves, and the variables that settings name."""
    clock = AcceleratedClock(rehearsal.factor, now)
    kept = folder / STORE / "rehearsal"
    kept.mkdir(parents=True, exist_ok=True)
    servers = start(
        list(vendors),
        clock=clock,
        seed=rehearsal.seed,
        size=rehearsal.size,
        anchor=rehearsal.anchor,
        chaos=faults_of(rehearsal, now),
        state=kept,
    )
    try:
        yield clock, servers, _variables(servers)
    finally:
        for server in servers:
            server.stop()


def faults_of(rehearsal: Rehearsal, now: datetime) -> int | None:
    """The seed of the faults at an instant; None on a calm day.

    It changes from minute to minute: the same calls made again later meet other faults, so that no fault that
    ends a pull, such as a used-up day, waits at the same call for ever.
    """
    return None if rehearsal.chaos is None else rehearsal.chaos * 100_000_007 + int(now.timestamp()) // 60


def _variables(servers: Sequence[Server]) -> dict[str, str]:
    found = {}
    for server in servers:
        values = {
            "base_url": server.base_url,
            "client_id": server.client_id,
            "client_secret": server.client_secret,
            **server.extra,
        }
        for key, value in values.items():
            found[f"REHEARSAL_{server.name}_{key}".upper()] = str(value)
    return found
