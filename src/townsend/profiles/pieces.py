"""What an entity's value may be taken from, in the order of a merge policy.

A *piece* is a version that still says something: the current version of a record, or, where a source sends
patches, each version since the last whole one. An entity with one piece is copied; the pieces of the others
lie in a *pile*, ranked once per order that its fields ask for: the piece with the highest rank that says
anything about a field wins it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from townsend.identity.moment import temp, text_literal
from townsend.identity.versions import TIME, Versions
from townsend.profiles.entities import member_table
from townsend.profiles.making import Making
from townsend.profiles.rules import MergePolicy
from townsend.store.facts_schema import identifier

__all__ = ["Pile", "make_pieces", "rank_sql"]

# An entity's pieces are fewer than this, so that an instant and a rank fit into one number.
_RANKS = 1 << 20


@dataclass(frozen=True)
class Pile:
    """The pieces of one class's entities.

    Args:
        single: the pieces that are their entity's only one, as a temporary view …
        pile: … and all others, with their ranks, as a temporary table.
        ranks: group of fields (by its path) to the column of ``pile`` that ranks its pieces.
        whole: the column that ranks pieces under the class's own policy, for what has no field of its own.
    """

    versions: Versions
    single: str
    pile: str
    ranks: dict[str, str]
    whole: str

    def drop(self, making: Making) -> None:
        """Let go of what was gathered; the pieces of a million records take room."""
        for kind, name in (("VIEW", "single"), ("TABLE", "piece"), ("TABLE", "shared"), ("TABLE", "pile")):
            making.moment.run(f"DROP {kind} IF EXISTS {temp(name, self.versions.cls.name)}")


def make_pieces(making: Making, versions: Versions, retired: bool) -> Pile:
    """Gather the pieces of the live entities of a class, or of its retired ones."""
    name, moment = versions.cls.name, making.moment
    members = f"(SELECT * FROM {member_table(name)} WHERE {'' if retired else 'NOT '}retired)"
    piece, several = temp("piece", name), temp("shared", name)
    single, pile = temp("single", name), temp("pile", name)
    parts = [
        f'SELECT m.id, c.key, c."@r", c."@t" AS t, c.source, CAST(0 AS BIGINT) AS ver FROM {members} m '
        f'JOIN {versions.now} c ON c.key = m.n WHERE c."@r" >= 0'
    ]
    if versions.patched:
        parts.append(
            f'SELECT m.id, f.key, f."@r", f.t, f.source, f.ord AS ver FROM {members} m '
            f"JOIN {versions.frag} f ON f.key = m.n"
        )
    moment.run(f"CREATE OR REPLACE TEMP TABLE {piece} AS {' UNION ALL '.join(parts)}")
    moment.run(
        f"CREATE OR REPLACE TEMP TABLE {several} AS SELECT id FROM {piece} GROUP BY id HAVING count(*) > 1"
    )
    moment.run(
        f"CREATE OR REPLACE TEMP VIEW {single} AS SELECT * FROM {piece} ANTI JOIN {several} USING (id)"
    )
    ranks, columns, joins = _ranks(making, versions, piece)
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE {pile} AS
        SELECT p.*, {", ".join(columns)}
        FROM {piece} p SEMI JOIN {several} USING (id) JOIN facts.number d ON d.n = p.key {joins}
        """
    )
    whole = ranks.pop("")
    return Pile(versions, single, pile, ranks, whole)


def rank_sql(policy: MergePolicy) -> str:
    """The order of an entity's pieces ``p`` with key text ``d.value``, the winner last."""
    listed = ", ".join(text_literal(source) for source in policy.order)
    trust = f"coalesce(list_position([{listed}], p.source), {len(policy.order) + 1}) DESC" if listed else ""
    ties = ["d.value DESC", "p.ver"]
    if policy.by == "changed":
        order = [trust, *ties]
    elif policy.by == "source":
        order = [trust, "p.t", *ties]
    else:
        order = ["p.t", trust, *ties]
    return ", ".join(one for one in order if one)


def _ranks(making: Making, versions: Versions, piece: str) -> tuple[dict[str, str], list[str], str]:
    """Group to rank column (the class's own under ""), the columns' SQL, and what must be joined for it."""
    default = making.policy(versions.cls.name)
    names: dict[str, str] = {}
    columns: list[str] = []
    found: dict[str, str] = {}
    changing: list[tuple[str, tuple[str, ...]]] = []
    for path, paths in [("", ()), *versions.groups()]:
        policy = default.of(path)
        order = rank_sql(policy)
        if order not in names:
            names[order] = f"o{len(names)}"
            columns.append(f"row_number() OVER (PARTITION BY p.id ORDER BY {order}) AS {names[order]}")
        found[path] = names[order]
        if policy.by == "changed" and paths:
            column = f"c{len(changing)}"
            changing.append((column, paths))
            columns.append(f"h.{column} * {_RANKS} + {names[order]} AS {column}r")
            found[path] = f"{column}r"
    if not changing:
        return found, columns, ""
    _make_changes(making, versions, piece, changing)
    return found, columns, f"LEFT JOIN {temp('change', versions.cls.name)} h ON h.key = p.key"


def _make_changes(
    making: Making, versions: Versions, piece: str, groups: Sequence[tuple[str, tuple[str, ...]]]
) -> None:
    """When each record's value of each group last changed, of records that share an entity with others.

    A whole version that does not name a field says that there is none; a patch leaves it as it was.
    """
    table, moment = f"facts.{identifier(versions.cls.name)}", making.moment
    shared = temp("shared", versions.cls.name)
    counts = ""
    if moment.as_of_ms is not None:
        counts = f' AND (coalesce(own_ms <= {moment.as_of_ms}, false) OR rowid IN (SELECT "@r" FROM {piece}))'
    states, changes = [], []
    for column, paths in groups:
        said = versions.named(paths, "s")
        values = ", ".join(f"s.{identifier(path)}" for path in paths)
        states.append(
            f"CASE WHEN {said} THEN hash({values}) WHEN NOT coalesce(s.patch, false) THEN 0 END AS {column}"
        )
        before = f"lag({column} IGNORE NULLS) OVER (PARTITION BY key ORDER BY ord)"
        changes.append(
            f"CASE WHEN {column} IS NOT NULL AND {column} IS DISTINCT FROM {before} THEN t END AS {column}"
        )
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE {temp("change", versions.cls.name)} AS
        WITH said AS (
            SELECT s.key, {TIME} AS t, {", ".join(states)},
                   row_number() OVER (
                       PARTITION BY s.key ORDER BY {TIME}, s.accepted_ms, s.hash, s.source) AS ord
            FROM {table} s
            WHERE s.key IN (SELECT p.key FROM {piece} p SEMI JOIN {shared} USING (id)){counts}),
        changed AS (SELECT key, {", ".join(changes)} FROM said)
        SELECT key, {", ".join(f"max({column}) AS {column}" for column, _ in groups)}
        FROM changed GROUP BY key
        """
    )
