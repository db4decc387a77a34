"""Does the destination still hold what it confirmed? Where it can be read back, we look and mend.

A short list is read at every delivery, a long one once a day.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from townsend.activation.contract import Destination, Target
from townsend.activation.order import Order
from townsend.store.state import State
from townsend.store.state_ledger import LedgerRow

__all__ = ["CHECK_EVERY_MS", "SHORT_LIST", "Drift", "check_due", "read_back"]

CHECK_EVERY_MS = 86_400_000
SHORT_LIST = 1_000


@dataclass(frozen=True, slots=True)
class Drift:
    """Identifiers that were confirmed and are missing, and such as are there unasked."""

    missing: int = 0
    strangers: int = 0

    def flags(self) -> list[str]:
        """What a person should know of it."""
        found = []
        if self.missing:
            found.append(f"{self.missing:,} confirmed members were missing there; they are added again")
        if self.strangers:
            found.append(f"{self.strangers:,} were there that nobody asked for; they are taken out")
        return found


def check_due(order: Order, destination: Destination, state: State, now_ms: int) -> bool:
    """Whether it is time to look at the destination, even if there is nothing to say."""
    checked = state.targets.checked_ms(destination.name, order.audience)
    if checked is None or now_ms - checked >= CHECK_EVERY_MS:
        return True
    if not destination.can.read_back:
        return False
    rows = state.ledger.of(destination.name, order.audience).values()
    return sum(row.confirmed for row in rows) <= SHORT_LIST


def read_back(
    order: Order,
    destination: Destination,
    state: State,
    target: Target,
    wished: Collection[str],
    now_ms: int,
) -> Drift:
    """Bring the ledger in line with what is there; the next comparison says what to do about it.

    In a list that others made, members nobody asked us for are theirs, and stay.

    Args:
        wished: identifiers that should be there.

    Raises:
        Unavailable: not reached; ``destination.gone``.
    """
    found = set(destination.read_back(target))
    rows = state.ledger.of(destination.name, order.audience)
    missing = [row for name, row in rows.items() if row.confirmed and name not in found]
    doubtful = [row for row in rows.values() if row.sent is not None and row not in missing]
    strangers = sorted(found - rows.keys()) if target.ours else []
    with state.transaction():
        state.ledger.put(_told(row, confirmed=False, now_ms=now_ms) for row in missing)
        state.ledger.put(_told(row, confirmed=row.identifier in found, now_ms=now_ms) for row in doubtful)
        state.ledger.put(
            LedgerRow(
                destination.name,
                order.audience,
                name,
                None,
                None,
                False,
                None,
                True,
                now_ms,
            )
            for name in strangers
        )
        state.targets.checked(destination.name, order.audience, now_ms)
    return Drift(sum(row.wanted for row in missing), sum(name not in wished for name in strangers))


def _told(row: LedgerRow, *, confirmed: bool, now_ms: int) -> LedgerRow:
    return LedgerRow(
        row.destination,
        row.audience,
        row.identifier,
        row.entity,
        row.via,
        row.wanted,
        None,
        confirmed,
        now_ms,
    )
