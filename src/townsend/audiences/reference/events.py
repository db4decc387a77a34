"""Events as they are read from the facts: who and what each names is looked up by number.

Events are never copied. They carry the numbers of identities, and small tables lead from numbers to whatever
entity holds them in this world. What some of them say about money is replaced by what it is worth.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from townsend.audiences.reference.stored import Reading, Stored, quoted, reads
from townsend.model import EntityClass, is_mark
from townsend.store import facts_places

__all__ = ["EVENTS", "EventReader"]

TABLE = "facts.event"
EVENTS = "e"  # what queries call the table
PLACED = f"{EVENTS}.rowid IN (SELECT unnest(?))"
WHO = "who"
# What tells an event and where it came from, whatever else is asked for.
ALWAYS = ("_id", "source")


class EventReader:
    """Events and their references; see ``rows.Reader``.

    Args:
        reading: what is read of them; everything if None.
    """

    def __init__(self, stored: Stored, cls: EntityClass, reading: Reading | None) -> None:
        self._stored = stored
        self._cls = cls
        self._telling = (reading and reading.telling) or "true"
        fields = None if reading is None else reading.of(cls.name)
        columns = stored.columns(TABLE)
        self._numbers: dict[str, tuple[str, str]] = {}
        for reference in cls.references.values():
            number = WHO if reference.field is None else "#" + reference.name
            name = "@" + reference.name
            held = stored.columns(stored.table("node_" + reference.to))
            if number in columns and held and (fields is None or name in fields):
                self._numbers[name] = number, reference.to
        self._plain = [
            name for name in columns if reads(name, fields) or name in ALWAYS or name == cls.time_field
        ]
        self._worth = stored.table(cls.name + "_worth")
        self._money = frozenset(name for name in stored.columns(self._worth) if reads(name, fields)) - {"id"}
        self._plain += [name for name in self._money if is_mark(name)]
        self._holders: dict[str, dict[int, int | None]] = {}

    @cached_property
    def names(self) -> list[str]:
        return ["id", *self._numbers, *self._plain] if self._plain else []

    def count(self) -> int:
        return self._stored.count(TABLE)

    def everything(self) -> list[tuple[Any, ...]]:
        return self._read("true", [])

    def by_id(self, ids: list[int]) -> list[tuple[Any, ...]]:
        return self._read(PLACED, [ids])

    def by_reference(self, column: str, ids: list[int]) -> list[tuple[Any, ...]]:
        number, cls = self._numbers[column]
        held = self._stored.rows(
            f"SELECT n, id FROM {self._stored.table('node_' + cls)} WHERE id IN (SELECT unnest(?))", [ids]
        )
        numbers = [n for n, _ in held]
        self._holders.setdefault(cls, {}).update(held)
        if not numbers:
            return []
        places = facts_places.of_numbers(self._stored.con) if number == WHO else None
        theirs = f"{EVENTS}.{quoted(number)} IN (SELECT unnest(?))"
        if places is not None:
            theirs = f"{EVENTS}.rowid IN ({places})"
        return self._read(f"{theirs} AND {self._telling}", [numbers])

    def ids(self, now_ms: int) -> list[int]:
        time = self._cls.time_field
        assert time is not None
        query = f"SELECT rowid FROM {TABLE} WHERE {quoted(time)} <= ? ORDER BY rowid"
        return [row[0] for row in self._stored.rows(query, [now_ms])] if time in self._plain else []

    def next_birth(self, now_ms: int) -> int | None:
        time = self._cls.time_field
        if time is None or time not in self._plain:
            return None
        query = f"SELECT min({quoted(time)}) FROM {TABLE} WHERE {quoted(time)} > ?"
        found: int | None = self._stored.rows(query, [now_ms])[0][0]
        return found

    def _read(self, which: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        if not self._plain:
            return []
        numbers = [f"{EVENTS}.{quoted(number)}" for number, _ in self._numbers.values()]
        listed = ", ".join([f"{EVENTS}.rowid", *numbers, *map(self._column, self._plain)])
        worth = f"LEFT JOIN (FROM {self._worth}) AS w ON w.id = {EVENTS}.rowid" if self._money else ""
        found = self._stored.rows(
            f"SELECT {listed} FROM {TABLE} AS {EVENTS} {worth} WHERE {which}", parameters
        )
        for at, (_, cls) in enumerate(self._numbers.values(), 1):
            self._look_up(cls, {row[at] for row in found})
        holders = [self._holders[cls] for _, cls in self._numbers.values()]
        end = 1 + len(holders)
        return [
            (row[0], *(held.get(n) for held, n in zip(holders, row[1:end], strict=True)), *row[end:])
            for row in found
        ]

    def _column(self, name: str) -> str:
        own, worth = f"{EVENTS}.{quoted(name)}", f"w.{quoted(name)}"
        if name not in self._money:
            return own
        return worth if is_mark(name) else f"CASE WHEN w.id IS NULL THEN {own} ELSE {worth} END"

    def _look_up(self, cls: str, numbers: Iterable[int | None]) -> None:
        """Who holds those numbers in this world."""
        held = self._holders.setdefault(cls, {})
        unknown = [n for n in numbers if n is not None and n not in held]
        if unknown:
            held.update(dict.fromkeys(unknown))
            node = self._stored.table("node_" + cls)
            held.update(
                self._stored.rows(f"SELECT n, id FROM {node} WHERE n IN (SELECT unnest(?))", [unknown])
            )
