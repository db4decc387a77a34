"""Merging in plain words: what the records of one entity say of each field, in the order of a merge policy.

The specification of ``pieces``, ``winners`` and ``combine``, which do the same for millions at once; tests
hold them to it. Views take from here who won and who lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from townsend.model import EntityClass
from townsend.profiles.combine import combiner
from townsend.profiles.rules import MergePolicy

__all__ = ["Piece", "Version", "Winner", "merged", "pieces_of"]

# Lower than every rank, as null is first in SQL.
_NEVER = (0,)


@dataclass(frozen=True, eq=False)
class Version:
    """One row of a record.

    Args:
        key: the record's number.
        name: its own key as text.
        source: who said it.
        t: its own time, else when it was accepted, in epoch ms.
        own_ms: its own time, if it has one.
        order: what orders the versions of a record among those of one time.
        patch: it leaves what it does not name as it was.
        says: field to value; an explicit null is None, what is not named is not there.
        spelled: field to its number as it was spelled, where that says more.
        rank: where master data ranks the record (``survivor_rank``), 1 being the first.
    """

    key: int
    name: str
    source: str
    t: int
    own_ms: int | None
    order: tuple[Any, ...]
    patch: bool
    says: Mapping[str, Any]
    rank: int | None = None
    spelled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Piece:
    """A version that still says something; ``ver`` tells those of one record apart, later ones higher."""

    version: Version
    ver: int = 0


@dataclass(frozen=True)
class Winner:
    """What a field is.

    Args:
        value: as facts have it: arrays and maps as JSON text, amounts in their own currency.
        pieces: those that say anything about it, the winner first.
        together: the value is made of all of them.
    """

    value: Any
    pieces: tuple[Piece, ...]
    together: bool = False


def pieces_of(versions: Iterable[Version], as_of_ms: int | None) -> list[Piece]:
    """What the records say at the moment: the current version of each, or what patches add up to."""
    found: list[Piece] = []
    for own in _by_record(versions):
        counting = [one for one in own if _counts(one, as_of_ms)] or own[:1]
        if len(own) == 1 or not any(one.patch for one in counting):
            found.append(Piece(counting[-1]))
            continue
        whole = max((at for at, one in enumerate(own) if one in counting and not one.patch), default=0)
        found += [Piece(one, at) for at, one in enumerate(own, 1) if one in counting and at > whole]
    return found


def merged(
    cls: EntityClass,
    versions: Sequence[Version],
    pieces: Sequence[Piece],
    policy: MergePolicy,
    groups: Iterable[tuple[str, tuple[str, ...]]],
    as_of_ms: int | None,
) -> dict[str, Winner]:
    """Every field that a record says anything about.

    Args:
        versions: all versions of the records.
        pieces: those of them that count.
        groups: fields that win or lose together, under the path they go by in policies.
    """
    found: dict[str, Winner] = {}
    for group, paths in groups:
        saying = [one for one in pieces if any(path in one.version.says for path in paths)]
        if not saying:
            continue
        rule = policy.of(group)
        changed = _changes(versions, pieces, paths, as_of_ms) if rule.by == "changed" else {}
        times = _times(pieces, rule)
        saying.sort(key=lambda one: _rank(one, rule, times[one], changed), reverse=True)
        for path in paths:
            combine = combiner(cls, path)
            if combine is None:
                found[path] = Winner(saying[0].version.says.get(path), tuple(saying))
                continue
            texts = _offers(path, saying)
            value = None if not texts else texts[0] if len(set(texts)) == 1 else combine(texts)
            found[path] = Winner(value, tuple(saying), together=True)
    return found


def _by_record(versions: Iterable[Version]) -> list[list[Version]]:
    """The versions of each record, the oldest first."""
    records: dict[int, list[Version]] = {}
    for one in versions:
        records.setdefault(one.key, []).append(one)
    return [sorted(own, key=lambda one: (one.t, *one.order)) for own in records.values()]


def _counts(version: Version, as_of_ms: int | None) -> bool:
    return as_of_ms is None or (version.own_ms is not None and version.own_ms <= as_of_ms)


def _rank(piece: Piece, rule: MergePolicy, time: int, changed: Mapping[int, int]) -> tuple[Any, ...]:
    """The higher, the better."""
    version = piece.version
    trust = 0
    if rule.order:
        listed = version.source in rule.order
        trust = -(rule.order.index(version.source) if listed else len(rule.order))
    hint = (version.rank is not None, -(version.rank or 0))
    ties = (hint, _Downwards(version.name), piece.ver)
    match rule.by:
        case "time":
            return (time, trust, *ties)
        case "master":
            return (hint, time, trust, *ties[1:])
        case "source":
            return (trust, time, *ties)
        case "changed":
            return (changed[version.key], trust, *ties) if version.key in changed else _NEVER


def _times(pieces: Sequence[Piece], rule: MergePolicy) -> dict[Piece, int]:
    """The time by which each piece is compared with those of other records.

    Of one record a later version never has an earlier time.
    """
    latest: dict[int, int] = {}
    found: dict[Piece, int] = {}
    for piece in sorted(pieces, key=lambda one: one.ver):
        version = piece.version
        path = rule.times.get(version.source, rule.times.get(""))
        said = None if path is None else version.says.get(path)
        time = version.t if said is None else int(said)
        found[piece] = latest[version.key] = max(time, latest.get(version.key, time))
    return found


def _changes(
    versions: Sequence[Version], pieces: Sequence[Piece], paths: tuple[str, ...], as_of_ms: int | None
) -> dict[int, int]:
    """Record to when its value last changed; a whole version that does not name a field has none."""
    current = {id(one.version) for one in pieces}
    found: dict[int, int] = {}
    for own in _by_record(versions):
        before: tuple[Any, ...] | None = None
        for one in own:
            named = any(path in one.says for path in paths)
            if not (_counts(one, as_of_ms) or id(one) in current) or (one.patch and not named):
                continue
            state = tuple(one.says.get(path) for path in paths) if named else ()
            if before is None or state != before:
                found[one.key] = max(one.t, found.get(one.key, one.t))
            before = state
    return found


def _offers(path: str, saying: Sequence[Piece]) -> list[str]:
    """The texts that make a value together, the best last.

    Of several patches of a record the last one counts that names the field; of undeclared fields, which are
    many in one text, each counts.
    """
    upwards = [one for one in reversed(saying) if path in one.version.says]
    if path != "extra":
        last = {one.version.key: one.ver for one in sorted(upwards, key=lambda one: one.ver)}
        upwards = [one for one in upwards if last[one.version.key] == one.ver]
    texts = [one.version.says[path] for one in upwards]
    return [text for text in texts if text is not None]


class _Downwards:
    """A text of which the smaller is the better."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Downwards) and self.text == other.text

    def __lt__(self, other: _Downwards) -> bool:
        return other.text < self.text

    __hash__ = None  # type: ignore[assignment]
