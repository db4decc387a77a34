"""Operations: their ids are made and stored before anything is sent.

An operation is open while ``pending`` (not sent) or ``sent`` (no answer yet); an open one outlives a crash
and is taken up again. Closed ones are the history: ``confirmed``, ``refused`` with the destination's own
words, or ``superseded`` by a change of mind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from townsend.store.state import State

__all__ = ["Action", "NewOperation", "Operation", "Outbox", "Status"]

Action = Literal["add", "remove"]
Status = Literal["pending", "sent", "confirmed", "refused", "superseded"]

_COLUMNS = (
    "id, destination, audience, identifier, entity, via, action, status, attempts, code, words, erasure, "
    "created_ms, at_ms"
)


@dataclass(frozen=True, slots=True)
class NewOperation:
    """An identifier to be added or removed."""

    identifier: str
    entity: int | None
    via: str | None
    action: Action
    erasure: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A stored operation; ``code`` and ``words`` are what the destination said."""

    id: int
    destination: str
    audience: str
    identifier: str
    entity: int | None
    via: str | None
    action: Action
    status: Status
    attempts: int
    code: str | None
    words: str | None
    erasure: bool
    created_ms: int
    at_ms: int


class Outbox:
    """The table of operations. Call what writes inside ``state.transaction()``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def open(
        self, destination: str, audience: str | None = None, *, erasure: bool = False
    ) -> list[Operation]:
        """Operations without an answer, oldest first; with ``erasure`` only those of erased people."""
        sql = f"SELECT {_COLUMNS} FROM operation WHERE destination = ? AND status IN ('pending', 'sent')"
        parameters: list[object] = [destination]
        if audience is not None:
            sql += " AND audience = ?"
            parameters.append(audience)
        if erasure:
            sql += " AND erasure"
        return [_operation(row) for row in self._state.rows(sql + " ORDER BY id", parameters)]

    def count_open(self, *, erasure: bool = False) -> int:
        """How many operations have no answer yet, over all destinations."""
        found = self._state.one(
            "SELECT count(*) FROM operation WHERE status IN ('pending', 'sent')"
            + (" AND erasure" if erasure else "")
        )
        return int(found[0]) if found else 0

    def waiting(self) -> list[tuple[str, str]]:
        """Every (destination, audience) that has an open operation."""
        found = self._state.rows(
            "SELECT DISTINCT destination, audience FROM operation "
            "WHERE status IN ('pending', 'sent') ORDER BY 1, 2"
        )
        return [(str(destination), str(audience)) for destination, audience in found]

    def erasures(self) -> list[tuple[str, str]]:
        """Every (destination, audience) from which somebody erased has to be removed."""
        found = self._state.rows(
            "SELECT DISTINCT destination, audience FROM operation "
            "WHERE erasure AND status IN ('pending', 'sent') ORDER BY 1, 2"
        )
        return [(str(destination), str(audience)) for destination, audience in found]

    def refused(self, destination: str, audience: str) -> dict[str, Operation]:
        """The last refused operation of each identifier of an activation, unless something followed it."""
        found = self._state.rows(
            f"SELECT {_COLUMNS} FROM operation WHERE id IN (SELECT max(id) FROM operation "
            "WHERE destination = ? AND audience = ? GROUP BY identifier) AND status = 'refused'",
            [destination, audience],
        )
        return {row[3]: _operation(row) for row in found}

    def of_entities(self, entities: Iterable[int]) -> list[Operation]:
        """Every operation ever made for these entities, oldest first."""
        found = []
        for entity in entities:
            found += self._state.rows(f"SELECT {_COLUMNS} FROM operation WHERE entity = ?", [entity])
        return sorted(map(_operation, found), key=lambda one: one.id)

    def put(self, destination: str, audience: str, wanted: Iterable[NewOperation], at_ms: int) -> None:
        """Store operations; an open one for the same identifier gives way, unless it says the same."""
        there = {one.identifier: one for one in self.open(destination, audience)}
        new = []
        stale = []
        for one in wanted:
            old = there.get(one.identifier)
            if old is not None and old.action == one.action:
                continue
            if old is not None:
                stale.append(old)
            new.append(one)
        self.give_way(stale, at_ms)
        self._state.execute_many(
            "INSERT INTO operation (destination, audience, identifier, entity, via, action, status, erasure, "
            "created_ms, at_ms) VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?)",
            [
                (
                    destination,
                    audience,
                    one.identifier,
                    one.entity,
                    one.via,
                    one.action,
                    one.erasure,
                    at_ms,
                    at_ms,
                )
                for one in new
            ],
        )

    def give_way(self, operations: Iterable[Operation], at_ms: int) -> None:
        """Close open operations that are not wanted any more; what was never sent leaves no trace."""
        sent = [one for one in operations if one.attempts]
        unsent = [(one.id,) for one in operations if not one.attempts]
        self._state.execute_many("DELETE FROM operation WHERE id = ?", unsent)
        self._state.execute_many(
            "UPDATE operation SET status = 'superseded', at_ms = ? WHERE id = ?",
            [(at_ms, one.id) for one in sent],
        )

    def sending(self, ids: Iterable[int], at_ms: int) -> None:
        """These go out now."""
        self._state.execute_many(
            "UPDATE operation SET status = 'sent', attempts = attempts + 1, at_ms = ? WHERE id = ?",
            [(at_ms, one) for one in ids],
        )

    def answered(self, outcomes: Iterable[tuple[int, Status, str | None, str | None]], at_ms: int) -> None:
        """What the destination said: (operation id, status, code, words) each."""
        self._state.execute_many(
            "UPDATE operation SET status = ?, code = ?, words = ?, at_ms = ? WHERE id = ?",
            [(status, code, words, at_ms, one) for one, status, code, words in outcomes],
        )

    def drop(self, ids: Iterable[int]) -> None:
        """Forget operations."""
        self._state.execute_many("DELETE FROM operation WHERE id = ?", [(one,) for one in ids])


def _operation(row: tuple[object, ...]) -> Operation:
    values = list(row)
    values[11] = bool(values[11])
    return Operation(*values)  # type: ignore[arg-type]
