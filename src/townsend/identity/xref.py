"""Master data: which cross-reference rows are active, and which records they call one.

A row says that a record of some system is a golden record, from when to when. Rows are versions: of
each row key the newest counts. A record claimed by two golden records at one instant is linked by
neither, and reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from townsend.identity.keys import candidates, key_ending
from townsend.identity.moment import Ints, Moment
from townsend.identity.rules import IdentityRules

__all__ = ["Golden", "XrefReport", "boundaries", "golden_names", "read_golden", "unknown_systems"]

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
SHOWN = 5
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
CREATE OR REPLACE TEMP TABLE xref_active AS
SELECT i, class, coalesce(source_system, '') AS system, coalesce(source_instance, '') AS instance,
       coalesce(source_key, '') AS source_key
FROM xref_row
WHERE state IN (SELECT unnest($active)) AND lower(golden) NOT IN (SELECT unnest($nobody))
  AND coalesce(valid_from_ms <= $now, true) AND coalesce($now < valid_to_ms, true)
  AND coalesce(match_confidence >= $least, true)
"""
# What has only one spelling: text with a letter that is no short id, no GUID and no whole key already.
_PLAIN = r"""
regexp_full_match(trim(source_key), '[!-~]+') AND regexp_matches(source_key, '[A-Za-z]')
AND NOT regexp_full_match(trim(source_key), '[0-9A-Za-z]{15}|[{}]*[0-9A-Fa-f-]{32,36}[{}]*')
AND NOT ends_with(lower(trim(source_key)), tail)
"""


@dataclass
class XrefReport:
    """What master data says that can't be followed."""

    conflicts: list[tuple[str, str, list[str]]] = field(default_factory=list)  # class, key, golden ids
    statuses: dict[str, int] = field(default_factory=dict)  # words not understood, rows
    classes: dict[str, int] = field(default_factory=dict)
    unknown: int = 0  # active rows about records that never came …
    unknown_keys: list[str] = field(default_factory=list)  # … and the first of them, as written


@dataclass(frozen=True)
class Golden:
    """The members of golden records of one class, those of one together, smallest key text first.

    Args:
        group: which golden record, as a number; ``golden_names`` knows its id.
        n: number of the member's key.
        seen_ms: when master data said so last.
    """

    group: Ints
    n: Ints
    seen_ms: Ints


def read_golden(moment: Moment, rules: IdentityRules) -> tuple[dict[str, Golden], XrefReport]:
    """The golden records active at the moment, per class."""
    report = XrefReport()
    _choose(moment)
    if not moment.number("SELECT count(*) FROM xref_row"):
        return {}, report
    _remark(moment, report)
    moment.run(
        _ACTIVE,
        {
            "active": sorted(ACTIVE),
            "nobody": sorted(_NOBODY),
            "now": moment.now_ms,
            "least": rules.min_confidence,
        },
    )
    _resolve(moment, rules)
    _remark_unknown(moment, report)
    moment.run(
        """CREATE OR REPLACE TEMP TABLE xref_claim AS
           SELECT k.class, k.n, x.golden, max(x.seen_ms) AS seen_ms
           FROM xref_key k JOIN xref_row x USING (i) GROUP BY ALL"""
    )
    moment.run(
        """CREATE OR REPLACE TEMP TABLE xref_conflict AS
           SELECT class, n FROM xref_claim GROUP BY class, n HAVING count(*) > 1"""
    )
    report.conflicts = [
        (cls, value, goldens)
        for cls, value, goldens in moment.rows(
            """SELECT k.class, any_value(d.value), list(k.golden ORDER BY k.golden)
               FROM xref_claim k SEMI JOIN xref_conflict USING (class, n) JOIN facts.number d USING (n)
               GROUP BY k.class, k.n ORDER BY 1, 2"""
        )
    ]
    moment.run(
        """CREATE OR REPLACE TEMP TABLE xref_member AS
           SELECT class, golden, n, seen_ms, dense_rank() OVER (ORDER BY class, golden) AS place
           FROM xref_claim ANTI JOIN xref_conflict USING (class, n)"""
    )
    classes = [str(cls) for (cls,) in moment.rows("SELECT DISTINCT class FROM xref_member ORDER BY 1")]
    return {cls: _golden(moment, cls) for cls in classes}, report


