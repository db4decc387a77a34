"""Taking an erased person out of every list they were delivered to, without remembering who they were.

The removals are operations of their own that outlive the person: they know an identifier of the
destination and nothing else, go out even where deliveries are paused, and are gone without a trace once
they are confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from townsend.activation.contract import Destination
from townsend.activation.operations import nobody_there
from townsend.activation.sending import Budget, Post
from townsend.clock import Clock
from townsend.intake.rules import epoch_ms
from townsend.problem import Problem, Unavailable
from townsend.store.state import State
from townsend.store.state_ledger import LedgerRow
from townsend.store.state_outbox import NewOperation

__all__ = ["Removal", "forget_deliveries", "send_erasures"]


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of the removals from one list; ``waiting`` have no answer yet, ``words`` say why."""

    destination: str
    audience: str
    removed: int
    waiting: int
    words: str | None = None


def forget_deliveries(
    state: State, entities: Iterable[int], identities: Iterable[str], now_ms: int
) -> dict[str, int]:
    """Turn what was delivered about a person into removals, and forget the rest; all in one transaction.

    Args:
        entities: every number by which the person was ever known.
        identities: their identities, ``namespace:value``.

    Returns:
        Counts: ``removals`` stored, ``ledger``, ``operations`` and ``resolutions`` forgotten. Doing it
        again finds nothing.
    """
    numbers, known = sorted(set(entities)), sorted(set(identities))
    with state.transaction():
        rows = {
            (row.destination, row.audience, row.identifier): row
            for row in [*state.ledger.of_entities(numbers), *state.ledger.of_identities(known)]
        }
        operations = state.outbox.of_entities(numbers)
        state.outbox.drop(one.id for one in operations)
        there = [row for row in rows.values() if row.may_be_there]
        for row in there:
            removal = NewOperation(row.identifier, None, None, "remove", erasure=True)
            state.outbox.put(row.destination, row.audience, [removal], now_ms)
        state.ledger.put(replace(row, entity=None, via=None, wanted=False) for row in there)
        gone: list[LedgerRow] = [row for row in rows.values() if row not in there]
        state.ledger.drop(gone)
        answers = state.targets.erase_values(known)
    return {
        "removals": len(there),
        "ledger": len(rows),
        "operations": len(operations),
        "resolutions": answers,
    }


def send_erasures(
    state: State,
    destination: Destination,
    audience: str,
    clock: Clock,
    progress: Callable[[str], None] = lambda _: None,
) -> Removal:
    """Send the removals of erased people from one list; a problem is in the answer, not raised."""
    name = destination.name
    target = state.targets.get(name, audience)
    before = state.outbox.open(name, audience, erasure=True)
    words: str | None = None
    if target is None:
        nobody_there(state, name, audience, None, epoch_ms(clock.now()))
    elif not destination.can.remove:
        words = f"{name} has no removal; take them out there by hand"
    else:
        progress(f"{audience} → {name}: taking out {len(before):,} …")
        post = Post(destination, state, clock, Budget(destination, state, clock))
        try:
            post.settle(target, before)
            post.send(target, state.outbox.open(name, audience, erasure=True))
            words = next(iter(post.refused), None)
        except Unavailable as problem:
            words = problem.text
            if problem.code == "destination.gone":
                # Nobody is in a list that is not there; the next delivery makes it anew.
                nobody_there(state, name, audience, target, epoch_ms(clock.now()))
                words = None
        except Problem as problem:
            words = problem.text
    waiting = len(state.outbox.open(name, audience, erasure=True))
    return Removal(name, audience, len(before) - waiting, waiting, words)
