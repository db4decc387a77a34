"""Consent: what a person's records say about a marketing action, merged by its own time.

A record is only as current as its last sync, but a consent is as current as the moment it was given. So
the statements of all live records are ordered by their own time, and a "no" yields only to an explicit
"yes" that is provably later. The same rule stands here twice: as a pure function, which is the definition,
and as SQL for millions; a property test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from townsend.profiles import Unified

__all__ = ["ANY", "NO", "UNKNOWN", "Choice", "Statement", "Unknown", "choice_of", "refusals", "verdict"]

ANY = "marketing.any"  # a "no" here excludes from every destination
NO = "consent: no"
UNKNOWN = "consent: not known"

Choice = Literal["yes", "no", "unknown"]
Unknown = Literal["allow", "deny"]

# XDM's codes, lower-cased. "no" and "false" are not among them, but nobody who writes them means yes.
_NO = ("n", "no", "false")
_YES = ("y",)
_NO_BY_DEFAULT = ("dn",)
# Default yes, and legal bases other than consent: legitimate interest, contract, compliance, vital, public.
_ALLOWED_BY_DEFAULT = ("dy", "li", "ct", "cp", "vi", "pi")


@dataclass(frozen=True, slots=True)
class Statement:
    """What one live record says about one action.

    Args:
        val: XDM's code, such as ``y``, ``n``, ``dy``, ``LI``.
        own_ms: when it was said: the choice's ``time``, else ``consents.metadata.time`` of the same version.
        record_ms: the time of the version that says it. It was said by then.
    """

    val: str
    own_ms: int | None
    record_ms: int


def choice_of(statements: Iterable[Statement], now_ms: int) -> Choice:
    """What a person's records say together about one action.

    A "no" without its own time counts from the time of its record, the latest it can have been said. A "yes"
    without its own time, or with one still to come, never lifts a "no".

    >>> choice_of([Statement("n", 100, 900), Statement("y", 200, 300)], 1_000)
    'yes'
    >>> choice_of([Statement("n", 100, 900), Statement("y", None, 999)], 1_000)
    'no'
    """
    given = [(one.val.strip().lower(), one.own_ms, one.record_ms) for one in statements]
    refused = [record if own is None else own for val, own, record in given if val in _NO]
    granted = [own for val, own, _ in given if val in _YES and own is not None and own <= now_ms]
    values = {val for val, _, _ in given}
    if refused and (not granted or max(granted) <= max(refused)):
        return "no"
    if values & set(_YES):
        return "yes"
    if values & set(_NO_BY_DEFAULT):
        return "no"
    return "yes" if values & set(_ALLOWED_BY_DEFAULT) else "unknown"


def verdict(action: Choice, every: Choice, unknown: Unknown) -> str | None:
    """Why a person is excluded, None if it may be reached.

    Args:
        action: the choice about the destination's own action.
        every: the choice about ``marketing.any``.
        unknown: the project's ``consent: {unknown: …}``.
    """
    if "no" in (action, every):
        return NO
    if "yes" in (action, every) or unknown == "allow":
        return None
    return UNKNOWN


def refusals(
    unified: Unified, ids: NDArray[np.int32] | Iterable[int], action: str, unknown: Unknown
) -> dict[int, str]:
    """Which of these people must not be reached, and why.

    Args:
        unified: the world they are in; its instant is the one that counts.
        ids: entity ids of people.
        action: what the destination does, below ``consents``, such as ``marketing.email``.
        unknown: what silence means.

    Returns:
        Entity id to ``NO`` or ``UNKNOWN``; who may be reached is not in it.
    """
    wanted = np.asarray(list(ids) if not isinstance(ids, np.ndarray) else ids, dtype=np.int32)
    choices = {path: _choices(unified, path, wanted) for path in {action, ANY}}
    found = {}
    for one in wanted.tolist():
        reason = verdict(choices[action].get(one, "unknown"), choices[ANY].get(one, "unknown"), unknown)
        if reason is not None:
            found[one] = reason
    return found


def _choices(unified: Unified, action: str, ids: NDArray[np.int32]) -> dict[int, Choice]:
    path = f"consents.{action}"
    con = unified.con
    columns = {
        str(name)
        for (name,) in con.execute(
            "SELECT column_name FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = 'facts' AND table_name = 'person'"
        ).fetchall()
    }
    if f"{path}.val" not in columns or not len(ids):
        return {}
    times = [identifier(name) for name in (f"{path}.time", "consents.metadata.time") if name in columns]
    parts = path.split(".")
    own = f"coalesce({', '.join(times)})" if times else "CAST(NULL AS BIGINT)"
    sql = _CHOICES.format(val=identifier(f"{path}.val"), own=own, world=unified.name)
    cleared = [".".join(parts[:end]) for end in range(1, len(parts) + 1)] + [f"{path}.val"]
    con.register("townsend_asked", pa.table({"id": pa.array(ids, pa.int32())}))
    try:
        found = con.execute(
            sql,
            {
                "cleared": cleared,
                "now": unified.now_ms,
                "no": list(_NO),
                "yes": list(_YES),
                "no_by_default": list(_NO_BY_DEFAULT),
                "allowed": list(_ALLOWED_BY_DEFAULT),
            },
        ).fetchall()
    finally:
        con.unregister("townsend_asked")
    return dict(found)


# Current, live records only. A patch leaves standing what it does not name, so a record's statement is the
# newest at or after its last whole version; its time is the time of the version that made it.
_CHOICES = """
WITH asked AS (SELECT n.n AS key, n.id FROM {world}.node_person n JOIN townsend_asked USING (id)),
version AS (
    SELECT p.key, a.id, coalesce(p.own_ms, p.accepted_ms) AS said_ms, coalesce(p.patch, false) AS patch,
        coalesce(p.deleted, false) AS deleted, lower(trim({val})) AS val, {own} AS own,
        {val} IS NOT NULL OR coalesce(list_has_any(p.nulls, $cleared), false) AS says,
        row_number() OVER (
            PARTITION BY p.key
            ORDER BY coalesce(p.own_ms, p.accepted_ms) DESC, p.accepted_ms DESC, p.hash DESC
        ) AS age
    FROM facts.person p JOIN asked a ON a.key = p.key),
record AS (
    SELECT key, min(age) FILTER (WHERE NOT patch) AS whole, bool_or(deleted) FILTER (WHERE age = 1) AS retired
    FROM version GROUP BY key),
statement AS (
    SELECT v.id, v.val, v.own, v.said_ms
    FROM version v JOIN record r ON r.key = v.key
    WHERE NOT r.retired AND v.says AND v.age <= coalesce(r.whole, v.age)
    QUALIFY row_number() OVER (PARTITION BY v.key ORDER BY v.age) = 1),
summed AS (
    SELECT id,
        max(coalesce(own, said_ms)) FILTER (WHERE list_contains($no, val)) AS refused,
        max(own) FILTER (WHERE list_contains($yes, val) AND own <= $now) AS granted,
        bool_or(list_contains($yes, val)) AS yes,
        bool_or(list_contains($no_by_default, val)) AS no_by_default,
        bool_or(list_contains($allowed, val)) AS allowed
    FROM statement WHERE val IS NOT NULL GROUP BY id)
SELECT id, CASE
    WHEN refused IS NOT NULL AND (granted IS NULL OR granted <= refused) THEN 'no'
    WHEN yes THEN 'yes' WHEN no_by_default THEN 'no' WHEN allowed THEN 'yes' ELSE 'unknown' END
FROM summed
"""
