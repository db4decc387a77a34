"""From differences to stored operations: what is decided is on disk before anything is sent.

An operation that is not wanted any more gives way; one that is keeps its number, however often the
delivery is begun again. Removals of erased people never give way, except to somebody else's addition.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from townsend.activation.compare import Differences, Wish
from townsend.activation.contract import Target
from townsend.store.state import State
from townsend.store.state_ledger import LedgerRow
from townsend.store.state_outbox import NewOperation, Operation

__all__ = ["confirm", "nobody_there", "store_operations", "take_back"]


def store_operations(state: State, destination: str, audience: str, found: Differences, now_ms: int) -> None:
    """Store what must be said, in one transaction with the ledger's wishes."""
    rows = state.ledger.of(destination, audience)
    new = [NewOperation(name, row.entity, row.via, "remove") for name, row in sorted(found.removes.items())]
    new += [NewOperation(name, wish.entity, wish.via, "add") for name, wish in found.adds.items()]
    meant = {"add": found.adds.keys(), "remove": found.removes.keys()}
    with state.transaction():
        stale = [
            one
            for one in state.outbox.open(destination, audience)
            if not one.erasure and one.identifier not in meant[one.action]
        ]
        state.outbox.give_way(stale, now_ms)
        state.outbox.put(destination, audience, new, now_ms)
        wishes = {**found.adds, **found.there}
        state.ledger.put(
            _wished(destination, audience, name, wish, rows.get(name), now_ms)
            for name, wish in wishes.items()
            if not _says(rows.get(name), wish)
        )
        state.ledger.put(replace(row, wanted=False) for row in found.removes.values() if row.wanted)
        state.ledger.drop(found.dead)


def confirm(state: State, operations: Iterable[Operation], now_ms: int) -> None:
    """The destination has it so. Call it in a transaction. Of an erased person nothing is kept."""
    done = list(operations)
    for place, ones in _by_place(done).items():
        added = [one.identifier for one in ones if one.action == "add"]
        state.ledger.confirm(*place, added, now_ms)
        state.ledger.forget(*place, (one.identifier for one in ones if one.action == "remove"))
    state.outbox.answered(((one.id, "confirmed", None, None) for one in done if not one.erasure), now_ms)
    state.outbox.drop(one.id for one in done if one.erasure)


def take_back(state: State, operations: Iterable[Operation], now_ms: int) -> None:
    """These are not sent after all: what they would have added is not wanted."""
    gone = list(operations)
    with state.transaction():
        state.outbox.give_way(gone, now_ms)
        for place, ones in _by_place(gone).items():
            state.ledger.give_up(*place, (one.identifier for one in ones))


def nobody_there(state: State, destination: str, audience: str, target: Target | None, now_ms: int) -> None:
    """The list is gone at the far end: nobody is in it, and what was on its way has no place to go.

    Args:
        target: what stands for the audience instead; None if nothing does any more.
    """
    with state.transaction():
        open_ones = state.outbox.open(destination, audience)
        state.outbox.give_way((one for one in open_ones if not one.erasure), now_ms)
        confirm(state, (one for one in open_ones if one.erasure), now_ms)
        state.ledger.reset(destination, audience, now_ms)
        if target is None:
            state.targets.forget(destination, audience)
        else:
            state.targets.put(destination, audience, target)


def _says(row: LedgerRow | None, wish: Wish) -> bool:
    return row is not None and row.wanted and row.entity == wish.entity and row.via == wish.via


def _wished(
    destination: str, audience: str, name: str, wish: Wish, row: LedgerRow | None, now_ms: int
) -> LedgerRow:
    if row is None:
        return LedgerRow(destination, audience, name, wish.entity, wish.via, True, None, False, now_ms)
    return replace(row, entity=wish.entity, via=wish.via, wanted=True)


def _by_place(operations: Iterable[Operation]) -> dict[tuple[str, str], list[Operation]]:
    found: dict[tuple[str, str], list[Operation]] = {}
    for one in operations:
        found.setdefault((one.destination, one.audience), []).append(one)
    return found
