"""Everything in the store of facts that is one person's: their numbers, their records, their identities.

More than the entity of today: records that were retired or merged away, and addresses a record had
before, are theirs as well. What somebody else holds now, or what many share, is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from townsend.identity import IdentityRules
from townsend.identity.rules import identity_columns
from townsend.model import Schema
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier
from townsend.store.facts_values import EMAIL, normal

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["PERSON", "Footprint", "footprint_of"]

PERSON = "person"
ROUNDS_MAX = 20  # how far links among retired records are followed


@dataclass(frozen=True)
class Footprint:
    """What is one person's.

    Args:
        entity: the person's id.
        numbers: every number that is theirs and nobody else's.
        keys: those of them that name records.
        identities: what the numbers stand for: (namespace, value).
        shared: identities that somebody else has too; they are not theirs to take away.
    """

    entity: int
    numbers: tuple[int, ...]
    keys: tuple[int, ...]
    identities: tuple[tuple[str, str], ...]
    shared: tuple[tuple[str, str], ...]


def footprint_of(
    facts: Facts, unified: Unified, schema: Schema, rules: IdentityRules, entity: int
) -> Footprint:
    """Find what is a person's.

    Args:
        facts: the store; ``unified`` is made of it.
        rules: which fields of a person's records are identities.
        entity: the person's id in the unified world.
    """
    con = facts.con
    con.execute(f"CREATE OR REPLACE TEMP TABLE townsend_said AS {_said(facts, schema, rules)}")
    try:
        world = unified.name
        numbers = {int(n) for (n,) in con.execute(_NODES.format(world=world), [entity]).fetchall()} | {entity}
        keys: set[int] = set()
        others: set[int] = set()
        for _ in range(ROUNDS_MAX):
            parameters = {"numbers": sorted(numbers), "entity": entity}
            found = con.execute(_NEXT.format(world=world), parameters).fetchall()
            keys = {int(n) for n, is_key, elsewhere in found if is_key and not elsewhere}
            others |= {int(n) for n, _, elsewhere in found if elsewhere}
            mine = {int(n) for n, _, elsewhere in found if not elsewhere} | numbers
            if mine == numbers:
                break
            numbers = mine
        numbers -= {int(n) for (n,) in con.execute(_CROWDED.format(world=world), [entity]).fetchall()} - {
            entity
        }
        return Footprint(
            entity,
            tuple(sorted(numbers)),
            tuple(sorted(keys & numbers)),
            _identities(facts, numbers),
            _shared(facts, unified, entity, others),
        )
    finally:
        con.execute("DROP TABLE IF EXISTS townsend_said")


def _said(facts: Facts, schema: Schema, rules: IdentityRules) -> str:
    """SQL: every identity that any version of a person's record ever gave: ``key``, ``n``."""
    known = facts.columns(PERSON)
    parts = ["SELECT CAST(NULL AS INTEGER) AS key, '' AS space, '' AS value WHERE false"]
    for column in identity_columns(schema, rules, PERSON):
        if column.path in known:
            name = identifier(column.path)
            space = column.space.replace("'", "''")
            parts.append(
                f"SELECT key, '{space}' AS space, {normal(column.space, name)} AS value "
                f"FROM facts.person WHERE {name} IS NOT NULL"
            )
    if "identityMap" in known:
        raw = "entries.value ->> '$.id'"
        parts.append(
            f"SELECT p.key, spaces.key AS space, "
            f"CASE WHEN spaces.key = '{EMAIL}' THEN {normal(EMAIL, raw)} ELSE {raw} END AS value "
            'FROM facts.person p, json_each(p."identityMap") spaces, json_each(spaces.value) entries '
            'WHERE p."identityMap" IS NOT NULL'
        )
    if known:
        # A record names itself.
        parts.append("SELECT p.key, d.space, d.value FROM facts.person p JOIN facts.number d ON d.n = p.key")
    said = " UNION ALL ".join(parts)
    return f"SELECT DISTINCT s.key, d.n FROM ({said}) s JOIN facts.number d USING (space, value)"


def _identities(facts: Facts, numbers: set[int]) -> tuple[tuple[str, str], ...]:
    found = facts.con.execute(
        "SELECT space, value FROM facts.number WHERE list_contains($numbers::INTEGER[], n) ORDER BY ALL",
        {"numbers": sorted(numbers)},
    ).fetchall()
    return tuple((str(space), str(value)) for space, value in found)


def _shared(facts: Facts, unified: Unified, entity: int, others: set[int]) -> tuple[tuple[str, str], ...]:
    found = facts.con.execute(
        f"""
        SELECT DISTINCT space, value FROM {unified.name}.identity i WHERE class = '{PERSON}' AND id = $entity
            AND EXISTS (FROM {unified.name}.identity o
                WHERE o.class = '{PERSON}' AND o.space = i.space AND o.value = i.value AND o.id <> $entity)
        UNION SELECT space, value FROM facts.number WHERE list_contains($others::INTEGER[], n) ORDER BY ALL
        """,
        {"entity": entity, "others": sorted(others)},
    ).fetchall()
    return tuple((str(space), str(value)) for space, value in found)


_NODES = "SELECT n FROM {world}.node_person WHERE id = ?"
# Values that answers list for somebody else as well: they joined too many, or lost a link.
_CROWDED = """
SELECT d.n FROM {world}.identity i JOIN {world}.identity o USING (class, space, value)
JOIN facts.number d USING (space, value)
WHERE i.class = 'person' AND i.id = ? AND o.id <> i.id
"""
# One step further: records that name one of the numbers, and what these records ever named. A number that
# a living person holds is elsewhere.
_NEXT = """
WITH elsewhere AS (
    SELECT e.n FROM {world}.node_person e JOIN {world}.person p USING (id) WHERE e.id <> $entity),
reached AS (
    SELECT DISTINCT key FROM townsend_said
    WHERE list_contains($numbers::INTEGER[], n) AND key NOT IN (FROM elsewhere)),
named AS (
    SELECT key AS n, true AS is_key FROM reached
    UNION ALL SELECT s.n, false FROM townsend_said s JOIN reached USING (key))
SELECT n, bool_or(is_key), bool_or(n IN (FROM elsewhere)) FROM named GROUP BY n
"""
