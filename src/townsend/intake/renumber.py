"""Facts read again under other rules: what newly declared fields name, and to whom each event belongs.

Intake gives numbers to the identities it knows of when a row comes. When the rules change, a field may have
become an identity, and another identity of an event may now count most. What is written here is what intake
would have written, had it known the new rules from the beginning; numbers handed out before stay.
"""

from __future__ import annotations

from townsend.intake.events import identity_rank
from townsend.intake.identities import Field, identity_fields, text
from townsend.intake.rules import IntakeRules
from townsend.model import EntityClass
from townsend.store import facts_places
from townsend.store.facts import Facts
from townsend.store.facts_numbers import add_numbers
from townsend.store.facts_schema import identifier
from townsend.store.facts_values import EMAIL, is_usable, normal

__all__ = ["number_identities", "reassign_events", "reassigned"]


def number_identities(facts: Facts, rules: IntakeRules) -> None:
    """Give numbers to what the declared identity fields of all facts name; known values keep theirs."""
    with facts.transaction():
        for cls in rules.schema.classes.values():
            for field in _declared(facts, cls, rules):
                add_numbers(
                    facts,
                    f"SELECT space, value, min(nth) AS first FROM ({_values(cls, field)}) "
                    "WHERE value IS NOT NULL GROUP BY ALL",
                )


def reassign_events(facts: Facts, rules: IntakeRules) -> None:
    """Find the identities of each event anew, and the one of them that it belongs to."""
    with facts.transaction():
        for cls in rules.schema.classes.values():
            if cls.is_event and {"who", "idents"} <= facts.columns(cls.name):
                _reassign(facts, cls, rules)
                facts_places.forget(facts.con)
                facts.touch()


def reassigned(facts: Facts, rules: IntakeRules) -> bool:
    """Whether any event would have other identities, or belong to another one of them; changes nothing."""
    for cls in rules.schema.classes.values():
        if cls.is_event and {"who", "idents"} <= facts.columns(cls.name):
            named = _identities(facts, cls, rules)
            found = facts.one(
                f"SELECT 1 FROM facts.{identifier(cls.name)} e LEFT JOIN ({named}) f ON f.nth = e.rowid "
                f"WHERE {_MOVED} LIMIT 1"
            )
            if found is not None:
                return True
    return False


def _declared(facts: Facts, cls: EntityClass, rules: IntakeRules) -> list[Field]:
    columns = facts.columns(cls.name)
    return [field for field in identity_fields(cls, rules) if field.path in columns]


def _values(cls: EntityClass, field: Field, way: int = 0) -> str:
    raw = identifier(field.path)
    return (
        f"SELECT rowid AS nth, {text(field.space)} AS space, {raw} AS raw, {way} AS way, "
        f"CASE WHEN {is_usable(raw, key=field.key)} THEN {normal(field.space, raw)} END AS value "
        f"FROM facts.{identifier(cls.name)} WHERE {raw} IS NOT NULL"
    )


def _map(cls: EntityClass, way: int) -> str:
    return f"""
        SELECT nth, space, raw, {way} AS way,
               CASE WHEN {is_usable("raw")} THEN
                   CASE WHEN space = {text(EMAIL)} THEN {normal(EMAIL, "raw")} ELSE raw END END AS value
        FROM (
            SELECT e.rowid AS nth, spaces.key AS space, coalesce(entries.value ->> '$.id', '') AS raw
            FROM facts.{identifier(cls.name)} e, json_each(e."identityMap") spaces,
                 json_each(spaces.value) entries
            WHERE e."identityMap" IS NOT NULL)"""


# The order of the identities of an event is their rank: another order is another answer.
_MOVED = (
    "e.who IS DISTINCT FROM f.idents[1] "
    "OR e.idents IS DISTINCT FROM CASE WHEN len(f.idents) > 1 THEN f.idents END"
)


def _reassign(facts: Facts, cls: EntityClass, rules: IntakeRules) -> None:
    """Write the table anew, rows in their places: an update of lists would move them, and their ids."""
    table, whose = f"facts.{identifier(cls.name)}", "townsend_whose"
    facts.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {whose} AS SELECT e.rowid AS nth, f.idents FROM {table} e "
        f"LEFT JOIN ({_identities(facts, cls, rules)}) f ON f.nth = e.rowid ORDER BY e.rowid"
    )
    facts.con.execute(
        f"CREATE TABLE facts.townsend_new AS SELECT e.* REPLACE (f.idents[1] AS who, "
        f"CASE WHEN len(f.idents) > 1 THEN f.idents END AS idents) FROM {table} e POSITIONAL JOIN {whose} f"
    )
    facts.con.execute(f"DROP TABLE {table}")
    facts.con.execute(f"ALTER TABLE facts.townsend_new RENAME TO {identifier(cls.name)}")
    facts.con.execute(f"DROP TABLE {whose}")


def _identities(facts: Facts, cls: EntityClass, rules: IntakeRules) -> str:
    """SQL: each event's identities under these rules, the one that it belongs to first."""
    fields = _declared(facts, cls, rules)
    parts = [_values(cls, field, way) for way, field in enumerate(fields)]
    if "identityMap" in facts.columns(cls.name):
        parts.append(_map(cls, len(parts)))
    named = " UNION ALL ".join(parts) or (
        "SELECT CAST(NULL AS BIGINT) AS nth, '' AS space, '' AS raw, 0 AS way, '' AS value WHERE false"
    )
    order = identity_rank(rules, "c.space", "c.value")
    return f"""
        SELECT nth, list(n ORDER BY rank, way, raw) AS idents
        FROM (
            SELECT c.nth, d.n, min({order}) AS rank, min(c.way) AS way, min(c.raw) AS raw
            FROM ({named}) c
            JOIN facts.number d ON d.space = c.space AND d.value = c.value
            GROUP BY c.nth, d.n)
        GROUP BY nth"""
