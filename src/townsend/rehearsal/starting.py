"""Starts the vendors' servers: which there are, their names, their credentials, what they keep."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from townsend.clock import Clock
from townsend.problem import Invalid
from townsend.rehearsal.chaos import Chaos
from townsend.rehearsal.company import SIZE_MAX, Company, generate
from townsend.rehearsal.edge import Edge, Vendor
from townsend.rehearsal.firms import CRMS
from townsend.rehearsal.linkedin import LinkedIn
from townsend.rehearsal.marketo.instance import Marketo
from townsend.rehearsal.salesforce.org import Org
from townsend.rehearsal.server import Server, open_port, serve
from townsend.rehearsal.times import ms_of

__all__ = ["VENDORS", "start"]

Made = tuple[Server, Vendor]

VENDORS = ("marketo", "salesforce", "linkedin")


def start(
    vendors: Sequence[str],
    *,
    clock: Clock,
    seed: int,
    size: int,
    anchor: datetime | None = None,
    chaos: int | None = None,
    state: Path | None = None,
    latency_s: float = 0.0,
) -> list[Server]:
    """Running servers of these vendors, ready for calls, in the order asked for.

    Args:
        vendors: of ``VENDORS``; ``marketo`` and ``salesforce`` are two servers each.
        seed: another company for another seed; the same one, with the same ids and secrets, for the same.
        size: people in the background.
        anchor: the day the story is told on; the clock's present if none.
        chaos: a seed for faults; no faults if none.
        state: a folder where callers' changes are kept, one file a server; nothing is kept if none.
        latency_s: vendor seconds that each call takes.

    Raises:
        Invalid: an unknown vendor, or a size that cannot be.
        Unavailable: a server did not come up.
    """
    _check(vendors, size)
    anchor_ms = ms_of(anchor or clock.now())
    if state is not None:
        state.mkdir(parents=True, exist_ok=True)
    lock = threading.Lock()

    def company() -> Company:
        with lock:  # the servers ask from threads of their own; one makes it, the others get it
            return generate(seed, size, anchor_ms)

    started: list[Server] = []
    try:
        for vendor in dict.fromkeys(vendors):
            for server, app in _instances(vendor, company, seed, anchor_ms, state):
                _run(server, app, clock, chaos, latency_s)
                started.append(server)
    except BaseException:
        for server in started:
            server.stop()
        raise
    return started


def _check(vendors: Sequence[str], size: int) -> None:
    for vendor in vendors:
        if vendor not in VENDORS:
            known = ", ".join(VENDORS)
            raise Invalid("rehearsal.vendor", f"{vendor}: no such vendor; expected {known}", got=vendor)
    if not 0 <= size <= SIZE_MAX:
        raise Invalid("rehearsal.size", f"size: expected 0 to {SIZE_MAX:,} people, got {size}", got=size)


def _run(server: Server, app: Vendor, clock: Clock, chaos: int | None, latency_s: float) -> None:
    port, server.base_url = open_port()
    if isinstance(app, Org | Marketo):
        app.base_url = server.base_url
    server.edge = Edge(app, clock, Chaos(chaos, server.name) if chaos is not None else None, latency_s)
    server.state = app
    server.running = serve(server.edge, port, server.name)


def _instances(
    vendor: str, company: Callable[[], Company], seed: int, anchor_ms: int, state: Path | None
) -> list[Made]:
    if vendor == "salesforce":
        return [_salesforce(crm, company, seed, state) for crm in CRMS]
    if vendor == "marketo":
        return [_marketo(i, company, seed, state) for i in CRMS]
    return [_linkedin(seed, anchor_ms, state)]


def _salesforce(crm: int, company: Callable[[], Company], seed: int, state: Path | None) -> Made:
    name = f"crm_{crm + 1}"
    client = (f"3MVG9.rehearsal.{name}", _secret(seed, name))
    org = Org(crm, company, client, seed, _kept(state, name))
    extra = {"org_id": org.keys.org, "username": org.username, "refresh_token": org.sessions.refresh_token}
    return Server("salesforce", name, "", *client, extra), org


def _marketo(i: int, company: Callable[[], Company], seed: int, state: Path | None) -> Made:
    name = f"marketo_{i + 1}"
    client = (f"rehearsal-{name.replace('_', '-')}", _secret(seed, name))
    instance = Marketo(i, company, client, seed, _kept(state, name))
    return Server("marketo", name, "", *client, instance.extra), instance


def _linkedin(seed: int, anchor_ms: int, state: Path | None) -> Made:
    name = "linkedin"
    client = (f"rehearsal-{name}", _secret(seed, name))
    account = LinkedIn(client, seed, anchor_ms, _kept(state, name))
    return Server(name, name, "", *client, account.extra), account


def _kept(state: Path | None, name: str) -> Path | None:
    return None if state is None else state / f"{name}.ndjson"


def _secret(seed: int, name: str) -> str:
    """A client's secret, the same for the same seed; it opens nothing but a server on this machine."""
    return hashlib.sha256(f"{seed}/{name}/secret".encode()).hexdigest()[:32]
