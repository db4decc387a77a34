"""Who is in which audience now, as last recorded.

A copy of what the transitions in the store of facts say. Each audience has a generation there, raised with
every recording; where the copy's generation differs, the copy is rebuilt, not trusted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from townsend.store.state import State

__all__ = ["MemberRow", "Members"]


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One membership: in the audience since ``since_ms``, by that version of its definition."""

    audience: str
    id: int
    since_ms: int
    version: str
    evidence: Any


class Members:
    """The table of memberships. Call what writes inside ``state.transaction()``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def ids(self, audience: str) -> set[int]:
        """The members' entity ids."""
        return {
            int(one)
            for (one,) in self._state.rows("SELECT id FROM membership WHERE audience = ?", [audience])
        }

    def since(self, audience: str) -> dict[int, int]:
        """Since when each member is in, epoch ms."""
        found = self._state.rows("SELECT id, since_ms FROM membership WHERE audience = ?", [audience])
        return {int(one): int(since) for one, since in found}

    def count(self, audience: str) -> int:
        """How many members there are."""
        found = self._state.one("SELECT count(*) FROM membership WHERE audience = ?", [audience])
        return int(found[0]) if found else 0

    def of(self, entities: Iterable[int]) -> list[MemberRow]:
        """Every membership of these entities, by audience."""
        found = []
        for entity in entities:
            found += self._state.rows(
                "SELECT audience, id, since_ms, version, evidence FROM membership WHERE id = ?", [entity]
            )
        rows = [MemberRow(a, i, s, v, None if e is None else json.loads(e)) for a, i, s, v, e in found]
        return sorted(rows, key=lambda row: (row.audience, row.id))

    def audiences(self) -> list[str]:
        """Every audience ever recorded and not forgotten."""
        return [str(name) for (name,) in self._state.rows("SELECT name FROM audience ORDER BY name")]

    def generation(self, audience: str) -> int | None:
        """Which generation of the facts' transitions the copy reflects; None if there is no copy."""
        found = self._state.one("SELECT generation FROM audience WHERE name = ?", [audience])
        return None if found is None else int(found[0])

    def version(self, audience: str) -> str | None:
        """By which version of its definition it was recorded last; None if it never was."""
        found = self._state.one("SELECT version FROM audience WHERE name = ?", [audience])
        return None if found is None else str(found[0])

    def put(
        self, audience: str, since: Mapping[int, int], version: str, evidence: Mapping[int, Any] | None = None
    ) -> None:
        """Add members, each with the instant it entered."""
        given = evidence or {}
        rows = [
            (audience, one, at, version, json.dumps(given[one]) if one in given else None)
            for one, at in since.items()
        ]
        self._state.execute_many("INSERT OR REPLACE INTO membership VALUES (?, ?, ?, ?, ?)", rows)

    def drop(self, audience: str, ids: Iterable[int]) -> None:
        """Take members out."""
        rows = [(audience, one) for one in ids]
        self._state.execute_many("DELETE FROM membership WHERE audience = ? AND id = ?", rows)

    def clear(self, audience: str) -> None:
        """Take everybody out."""
        self._state.execute("DELETE FROM membership WHERE audience = ?", [audience])

    def mark(self, audience: str, generation: int, version: str, at_ms: int) -> None:
        """Say which generation of the facts the copy reflects now."""
        self._state.execute(
            "INSERT OR REPLACE INTO audience VALUES (?, ?, ?, ?)", [audience, generation, version, at_ms]
        )

    def erase(self, entities: Iterable[int]) -> int:
        """Drop every membership of these entities; returns how many there were."""
        return sum(
            self._state.execute("DELETE FROM membership WHERE id = ?", [entity]).rowcount
            for entity in entities
        )