def golden_names(moment: Moment, places: Ints) -> dict[int, str]:
    """The ids of these golden records, by what ``Golden.group`` calls them. Call it after ``read_golden``."""
    return {
        int(place): str(golden)
        for place, golden in moment.rows(
            "SELECT DISTINCT place, golden FROM xref_member WHERE place IN (SELECT unnest($places))",
            {"places": places.tolist()},
        )
    }


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


def unknown_systems(moment: Moment) -> list[tuple[str, str, str, int]]:
    """Systems of which master data speaks and no record ever came: class, system, instance, rows; most first.

    Call it after ``read_golden``.
    """
    return [
        (str(cls), str(system), str(instance), int(rows))
        for cls, system, instance, rows in moment.rows(
            """SELECT x.class, x.system, x.instance, count(*) AS rows
               FROM xref_active x LEFT JOIN xref_key k USING (i)
               GROUP BY x.class, x.system, x.instance HAVING count(k.n) = 0 ORDER BY rows DESC, 1, 2, 3"""
        )
    ]


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


def _remark_unknown(moment: Moment, report: XrefReport) -> None:
    """Rows about records that never came: late ones may still come, misspelled ones never do."""
    classes = [cls.name for cls in moment.schema.classes.values() if not cls.is_event]
    unknown = "xref_active ANTI JOIN xref_key USING (i) WHERE class IN (SELECT unnest(?))"
    report.unknown = moment.number(f"SELECT count(*) FROM {unknown}", [classes])
    if report.unknown:
        written = "concat_ws(' ', system, instance, source_key)"
        found = moment.rows(f"SELECT {written} FROM {unknown} ORDER BY 1 LIMIT {SHOWN}", [classes])
        report.unknown_keys = [str(key) for (key,) in found]


def _resolve(moment: Moment, rules: IdentityRules) -> None:
    """``xref_key(i, class, n)``: the number of the first of a row's possible keys that was ever accepted.

    A key that can be spelled in one way only is put together where it lies; others come here one by one.
    """
    _systems(moment, rules)
    odd = moment.rows(
        f"SELECT i, class, system, instance, source_key FROM xref_active JOIN xref_system "
        f"USING (class, system, instance) WHERE NOT (plain AND {_PLAIN})"
    )
    indices: list[int] = []
    places: list[int] = []
    values: list[str] = []
    for i, cls, system, instance, source_key in odd:
        for place, value in enumerate(candidates(cls, system, instance, source_key, rules.instances)):
            indices.append(i)
            places.append(place)
            values.append(value)
    moment.table(
        "xref_candidate",
        {
            "i": pa.array(indices, pa.int64()),
            "place": pa.array(places, pa.int32()),
            "value": pa.array(values, pa.string()),
        },
    )
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE xref_key AS
        SELECT x.i, x.class, d.n FROM xref_active x JOIN xref_system y USING (class, system, instance)
        JOIN facts.number d ON d.value = trim(x.source_key) || y.ending AND d.space = y.space
        WHERE y.plain AND {_PLAIN}
        UNION ALL
        SELECT c.i, any_value(x.class), arg_min(d.n, c.place)
        FROM xref_candidate c JOIN xref_active x USING (i) JOIN xref_system y USING (class, system, instance)
        JOIN facts.number d ON d.value = c.value AND d.space = y.space GROUP BY c.i
        """
    )


def _systems(moment: Moment, rules: IdentityRules) -> None:
    """``xref_system``: what the keys of each named system end with, and whether a plain id is all else."""
    found: list[tuple[str, str, str, str, str, str, bool]] = []
    for cls, system, instance in moment.rows("SELECT DISTINCT class, system, instance FROM xref_active"):
        known = moment.schema.classes.get(cls)
        if known is not None and not known.is_event:
            kind, ending = key_ending(system, instance, rules.instances)
            plain = kind not in ("Marketo", "Dynamics") and ending.isascii()
            found.append((cls, system, instance, known.namespace, ending, ending.lower(), plain))
    columns = list(zip(*found, strict=True)) or [()] * 7
    names = ("class", "system", "instance", "space", "ending", "tail")
    moment.table(
        "xref_system",
        {
            **{name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=False)},
            "plain": pa.array(columns[6], pa.bool_()),
        },
    )


def _golden(moment: Moment, cls: str) -> Golden:
    return Golden(
        *moment.arrays(
            """SELECT m.place, m.n, m.seen_ms FROM xref_member m JOIN facts.number d USING (n)
               WHERE m.class = $cls ORDER BY m.place, d.value""",
            {"cls": cls},
        )
    )
