"""What each destination was told and has confirmed, per audience and identifier.

An identifier is what the destination calls a member: a lead id, a hash. ``confirmed`` is the last thing the
destination said yes to; ``sent`` is set while an answer is outstanding. One person may have several
identifiers, and two persons may share one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from townsend.store.state import State

__all__ = ["Ledger", "LedgerRow"]

_COLUMNS = "destination, audience, identifier, entity, via, wanted, sent, confirmed, at_ms"


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One identifier at one destination for one audience.

    Args:
        entity: the person it was sent for, None if found there and not known.
        via: the identity it came from, ``namespace:value``.
        wanted: whether it should be there.
        sent: the action without an answer yet: ``add``, ``remove`` or None.
        confirmed: whether the destination said it is there.
    """

    destination: str
    audience: str
    identifier: str
    entity: int | None
    via: str | None
    wanted: bool
    sent: str | None
    confirmed: bool
    at_ms: int

    @property
    def may_be_there(self) -> bool:
        """Whether it is there for all we know: confirmed, or told something that was not answered."""
        return self.confirmed or self.sent is not None


class Ledger:
    """The table. Call what writes inside ``state.transaction()``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def of(self, destination: str, audience: str) -> dict[str, LedgerRow]:
        """Every row of one activation, by identifier."""
        found = self._state.rows(
            f"SELECT {_COLUMNS} FROM ledger WHERE destination = ? AND audience = ?", [destination, audience]
        )
        return {row[2]: _row(row) for row in found}

    def of_entities(self, entities: Iterable[int]) -> list[LedgerRow]:
        """Every row sent for these entities."""
        found = []
        for entity in entities:
            found += self._state.rows(f"SELECT {_COLUMNS} FROM ledger WHERE entity = ?", [entity])
        return [_row(row) for row in found]

    def of_identities(self, via: Iterable[str]) -> list[LedgerRow]:
        """Every row whose identifier came from one of these identities (``namespace:value``)."""
        found = []
        for one in via:
            found += self._state.rows(f"SELECT {_COLUMNS} FROM ledger WHERE via = ?", [one])
        return [_row(row) for row in found]

    def activations(self) -> list[tuple[str, str]]:
        """Every (destination, audience) with something there or on its way."""
        found = self._state.rows(
            "SELECT DISTINCT destination, audience FROM ledger "
            "WHERE confirmed OR sent IS NOT NULL ORDER BY 1, 2"
        )
        return [(str(destination), str(audience)) for destination, audience in found]

    def put(self, rows: Iterable[LedgerRow]) -> None:
        """Write rows whole."""
        self._state.execute_many(
            "INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    r.destination,
                    r.audience,
                    r.identifier,
                    r.entity,
                    r.via,
                    r.wanted,
                    r.sent,
                    r.confirmed,
                    r.at_ms,
                )
                for r in rows
            ],
        )

    def sent(
        self, destination: str, audience: str, identifiers: Iterable[str], action: str | None, at_ms: int
    ) -> None:
        """These were told so and have not answered yet; None: nothing is outstanding."""
        self._state.execute_many(
            "UPDATE ledger SET sent = ?, at_ms = ? WHERE destination = ? AND audience = ? AND identifier = ?",
            [(action, at_ms, destination, audience, one) for one in identifiers],
        )

    def doubtful(self, destination: str, audience: str) -> set[str]:
        """Identifiers that were told something and have not answered: there or not, nobody knows."""
        found = self._state.rows(
            "SELECT identifier FROM ledger WHERE destination = ? AND audience = ? AND sent IS NOT NULL",
            [destination, audience],
        )
        return {str(one) for (one,) in found}

    def confirm(self, destination: str, audience: str, identifiers: Iterable[str], at_ms: int) -> None:
        """The destination said that these are there."""
        self._state.execute_many(
            "UPDATE ledger SET sent = NULL, confirmed = 1, at_ms = ? "
            "WHERE destination = ? AND audience = ? AND identifier = ?",
            [(at_ms, destination, audience, one) for one in identifiers],
        )

    def forget(self, destination: str, audience: str, identifiers: Iterable[str]) -> None:
        """These are not there, and nothing more is to be said of them."""
        self._state.execute_many(
            "DELETE FROM ledger WHERE destination = ? AND audience = ? AND identifier = ?",
            [(destination, audience, one) for one in identifiers],
        )

    def give_up(self, destination: str, audience: str, identifiers: Iterable[str]) -> None:
        """These are not wanted after all; what is not there and was not sent is forgotten."""
        self._state.execute_many(
            "DELETE FROM ledger WHERE destination = ? AND audience = ? AND identifier = ? "
            "AND NOT confirmed AND sent IS NULL",
            [(destination, audience, one) for one in identifiers],
        )

    def drop(self, rows: Iterable[LedgerRow]) -> None:
        """Forget rows."""
        self._state.execute_many(
            "DELETE FROM ledger WHERE destination = ? AND audience = ? AND identifier = ?",
            [(row.destination, row.audience, row.identifier) for row in rows],
        )

    def reset(self, destination: str, audience: str, at_ms: int) -> int:
        """Nothing is there any more: the list is gone at the far end. Returns how many were."""
        return self._state.execute(
            "UPDATE ledger SET confirmed = 0, sent = NULL, at_ms = ? "
            "WHERE destination = ? AND audience = ? AND (confirmed OR sent IS NOT NULL)",
            [at_ms, destination, audience],
        ).rowcount


def _row(row: tuple[str, str, str, int | None, str | None, int, str | None, int, int]) -> LedgerRow:
    destination, audience, identifier, entity, via, wanted, sent, confirmed, at_ms = row
    return LedgerRow(
        destination, audience, identifier, entity, via, bool(wanted), sent, bool(confirmed), at_ms
    )
