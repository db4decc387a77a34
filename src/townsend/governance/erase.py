"""A person out of the facts: their rows go, and digests stay, so that nobody brings them back.

One transaction: a process that dies leaves the person whole or gone. Accounts, opportunities and all
other records stay as they are, so sums over accounts do. The numbers stay taken, since they are never
handed out twice; what they stood for is overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from townsend.governance.footprint import PERSON, Footprint
from townsend.model import EntityClass, Schema
from townsend.profiles.stored import drop_stored
from townsend.store import facts_places
from townsend.store.facts import Facts
from townsend.store.facts_matches import forget_people
from townsend.store.facts_schema import identifier

__all__ = ["ERASED_SPACE", "Erased", "erase_facts", "rows_about", "was_erased"]

ERASED_SPACE = "erased"  # the namespace of numbers whose value was overwritten
_SEARCHED_LENGTH_MIN = 6  # shorter values are looked for in quarantine with quotes around them only


@dataclass(frozen=True)
class Erased:
    """What one erasure did to the facts.

    Args:
        rows: rows deleted, by table.
        tombstones: identities that are barred from now on.
        kept: rows of accounts and opportunities, the same before and after.
    """

    rows: dict[str, int]
    tombstones: int
    kept: dict[str, int]


def erase_facts(facts: Facts, schema: Schema, foot: Footprint, now_ms: int) -> Erased:
    """Delete what is a person's, and bar their identities; all or nothing.

    Derived tables are dropped with it; the next question makes them anew.
    """
    con = facts.con
    identities = pa.table(
        {
            "space": pa.array([space for space, _ in foot.identities], pa.string()),
            "value": pa.array([value for _, value in foot.identities], pa.string()),
            "digest": pa.array([facts.digest(*one) for one in foot.identities], pa.string()),
        }
    )
    con.register("townsend_identity", identities)
    before = _kept(facts)
    rows: dict[str, int] = {}
    try:
        with facts.transaction():
            for table, condition, parameters in rows_about(facts, schema, foot):
                gone = con.execute(f"DELETE FROM {table} t WHERE {condition}", parameters).fetchall()
                if gone and gone[0][0]:
                    rows[table.removeprefix("facts.").strip('"')] = int(gone[0][0])
            facts_places.forget(con)
            forget_people(facts, foot.numbers)
            _raise_generations(facts, foot)
            gone = con.execute(
                "DELETE FROM facts.transition WHERE list_contains($numbers::INTEGER[], id)",
                {"numbers": list(foot.numbers)},
            ).fetchall()
            rows |= {"transition": int(gone[0][0])} if gone[0][0] else {}
            barred = con.execute(_BAR, {"now": now_ms}).fetchall()
            con.execute(
                f"UPDATE facts.number SET space = '{ERASED_SPACE}', value = CAST(n AS VARCHAR) "
                "WHERE list_contains($numbers::INTEGER[], n)",
                {"numbers": list(foot.numbers)},
            )
            drop_stored(con)
            facts.touch()
            after = _kept(facts)
            assert before == after, "an erasure never takes accounts or opportunities"
    finally:
        con.unregister("townsend_identity")
    return Erased(rows, int(barred[0][0]), after)


def rows_about(facts: Facts, schema: Schema, foot: Footprint) -> list[tuple[str, str, dict[str, Any]]]:
    """Where a person is found: table, condition on its row ``t``, and the condition's parameters.

    Conditions may name ``townsend_identity(space, value)``, which the caller registers.
    """
    found: list[tuple[str, str, dict[str, Any]]] = []
    for cls in schema.classes.values():
        if not facts.columns(cls.name):
            continue
        conditions, parameters = _about(facts, schema, cls, foot)
        if conditions:
            found.append((f"facts.{identifier(cls.name)}", " OR ".join(conditions), parameters))
    named = "(FROM townsend_identity i WHERE i.space = t.space_{0} AND i.value = t.value_{0})"
    either = f"EXISTS {named.format('a')} OR EXISTS {named.format('b')}"
    found += [("facts.link", either, {}), ("facts.match", either, {})]
    found.append(("facts.quarantine", f"EXISTS (FROM townsend_identity i WHERE {_IN_ROW})", {}))
    return found


def was_erased(facts: Facts, who: str, candidates: list[tuple[str, str]]) -> bool:
    """Whether somebody of that name was erased: an id, or one of these identities."""
    if who.isascii() and who.isdigit() and int(who) < 2**31:
        found = facts.one("SELECT 1 FROM facts.number WHERE n = ? AND space = ?", [int(who), ERASED_SPACE])
        if found is not None:
            return True
    return any(
        facts.one(
            "SELECT 1 FROM facts.tombstone WHERE space = ? AND digest = ?",
            [space, facts.digest(space, value)],
        )
        is not None
        for space, value in candidates
    )


def _about(
    facts: Facts, schema: Schema, cls: EntityClass, foot: Footprint
) -> tuple[list[str], dict[str, Any]]:
    columns = facts.columns(cls.name)
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if cls.name == PERSON:
        conditions.append("list_contains($keys::INTEGER[], t.key)")
        parameters["keys"] = list(foot.keys)
    if cls.is_event:
        parameters["numbers"] = list(foot.numbers)
        conditions += ["list_contains($numbers::INTEGER[], t.who)"] if "who" in columns else []
        if "idents" in columns:
            conditions.append("coalesce(list_has_any(t.idents, $numbers::INTEGER[]), false)")
        if not conditions:
            del parameters["numbers"]
    for reference in cls.references.values():
        if reference.to != PERSON or reference.field is None:
            continue
        is_key = reference.field in cls.shape.keys
        path = f"{reference.field}.sourceKey" if is_key else reference.field
        if path in columns:
            space = schema.entity_class(PERSON).namespace.replace("'", "''")
            conditions.append(
                f"t.{identifier(path)} IN (SELECT value FROM townsend_identity WHERE space = '{space}')"
            )
    return conditions, parameters


def _kept(facts: Facts) -> dict[str, int]:
    found = {}
    for cls in ("account", "opportunity"):
        if facts.columns(cls):
            count = facts.one(f"SELECT count(*) FROM facts.{identifier(cls)}")
            found[cls] = int(count[0]) if count else 0
    return found


def _raise_generations(facts: Facts, foot: Footprint) -> None:
    """Copies of the memberships this person was in are made anew."""
    for (audience,) in facts.con.execute(
        "SELECT DISTINCT audience FROM facts.transition WHERE list_contains($numbers::INTEGER[], id)",
        {"numbers": list(foot.numbers)},
    ).fetchall():
        key = f"generation:{audience}"
        facts.set_meta(key, str(int(facts.meta(key) or 0) + 1))


_BAR = """
INSERT INTO facts.tombstone
SELECT i.space, i.digest, $now FROM townsend_identity i
ANTI JOIN facts.tombstone t ON t.space = i.space AND t.digest = i.digest
"""
# A quarantined row is text as it came: a value is looked for wherever it stands.
_IN_ROW = f"""
CASE WHEN length(i.value) >= {_SEARCHED_LENGTH_MIN}
     THEN contains(lower(t.row), lower(i.value)) OR contains(lower(coalesce(t.text, '')), lower(i.value))
     ELSE contains(t.row, '"' || i.value || '"') END
"""
