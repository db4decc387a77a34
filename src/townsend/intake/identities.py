"""Whom staged rows name: identity values spelled as the dictionary keeps them, and their numbers.

A value that names nobody ("anonymous", blank …) is left out and counted; the row stays. Rows that
name somebody who was erased are dropped and counted. Spelling is settled once per distinct value,
not once per row.
"""

from __future__ import annotations

from dataclasses import dataclass

from townsend.intake.check import STAGED, Staged
from townsend.intake.rules import IntakeRules
from townsend.model import EntityClass
from townsend.store.facts import Facts
from townsend.store.facts_numbers import add_numbers
from townsend.store.facts_schema import identifier
from townsend.store.facts_values import EMAIL, is_usable, normal

__all__ = ["MAP", "NUMBERS", "Field", "Named", "identity_fields", "name_rows", "references_of", "text"]

NUMBERS = "townsend_number"
MAP = "townsend_map"
_VALUES = "townsend_value"
# Of one row its own name is numbered first, then its identity fields, then its map.
_SLOTS = 64


@dataclass(frozen=True, slots=True)
class Field:
    """A column of staged rows whose text is an identity, or the key of something referred to."""

    space: str
    path: str
    key: bool


@dataclass
class Named:
    """What naming found: identity columns, references, and what was left out."""

    fields: list[Field]
    references: dict[str, Field]
    has_map: bool
    rejected: int
    dropped: int


def name_rows(facts: Facts, rules: IntakeRules, staged: Staged) -> Named:
    """Number the identities and event references of staged rows: ``townsend_number(space, raw, value, n)``.

    ``raw`` is the value as it stands in the rows. Call it in a transaction.
    """
    cls = staged.cls
    fields = [field for field in identity_fields(cls, rules) if staged.has(field.path)]
    referred = {name: field for name, field in references_of(cls, rules).items() if staged.has(field.path)}
    named = Named(fields, referred, staged.has("identityMap"), 0, 0)
    if named.has_map:
        _unfold_map(facts)
    _collect(facts, cls, named)
    if facts.one("SELECT 1 FROM facts.tombstone LIMIT 1"):
        named.dropped = _drop_erased(facts, cls, named)
        if named.dropped:
            _collect(facts, cls, named)
    found = facts.one(f"SELECT coalesce(sum(rows), 0) FROM {_VALUES} WHERE value IS NULL AND identity")
    named.rejected = int(found[0]) if found else 0
    # A record's references are read from its columns; only events keep them as numbers.
    numbered = "true" if cls.is_event else "identity"
    add_numbers(
        facts,
        f"SELECT space, value, min(first) AS first FROM {_VALUES} "
        f"WHERE value IS NOT NULL AND ({numbered}) GROUP BY ALL",
    )
    facts.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {NUMBERS} AS "
        f"SELECT DISTINCT v.space, v.raw, v.value, d.n FROM {_VALUES} v "
        "JOIN facts.number d USING (space, value)"
    )
    return named


def identity_fields(cls: EntityClass, rules: IntakeRules) -> list[Field]:
    """The columns of a class that hold identities: those of its schema, then declared ones."""
    found = [(identity.namespace, identity.path) for identity in cls.identities]
    found += [(path.rpartition(".")[2], path) for path in rules.identity_fields.get(cls.name, ())]
    fields = [
        Field(space, f"{path}.sourceKey", True) if path in cls.shape.keys else Field(space, path, False)
        for space, path in found
    ]
    return list(dict.fromkeys(fields))


def references_of(cls: EntityClass, rules: IntakeRules) -> dict[str, Field]:
    """The columns of a class that hold keys of other classes, by the reference's name."""
    found: dict[str, Field] = {}
    for name, reference in cls.references.items():
        if reference.field is None:
            continue
        is_key = reference.field in cls.shape.keys
        path = f"{reference.field}.sourceKey" if is_key else reference.field
        found[name] = Field(rules.schema.entity_class(reference.to).namespace, path, is_key)
    return found


