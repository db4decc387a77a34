"""Money in the items of arrays: converted where it is in another currency, before records become one.

An item keeps its form; an amount without a rate is null there, with its mark beside it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Set
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from townsend.identity.moment import text_literal
from townsend.identity.versions import TIME
from townsend.intake.items import canonical, decoder
from townsend.model import MARK, EntityClass, Shape, mark_of
from townsend.profiles.making import Making
from townsend.profiles.money import Amount, code_sql, day_of, rates_into
from townsend.profiles.rules import MoneyRules
from townsend.profiles.winners import slices
from townsend.store.facts_schema import identifier

__all__ = ["holds_money", "item_amounts", "write_undecided_items"]

CODE = re.compile(r"[A-Z]{3}", re.ASCII)
# Texts that Python holds at a time.
_SLICE = 50_000
_NINTH = Decimal("1e-9")
_EXACT = Context(prec=100, rounding=ROUND_HALF_UP, traps=[])
_LIMIT = Decimal(10) ** 29  # what a column of amounts holds stays below

Money = dict[str, Any]


def holds_money(cls: EntityClass, paths: Set[str]) -> bool:
    """Whether amounts may stand in these columns of a class, in fields or in the items of arrays."""
    items = [array.shape for path, array in cls.shape.arrays.items() if path in paths]
    return any(f"{path}.amount" in paths for path in cls.shape.money) or any(
        next(_money_in(shape), None) for shape in items if shape is not None
    )


def item_amounts(making: Making, cls: EntityClass, paths: Set[str], row: str) -> list[Amount]:
    """The arrays of a class in whose items there is money in another currency, each with how it is read.

    Args:
        paths: columns of the class that have values.
        row: SQL: the number of a row ``s`` in the facts.
    """
    found = []
    for place, path in enumerate(sorted(cls.shape.arrays)):
        array = cls.shape.arrays[path]
        if array.shape is None or path not in paths or not list(_money_in(array.shape)):
            continue
        table = identifier(f"items_{cls.name}_{path}")
        if _write_items(making, cls, path, array.shape, table):
            alias, column = f"a{place}", f"s.{identifier(path)}"
            found.append(
                Amount(
                    path,
                    f"CASE WHEN {alias}.r IS NULL THEN {column} ELSE {alias}.value END",
                    foreign=f"({alias}.r IS NOT NULL)",
                    join=f"LEFT JOIN {table} {alias} ON {alias}.r = {row}",
                )
            )
    return found


def _money_in(shape: Shape) -> Iterator[tuple[str, ...]]:
    """The money objects of an array's items: the paths of the arrays on the way, and its own."""
    yield from ((path,) for path in sorted(shape.money))
    for path, array in sorted(shape.arrays.items()):
        if array.shape is not None:
            yield from ((path, *inner) for inner in _money_in(array.shape))


def _write_items(making: Making, cls: EntityClass, path: str, shape: Shape, table: str) -> bool:
    """Make the temporary table ``(r, value)`` of arrays that say something in another currency, converted."""
    moment, column = making.moment, f"s.{identifier(path)}"
    own, meant = text_literal(making.money.currency), code_sql(making.money)
    codes = " OR ".join(
        f"len(list_filter(CAST({column} AS JSON) ->> {_everywhere(way)}, "
        f"lambda one: upper(trim(one)) NOT IN ({own}, ''))) > 0"
        for way in _money_in(shape)
    )
    time = f"coalesce(s.{identifier(cls.time_field)}, s.accepted_ms)" if cls.time_field else TIME
    # What calls itself a mark in the data is none, and is dropped with the others.
    moment.run(
        f"CREATE OR REPLACE TEMP TABLE foreign_items AS "
        f"SELECT s.rowid AS id, {time} AS t, {meant} AS code, {column} AS value "
        f"FROM facts.{identifier(cls.name)} s "
        f"WHERE {column} IS NOT NULL AND ({meant} <> {own} OR {codes} OR contains({column}, '\"{MARK}\"'))"
    )
    moment.table(table, {"r": pa.array([], pa.int64()), "value": pa.array([], pa.string())})
    exchange = _Exchange(making.money)
    for low, high in slices(making, "SELECT id FROM foreign_items", _SLICE):
        rows = moment.rows(f"SELECT * FROM foreign_items WHERE id BETWEEN {low} AND {high}")
        values = [
            canonical(exchange.array(decoder.decode(text), shape, meant, at)) for _, at, meant, text in rows
        ]
        ids = pa.array([row[0] for row in rows], pa.int64())
        moment.add(table, {"r": ids, "value": pa.array(values, pa.string())}, "*")
    moment.run("DROP TABLE foreign_items")
    return moment.number(f"SELECT count(*) FROM {table}") > 0


