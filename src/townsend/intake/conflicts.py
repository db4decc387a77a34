"""One event id, several contents: which is the event, told the same in whatever order they come.

Of all contents that ever came for one id, the smallest (timestamp, content hash) is the event; the
others are in quarantine. So an event already stored may give way to one that comes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from townsend.intake.batch import Batch
from townsend.intake.check import STAGED, Staged
from townsend.intake.content import content_hash
from townsend.intake.flatten import keep
from townsend.intake.items import decoder, json_text
from townsend.model import EntityClass
from townsend.store import facts_places, quarantine
from townsend.store.facts import Facts
from townsend.store.facts_schema import EVENT, identifier
from townsend.store.quarantine import Refusal

__all__ = ["Settled", "settle_repeats"]

_ROWS = "townsend_repeat"
_REMEDY = "it is kept apart; if it is another event, give it an id of its own"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Settled:
    """What became of repeated ids: rows known before, rows in conflict, stored events that gave way."""

    def __init__(self) -> None:
        self.known = 0
        self.refused: list[Refusal] = []
        self.gave_way = 0


def settle_repeats(facts: Facts, staged: Staged, batch: Batch, now_ms: int) -> Settled:
    """Leave in the staged rows only events that are to be added; call it in a transaction."""
    cls = staged.cls
    settled = Settled()
    table = f"facts.{identifier(cls.name)}"
    name, time = identifier(cls.id_field or ""), identifier(cls.time_field or "")
    facts.con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE townsend_suspect AS
        SELECT {name} AS id FROM {STAGED} GROUP BY 1 HAVING count(*) > 1
        UNION
        SELECT e.{name} FROM {table} e WHERE e.{name} IN (SELECT {name} FROM {STAGED})
        """
    )
    if not facts.one("SELECT 1 FROM townsend_suspect LIMIT 1"):
        return settled
    # `stored` is the row number in the table; rows of this lot have none. `first` stands for its content.
    facts.con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {_ROWS} AS
        SELECT *, dense_rank() OVER (PARTITION BY id ORDER BY time, hash) = 1 AS wins,
               row_number() OVER (PARTITION BY id, time, hash ORDER BY stored NULLS LAST, "@row") = 1 AS first
        FROM (
            SELECT s.{name} AS id, s.{time} AS time, {content_hash(staged.columns, "s")} AS hash,
                   CAST(NULL AS BIGINT) AS stored, s."@row"
            FROM {STAGED} s JOIN townsend_suspect x ON x.id = s.{name}
            UNION ALL
            SELECT e.{name}, e.{time}, {content_hash(_said(facts, cls), "e", stored=True)}, e.rowid, NULL
            FROM {table} e JOIN townsend_suspect x ON x.id = e.{name})
        """
    )
    _refuse_losers(facts, batch, settled)
    _give_way(facts, cls, settled, now_ms)
    known = facts.one(f"SELECT count(*) FROM {_ROWS} WHERE stored IS NULL AND NOT first")
    settled.known = int(known[0]) if known else 0
    facts.con.execute(
        f'DELETE FROM {STAGED} WHERE "@row" IN '
        f'(SELECT "@row" FROM {_ROWS} WHERE stored IS NULL AND NOT (wins AND first))'
    )
    return settled


def _said(facts: Facts, cls: EntityClass) -> list[str]:
    """The columns of declared fields that the class's table has by now."""
    return sorted(path for path in facts.columns(cls.name) if path not in EVENT and path[0] != "#")


def _refuse_losers(facts: Facts, batch: Batch, settled: Settled) -> None:
    rows = facts.con.execute(
        f'SELECT "@row", id FROM {_ROWS} WHERE stored IS NULL AND first AND NOT wins ORDER BY 1'
    ).fetchall()
    if not rows:
        return
    raws = batch.raw([int(row) for row, _ in rows])
    settled.refused += [_conflict(batch.place(int(row)), str(name), raws[int(row)]) for row, name in rows]


def _give_way(facts: Facts, cls: EntityClass, settled: Settled, now_ms: int) -> None:
    """Move stored events that lost into quarantine."""
    table = f"facts.{identifier(cls.name)}"
    paths = _said(facts, cls)
    found = facts.con.execute(
        f"""
        SELECT e.source, t.path, e.extra, e.nulls, {", ".join(f"e.{identifier(path)}" for path in paths)}
        FROM {table} e LEFT JOIN facts.take t ON t.id = e.take
        WHERE e.rowid IN (SELECT stored FROM {_ROWS} WHERE stored IS NOT NULL AND NOT wins)
        ORDER BY e.source, e.rowid
        """
    ).fetchall()
    if not found:
        return
    by_source: dict[str, list[Refusal]] = {}
    for source, path, extra, nulls, *values in found:
        row = _rebuilt(cls, dict(zip(paths, values, strict=True)), extra, nulls)
        refusal = _conflict(path or source, str(row[cls.id_field or ""]), json_text(row))
        by_source.setdefault(source, []).append(refusal)
    for source, refusals in by_source.items():
        settled.gave_way += quarantine.put(facts, cls.name, source, refusals, "{}", now_ms)
    facts.con.execute(
        f"DELETE FROM {table} "
        f"WHERE rowid IN (SELECT stored FROM {_ROWS} WHERE stored IS NOT NULL AND NOT wins)"
    )
    facts_places.forget(facts.con)


def _rebuilt(
    cls: EntityClass, values: dict[str, Any], extra: str | None, nulls: Sequence[str] | None
) -> dict[str, Any]:
    """A stored event as the nested row it came from."""
    row: dict[str, Any] = decoder.decode(extra) if extra else {}
    for path in nulls or ():
        keep(row, path, None)
    for path, value in values.items():
        if value is None:
            continue
        leaf = cls.shape.leaves.get(path)
        if path in cls.shape.arrays or path in cls.shape.maps:
            value = decoder.decode(value)
        elif leaf is not None and leaf.type in ("datetime", "date"):
            value = _EPOCH + timedelta(milliseconds=value)
        keep(row, path, value)
    return row


def _conflict(place: str, name: str, row: str) -> Refusal:
    return Refusal(
        place,
        "_id",
        "event.conflict",
        "one content for one event id; the event with the smallest time and content is kept",
        name,
        _REMEDY,
        row,
    )
