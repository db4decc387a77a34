"""Rows of JSON, from a program or from a file's lines, gathered into lots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import msgspec

from townsend.intake.batch import Batch, Column
from townsend.intake.flatten import RELATION, Flattener
from townsend.intake.items import as_it_came, decoder, row_text
from townsend.model import EntityClass
from townsend.sources.columns import AT, EXTRA, Columns
from townsend.store.facts_schema import identifier
from townsend.store.quarantine import Refusal

__all__ = ["ROWS_PER_LOT", "Line", "line_batches", "row_batches"]

ROWS_PER_LOT = 50_000

# An ordinal, its place, and the row's text.
Line = tuple[int, str, bytes]
_REMEDY = "correct the row and load it again"


def row_batches(
    cls: EntityClass, open_schema: bool, rows: Iterable[Mapping[str, Any]], place: str
) -> Iterator[Batch]:
    """Rows of a program as lots; a row that cannot be written as JSON is refused."""
    refused: list[Refusal] = []
    numbered: Iterable[tuple[int, Mapping[str, Any]]] = enumerate(rows, 1)
    # Undeclared fields of a closed schema are told row by row.
    if isinstance(rows, Columns) and (open_schema or not rows.undeclared):
        yield from _column_batches(rows, place)
        numbered = ((at + 1, rows.rest[at]) for at in sorted(rows.rest))

    def lines() -> Iterator[Line]:
        for n, row in numbered:
            where = f"{place}:{n}"
            try:
                yield n, where, row_text(row)
            except (UnicodeEncodeError, TypeError, ValueError, RecursionError) as error:
                reason = f"{type(error).__name__}: {error}"
                refused.append(
                    Refusal(
                        where, None, "row.syntax", "values that JSON has", reason, _REMEDY, as_it_came(row)
                    )
                )

    for batch in line_batches(cls, open_schema, lines()):
        yield replace(batch, rows=batch.rows + len(refused), refused=[*batch.refused, *refused])
        refused.clear()
    if refused:
        yield replace(
            Flattener(cls, open_schema).batch(rows=len(refused), place=str, raw=dict), refused=refused
        )


def _column_batches(rows: Columns, place: str) -> Iterator[Batch]:
    """What came as columns, without the rows that stand apart."""
    if not rows.table.num_rows:
        return

    def raw(positions: Sequence[int]) -> dict[int, str]:
        return {at: row_text(rows.made(at)).decode() for at in positions}

    yield Batch(
        relation=RELATION,
        rows=rows.table.num_rows,
        columns=[Column(path, form, identifier(path)) for path, form in sorted(rows.forms.items())],
        place=lambda at: f"{place}:{at + 1}",
        raw=raw,
        extra=identifier(EXTRA) if EXTRA in rows.table.column_names else None,
        undeclared=rows.undeclared,
        tables={RELATION: rows.table},
        ordinal=identifier(AT),
    )


def line_batches(
    cls: EntityClass, open_schema: bool, lines: Iterable[Line], form: Literal["typed", "text"] = "typed"
) -> Iterator[Batch]:
    """Texts of one JSON object each as lots; a text that is none is refused with its place."""
    decode = decoder.decode
    lot = _Lot(cls, open_schema, form)
    for line in lines:
        ordinal, place, text = line
        lot.rows += 1
        try:
            row = decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            expected = "one JSON object"
            raw = text.decode("utf-8", "backslashreplace")
            lot.refused.append(
                Refusal(place, None, "row.syntax", expected, f"{raw[:40]} ({error})", _REMEDY, raw)
            )
        else:
            refusal = lot.flattener.add(ordinal, row, place)
            if refusal is None:
                lot.lines[ordinal] = line
            else:
                lot.refused.append(replace(refusal, row=text.decode()))
        if lot.rows >= ROWS_PER_LOT:
            yield lot.batch()
            lot = _Lot(cls, open_schema, form)
    if lot.rows:
        yield lot.batch()


class _Lot:
    """A lot while it fills."""

    def __init__(self, cls: EntityClass, open_schema: bool, form: Literal["typed", "text"]) -> None:
        self.flattener = Flattener(cls, open_schema, form)
        self.lines: dict[int, Line] = {}
        self.refused: list[Refusal] = []
        self.rows = 0

    def batch(self) -> Batch:
        lines = self.lines

        def place(ordinal: int) -> str:
            return lines[ordinal][1]

        def raw(ordinals: Sequence[int]) -> dict[int, str]:
            return {ordinal: lines[ordinal][2].decode() for ordinal in ordinals}

        return self.flattener.batch(rows=self.rows, place=place, raw=raw, refused=self.refused)
