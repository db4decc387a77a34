"""A small world put into the stored one: its entities in place of the old ones, and what refers to them.

Call it in a transaction. What is counted for the report is counted from the tables where that is quick, and
kept by differences where it is not.
"""

from __future__ import annotations

import numpy as np

from townsend.identity.moment import Moment, temp, text_literal
from townsend.model import EntityClass
from townsend.profiles.beside import Beside
from townsend.profiles.making import Making, reference_column
from townsend.profiles.region import Region
from townsend.store.facts_schema import identifier

__all__ = ["Splice", "columns_of"]


class Splice:
    """The small world on its way into the stored one.

    Makes temporary tables ``moved_<class>(n, value, was, id)`` of keys that are another entity's now, and
    ``touched_<class>(id)`` of entities whose row is another now.

    Args:
        beside: the small world, made.
        stored: the stored world; its report is brought up to date too.
    """

    def __init__(self, beside: Beside, stored: Making) -> None:
        self.beside, self.small, self.stored = beside, beside.small, stored
        self.moment = stored.moment

    def put(self) -> None:
        """Put everything in its place but relationships between people and accounts."""
        for region in self.beside.regions.values():
            self._note(region)
            self._count_own(region, -1)
        for region in self.beside.regions.values():
            self._replace(region)
        self._put_traces()
        for cls in self.stored.schema.classes.values():
            self._refer(cls)
        for region in self.beside.regions.values():
            self._count_own(region, 1)
            name = region.cls.name
            self.stored.report.removed[name] = self.moment.number(
                f"SELECT count(*) FROM {self.stored.table('removed')} WHERE class = $cls", {"cls": name}
            )

    # ------------------------------------------------------------ one class

    def _note(self, region: Region) -> None:
        """Remember which keys move, and which entities were there, before anything changes."""
        name = region.cls.name
        self.moment.table(temp("region", name), {"n": region.n.astype(np.int32)})
        self.moment.table(temp("former", name), {"id": region.ids.astype(np.int32)})
        node = identifier(f"node_{name}")
        self.moment.run(
            f"""
            CREATE OR REPLACE TEMP TABLE {temp("moved", name)} AS
            SELECT d.n, d.value, was.id AS was, new.id
            FROM facts.number d SEMI JOIN {temp("region", name)} USING (n)
            LEFT JOIN {self.stored.name}.{node} was USING (n) LEFT JOIN {self.small.name}.{node} new USING (n)
            WHERE d.space = {text_literal(region.cls.namespace)} AND was.id IS DISTINCT FROM new.id
            """
        )
        here = f"SELECT id FROM {self.small.name}.{node} SEMI JOIN {temp('region', name)} USING (n)"
        self.moment.run(
            f"CREATE OR REPLACE TEMP TABLE {temp('touched', name)} AS "
            f"FROM {temp('former', name)} UNION {here}"
        )
        self._note_turned(region)

    def _note_turned(self, region: Region) -> None:
        """``turned_<class>(n)``: keys of records that were retired and are not, or are and were not.

        A record may be retired while the entity that it belonged to lives on, and the other way round.
        """
        name = region.cls.name
        self.moment.table(temp("own", name), {"n": region.keys.astype(np.int32)})
        was = self._live(self.stored, name) if self._columns(self.stored, name) else "SELECT 0 WHERE false"
        known = "SELECT 0 WHERE false"  # people may be known by their events alone, and have no records
        if self.moment.columns.get(name):
            known = f"SELECT key FROM facts.{identifier(name)} WHERE take <= {self.beside.news.take}"
        self.moment.run(
            f"CREATE OR REPLACE TEMP TABLE {temp('turned', name)} AS SELECT n FROM {temp('own', name)} "
            f"WHERE (n IN ({known}) AND n NOT IN ({was})) <> (n NOT IN ({self._live(self.small, name)}))"
        )

    def _live(self, world: Making, name: str) -> str:
        """SQL: keys of the records of a class that are not retired in a world."""
        return (
            f"SELECT s.n FROM {world.table('source')} s SEMI JOIN {world.table(name)} e ON e.id = s.id "
            f"WHERE s.class = {text_literal(name)}"
        )

    def _replace(self, region: Region) -> None:
        name, cls = region.cls.name, text_literal(region.cls.name)
        former, inside = temp("former", name), temp("region", name)
        node = self.stored.table(f"node_{name}")
        self.moment.run(f"DELETE FROM {node} WHERE n IN (FROM {inside})")
        self.moment.run(
            f"INSERT INTO {node} SELECT n, id FROM {self.small.table(f'node_{name}')} "
            f"WHERE n IN (FROM {inside})"
        )
        for table in ("shown", "source", "undecided"):
            whole, of_class = self.stored.table(table), f"class = {cls}"
            self.moment.run(f"DELETE FROM {whole} WHERE {of_class} AND id IN (FROM {former})")
            self.moment.run(f"INSERT INTO {whole} BY NAME FROM {self.small.table(table)} WHERE {of_class}")
        removed = self.stored.table("removed")
        self.moment.run(f"DELETE FROM {removed} WHERE class = {cls} AND a IN (FROM {inside})")
        self.moment.run(f"INSERT INTO {removed} FROM {self.small.table('removed')} WHERE class = {cls}")
        for suffix in ("", "_retired"):
            self._replace_rows(name + suffix, former)

    def _replace_rows(self, table: str, former: str) -> None:
        """The rows of a class; columns that are new are made."""
        old, new = self._columns(self.stored, table), self._columns(self.small, table)
        if not old and new:
            self.moment.run(f"CREATE TABLE {self.stored.table(table)} AS FROM {self.small.table(table)}")
            return
        if old:
            self.moment.run(f"DELETE FROM {self.stored.table(table)} WHERE id IN (FROM {former})")
        for column, kind in new.items():
            if column not in old:
                self.moment.run(
                    f"ALTER TABLE {self.stored.table(table)} ADD COLUMN {identifier(column)} {kind}"
                )
        if new:
            self.moment.run(f"INSERT INTO {self.stored.table(table)} BY NAME FROM {self.small.table(table)}")

    def _put_traces(self) -> None:
        stored = self.stored
        for name, (values, counts) in self.beside.crowds.items():
            self.moment.table("crowd", {"n": values, "records": counts})
            table, cls = stored.table("trace_crowded"), text_literal(name)
            self.moment.run(f"DELETE FROM {table} WHERE class = {cls} AND n IN (SELECT n FROM crowd)")
            self.moment.run(f"INSERT INTO {table} SELECT {cls}, n, records FROM crowd")
        for name, columns, best in (("acted", "n", "min"), ("met", "a, b", "max")):
            table = stored.table(f"trace_{name}")
            keys = f"SELECT {columns} FROM new_{name}"
            self.moment.run(
                f"CREATE OR REPLACE TEMP TABLE told AS SELECT {columns}, {best}(ms) AS ms FROM "
                f"(FROM new_{name} UNION ALL (FROM {table} SEMI JOIN ({keys}) k USING ({columns}))) "
                "GROUP BY ALL"
            )
            self.moment.run(f"DELETE FROM {table} WHERE ({columns}) IN ({keys})")
            self.moment.run(f"INSERT INTO {table} FROM told")
        for region in self.beside.regions.values():
            cls, inside = text_literal(region.cls.name), temp("region", region.cls.name)
            table = stored.table("trace_buried")
            self.moment.run(f"DELETE FROM {table} WHERE class = {cls} AND key IN (FROM {inside})")
            self.moment.run(
                f"INSERT INTO {table} FROM {self.small.table('trace_buried')} WHERE class = {cls}"
            )

    # ------------------------------------------------------------ what refers to others

    def _refer(self, cls: EntityClass) -> None:
        """Let rows that name a key that moved point to the entity that has it now."""
        for suffix in ("", "_retired"):
            columns = self._columns(self.stored, cls.name + suffix)
            for reference in cls.references.values():
                column = identifier("@" + reference.name)
                moved = reference.to in self.beside.regions and reference.field is not None
                if not moved or "@" + reference.name not in columns:
                    continue
                key = identifier(reference_column(cls, reference))
                now = "nullif(k.id, m.id)" if reference.to == cls.name else "k.id"
                table, keys = self.stored.table(cls.name + suffix), temp("moved", reference.to)
                rows = f"SELECT m.id FROM {table} m JOIN {keys} k ON k.value = m.{key}"
                if not suffix:
                    self._touch(cls, rows)
                self.moment.run(
                    f"UPDATE {table} m SET {column} = {now} FROM {keys} k WHERE k.value = m.{key} "
                    f"AND m.{column} IS DISTINCT FROM {now}"
                )

    def _touch(self, cls: EntityClass, rows: str) -> None:
        touched = temp("touched", cls.name)
        if cls.name in self.beside.regions:
            self.moment.run(f"INSERT INTO {touched} {rows}")
            return
        self.moment.run(f"CREATE TEMP TABLE IF NOT EXISTS {touched} (id INTEGER)")
        self.moment.run(f"INSERT INTO {touched} {rows}")

    def _count_own(self, region: Region, sign: int) -> None:
        """Take those who name themselves as their own parent out of the report's count, or put them in."""
        cls, ids = region.cls, temp("touched", region.cls.name)
        report = self.stored.report
        for reference in cls.references.values():
            if reference.to != cls.name or reference.field is None:
                continue
            key = reference_column(cls, reference)
            if key not in self._columns(self.stored, cls.name):
                continue
            found = self.moment.number(
                f"""
                SELECT count(*)
                FROM (SELECT * FROM {self.stored.table(cls.name)} SEMI JOIN {ids} USING (id)) m
                JOIN facts.number d ON d.value = m.{identifier(key)}
                 AND d.space = {text_literal(cls.namespace)}
                JOIN {self.stored.table(f"node_{cls.name}")} e ON e.n = d.n WHERE e.id = m.id
                """
            )
            report.own_parents[cls.name] = report.own_parents.get(cls.name, 0) + sign * found

    def _columns(self, making: Making, table: str) -> dict[str, str]:
        return columns_of(self.moment, making.name, table)


def columns_of(moment: Moment, world: str, table: str) -> dict[str, str]:
    """The columns of a world's table with their types; none if there is no such table."""
    database, _, schema = world.rpartition(".")
    return dict(
        moment.rows(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = $schema "
            "AND table_name = $table AND database_name = coalesce($database, current_database()) "
            "ORDER BY column_index",
            {"schema": schema.strip('"'), "table": table, "database": database or None},
        )
    )
