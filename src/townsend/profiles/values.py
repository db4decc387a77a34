"""One entity's merged values with where each comes from, and which others lost.

It ranks the pieces by the same SQL as the unified tables do, so what it says is what was decided there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from townsend.identity import IdentityRules
from townsend.identity.versions import read_versions
from townsend.intake.items import decoder
from townsend.model import EntityClass
from townsend.profiles.build import moment_of
from townsend.profiles.combine import is_combined
from townsend.profiles.entities import member_table
from townsend.profiles.making import Making
from townsend.profiles.pieces import make_pieces
from townsend.profiles.rules import MergePolicy, MoneyRules
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["Said", "Value", "instant", "merged_values", "plain", "shown"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """What one record says about a field.

    Args:
        value: as the record has it; None is an explicit null.
        source: the source that said it.
        key: the record's own key.
        at: when its version is from.
    """

    value: Any
    source: str
    key: str
    at: datetime

    def to_json(self) -> dict[str, Any]:
        return {"value": self.value, "source": self.source, "key": self.key, "at": self.at}


@dataclass(frozen=True)
class Value:
    """A merged value.

    Args:
        value: what the unified view has; amounts in the project's currency.
        winner: whose it is.
        others: what the others say, best first.
        together: the value is made of all of them, such as an array of components.
    """

    value: Any
    winner: Said
    others: tuple[Said, ...]
    together: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "source": self.winner.source,
            "key": self.winner.key,
            "at": self.winner.at,
            "together" if self.together else "lost": [one.to_json() for one in self.others],
        }


def instant(ms: int) -> datetime:
    """Epoch milliseconds as an aware instant."""
    return _EPOCH + timedelta(milliseconds=ms)


def merged_values(
    unified: Unified,
    facts: Facts,
    identity: IdentityRules,
    merge: Mapping[str, MergePolicy],
    cls: EntityClass,
    row: Mapping[str, Any],
    keys: list[int],
    retired: bool,
) -> dict[str, Value]:
    """Field to merged value, in the order of the class's fields; fields nobody names are left out.

    Args:
        row: the entity's row of the unified tables.
        keys: numbers of the records behind it.
        retired: whether they are retired.
    """
    con = facts.con.cursor()
    try:
        moment = moment_of(facts, con, unified.schema, unified.now_ms, unified.as_of_ms)
        making = Making(moment, unified.name, identity, merge, MoneyRules())
        making.versions[cls.name] = read_versions(moment, cls, keys)
        n = np.array(keys, np.int32)
        members = {"n": n, "id": np.full(len(n), row["id"], np.int32), "retired": np.full(len(n), retired)}
        moment.table(member_table(cls.name), members)
        pile = make_pieces(making, making.versions[cls.name], retired)
        ranks = {**pile.ranks, "extra": pile.whole}
        pieces = con.execute(
            f'SELECT p.*, d.value AS "@key", s.* EXCLUDE (key, source) FROM '
            f"(SELECT * FROM {pile.single} UNION ALL BY NAME SELECT * FROM {pile.pile}) p "
            f'JOIN facts.{identifier(cls.name)} s ON s.rowid = p."@r" JOIN facts.number d ON d.n = p.key'
        )
        names = [one[0] for one in pieces.description or ()]
        found = [dict(zip(names, one, strict=True)) for one in pieces.fetchall()]
        groups = [*pile.versions.groups(), ("extra", ("extra",))]
    finally:
        con.close()
    order = {path: place for place, path in enumerate([*cls.shape.names(), "extra"])}
    values: dict[str, Value] = {}
    for group, paths in groups:
        saying = [one for one in found if _says(one, paths)]
        saying.sort(key=lambda one: one[ranks[group]] or 0, reverse=True)
        for path in paths if saying else ():
            said = [
                Said(plain(cls, path, one[path]), one["source"], one["@key"], instant(one["t"]))
                for one in saying
            ]
            together = is_combined(cls, path)
            values[path] = Value(plain(cls, path, row.get(path)), said[0], tuple(said[1:]), together)
    return dict(sorted(values.items(), key=lambda entry: order[entry[0]]))


def _says(piece: Mapping[str, Any], paths: tuple[str, ...]) -> bool:
    nulls = piece.get("nulls") or ()
    return any(piece[path] is not None or path in nulls for path in paths)


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
