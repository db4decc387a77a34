"""What events and master data say, written into what is known, and values that join too many records.

Call these after the records are settled, in the order in which they stand here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from townsend.identity.links import pairs_met
from townsend.identity.live.changes import Claim, Met
from townsend.identity.live.known import NEVER, Texts
from townsend.identity.live.taking import Taking

__all__ = ["acts", "claim", "meet", "pair", "settle_crowds", "settle_golden"]


def meet(taking: Taking, event: Met) -> None:
    """An event that is new: what it brings together. It is no earlier than the last one up to now."""
    known = taking.known
    for first, second in pairs_met(event.named):
        if not (first in known.blocked or second in known.blocked):
            before = known.met.of(first).get(second)
            if before is None or before < event.at_ms:
                pair(taking, first, second, event.at_ms)


def acts(taking: Taking, who: int, since_ms: int | None) -> None:
    """Since when events belong to a number; None for never."""
    if who not in taking.known.blocked:
        taking.known.since[who] = NEVER if since_ms is None else since_ms
        taking.dirty.add(who)


def pair(taking: Taking, first: int, second: int, at_ms: int | None) -> None:
    """When two numbers were met in one event last; None for never."""
    known = taking.known
    was, now = second in known.met.of(first), at_ms is not None
    known.met.put(first, second, at_ms)
    taking.dirty |= {first, second}
    if was == now:
        return
    for key, other in ((first, second), (second, first)):
        if known.is_joining(key) and other not in known.named.of(key):
            taking.weigh((other,), 1 if now else -1)
    if now:
        taking.met.append((first, second))
    else:
        taking.cut.add((first, second))


def settle_crowds(taking: Taking) -> None:
    """Values that join too many records now lose their links; those that no longer do get them back."""
    known = taking.known
    for value, was in taking.crowded.items():
        if was == known.is_crowded(value):
            continue
        owners, met = known.owners.of(value), known.met.of(value)
        taking.dirty |= {value, *owners, *met}
        for owner in owners:
            # Among what one record names, the rule for records that name very many may turn as well.
            taking.dirty.update(known.named.of(owner))
        if was:
            taking.named += [(owner, value) for owner in owners]
            taking.met += [(value, other) for other in met]
        else:
            taking.cut |= {(owner, value) for owner in owners} | {(value, other) for other in met}


def claim(taking: Taking, key: int, claims: Sequence[Claim], now_ms: int) -> set[str]:
    """What master data says of a key; gives the golden records whose keys are others now."""
    known = taking.known
    if claims:
        known.claims[key] = tuple(claims)
    else:
        known.claims.pop(key, None)
    holding = [one for one in claims if one.holds(now_ms)]
    goldens = {one.golden for one in holding}
    now = None
    if len(goldens) == 1:
        now = (goldens.pop(), max(one.seen_ms for one in holding))
    before = known.golden.get(key)
    if before == now:
        return set()
    taking.dirty.add(key)
    if before is not None:
        del known.golden[key]
        known.groups[before[0]].discard(key)
    if now is not None:
        known.golden[key] = now
        known.groups.setdefault(now[0], set()).add(key)
    return {said[0] for said in (before, now) if said is not None}


def settle_golden(taking: Taking, changed: Iterable[str], texts: Texts) -> None:
    """Link the keys of golden records to the first of them, leaving out those that only retired ones hold."""
    known = taking.known
    moved = {known.golden[one][0] for one in taking.dirty if one in known.golden} | set(changed)
    for golden in moved:
        keys = [key for key in known.groups.get(golden, ()) if not known.is_gone(key)]
        star: tuple[int, frozenset[int]] | None = None
        if len(keys) > 1:
            found = texts(keys)
            first = min(keys, key=lambda key: found[key][1])
            star = (first, frozenset(keys) - {first})
        _shine(taking, golden, star)


def _shine(taking: Taking, golden: str, star: tuple[int, frozenset[int]] | None) -> None:
    known = taking.known
    before = known.stars.pop(golden, None)
    if star is not None:
        known.stars[golden] = star
        taking.dirty |= {star[0], *star[1]}
    if before is not None:
        taking.dirty |= {before[0], *before[1]}
    if before != star:
        taking.cut |= {(before[0], key) for key in before[1]} if before else set()
        taking.fresh += [(star[0], key) for key in star[1]] if star else []
