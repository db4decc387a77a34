"""Which version of each record counts, and where to read its fields.

Makes temporary things per class: ``now_<class>``, one row a key: where it stands (``@r``, negative for what
patches say together), its time
``@t`` and all its fields; and, where a source sends patches, ``frag_<class>``:
the versions that still say something about a patched key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from townsend.identity.moment import Moment, temp
from townsend.model import EntityClass
from townsend.store.facts_schema import RECORD, identifier

__all__ = ["Versions", "read_versions"]

TIME = "coalesce(own_ms, accepted_ms)"
NEWEST = f"{TIME} DESC, accepted_ms DESC, hash DESC, source DESC"
DELETED = "isDeleted"


@dataclass(frozen=True)
class Versions:
    """The current versions of one class.

    Args:
        cls: the class.
        paths: declared fields that have a column.
        nulls: fields that some row gives as an explicit null.
        patched: whether ``frag_<class>`` has rows.
        alone: whether every key has one version only, which is then current.
        count: how many keys there are.
    """

    cls: EntityClass
    paths: frozenset[str]
    nulls: frozenset[str]
    patched: bool
    alone: bool
    count: int

    @property
    def now(self) -> str:
        return temp("now", self.cls.name)

    @property
    def frag(self) -> str:
        return temp("frag", self.cls.name)

    def named(self, paths: Sequence[str], alias: str) -> str:
        """SQL: whether a row says anything about a field: a value, or an explicit null."""
        said = [f"{alias}.{identifier(path)} IS NOT NULL" for path in paths]
        said += [
            f"coalesce(list_contains({alias}.nulls, '{path.replace(chr(39), chr(39) * 2)}'), false)"
            for path in paths
            if path in self.nulls
        ]
        return "(" + " OR ".join(said) + ")"

    def groups(self) -> list[tuple[str, tuple[str, ...]]]:
        """Fields that win or lose together: key objects, money objects, every other field alone."""
        shape = self.cls.shape
        found: list[tuple[str, tuple[str, ...]]] = []
        together: set[str] = set()
        for path in sorted(shape.keys | shape.money):
            inside = tuple(sorted(one for one in self.paths if one.rpartition(".")[0] == path))
            if inside:
                found.append((path, inside))
                together.update(inside)
        found += [(path, (path,)) for path in sorted(self.paths - together)]
        return found


def read_versions(
    moment: Moment, cls: EntityClass, keys: Sequence[int] | None = None, before_take: int | None = None
) -> Versions:
    """Choose the current versions of a class.

    Args:
        moment: what is read.
        cls: the class.
        keys: choose those of these keys only.
        before_take: choose those that were current when no later take than this was there.
    """
    table = f"facts.{identifier(cls.name)}"
    if before_take is not None:
        table = f"(SELECT rowid, * FROM {table} WHERE take <= {before_take})"
    declared = frozenset(moment.columns[cls.name] & set(cls.shape.names()) - set(RECORD))
    only = "" if keys is None else f" WHERE key IN ({', '.join(str(int(key)) for key in keys) or 'NULL'})"
    rows, known, cleared, patches = moment.rows(
        f"SELECT count(*), count(DISTINCT key), count(nulls), count(*) FILTER (patch) FROM {table}{only}"
    )[0]
    nulls: frozenset[str] = frozenset()
    if cleared:
        found = moment.rows(f"SELECT DISTINCT unnest(nulls) FROM {table} WHERE nulls IS NOT NULL")
        nulls = declared & {str(path) for (path,) in found}
    versions = Versions(cls, declared, nulls, patches > 0, rows == known and not patches, int(known))
    if versions.alone:
        # Every key has one version, so the table itself says what is current.
        chosen = f'SELECT rowid AS "@r", {TIME} AS "@t", * FROM {table}{only}'
    else:
        _choose(moment, versions, table, only)
        source = f'SELECT rowid AS "@r", * FROM {table}{only}'
        if versions.patched:
            _fold(moment, versions, table)
            source += f" UNION ALL BY NAME SELECT * FROM {temp('fold', cls.name)}"
        chosen = (
            f'SELECT c."@r", c.t AS "@t", c.key, c.source, c.deleted, '
            f's.* EXCLUDE ("@r", key, source, deleted) '
            f'FROM {temp("cur", cls.name)} c JOIN ({source}) s ON s."@r" = c."@r"'
        )
    if keys is not None:
        # A few rows are worth taking out: joined where they lie, DuckDB begins at the wrong end.
        picked = temp("picked", cls.name)
        moment.run(f"CREATE OR REPLACE TEMP TABLE {picked} AS {chosen}")
        chosen = f"SELECT * FROM {picked}"
    moment.run(f"CREATE OR REPLACE TEMP VIEW {versions.now} AS {chosen}")
    return versions


def _choose(moment: Moment, versions: Versions, table: str, only: str) -> None:
    """Of keys with several versions the current one."""
    moment.run(
        f"CREATE OR REPLACE TEMP TABLE several AS SELECT key FROM {table}{only} "
        "GROUP BY key HAVING count(*) > 1"
    )
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE {temp("cur", versions.cls.name)} AS
        SELECT rowid AS "@r", key, {TIME} AS t, source, deleted
        FROM (SELECT rowid, * FROM {table}{only}) one ANTI JOIN several USING (key)
        UNION ALL
        SELECT "@r", key, t, source, deleted FROM (
            SELECT rowid AS "@r", key, {TIME} AS t, source, deleted,
                   row_number() OVER (PARTITION BY key ORDER BY {_order(moment)}) AS place
            FROM {table} SEMI JOIN several USING (key))
        WHERE place = 1
        """
    )


