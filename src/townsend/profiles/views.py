"""Many records become one row: the tables ``<class>`` and ``<class>_retired`` of the unified world.

Each column is a declared field's merged value; ``@<reference>`` is the id of what the row refers to, live
or retired, null if that is nowhere; ``extra`` holds undeclared fields; ``first_ms`` says since when somebody
known from events alone exists. Amounts of money are in the project's currency; one that nobody can say is
null, its mark stands beside it, and the table ``undecided`` names it. Events stay where they are: what those
of a class say about money in other currencies is in ``<class>_worth``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from townsend.identity.moment import joined, temp, text_literal
from townsend.identity.versions import Versions
from townsend.model import EntityClass, mark_of
from townsend.profiles.combine import combine_values, is_combined, says
from townsend.profiles.edges import EDGES_OF
from townsend.profiles.entities import member_table
from townsend.profiles.making import Making, acting_class, reference_column
from townsend.profiles.money import Amount, amounts, write_rates, write_undecided
from townsend.profiles.money_items import item_amounts, write_undecided_items
from townsend.profiles.pieces import make_pieces
from townsend.profiles.winners import Winners, find_winners, gather_rest
from townsend.store.facts_schema import identifier

__all__ = ["report_undecided", "write_records", "write_views"]

FIRST = "CAST(NULL AS BIGINT) AS first_ms"


@dataclass(frozen=True)
class _Column:
    """A column of the view as an expression over rows ``s`` and pieces ``p``, and the group it wins with.

    Args:
        join: SQL that the expression needs behind the rows.
    """

    name: str
    sql: str
    path: str
    join: str = ""


def write_views(making: Making) -> None:
    """Make the tables of every class that has entities, and of what events say about money."""
    write_records(making)
    for cls in making.moment.events():
        _write_worth(making, cls)
    report_undecided(making)


def write_records(making: Making) -> None:
    """Make the tables of every class that has entities."""
    making.moment.run(
        f"CREATE TABLE {making.table('undecided')} "
        "(class VARCHAR, id INTEGER, path VARCHAR, mark VARCHAR, retired BOOLEAN)"
    )
    write_rates(making)
    _write_known(making)
    for cls in making.classes():
        _write(making, cls, retired=False)
        if len(making.entities[cls.name].retired_n):
            _write(making, cls, retired=True)
        if cls.name in making.versions and cls.name not in EDGES_OF:
            making.moment.run(f"DROP TABLE {member_table(cls.name)}")


def report_undecided(making: Making) -> None:
    """Which amounts of live entities and events nobody can say, and which rates would help."""
    live = f"FROM {making.table('undecided')} WHERE NOT retired"
    making.report.undecided = making.moment.rows(
        f"SELECT class, path, count(*) {live} GROUP BY ALL ORDER BY ALL"
    )
    wanted = "regexp_extract(mark, ' ([A-Z]{3}) on ([-0-9]+)$', ['code', 'day'])"
    making.report.rates = making.moment.rows(
        f"SELECT one.code, min(one.day), count(*) FROM (SELECT {wanted} AS one {live}) "
        "GROUP BY ALL ORDER BY ALL"
    )


def _write_known(making: Making) -> None:
    """``known_<class>(value, id)``: every key of what is referred to, and the entity that has it."""
    referred = {reference.to for cls in making.classes() for reference in cls.references.values()}
    for name in sorted(referred & making.known()):
        making.moment.run(
            f"CREATE OR REPLACE TEMP TABLE {temp('known', name)} AS SELECT d.value, e.id "
            f"FROM {making.table(f'node_{name}')} e JOIN facts.number d USING (n) "
            f"WHERE d.space = {text_literal(making.schema.classes[name].namespace)}"
        )


def _write(making: Making, cls: EntityClass, *, retired: bool) -> None:
    moment, table = making.moment, making.table(cls.name + ("_retired" if retired else ""))
    money: list[Amount] = []
    parts = []
    if cls.name in making.versions:
        shared = making.versions[cls.name].patched or making.shared(cls.name, retired)
        paths = making.versions[cls.name].paths
        money = amounts(making, cls, paths, "p.t" if shared else 's."@t"')
        money += item_amounts(making, cls, paths, "s.rowid" if shared else 's."@r"')
        first = f", {FIRST}" if cls.name == acting_class(making.schema) else ""
        versions = making.versions[cls.name]
        if shared:
            parts.append(_shared(making, versions, money, first, retired))
        else:
            parts.append(_alone(versions, money, first, retired))
    if not retired and len(making.entities[cls.name].event_id):
        found = making.entities[cls.name]
        moment.table("acting", {"id": found.event_id.astype(np.int32), "first_ms": found.first_ms})
        parts.append("SELECT id, first_ms FROM acting")
    links, joins = _references(making, cls)
    moment.run(f"CREATE TABLE {table} AS SELECT m.*{links} FROM ({_union(parts)}) m {joins}")
    write_undecided(making, cls.name, table, money, retired)
    write_undecided_items(making, cls, table, money, retired)
    if not retired:
        _remark_own(making, cls, table)


def _write_worth(making: Making, cls: EntityClass) -> None:
    """What events say about money in other currencies, in the project's; no table if they say nothing."""
    paths = making.moment.columns[cls.name]
    time = f"s.{identifier(str(cls.time_field))}"
    found = [*amounts(making, cls, paths, time), *item_amounts(making, cls, paths, "s.rowid")]
    foreign = [amount.foreign for amount in found if amount.foreign is not None]
    if not foreign:
        return
    columns = [f"{amount.worth} AS {identifier(amount.path)}" for amount in found]
    columns += [
        f"{amount.mark} AS {identifier(mark_of(amount.path))}" for amount in found if amount.mark is not None
    ]
    table = making.table(f"{cls.name}_worth")
    making.moment.run(
        f"CREATE TABLE {table} AS SELECT CAST(s.rowid AS INTEGER) AS id, {', '.join(columns)} "
        f"FROM facts.{identifier(cls.name)} s {_rates(found)} WHERE {' OR '.join(foreign)}"
    )
    write_undecided(making, cls.name, table, found, False)
    write_undecided_items(making, cls, table, found, False)


