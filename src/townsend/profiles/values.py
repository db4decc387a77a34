"""One entity's merged values with where each comes from, and which others lost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from townsend.identity.versions import Versions
from townsend.intake.items import decoder
from townsend.intake.spelled import SPELLED
from townsend.model import EntityClass
from townsend.profiles.reference import Piece, Version, merged, pieces_of
from townsend.profiles.rules import MergePolicy
from townsend.profiles.shelf import Shelves
from townsend.store.facts_schema import RECORD, identifier

__all__ = ["Said", "Value", "instant", "merged_values", "plain", "shown", "spelled_in"]

SHOWN = 100  # characters of a value on a line
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """What one record says about a field.

    Args:
        value: as the record has it; None is an explicit null.
        source: the source that said it.
        key: the record's own key.
        at: when its version is from.
        spelled: a number as it was spelled, where that says more than the value.
    """

    value: Any
    source: str
    key: str
    at: datetime
    spelled: str | None = None

    def to_json(self) -> dict[str, Any]:
        found = {"value": self.value, "source": self.source, "key": self.key, "at": self.at}
        return found if self.spelled is None else {**found, "spelled": self.spelled}

    def __str__(self) -> str:
        spelled = "" if self.spelled is None else f" (as {self.spelled})"
        return f"from {self.source}, {shown(self.at)}{spelled}"


@dataclass(frozen=True)
class Value:
    """A merged value.

    Args:
        value: what the unified view has; amounts in the project's currency.
        winner: whose it is.
        others: what the others say, best first.
        together: the value is made of all of them, such as an array of components.
        under: other merge policies to what would win by them, where that is not the same.
    """

    value: Any
    winner: Said
    others: tuple[Said, ...]
    together: bool = False
    under: Mapping[str, Said] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        found = {
            "value": self.value,
            "source": self.winner.source,
            "key": self.winner.key,
            "at": self.winner.at,
            **({} if self.winner.spelled is None else {"spelled": self.winner.spelled}),
            "together" if self.together else "lost": [one.to_json() for one in self.others],
        }
        if self.under:
            found["under"] = {policy: one.to_json() for policy, one in self.under.items()}
        return found

    def lines(self, path: str) -> list[str]:
        """For a terminal: who agrees with the winner stands beside it, everybody else below."""
        same = [one.source for one in self.others if one.value == self.winner.value and not self.together]
        also = f" (so say {', '.join(dict.fromkeys(same))})" if same else ""
        found = [f"  {path} = {_short(self.value)}  {self.winner}{also}"]
        word = "with" if self.together else "not"
        said = [(word, one) for one in self.others if self.together or one.value != self.winner.value]
        said += [
            (f"under {name}:", one) for name, one in self.under.items() if one.value != self.winner.value
        ]
        return found + [f"      {how} {_short(one.value)}  {one}" for how, one in said]


def _short(value: Any) -> str:
    """A value on a line, cut off where it is long; the JSON form has all of it."""
    text = shown(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def instant(ms: int) -> datetime:
    """Epoch milliseconds as an aware instant."""
    return _EPOCH + timedelta(milliseconds=ms)


def merged_values(
    shelves: Shelves,
    cls: EntityClass,
    row: Mapping[str, Any],
    names: Mapping[int, str],
    policies: Mapping[str | None, MergePolicy],
    policy: str | None,
    as_of_ms: int | None,
    ranks: Mapping[int, int],
) -> dict[str, Value]:
    """Field to merged value, in the order of the class's fields; fields nobody names are left out.

    Args:
        row: the entity's row of the unified tables.
        names: numbers of the records behind it, to their own keys.
        policies: merge policies of the class by name …
        policy: … and the name of the one that the row was made by.
        as_of_ms: the instant by which versions are chosen; None for the newest.
        ranks: number to where master data ranks the record, if it does.
    """
    table = f"facts.{identifier(cls.name)}"
    columns = set(shelves.columns(table))
    declared = frozenset(columns & set(cls.shape.names()) - set(RECORD))
    groups = [*Versions(cls, declared, frozenset(), False, False, 0).groups(), ("extra", ("extra",))]
    versions = [
        _version(one, names, [*declared, "extra"], ranks) for one in shelves.rows(table, "key", sorted(names))
    ]
    pieces = pieces_of(versions, as_of_ms)
    found = merged(cls, versions, pieces, policies[policy], groups, as_of_ms)
    others = {
        name: merged(cls, versions, pieces, other, groups, as_of_ms)
        for name, other in policies.items()
        if name is not None and name != policy and len(pieces) > 1
    }
    values: dict[str, Value] = {}
    for path in [one for one in [*cls.shape.names(), "extra"] if one in found]:
        winner, *rest = _said(cls, path, found[path].pieces)
        under = {}
        for name, other in others.items():
            first = _said(cls, path, other[path].pieces[:1])[0]
            if not other[path].together and first != winner:
                under[name] = first
        value = plain(cls, path, row.get(path))
        values[path] = Value(value, winner, tuple(rest), found[path].together, under)
    return values


def _version(
    row: Mapping[str, Any], names: Mapping[int, str], paths: Sequence[str], ranks: Mapping[int, int]
) -> Version:
    says = {path: row[path] for path in paths if row[path] is not None}
    says |= {path: None for path in row["nulls"] or () if path in paths}
    return Version(
        key=row["key"],
        name=names[row["key"]],
        source=row["source"],
        t=row["accepted_ms"] if row["own_ms"] is None else row["own_ms"],
        own_ms=row["own_ms"],
        order=(row["accepted_ms"], row["hash"], row["source"]),
        patch=bool(row["patch"]),
        says=says,
        rank=ranks.get(row["key"]),
        spelled=spelled_in(row),
    )


def spelled_in(row: Mapping[str, Any]) -> Mapping[str, str]:
    """Field to its number as it was spelled, for those of a row of facts that say more so."""
    text = row.get(SPELLED)
    return decoder.decode(text) if text else {}


def _said(cls: EntityClass, path: str, pieces: Sequence[Piece]) -> list[Said]:
    return [
        Said(
            plain(cls, path, one.version.says.get(path)),
            one.version.source,
            one.version.name,
            instant(one.version.t),
            one.version.spelled.get(path),
        )
        for one in pieces
    ]


def plain(cls: EntityClass, path: str, value: Any) -> Any:
    """A value as it is shown: instants and days as such, whole numbers without places, JSON read."""
    if value is None:
        return None
    leaf = cls.shape.leaves.get(path)
    if leaf is None:
        return decoder.decode(value) if isinstance(value, str) else value
    if leaf.type == "datetime":
        return instant(value)
    if leaf.type == "date":
        return _day(value)
    return value


def _day(ms: int) -> str:
    return date.isoformat((_EPOCH + timedelta(milliseconds=ms)).date())


def shown(value: Any) -> str:
    """A value on a line for people."""
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return "null" if value is None else str(value)
