"""Master data: which cross-reference rows are active, and which records they call one.

A row says that a record of some system is a golden record, from when to when. Rows are versions: of
each row key the newest counts. A record claimed by two golden records at one instant is linked by
neither, and reported.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from townsend.identity.keys import candidates
from townsend.identity.moment import Ints, Moment
from townsend.identity.rules import IdentityRules

__all__ = ["Golden", "XrefReport", "read_golden"]

ACTIVE = frozenset({"", "active", "a", "1", "current", "valid", "approved", "confirmed", "true", "y", "yes"})
WITHDRAWN = frozenset(
    {
        "inactive",
        "i",
        "deleted",
        "d",
        "-1",
        "retired",
        "withdrawn",
        "expired",
        "ended",
        "rejected",
        "false",
        "n",
        "no",
    }
    | {"pending", "p", "0", "draft", "proposed", "superseded", "merged", "obsolete"}
)
_NOBODY = frozenset({"", "null", "none", "nan", "n/a", "unknown"})

_NEWEST = """
CREATE OR REPLACE TEMP TABLE xref_row AS
WITH taken AS (
    SELECT *, lower(trim(entity_type)) AS class, trim(golden_id) AS golden,
           lower(trim(coalesce(status, ''))) AS state, coalesce(updated_ms, accepted_ms) AS seen_ms
    FROM facts.account_xref),
latest AS (
    SELECT source, class, max(take) AS take FROM taken WHERE snapshot GROUP BY ALL),
emptied AS (
    -- A snapshot without rows withdraws everything that its source said before.
    SELECT source, max(id) AS take FROM facts.take WHERE class = 'account_xref' AND rows = 0 GROUP BY source)
SELECT row_number() OVER () AS i, class, golden, source_system, source_instance, source_key,
       valid_from_ms, valid_to_ms, state, match_confidence, match_rule, survivor_rank, seen_ms, source
FROM taken
WHERE NOT coalesce(snapshot, false) OR (
    take = (SELECT l.take FROM latest l WHERE l.source = taken.source AND l.class = taken.class)
    AND take >= coalesce((SELECT e.take FROM emptied e WHERE e.source = taken.source), take))
QUALIFY row_number() OVER (
    PARTITION BY class, lower(trim(source_system)), lower(trim(source_instance)), trim(source_key), golden,
                 valid_from_ms
    ORDER BY {order}, accepted_ms DESC, hash DESC) = 1
"""
_ACTIVE = """
SELECT i, class, coalesce(source_system, ''), coalesce(source_instance, ''), coalesce(source_key, '')
FROM xref_row
WHERE state IN (SELECT unnest($active)) AND lower(golden) NOT IN (SELECT unnest($nobody))
  AND coalesce(valid_from_ms <= $now, true) AND coalesce($now < valid_to_ms, true)
  AND coalesce(match_confidence >= $least, true)
"""


@dataclass
class XrefReport:
    """What master data says that can't be followed."""

    conflicts: list[tuple[str, str, list[str]]] = field(default_factory=list)  # class, key, golden ids
    statuses: dict[str, int] = field(default_factory=dict)  # words not understood, rows
    classes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Golden:
    """The members of golden records of one class, those of one together, smallest key text first.

    Args:
        group: which golden record, as an index.
        n: number of the member's key.
        seen_ms: when master data said so last.
        names: golden ids by index.
    """

    group: Ints
    n: Ints
    seen_ms: Ints
    names: tuple[str, ...]