def text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def _unfold_map(facts: Facts) -> None:
    facts.con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {MAP} AS
        SELECT s."@row", spaces.key AS space, coalesce(entries.value ->> '$.id', '') AS raw
        FROM {STAGED} s, json_each(s."identityMap") spaces, json_each(spaces.value) entries
        WHERE s."identityMap" IS NOT NULL
        """
    )


def _collect(facts: Facts, cls: EntityClass, named: Named) -> None:
    """Distinct values: as they stand, as the dictionary keeps them (null if nobody), how often, in order."""
    parts: list[str] = []

    def add(space: str, raw: str, table: str, slot: int, value: str, identity: bool) -> None:
        parts.append(
            f"SELECT space, raw, {value} AS value, first * {_SLOTS} + {min(slot, _SLOTS - 1)} AS first, "
            f"rows, {str(identity).lower()} AS identity "
            f'FROM (SELECT {space} AS space, {raw} AS raw, min("@row") AS first, count(*) AS rows '
            f"FROM {table} WHERE {raw} IS NOT NULL GROUP BY ALL)"
        )

    if not cls.is_event:
        add('"@own_space"', '"@own"', STAGED, 0, "raw", True)
    for slot, field in enumerate([*named.fields, *named.references.values()], 1):
        value = f"CASE WHEN {is_usable('raw', key=field.key)} THEN {normal(field.space, 'raw')} END"
        add(text(field.space), identifier(field.path), STAGED, slot, value, field in named.fields)
    if named.has_map:
        spelled = f"CASE WHEN space = {text(EMAIL)} THEN {normal(EMAIL, 'raw')} ELSE raw END"
        add("space", "raw", MAP, _SLOTS, f"CASE WHEN {is_usable('raw')} THEN {spelled} END", True)
    nothing = (
        "SELECT '' AS space, '' AS raw, '' AS value, 0 AS first, 0 AS rows, false AS identity WHERE false"
    )
    facts.con.execute(f"CREATE OR REPLACE TEMP TABLE {_VALUES} AS {' UNION ALL '.join(parts) or nothing}")


def _drop_erased(facts: Facts, cls: EntityClass, named: Named) -> int:
    """Take out rows that name an erased person, as themselves, by an identity or as what they refer to."""
    facts.con.execute(
        f"CREATE OR REPLACE TEMP TABLE townsend_erased AS SELECT DISTINCT v.space, v.raw FROM {_VALUES} v "
        "JOIN facts.tombstone t ON t.space = v.space AND t.digest = sha256($salt || v.space || v.value)",
        {"salt": facts.salt},
    )
    if not facts.one("SELECT 1 FROM townsend_erased LIMIT 1"):
        return 0
    rows = [
        f'SELECT s."@row" FROM {STAGED} s JOIN townsend_erased e '
        f"ON e.space = {text(field.space)} AND e.raw = s.{identifier(field.path)}"
        for field in [*named.fields, *named.references.values()]
    ]
    if not cls.is_event:
        rows.append(
            f'SELECT s."@row" FROM {STAGED} s JOIN townsend_erased e '
            'ON e.space = s."@own_space" AND e.raw = s."@own"'
        )
    if named.has_map:
        rows.append(
            f'SELECT m."@row" FROM {MAP} m JOIN townsend_erased e ON e.space = m.space AND e.raw = m.raw'
        )
    facts.con.execute(f"CREATE OR REPLACE TEMP TABLE townsend_gone AS {' UNION '.join(rows)}")
    found = facts.one("SELECT count(*) FROM townsend_gone")
    facts.con.execute(f'DELETE FROM {STAGED} WHERE "@row" IN (FROM townsend_gone)')
    if named.has_map:
        facts.con.execute(f'DELETE FROM {MAP} WHERE "@row" IN (FROM townsend_gone)')
    return int(found[0]) if found else 0
