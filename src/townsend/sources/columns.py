"""Rows of one class as columns: what a mapping makes of a large file without looking at its rows one by one.

They are rows all the same: whoever asks for one gets it nested, as ``Mapper.row`` makes it. Rows that columns
cannot say for sure (a number in an odd spelling, a control character) stand apart, already made one by one,
so that both ways lead to the same facts and the same refusals.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["AT", "EXTRA", "Columns", "Form", "Row", "gathered", "joined"]

Row = Mapping[str, Any]
# As intake names the kinds of values that a column can hold.
Form = Literal["string", "boolean", "integer", "numeral", "timestamp", "date", "document"]
Positions = np.ndarray[Any, np.dtype[np.int64]]
EXTRA = "@extra"
AT = "@at"


@dataclass(frozen=True)
class Columns(Sequence[Row]):
    """Rows of one class.

    Args:
        table: a column for each declared path, and ``@at``, which row it is of all, from 0; ``@extra`` has
            the undeclared fields as one canonical JSON text. Null is absent.
        forms: what each declared column holds.
        made: a row of the table by its position, nested.
        rest: the rows that are not in the table, by their positions.
        undeclared: paths in ``@extra``.
    """

    table: pa.Table
    forms: Mapping[str, Form]
    made: Callable[[int], Row]
    rest: Mapping[int, Row] = field(default_factory=dict)
    undeclared: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return int(self.table.num_rows) + len(self.rest)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self._row(at % len(self))

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, range(len(self)))

    def _row(self, at: int) -> Row:
        return self.rest[at] if at in self.rest else self.made(at)

    def column(self, path: str) -> pa.ChunkedArray | None:
        """The values of a declared path in the table; None if no row has one."""
        return self.table[path] if path in self.forms else None


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    starts = [0, *accumulate(map(len, parts))]
    tables: list[pa.Table] = []
    rest: dict[int, Row] = {}
    for start, part in zip(starts, parts, strict=False):
        at = pc.add(part.table[AT], pa.scalar(start, pa.int64()))
        tables.append(part.table.set_column(part.table.schema.get_field_index(AT), AT, at))
        rest |= {start + one: row for one, row in part.rest.items()}

    def made(at: int) -> Row:
        n = bisect_right(starts, at) - 1
        return parts[n].made(at - starts[n])

    return _united(parts, tables, made, rest)


def gathered(parts: Sequence[tuple[Positions, Columns]], rows: int) -> Columns:
    """The rows of parts in the order that they have in a larger whole; rows that are in no part leave no gap.

    Args:
        parts: where each row of a part is in the whole, and the part.
        rows: how many the whole has.
    """
    owner = np.full(rows, -1, np.int64)
    inside = np.zeros(rows, np.int64)
    for n, (at, _) in enumerate(parts):
        owner[at], inside[at] = n, np.arange(len(at))
    kept = owner >= 0
    position = np.cumsum(kept) - 1
    owner, inside = owner[kept], inside[kept]

    def made(row: int) -> Row:
        part: Columns = parts[owner[row]][1]
        return part.made(int(inside[row]))

    tables: list[pa.Table] = []
    rest: dict[int, Row] = {}
    for at, part in parts:
        there = position[at]
        moved = pa.array(there[part.table[AT].to_numpy()])
        tables.append(part.table.set_column(part.table.schema.get_field_index(AT), AT, moved))
        rest |= {int(there[one]): row for one, row in part.rest.items()}
    return _united([part for _, part in parts], tables, made, rest)


def _united(
    parts: Sequence[Columns], tables: Sequence[pa.Table], made: Callable[[int], Row], rest: Mapping[int, Row]
) -> Columns:
    return Columns(
        pa.concat_tables(tables, promote_options="default"),
        {path: form for part in parts for path, form in part.forms.items()},
        made,
        rest,
        frozenset().union(*(part.undeclared for part in parts)),
    )
