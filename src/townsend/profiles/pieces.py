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
from townsend.profiles.survivors import RANK, survivor_join
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
        SELECT p.* {_without_times(making, versions)}, {", ".join(columns)}
        FROM {_timed(making, versions, piece)} p
        SEMI JOIN {several} USING (id) JOIN facts.number d ON d.n = p.key {joins}
        """
    )
    whole = ranks.pop("")
    return Pile(versions, single, pile, ranks, whole)


def rank_sql(policy: MergePolicy, time: str = "p.t", hint: str = "") -> str:
    """The order of an entity's pieces ``p`` with key text ``d.value``, the winner last.

    Args:
        hint: how master data orders them, if it does.
    """
    listed = ", ".join(text_literal(source) for source in policy.order)
    trust = f"coalesce(list_position([{listed}], p.source), {len(policy.order) + 1}) DESC" if listed else ""
    ties = [hint, "d.value DESC", "p.ver"]
    if policy.by == "master":
        order = [hint, time, trust, *ties[1:]]
    elif policy.by == "changed":
        order = [trust, *ties]
    elif policy.by == "source":
        order = [trust, time, *ties]
    else:
        order = [time, trust, *ties]
    return ", ".join(one for one in order if one)


def _ranks(making: Making, versions: Versions, piece: str) -> tuple[dict[str, str], list[str], str]:
    """Group to rank column (the class's own under ""), the columns' SQL, and what must be joined for it."""
    default = making.policy(versions.cls.name)
    times = _times(making, versions)
    ranked = survivor_join(making, versions.cls.name)
    hint = RANK if ranked else ""
    names: dict[str, str] = {}
    columns: list[str] = []
    found: dict[str, str] = {}
    changing: list[tuple[str, tuple[str, ...]]] = []
    for path, paths in [("", ()), *versions.groups(), ("extra", ("extra",))]:
        policy = default.of(path)
        order = rank_sql(policy, times.get(_time_sql(versions, policy), "p.t"), hint)
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
        return found, columns, ranked
    _make_changes(making, versions, piece, changing)
    return found, columns, f"LEFT JOIN {temp('change', versions.cls.name)} h ON h.key = p.key {ranked}"


def _times(making: Making, versions: Versions) -> dict[str, str]:
    """SQL of each custom time that a policy of the class asks for, to the column that holds it."""
    default = making.policy(versions.cls.name)
    asked = [_time_sql(versions, policy) for policy in (default, *default.fields.values())]
    return {sql: f"p.w{place}" for place, sql in enumerate(dict.fromkeys(filter(None, asked)))}


def _time_sql(versions: Versions, policy: MergePolicy) -> str:
    """A version's time as the policy has it, over rows ``s`` of pieces ``q``; empty if that is its own."""
    times = {source: path for source, path in policy.times.items() if path in versions.paths}
    otherwise = f"s.{identifier(times.pop(''))}" if "" in times else "NULL"
    # A source that is named with a field nobody ever gave has its own time, not that of all others.
    cases = " ".join(
        f"WHEN {text_literal(source)} THEN {f's.{identifier(path)}' if source in times else 'NULL'}"
        for source, path in policy.times.items()
        if source
    )
    if not times and otherwise == "NULL":
        return ""
    chosen = f"CASE q.source {cases} ELSE {otherwise} END" if cases else otherwise
    return f"coalesce({chosen}, q.t)"


def _timed(making: Making, versions: Versions, piece: str) -> str:
    """The pieces with the columns of ``_times``; of one record a later version never has an earlier time."""
    times = _times(making, versions)
    if not times:
        return piece
    columns = ", ".join(
        f"max({sql}) OVER (PARTITION BY q.key ORDER BY q.ver) AS {name.removeprefix('p.')}"
        for sql, name in times.items()
    )
    rows = f"facts.{identifier(versions.cls.name)}"
    return f'(SELECT q.*, {columns} FROM {piece} q JOIN {rows} s ON s.rowid = q."@r")'


def _without_times(making: Making, versions: Versions) -> str:
    names = ", ".join(name.removeprefix("p.") for name in _times(making, versions).values())
    return f"EXCLUDE ({names})" if names else ""


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
