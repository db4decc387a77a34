"""Events: each id once. The same id with other content is a conflict, settled the same in any order.

See ``conflicts`` for the rule. An event belongs to the person of its identity of highest priority.
"""

from __future__ import annotations

from townsend.intake.batch import Batch
from townsend.intake.check import STAGED, Staged
from townsend.intake.conflicts import Settled, settle_repeats
from townsend.intake.identities import MAP, NUMBERS, Field, Named, text
from townsend.intake.rules import IntakeRules, SourceTraits
from townsend.store.facts import Facts
from townsend.store.facts_schema import EVENT, identifier

__all__ = ["commit_events", "identity_rank"]

_IDENTS = "townsend_idents"


def commit_events(
    facts: Facts,
    rules: IntakeRules,
    staged: Staged,
    named: Named,
    batch: Batch,
    source: SourceTraits,
    now_ms: int,
    take: int,
) -> tuple[int, Settled]:
    """Store the staged events that are new; call it in a transaction.

    Returns:
        How many are new, and what became of ids that came before.
    """
    cls = staged.cls
    wanted = {f"#{name}": "INTEGER" for name in cls.references if cls.references[name].field}
    facts.ensure(cls.name, {**EVENT, **wanted}, staged.kept())
    settled = settle_repeats(facts, staged, batch, now_ms)
    gathered = named.has_map or len(named.fields) > 1
    if gathered:
        _gather_identities(facts, rules, named)
    joins: list[str] = []
    more: list[str] = []
    if gathered:
        joins.append(f'LEFT JOIN {_IDENTS} i ON i."@row" = s."@row"')
        more += ["i.who AS who", "CASE WHEN len(i.idents) > 1 THEN i.idents END AS idents"]
    elif named.fields:
        joins.append(_number_join("w", named.fields[0]))
        more.append("w.n AS who")
    for n, (name, field) in enumerate(named.references.items()):
        joins.append(_number_join(f"r{n}", field))
        more.append(f"r{n}.n AS {identifier('#' + name)}")
    columns = [f"s.{identifier(path)}" for path in staged.kept()]
    facts.con.execute(
        f"""
        INSERT INTO facts.{identifier(cls.name)} BY NAME
        SELECT $source AS source, CAST($now AS BIGINT) AS accepted_ms, s."@nulls" AS nulls,
               s."@extra" AS extra, CAST($take AS INTEGER) AS take,
               {", ".join([*more, *columns])}
        FROM {STAGED} s {" ".join(joins)}
        """,
        {"source": source.name, "now": now_ms, "take": take},
    )
    found = facts.one(f"SELECT count(*) FROM {STAGED}")
    return (int(found[0]) if found else 0), settled


def _number_join(alias: str, field: Field) -> str:
    on = f"{alias}.space = {text(field.space)} AND {alias}.raw = s.{identifier(field.path)}"
    return f"LEFT JOIN {NUMBERS} {alias} ON {on}"


def _gather_identities(facts: Facts, rules: IntakeRules, named: Named) -> None:
    """All identities of each event, and the one of highest priority."""
    parts = [
        f'SELECT "@row", {text(field.space)} AS space, {identifier(field.path)} AS raw, {way} AS way '
        f"FROM {STAGED}"
        for way, field in enumerate(named.fields)
    ]
    if named.has_map:
        parts.append(f'SELECT "@row", space, raw, {len(parts)} AS way FROM {MAP}')
    rank = identity_rank(rules, "d.space", "d.value")
    facts.con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {_IDENTS} AS
        SELECT "@row", first(n ORDER BY rank, way, value) AS who, list(n ORDER BY rank, way, value) AS idents
        FROM (
            SELECT c."@row", d.n, min({rank}) AS rank, min(c.way) AS way, min(c.raw) AS value
            FROM ({" UNION ALL ".join(parts)}) c JOIN {NUMBERS} d ON d.space = c.space AND d.raw = c.raw
            GROUP BY c."@row", d.n)
        GROUP BY "@row"
        """
    )


def identity_rank(rules: IntakeRules, space: str, value: str) -> str:
    """SQL: the place of an identity among those of one event, the smallest being the one it belongs to.

    Namespaces by priority, undeclared ones last; a blocked value only where there is no other.

    Args:
        rules: priorities and blocked values.
        space: SQL giving the namespace.
        value: SQL giving the value as the dictionary keeps it.
    """
    ranks = " ".join(f"WHEN {text(one)} THEN {n}" for n, one in enumerate(rules.priority))
    rank = f"CASE {space} {ranks} ELSE {len(rules.priority)} END" if rules.priority else "0"
    blocked = [
        f"({space} = {text(one)} AND {value} IN ({', '.join(map(text, sorted(values)))}))"
        for one, values in sorted(rules.blocked.items())
        if values
    ]
    if not blocked:
        return rank
    return f"{rank} + CASE WHEN {' OR '.join(blocked)} THEN {len(rules.priority) + 1} ELSE 0 END"
