"""What stands for an audience at a destination, and what we know about destinations.

Lists and segments with their ids there; answers to look-ups (which lead ids carry an e-mail); calls used per
account and day; the last report of each delivery.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from townsend.store.state import State

__all__ = ["Target", "Targets"]


@dataclass(frozen=True, slots=True)
class Target:
    """A list, a segment or the like at a destination.

    Args:
        remote_id: its id there.
        name: its name there, as we last set or saw it.
        ours: whether we made it; members that others put into a list not ours stay.
        created_ms: when we made or found it.
        body: what else the destination wants to remember; JSON-compatible.
    """

    remote_id: str
    name: str
    ours: bool
    created_ms: int
    body: Mapping[str, Any] = field(default_factory=dict)


class Targets:
    """The tables. Call what writes inside ``state.transaction()``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, destination: str, audience: str) -> Target | None:
        """What stands for the audience there, None if nothing was made yet."""
        found = self._state.one(
            "SELECT remote_id, name, ours, created_ms, body FROM target "
            "WHERE destination = ? AND audience = ?",
            [destination, audience],
        )
        if found is None:
            return None
        remote_id, name, ours, created_ms, body = found
        return Target(remote_id, name, bool(ours), created_ms, json.loads(body))

    def put(self, destination: str, audience: str, target: Target) -> None:
        """Remember it; when members were last compared is kept."""
        self._state.execute(
            "INSERT INTO target (destination, audience, remote_id, name, ours, body, created_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET remote_id = excluded.remote_id, "
            "name = excluded.name, ours = excluded.ours, body = excluded.body, "
            "created_ms = excluded.created_ms",
            [
                destination,
                audience,
                target.remote_id,
                target.name,
                target.ours,
                json.dumps(dict(target.body)),
                target.created_ms,
            ],
        )

    def forget(self, destination: str, audience: str) -> None:
        """It is gone there."""
        self._state.execute(
            "DELETE FROM target WHERE destination = ? AND audience = ?", [destination, audience]
        )

    def all(self) -> list[tuple[str, str]]:
        """Every (destination, audience) that has one."""
        found = self._state.rows("SELECT destination, audience FROM target ORDER BY 1, 2")
        return [(str(destination), str(audience)) for destination, audience in found]

    def checked_ms(self, destination: str, audience: str) -> int | None:
        """When its members were last compared with the ledger."""
        found = self._state.one(
            "SELECT checked_ms FROM target WHERE destination = ? AND audience = ?", [destination, audience]
        )
        return None if found is None or found[0] is None else int(found[0])

    def checked(self, destination: str, audience: str, at_ms: int) -> None:
        """Its members were compared with the ledger."""
        self._state.execute(
            "UPDATE target SET checked_ms = ? WHERE destination = ? AND audience = ?",
            [at_ms, destination, audience],
        )

    # ------------------------------------------------------------ look-ups

    def resolutions(self, destination: str, since_ms: int) -> dict[str, tuple[str, ...]]:
        """The destination's ids per value asked for, as answered at ``since_ms`` or later."""
        found: dict[str, list[str]] = {}
        for value, identifier in self._state.rows(
            "SELECT value, identifier FROM resolution WHERE destination = ? AND at_ms >= ? ORDER BY 1, 2",
            [destination, since_ms],
        ):
            found.setdefault(value, []).append(identifier)
        return {value: tuple(ids) for value, ids in found.items()}

    def resolved(self, destination: str, answers: Mapping[str, Iterable[str]], at_ms: int) -> None:
        """Remember answers; they replace older ones for the same values."""
        self._state.execute_many(
            "DELETE FROM resolution WHERE destination = ? AND value = ?",
            [(destination, value) for value in answers],
        )
        self._state.execute_many(
            "INSERT OR REPLACE INTO resolution VALUES (?, ?, ?, ?)",
            [(destination, value, one, at_ms) for value, ids in answers.items() for one in ids],
        )

    def unresolve(self, destination: str, identifiers: Iterable[str]) -> None:
        """These ids are not known there any more."""
        self._state.execute_many(
            "DELETE FROM resolution WHERE destination = ? AND identifier = ?",
            [(destination, one) for one in identifiers],
        )

    def erase_values(self, values: Iterable[str]) -> int:
        """Forget what was asked about these values; returns how many answers there were."""
        return sum(
            self._state.execute("DELETE FROM resolution WHERE value = ?", [value]).rowcount
            for value in values
        )

    # ------------------------------------------------------------ budgets and reports

    def spend(self, account: str, day: str, calls: int) -> None:
        """Count calls of an account on a day (ISO date)."""
        self._state.execute(
            "INSERT INTO budget VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET calls = calls + excluded.calls",
            [account, day, calls],
        )

    def spent(self, account: str, day: str) -> int:
        """Calls of that account on that day."""
        found = self._state.one("SELECT calls FROM budget WHERE account = ? AND day = ?", [account, day])
        return int(found[0]) if found else 0

    def report(self, destination: str, audience: str, at_ms: int, body: Mapping[str, Any]) -> None:
        """Keep what a delivery reported."""
        self._state.execute(
            "INSERT INTO delivery (destination, audience, at_ms, report) VALUES (?, ?, ?, ?)",
            [destination, audience, at_ms, json.dumps(dict(body))],
        )

    def last_reports(self) -> list[dict[str, Any]]:
        """The last report of each activation, by audience and destination, with ``at_ms``."""
        found = self._state.rows(
            "SELECT at_ms, report FROM delivery WHERE id IN "
            "(SELECT max(id) FROM delivery GROUP BY destination, audience) ORDER BY audience, destination"
        )
        return [{**json.loads(report), "at_ms": at_ms} for at_ms, report in found]
