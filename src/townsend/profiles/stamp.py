"""Whether a unified world still holds: the rules as a fingerprint, and the remark a world carries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import duckdb

from townsend.identity import IdentityRules
from townsend.model import Schema
from townsend.profiles.making import Making
from townsend.profiles.report import Report
from townsend.profiles.rules import MergePolicy, MoneyRules
from townsend.profiles.since import Extent, extent

__all__ = ["Stamp", "fingerprint", "read_stamp", "write_stamp"]

# Grows when the same facts and rules give other tables than before.
MAKE = 4
# Schemas as they are written down: every question asks for the fingerprint, and a schema has many fields.
_written: dict[int, tuple[Schema, Any]] = {}
_SCHEMAS_MAX = 8


@dataclass(frozen=True)
class Stamp:
    """What a world was made of, and for which instants it holds.

    Args:
        revision: of the facts.
        rules: fingerprint of everything else but the instant.
        since_ms: the first instant it holds for; None is open …
        until_ms: … and the first it does not hold for any more.
        as_of_ms: the instant by which versions were chosen; None for the newest.
        extent: how far the facts went.
    """

    revision: int
    rules: str
    since_ms: int | None
    until_ms: int | None
    as_of_ms: int | None = None
    extent: Extent | None = field(default=None, compare=False)

    def fits(self, revision: int, rules: str, now_ms: int, as_of_ms: int | None) -> bool:
        """Whether the world is the one for that question."""
        return self.revision == revision and self.could_fit(rules, now_ms, as_of_ms)

    def could_fit(self, rules: str, now_ms: int, as_of_ms: int | None) -> bool:
        """Whether only what came since keeps the world from being the one for that question."""
        same = (self.rules, self.as_of_ms) == (rules, as_of_ms)
        begun = self.since_ms is None or self.since_ms <= now_ms
        return same and begun and (self.until_ms is None or now_ms < self.until_ms)

    def is_past(self, revision: int, rules: str, now_ms: int) -> bool:
        """Whether only the instant is wrong, being earlier than the world's."""
        same = (self.revision, self.rules) == (revision, rules)
        return same and self.since_ms is not None and now_ms < self.since_ms


def fingerprint(
    schema: Schema, identity: IdentityRules, merge: Mapping[str, MergePolicy], money: MoneyRules
) -> str:
    """A text that differs if any rule or declared field does; the same in every process."""
    rules = map(_plain, (identity, merge, money))
    written = json.dumps([MAKE, _plain_schema(schema), *rules], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _plain_schema(schema: Schema) -> Any:
    known = _written.get(id(schema))
    if known is None:
        if len(_written) >= _SCHEMAS_MAX:
            _written.clear()
        # The schema is kept too, so that nothing else can get its id.
        known = _written[id(schema)] = (schema, _plain(schema))
    return known[1]


def _plain(value: Any) -> Any:
    """A value as JSON has it; sets sorted, since their own order differs between processes."""
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(_plain(getattr(value, one.name)) for one in fields(value))]
    if isinstance(value, Mapping):
        return sorted([json.dumps(_plain(key)), _plain(inner)] for key, inner in value.items())
    if isinstance(value, Set):
        return sorted(json.dumps(_plain(one)) for one in value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def write_stamp(making: Making, revision: int, rules: str) -> Stamp:
    """Put the remark into the world: in the transaction that makes it, or it is not there."""
    bounds, moment = making.bounds, making.moment
    reached = extent(moment.con, moment.columns)
    stamp = Stamp(revision, rules, bounds.since_ms, bounds.until_ms, moment.as_of_ms, reached)
    moment.run(
        f"CREATE OR REPLACE TABLE {making.table('made')} AS SELECT CAST($revision AS BIGINT) AS revision, "
        "$rules AS rules, CAST($since AS BIGINT) AS since_ms, CAST($until AS BIGINT) AS until_ms, "
        "$report AS report, $extent AS extent",
        {
            "revision": revision,
            "rules": rules,
            "since": stamp.since_ms,
            "until": stamp.until_ms,
            "report": json.dumps(making.report.to_json()),
            "extent": json.dumps(reached.to_json()),
        },
    )
    return stamp


def read_stamp(con: duckdb.DuckDBPyConnection, name: str) -> tuple[Stamp, Report] | None:
    """The remark of a stored world and what was reported; None if there is no world."""
    try:
        found = con.execute(
            f"SELECT revision, rules, since_ms, until_ms, report, extent FROM {name}.made"
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        # There is no world, or one that an older version made.
        return None
    if not found:
        return None
    revision, rules, since_ms, until_ms, report, reached = found[0]
    stamp = Stamp(revision, rules, since_ms, until_ms, extent=Extent.from_json(json.loads(reached)))
    return stamp, Report.from_json(json.loads(report))
