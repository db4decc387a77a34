"""Rows that could not be taken: kept as they came, with the place, the reason and what to do.

Nothing is refused silently: whoever mends a row, or the schema it met, takes it again by ``replay``
(in ``townsend.intake``). Looking is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from townsend.problem import Invalid
from townsend.store.facts import Facts

__all__ = ["QuarantinedRow", "Refusal", "ls", "mend", "put", "show", "waiting"]

GOT_LENGTH_MAX = 80


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one row was not taken.

    Args:
        place: ``file:line``, ``file:row N`` or what the source calls it.
        path: the field at fault, None if it is the row as a whole.
        code: stable and dotted, such as ``row.type``.
        expected: what would have been right, in words.
        got: what came, shortened.
        todo: what to do about it, in words.
        row: the row as JSON text, or as it came if it was not readable.
    """

    place: str
    path: str | None
    code: str
    expected: str
    got: str | None
    todo: str
    row: str

    @property
    def text(self) -> str:
        """The whole message."""
        where = self.place if self.path is None else f"{self.place}: {self.path}"
        got = "nothing" if self.got is None else self.got
        return f"{where}: expected {self.expected}, got {got}; {self.todo}"


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A row in quarantine; the fields of ``facts.quarantine``."""

    id: int
    cls: str
    source: str
    place: str
    path: str | None
    code: str
    expected: str
    got: str | None
    text: str
    row: str
    at_ms: int
    replayed_ms: int | None
    traits: str | None

    def to_json(self) -> dict[str, Any]:
        """The row for a machine; ``class`` as elsewhere."""
        found = asdict(self)
        found.pop("traits")
        return {"id": found.pop("id"), "class": found.pop("cls"), **found}


_FIELDS = "id, class, source, place, path, code, expected, got, text, row, at_ms, replayed_ms, traits"


def ls(facts: Facts, *, replayed: bool = False) -> list[QuarantinedRow]:
    """The rows still waiting, oldest first; with ``replayed`` also those taken since."""
    where = "" if replayed else "WHERE replayed_ms IS NULL"
    found = facts.con.execute(f"SELECT {_FIELDS} FROM facts.quarantine {where} ORDER BY id").fetchall()
    return [QuarantinedRow(*row) for row in found]


def show(facts: Facts, row_id: int) -> QuarantinedRow:
    """One row.

    Raises:
        Invalid: ``quarantine.unknown``.
    """
    found = facts.one(f"SELECT {_FIELDS} FROM facts.quarantine WHERE id = ?", [row_id])
    if found is None:
        raise Invalid(
            "quarantine.unknown",
            f"no quarantined row has the id {row_id}; `townsend quarantine ls` lists them",
            got=row_id,
        )
    return QuarantinedRow(*found)


def waiting(facts: Facts, ids: Sequence[int] | None) -> list[QuarantinedRow]:
    """The rows of these ids, or all, that were not taken since.

    Raises:
        Invalid: ``quarantine.unknown``.
    """
    if ids is None:
        return ls(facts)
    rows = [show(facts, row_id) for row_id in dict.fromkeys(ids)]
    return [row for row in rows if row.replayed_ms is None]


def mend(facts: Facts, row_id: int, row: str) -> None:
    """Put a corrected row (JSON text) in the place of a quarantined one; replay takes it then."""
    show(facts, row_id)
    with facts.transaction():
        facts.con.execute("UPDATE facts.quarantine SET row = ? WHERE id = ?", [row, row_id])


def put(facts: Facts, cls: str, source: str, refusals: Iterable[Refusal], traits: str, at_ms: int) -> int:
    """Keep refused rows; one that already waits for the same reason is not kept twice.

    Returns:
        How many there are, kept now or before. Call it in a transaction.
    """
    found = list(refusals)
    if not found:
        return 0
    columns = {
        "i": list(range(len(found))),
        "place": [r.place for r in found],
        "path": [r.path for r in found],
        "code": [r.code for r in found],
        "expected": [r.expected for r in found],
        "got": [shortened(r.got) for r in found],
        "text": [r.text for r in found],
        "row": [r.row for r in found],
    }
    kinds = pa.schema([("i", pa.int64()), *((name, pa.string()) for name in list(columns)[1:])])
    facts.con.register("townsend_refused", pa.table(columns, schema=kinds))
    try:
        facts.con.execute(_PUT, {"class": cls, "source": source, "traits": traits, "at": at_ms})
    finally:
        facts.con.unregister("townsend_refused")
    return len(found)


def shortened(text: str | None) -> str | None:
    """At most ``GOT_LENGTH_MAX`` characters of it."""
    if text is None or len(text) <= GOT_LENGTH_MAX:
        return text
    return text[: GOT_LENGTH_MAX - 1] + "…"


_PUT = """
INSERT INTO facts.quarantine
SELECT CAST((SELECT coalesce(max(id), 0) FROM facts.quarantine) + row_number() OVER (ORDER BY i) AS INTEGER),
       $class, $source, place, path, code, expected, got, text, row, $at, NULL, $traits
FROM (
    SELECT * FROM townsend_refused r
    WHERE NOT EXISTS (
        FROM facts.quarantine q
        WHERE q.class = $class AND q.source = $source AND q.replayed_ms IS NULL
          AND q.code = r.code AND q.row = r.row AND q.path IS NOT DISTINCT FROM r.path)
)
"""