def _alone(versions: Versions, money: list[Amount], first: str, retired: bool) -> str:
    """A select of the rows of entities that have one record each."""
    members = f"(SELECT * FROM {member_table(versions.cls.name)} WHERE retired = {retired}) m"
    return (
        f"SELECT m.id{first}, {_listed(_columns(versions, money))} "
        f"FROM {members} JOIN {versions.now} s ON s.key = m.n {_rates(money)}"
    )


def _shared(making: Making, versions: Versions, money: list[Amount], first: str, retired: bool) -> str:
    """A select of the merged rows of entities some of which have several records."""
    pile = make_pieces(making, versions, retired)
    said = {path: versions.named(paths, "s") for path, paths in versions.groups()}
    said |= {path: says(versions, path) for path in [*said, "extra"] if is_combined(versions.cls, path)}
    winners = find_winners(making, pile, said)
    return _merged(making, winners, _columns(versions, money), first, _rates(money))


def _rates(money: list[Amount]) -> str:
    return " ".join(amount.join for amount in money)


def _union(parts: list[str]) -> str:
    return joined(parts).replace("UNION ALL", "UNION ALL BY NAME") if len(parts) > 1 else parts[0]


def _listed(columns: list[_Column]) -> str:
    return ", ".join(f"{column.sql} AS {identifier(column.name)}" for column in columns)


def _columns(versions: Versions, money: list[Amount]) -> list[_Column]:
    """Every column that the class's records have."""
    worth = {amount.path: amount for amount in money}
    found = []
    for path, paths in versions.groups():
        for name in paths:
            amount = worth.get(name, Amount(name, f"s.{identifier(name)}"))
            found.append(_Column(name, amount.worth, path, amount.join))
            if amount.mark is not None:
                found.append(_Column(mark_of(name), amount.mark, path, amount.join))
    return [*found, _Column("extra", "s.extra", "extra")]


def _merged(making: Making, winners: Winners, columns: list[_Column], first: str, rates: str) -> str:
    """A select of the first piece of each entity, with what others give instead."""
    versions = winners.pile.versions
    given: list[tuple[str, str, str]] = []
    parts = ""
    chosen: list[_Column] = []
    for place, column in enumerate(columns):
        name, sql = identifier(column.name), column.sql
        combined = is_combined(versions.cls, column.name)
        if column.path in winners.given and not (combined and versions.patched):
            given.append((column.name, column.sql, column.path))
            sql = f"CASE WHEN {winners.bits[column.path].of('p.gives')} THEN {sql} ELSE x.{name} END"
        if combined:
            part = combine_values(making, winners, column.name, column.sql, column.join)
            value = "NULL"
            if part is not None:
                parts += f" LEFT JOIN {part} y{place} ON y{place}.id = p.id"
                value = f"y{place}.value"
            if versions.patched:
                sql = f"CASE WHEN p.alone THEN {sql} ELSE {value} END"
            elif part is not None:
                sql = f"coalesce({value}, {sql})"
        chosen.append(_Column(column.name, sql, column.path))
    if given:
        parts += f" LEFT JOIN {gather_rest(making, winners, given, rates)} x ON x.id = p.id"
    return (
        f"SELECT p.id{first}, {_listed(chosen)} FROM {winners.top} p "
        f'JOIN facts.{identifier(versions.cls.name)} s ON s.rowid = p."@r" {rates}{parts}'
    )


def _references(making: Making, cls: EntityClass) -> tuple[str, str]:
    """The columns ``@<reference>`` of rows ``m``, and what must be joined for them."""
    versions = making.versions.get(cls.name)
    columns, joins = "", ""
    for place, reference in enumerate(cls.references.values()):
        if versions is None or reference.field is None:
            continue
        key = reference_column(cls, reference)
        if key not in versions.paths:
            continue
        value = "CAST(NULL AS INTEGER)"
        if reference.to in making.known():
            value = f"r{place}.id"
            joins += (
                f" LEFT JOIN {temp('known', reference.to)} r{place} ON r{place}.value = m.{identifier(key)}"
            )
            if reference.to == cls.name:
                value = f"nullif({value}, m.id)"
        columns += f", {value} AS {identifier('@' + reference.name)}"
    return columns, joins


def _remark_own(making: Making, cls: EntityClass, table: str) -> None:
    """Count who refers to itself, both ends of the reference having become one."""
    versions = making.versions.get(cls.name)
    for reference in cls.references.values():
        if reference.to != cls.name or versions is None:
            continue
        key = reference_column(cls, reference)
        if key in versions.paths:
            making.report.own_parents[cls.name] = making.moment.number(
                f"SELECT count(*) FROM {table} m JOIN {temp('known', cls.name)} k "
                f"ON k.value = m.{identifier(key)} WHERE k.id = m.id"
            )
