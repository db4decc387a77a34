"""Rows that could not be taken: kept as they came, with the place, the reason and what to do.

Nothing is refused silently: whoever mends a row, or the schema it met, takes it again by ``replay``
(in ``townsend.intake``). Looking is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from townsend.problem import Invalid
from townsend.store.facts import Facts

__all__ = [
    "Kind",
    "QuarantinedRow",
    "Refusal",
    "Wanted",
    "counts",
    "ls",
    "mend",
    "put",
    "settle",
    "show",
    "waiting",
]

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are meant: those of which all that is given holds.

    Args:
        source: the source they came from.
        code: why they were refused.
        cls: the class that they are of.
        replayed: also those that were taken since.
    """

    source: str | None = None
    code: str | None = None
    cls: str | None = None
    replayed: bool = False

    def where(self) -> tuple[str, list[str]]:
        """The condition in SQL, with its parameters."""
        given = {"source": self.source, "code": self.code, "class": self.cls}
        asked = {column: value for column, value in given.items() if value is not None}
        parts = [] if self.replayed else ["replayed_ms IS NULL"]
        return " AND ".join([*parts, *(f"{column} = ?" for column in asked)]) or "true", list(asked.values())


class Kind(NamedTuple):
    """Rows refused for one reason: how many, and one of them to look at."""

    source: str
    cls: str
    code: str
    path: str | None
    rows: int
    example: int


_FIELDS = "id, class, source, place, path, code, expected, got, text, row, at_ms, replayed_ms, traits"


def ls(
    facts: Facts, wanted: Wanted | None = None, *, after: int = 0, most: int | None = None
) -> list[QuarantinedRow]:
    """The rows that are wanted, those still waiting if nothing is said; oldest first.

    Args:
        after: only rows with a greater id.
        most: no more than that many.
    """
    condition, values = (wanted or Wanted()).where()
    limit = "" if most is None else f"LIMIT {int(most)}"
    found = facts.con.execute(
        f"SELECT {_FIELDS} FROM facts.quarantine WHERE {condition} AND id > ? ORDER BY id {limit}",
        [*values, after],
    ).fetchall()
    return [QuarantinedRow(*row) for row in found]


def counts(facts: Facts, wanted: Wanted | None = None) -> list[Kind]:
    """How many of the wanted rows there are by source, class, code and field, the most first."""
    condition, values = (wanted or Wanted()).where()
    found = facts.con.execute(
        "SELECT source, class, code, path, count(*), min(id) FROM facts.quarantine "
        f"WHERE {condition} GROUP BY ALL ORDER BY 5 DESC, 1, 2, 3, 4",
        values,
    ).fetchall()
    return [Kind(*row) for row in found]


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


def waiting(facts: Facts, ids: Sequence[int]) -> list[QuarantinedRow]:
    """The rows of these ids that were not taken since.

    Raises:
        Invalid: ``quarantine.unknown``.
    """
    rows = [show(facts, row_id) for row_id in dict.fromkeys(ids)]
    return [row for row in rows if row.replayed_ms is None]


def mend(facts: Facts, row_id: int, row: str) -> None:
    """Put a corrected row (JSON text) in the place of a quarantined one; replay takes it then."""
    show(facts, row_id)
    with facts.transaction():
        facts.con.execute("UPDATE facts.quarantine SET row = ? WHERE id = ?", [row, row_id])


def settle(facts: Facts, ids: Sequence[int], refused: Mapping[int, Refusal], at_ms: int) -> None:
    """Mark rows as taken, but for those refused again, whose reason is brought up to date.

    Args:
        ids: the rows that were tried.
        refused: why, by id. Call it in a transaction.
    """
    found = [refused.get(row_id) for row_id in ids]
    columns: dict[str, list[Any]] = {
        "id": list(ids),
        "taken": [one is None for one in found],
        "path": [one and one.path for one in found],
        "code": [one and one.code for one in found],
        "expected": [one and one.expected for one in found],
        "got": [one and shortened(one.got) for one in found],
        "text": [one and one.text for one in found],
    }
    texts = list(columns)[2:]
    kinds = pa.schema([("id", pa.int32()), ("taken", pa.bool_()), *((name, pa.string()) for name in texts)])
    facts.con.register("townsend_settled", pa.table(columns, schema=kinds))
    try:
        facts.con.execute(
            "UPDATE facts.quarantine q SET replayed_ms = ? FROM townsend_settled s "
            "WHERE q.id = s.id AND s.taken",
            [at_ms],
        )
        facts.con.execute(
            f"UPDATE facts.quarantine q SET {', '.join(f'{name} = s.{name}' for name in texts)} "
            "FROM townsend_settled s WHERE q.id = s.id AND NOT s.taken"
        )
    finally:
        facts.con.unregister("townsend_settled")


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