def _order(moment: Moment) -> str:
    """The current version first.

    As of an instant: the newest with an own time not after it; without one, the oldest.
    """
    if moment.as_of_ms is None:
        return NEWEST
    old = _old_enough(moment)
    return (
        f"{old} DESC, CASE WHEN {old} THEN {TIME} ELSE -{TIME} END DESC, "
        f"CASE WHEN {old} THEN accepted_ms ELSE -accepted_ms END DESC, "
        f"CASE WHEN {old} THEN CAST(hash AS HUGEINT) ELSE -CAST(hash AS HUGEINT) END DESC, source DESC"
    )


def _old_enough(moment: Moment) -> str:
    return f"coalesce(own_ms <= {moment.as_of_ms}, false)"


def _fold(moment: Moment, versions: Versions, table: str) -> None:
    """Patched keys: the versions since the last whole one, and one row that says what they say together."""
    counts = "true" if moment.as_of_ms is None else _old_enough(moment)
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE {versions.frag} AS
        WITH ordered AS (
            SELECT rowid AS "@r", key, {TIME} AS t, source, patch, deleted, {counts} AS counts,
                   row_number() OVER (PARTITION BY key ORDER BY {TIME}, accepted_ms, hash, source) AS ord
            FROM {table} SEMI JOIN several USING (key)),
        chosen AS (
            SELECT * FROM ordered
            QUALIFY counts OR (ord = 1 AND NOT bool_or(counts) OVER (PARTITION BY key)))
        SELECT "@r", key, t, source, deleted, patch, ord FROM chosen
        QUALIFY bool_or(patch) OVER (PARTITION BY key)
            AND ord >= coalesce(max(ord) FILTER (NOT patch) OVER (PARTITION BY key), 0)
        """
    )
    fields = ["arg_max(s.extra, f.ord) AS extra"]
    for _, paths in versions.groups():
        said = versions.named(paths, "s")
        fields += [
            f"arg_max_null(s.{identifier(path)}, f.ord) FILTER (WHERE {said}) AS {identifier(path)}"
            for path in paths
        ]
    # A patch that does not speak of deletion leaves it as it was.
    speaks = f'NOT f.patch OR s."{DELETED}" IS NOT NULL' if DELETED in versions.paths else "true"
    fold = temp("fold", versions.cls.name)
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE {fold} AS
        SELECT CAST(-f.key AS BIGINT) AS "@r", f.key, max(f.t) AS own_ms, arg_max(f.source, f.ord) AS source,
               coalesce(arg_max(f.deleted, f.ord) FILTER (WHERE {speaks}), false) AS deleted,
               {", ".join(fields)}
        FROM {versions.frag} f JOIN {table} s ON s.rowid = f."@r" GROUP BY f.key
        """
    )
    current = temp("cur", versions.cls.name)
    moment.run(f"DELETE FROM {current} WHERE key IN (SELECT key FROM {fold})")
    moment.run(f'INSERT INTO {current} SELECT "@r", key, own_ms, source, deleted FROM {fold}')