def _everywhere(way: tuple[str, ...]) -> str:
    """The JSON path of every code of a money object in the items."""
    steps = ["$[*]"]
    for place, path in enumerate(way):
        steps += [f".{identifier(name)}" for name in path.split(".")]
        steps.append("[*]" if place + 1 < len(way) else ".currencyCode")
    return text_literal("".join(steps))


class _Exchange:
    """Makes what stands in arrays money of the project's currency."""

    def __init__(self, money: MoneyRules) -> None:
        self.currency = money.currency
        self.rates = rates_into(money)

    def array(self, items: Any, shape: Shape, meant: str, at: int) -> Any:
        """An array of items.

        Args:
            meant: the currency of amounts that name none.
            at: the instant whose rate counts for those that name none, in milliseconds.
        """

        def money(value: Any) -> Any:
            return self._money(value, meant, at) if isinstance(value, dict) else value

        if not isinstance(items, list):
            return items
        found = items
        for path in shape.money:
            found = [_changed(item, path.split("."), money) for item in found]
        for path, array in shape.arrays.items():
            if array.shape is not None:
                inner = partial(self.array, shape=array.shape, meant=meant, at=at)
                found = [_changed(item, path.split("."), inner) for item in found]
        return found

    def _money(self, value: Money, meant: str, at: int) -> Money:
        money = {name: one for name, one in value.items() if name != MARK}
        amount, code, date = (money.get(name) for name in ("amount", "currencyCode", "conversionDate"))
        code = (code.strip(" ").upper() if isinstance(code, str) else "") or meant
        if isinstance(amount, bool) or not isinstance(amount, int | Decimal) or code == self.currency:
            return money
        at = date if isinstance(date, int) and not isinstance(date, bool) else at
        rate = _rate(self.rates.get(code, []), at)
        found = None if rate is None else _product(Decimal(amount), rate)
        if found is not None:
            return {**money, "amount": found}
        named = code if CODE.fullmatch(code) else "?"
        why = f" on {day_of(at) or '?'}" if rate is None else ", too large"
        return {**money, "amount": None, MARK: f"{_spelled(Decimal(amount))} {named}{why}"}


def _changed(value: Any, path: list[str], change: Callable[[Any], Any]) -> Any:
    """The value with what stands at a path changed, if anything does."""
    if not path:
        return change(value)
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _changed(value[path[0]], path[1:], change)}


def _rate(dated: list[tuple[int, Decimal]], at: int) -> Decimal | None:
    place = bisect_right(dated, at, key=lambda one: one[0])
    return dated[place - 1][1] if place else None


def _product(amount: Decimal, rate: Decimal) -> Decimal | None:
    """The exact product, rounded as the database rounds; None if no column could hold it."""
    found = _EXACT.quantize(_EXACT.multiply(amount, _EXACT.quantize(rate, _NINTH)), _NINTH)
    return found if found.is_finite() and abs(found) < _LIMIT else None


def _spelled(amount: Decimal) -> str:
    return f"{_EXACT.normalize(amount):f}"


def write_undecided_items(
    making: Making, cls: EntityClass, table: str, amounts: list[Amount], retired: bool
) -> None:
    """Note which amounts in the items of a table's arrays nobody can say."""
    for amount in amounts:
        array = cls.shape.arrays.get(amount.path)
        shape = None if array is None else array.shape
        if shape is None:
            continue
        column = identifier(amount.path)
        rows = making.moment.rows(f"SELECT id, {column} FROM {table} WHERE contains({column}, '\"{MARK}\"')")
        found = [
            (one, *mark) for one, text in rows for mark in _marks(decoder.decode(text), shape, amount.path)
        ]
        if found:
            ids, marked, marks = zip(*found, strict=True)
            noted = {"id": pa.array(ids, pa.int32()), "path": pa.array(marked), "mark": pa.array(marks)}
            listed = f"{text_literal(cls.name)}, id, path, mark, {retired}"
            making.moment.add(making.table("undecided"), noted, listed)


def _marks(items: Any, shape: Shape, prefix: str) -> Iterator[tuple[str, str]]:
    """The paths of the amounts in an array that nobody can say, with their marks."""
    for item in items if isinstance(items, list) else ():
        for path in shape.money:
            mark = _dug(item, mark_of(f"{path}.amount"))
            if isinstance(mark, str):
                yield f"{prefix}.{path}.amount", mark
        for path, array in shape.arrays.items():
            if array.shape is not None:
                yield from _marks(_dug(item, path), array.shape, f"{prefix}.{path}")


def _dug(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
