"""Who is called how at a destination, and what differs from what it confirmed. Pure.

People become identifiers here, and nowhere before. One identifier is there once, whoever shares it;
one person is one member, however many identifiers it has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from townsend.activation.contract import UNKNOWN_THERE, Address, Destination, Lookup, Member
from townsend.activation.order import NO_IDENTIFIER, Order
from townsend.store.state_ledger import LedgerRow
from townsend.store.state_outbox import Operation

__all__ = [
    "ASK_AGAIN_MS",
    "NOT_THERE",
    "Called",
    "Differences",
    "Wish",
    "called",
    "differences",
    "unknown_there",
]

NOT_THERE = "the destination does not know them"
SHARED = "consent: no, by somebody who shares their identifiers"
# A refused identifier is tried again when something about it changed here, and after a week anyway,
# since what changed at the far end cannot be seen.
ASK_AGAIN_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Wish:
    """An identifier that should be there: whose it is, and the identity (``namespace:value``) behind it."""

    entity: int
    via: str


@dataclass
class Called:
    """An order in the destination's words.

    Args:
        wishes: every identifier that should be there.
        lookups: what the destination must be asked first, by ``namespace:value``.
        asking: people for whom everything depends on the answers.
        without: people with nothing to call them by, and why.
    """

    wishes: dict[str, Wish] = field(default_factory=dict)
    lookups: dict[str, Lookup] = field(default_factory=dict)
    asking: list[int] = field(default_factory=list)
    without: dict[int, str] = field(default_factory=dict)


@dataclass
class Differences:
    """What must be said.

    Args:
        adds: identifiers to add.
        removes: identifiers to remove.
        there: identifiers wanted and confirmed.
        refused: identifiers wanted that the destination said no to before, when nothing changed since.
        dead: ledger rows that say nothing any more.
    """

    adds: dict[str, Wish] = field(default_factory=dict)
    removes: dict[str, LedgerRow] = field(default_factory=dict)
    there: dict[str, Wish] = field(default_factory=dict)
    refused: dict[str, Operation] = field(default_factory=dict)
    dead: list[LedgerRow] = field(default_factory=list)


def called(
    order: Order,
    destination: Destination,
    known: Mapping[str, Sequence[str]],
    unknown: frozenset[str],
    asked: Collection[str] = (),
) -> Called:
    """Translate an order.

    Args:
        known: answers to look-ups, by ``namespace:value``.
        unknown: identifiers the destination said it does not have.
        asked: look-ups that were made just now: who has no answer to them is not known there.
    """
    found = Called()
    silent = _identifiers(destination.address(one, known, unknown) for one in order.refusing)
    for one, member in sorted(order.members.items()):
        address = destination.address(member, known, unknown)
        open_lookups = [ask for ask in address.lookups if _key(ask) not in asked]
        found.lookups |= {_key(ask): ask for ask in open_lookups}
        usable = {
            name: via
            for name, via in address.identifiers.items()
            if name not in silent and not _is_barred(order, destination, name)
        }
        for name, via in usable.items():
            found.wishes.setdefault(name, Wish(one, via))
        if not usable:
            if open_lookups:
                found.asking.append(one)
            else:
                found.without[one] = _why(address, destination, member)
    return found


def differences(
    wishes: Mapping[str, Wish],
    rows: Mapping[str, LedgerRow],
    refused: Mapping[str, Operation],
    *,
    now_ms: int,
    since_ms: int,
    can_remove: bool,
) -> Differences:
    """Compare what should be there with what is, as far as the destination's answers tell.

    A call without an answer may have been heard or not: while there is doubt, an identifier is treated as
    there where it should not be, and as missing where it should.

    Args:
        wishes: what should be there.
        rows: the ledger.
        refused: what it said no to last.
        now_ms: the present.
        since_ms: since when the list exists there; refusals before that don't count.
        can_remove: whether members can be taken out at all.
    """
    found = Differences()
    for name, wish in wishes.items():
        row = rows.get(name)
        if row is not None and row.confirmed and row.sent is None:
            found.there[name] = wish
        elif _still_refused("add", refused.get(name), row, wish, now_ms, since_ms):
            found.refused[name] = refused[name]
        else:
            found.adds[name] = wish
    for name, row in rows.items():
        if name in wishes:
            continue
        if not row.may_be_there:
            found.dead.append(row)
        elif can_remove and not _still_refused("remove", refused.get(name), row, None, now_ms, since_ms):
            found.removes[name] = row
    return found


def unknown_there(refused: Mapping[str, Operation], now_ms: int) -> frozenset[str]:
    """Identifiers the destination said it does not have, lately."""
    return frozenset(
        name
        for name, one in refused.items()
        if one.code == UNKNOWN_THERE and one.at_ms > now_ms - ASK_AGAIN_MS and one.action == "add"
    )


def _still_refused(
    action: str,
    last: Operation | None,
    row: LedgerRow | None,
    wish: Wish | None,
    now_ms: int,
    since_ms: int,
) -> bool:
    if last is None or last.action != action or row is None:
        # No row: it left the audience and came back, or the list was emptied since.
        return False
    if last.at_ms < since_ms or last.at_ms <= now_ms - ASK_AGAIN_MS:
        return False
    return wish is None or (last.entity == wish.entity and last.via == wish.via)


def _identifiers(addresses: Iterable[Address]) -> frozenset[str]:
    return frozenset(name for address in addresses for name in address.identifiers)


def _is_barred(order: Order, destination: Destination, name: str) -> bool:
    if not order.barred:
        return False
    identity = destination.identity_of(name)
    return identity is not None and identity in order.barred


def _key(lookup: Lookup) -> str:
    return f"{lookup.space}:{lookup.value}"


def _why(address: Address, destination: Destination, member: Member) -> str:
    if address.identifiers:
        return SHARED
    # With nothing known and nothing unknown, would there be a way to call or to ask?
    fresh = destination.address(member, {}, frozenset())
    return NOT_THERE if fresh.identifiers or fresh.lookups else NO_IDENTIFIER