def read_golden(moment: Moment, rules: IdentityRules) -> tuple[dict[str, Golden], XrefReport]:
    """The golden records active at the moment, per class."""
    report = XrefReport()
    _choose(moment)
    _remark(moment, report)
    rows = moment.rows(
        _ACTIVE,
        {
            "active": sorted(ACTIVE),
            "nobody": sorted(_NOBODY),
            "now": moment.now_ms,
            "least": rules.min_confidence,
        },
    )
    if not rows:
        return {}, report
    _resolve(moment, rules, rows)
    for cls, value, goldens in moment.rows(
        """SELECT k.class, any_value(d.value), list(DISTINCT x.golden ORDER BY x.golden)
           FROM xref_key k JOIN xref_row x USING (i) JOIN facts.number d ON d.n = k.n
           GROUP BY k.class, k.n HAVING count(DISTINCT x.golden) > 1 ORDER BY 1, 2"""
    ):
        report.conflicts.append((cls, value, goldens))
    members = moment.rows(
        """SELECT k.class, x.golden, d.value, k.n, max(x.seen_ms)
           FROM xref_key k JOIN xref_row x USING (i) JOIN facts.number d ON d.n = k.n
           WHERE (k.class, k.n) NOT IN (
               SELECT (k.class, k.n) FROM xref_key k JOIN xref_row x USING (i)
               GROUP BY k.class, k.n HAVING count(DISTINCT x.golden) > 1)
           GROUP BY ALL ORDER BY 1, 2, 3"""
    )
    by_class: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for cls, golden, _, n, seen_ms in members:
        by_class[cls].append((golden, n, seen_ms))
    return {cls: _golden(found) for cls, found in by_class.items()}, report


def boundaries(moment: Moment) -> tuple[int | None, int | None]:
    """The last instant not after now, and the first after it, at which a row begins or ends to hold.

    Call it after ``read_golden``.
    """
    found = moment.rows(
        """SELECT max(ms) FILTER (ms <= $now), min(ms) FILTER (ms > $now)
           FROM (SELECT valid_from_ms AS ms FROM xref_row UNION ALL SELECT valid_to_ms FROM xref_row)""",
        {"now": moment.now_ms},
    )
    return found[0][0], found[0][1]


def _choose(moment: Moment) -> None:
    """Of each row key the newest row, and of snapshots only what the newest file holds."""
    order = "seen_ms DESC"
    if moment.as_of_ms is not None:
        old = f"coalesce(updated_ms <= {moment.as_of_ms}, false)"
        order = f"{old} DESC, CASE WHEN {old} THEN seen_ms ELSE -seen_ms END DESC"
    moment.run(_NEWEST.format(order=order))


def _remark(moment: Moment, report: XrefReport) -> None:
    known = sorted(ACTIVE | WITHDRAWN)
    report.statuses = dict(
        moment.rows(
            "SELECT state, count(*) FROM xref_row WHERE state NOT IN (SELECT unnest(?)) GROUP BY 1", [known]
        )
    )
    classes = [cls.name for cls in moment.schema.classes.values() if not cls.is_event]
    report.classes = dict(
        moment.rows(
            "SELECT class, count(*) FROM xref_row WHERE class NOT IN (SELECT unnest(?)) GROUP BY 1", [classes]
        )
    )


def _resolve(moment: Moment, rules: IdentityRules, rows: list[tuple[int, str, str, str, str]]) -> None:
    """``xref_key(i, class, n)``: the number of the first of a row's possible keys that was ever accepted."""
    places: list[int] = []
    indices: list[int] = []
    classes: list[str] = []
    spaces: list[str] = []
    values: list[str] = []
    for i, cls, system, instance, source_key in rows:
        known = moment.schema.classes.get(cls)
        if known is None or known.is_event:
            continue
        for place, value in enumerate(candidates(cls, system, instance, source_key, rules.instances)):
            indices.append(i)
            places.append(place)
            classes.append(cls)
            spaces.append(known.namespace)
            values.append(value)
    moment.table(
        "xref_candidate",
        {
            "i": np.array(indices, np.int64),
            "place": np.array(places, np.int64),
            "class": pa.array(classes, pa.string()),
            "space": pa.array(spaces, pa.string()),
            "value": pa.array(values, pa.string()),
        },
    )
    moment.run(
        """CREATE OR REPLACE TEMP TABLE xref_key AS
           SELECT c.i, any_value(c.class) AS class, arg_min(d.n, c.place) AS n
           FROM xref_candidate c JOIN facts.number d ON d.space = c.space AND d.value = c.value
           GROUP BY c.i"""
    )


def _golden(found: list[tuple[str, int, int]]) -> Golden:
    names = sorted({golden for golden, _, _ in found})
    index = {golden: place for place, golden in enumerate(names)}
    return Golden(
        np.array([index[golden] for golden, _, _ in found], np.int64),
        np.array([n for _, n, _ in found], np.int64),
        np.array([seen for _, _, seen in found], np.int64),
        tuple(names),
    )
