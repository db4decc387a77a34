"""Pulls: each time that a stream of a source was read, written down with what it brought and cost.

Freshness is told from them. Of each stream the last ``KEPT`` pulls stay, and always its last one that ended
well and its last full one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from townsend.store.facts import Facts

__all__ = ["KEPT", "Kind", "Pull", "last_pulls", "note_pull"]

KEPT = 100

Kind = Literal["full", "since", "changes"]


@dataclass(frozen=True, slots=True)
class Pull:
    """One stream of one source, read once.

    Args:
        kind: what was read: all of it, all since an instant that somebody gave, or what changed.
        rows: rows that came; ``accepted`` were new, ``deleted`` said that something is gone.
        calls: calls made for it; None if the source does not count them.
        newest_ms: the newest own time among its rows; None if none has one.
        tables: the tables of the mapping by which its rows were made, with their digests.
        code: why it was left before its end, with the text; None if it was read to its end.
        used: calls of the vendor's day spent afterwards, of ``most``; None if nobody knows.
    """

    source: str
    stream: str
    kind: Kind
    begun_ms: int
    ended_ms: int
    rows: int = 0
    accepted: int = 0
    deleted: int = 0
    quarantined: int = 0
    calls: int | None = None
    newest_ms: int | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    text: str | None = None
    used: int | None = None
    most: int | None = None


_COLUMNS = (
    "source, stream, kind, begun_ms, ended_ms, rows, accepted, deleted, quarantined, calls, newest_ms, "
    "tables, code, text, used, most"
)
_FIELDS = tuple(_COLUMNS.split(", "))
# What tells a stream's state: its last pull, and those that others are compared with.
_LAST: Mapping[str, str] = {
    "any": "true",
    "ended": "code IS NULL",
    "full": "code IS NULL AND kind = 'full'",
    "part": "code IS NULL AND kind = 'changes'",
}


def note_pull(facts: Facts, pull: Pull) -> None:
    """Write a pull down, and forget the oldest of its stream."""
    with facts.transaction():
        facts.con.execute(
            f"INSERT INTO facts.pull ({_COLUMNS}) VALUES ({', '.join('?' * 16)})",
            [
                pull.source,
                pull.stream,
                pull.kind,
                pull.begun_ms,
                pull.ended_ms,
                pull.rows,
                pull.accepted,
                pull.deleted,
                pull.quarantined,
                pull.calls,
                pull.newest_ms,
                json.dumps(pull.tables, sort_keys=True),
                pull.code,
                pull.text,
                pull.used,
                pull.most,
            ],
        )
        facts.con.execute(_FORGET, {"source": pull.source, "stream": pull.stream, "kept": KEPT})


def last_pulls(facts: Facts) -> dict[tuple[str, str], dict[str, Pull]]:
    """The pulls that tell a stream's state, by source and stream; each if there is one.

    ``any`` is the last, ``ended`` the last that ended well, ``full`` and ``part`` the last of these that read
    all and what changed; ``newest`` is the one whose rows have the newest own time.
    """
    found: dict[tuple[str, str], dict[str, Pull]] = {}
    for which, condition in _LAST.items():
        for pull in _read(facts, f"WHERE {condition} {_LATEST} rowid DESC) = 1"):
            found.setdefault((pull.source, pull.stream), {})[which] = pull
    for pull in _read(facts, f"WHERE newest_ms IS NOT NULL {_LATEST} newest_ms DESC, rowid DESC) = 1"):
        found[pull.source, pull.stream]["newest"] = pull
    return found


_LATEST = "QUALIFY row_number() OVER (PARTITION BY source, stream ORDER BY"
_FORGET = """
DELETE FROM facts.pull WHERE source = $source AND stream = $stream AND rowid NOT IN (
    SELECT rowid FROM facts.pull WHERE source = $source AND stream = $stream
    QUALIFY row_number() OVER (ORDER BY rowid DESC) <= $kept
         OR row_number() OVER (PARTITION BY code IS NULL, kind ORDER BY rowid DESC) = 1
         OR row_number() OVER (ORDER BY newest_ms DESC NULLS LAST, rowid DESC) = 1)
"""


def _read(facts: Facts, where: str) -> Iterable[Pull]:
    rows = facts.con.execute(f"SELECT {_COLUMNS} FROM facts.pull {where} ORDER BY source, stream").fetchall()
    for row in rows:
        found = dict(zip(_FIELDS, row, strict=True))
        yield Pull(**{**found, "tables": json.loads(found["tables"] or "{}")})
