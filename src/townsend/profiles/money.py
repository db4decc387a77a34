"""Money in one currency: what an amount is worth in the project's, or that nobody can say.

A code that is missing means the source's currency, else the project's. The rate is the newest not after the
amount's ``conversionDate``, else not after its record's own time. Where only the way back is known, it is
turned round. An amount without a rate is null, and beside it stands its *mark*: ``100 CHF on 2026-03-01``.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa

from townsend.identity.moment import text_literal
from townsend.model import EntityClass, mark_of
from townsend.profiles.making import Making
from townsend.profiles.rules import MoneyRules
from townsend.store.facts_schema import identifier

__all__ = ["Amount", "amounts", "code_sql", "day_of", "rates_into", "write_rates", "write_undecided"]

_DAY = "%Y-%m-%d"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = np.iinfo(np.int64).max
_PLACES = Decimal("0.000000001")


@dataclass(frozen=True)
class Amount:
    """How a column with money is read from the rows ``s`` and pieces ``p`` of a class.

    Args:
        path: the column: an amount, or an array of items with amounts in them.
        worth: SQL: the same in the project's currency; an amount is null where nobody can say.
        foreign: SQL: whether the row says anything in another currency; None if no row does.
        mark: SQL: the amount's mark, null where all is well; None if there never is one, or if marks stand
            in the items.
        join: SQL to put behind the rows.
    """

    path: str
    worth: str
    foreign: str | None = None
    mark: str | None = None
    join: str = ""


def rates_into(money: MoneyRules) -> dict[str, list[tuple[int, Decimal]]]:
    """Rates into the project's currency: code to instants from which they hold, ascending."""
    found: dict[str, dict[int, Decimal]] = {}
    for rate in money.rates:
        if rate.target == money.currency:
            found.setdefault(rate.source, {})[rate.on_ms] = rate.rate
    direct = set(found)
    for rate in money.rates:
        if rate.source == money.currency and rate.target not in direct:
            found.setdefault(rate.target, {})[rate.on_ms] = (1 / rate.rate).quantize(_PLACES)
    return {code: sorted(dated.items()) for code, dated in found.items()}


def write_rates(making: Making) -> None:
    """Make the temporary table ``rate(code, from_ms, until_ms, rate)``."""
    codes: list[str] = []
    since: list[int] = []
    until: list[int] = []
    rates: list[Decimal] = []
    for code, dated in rates_into(making.money).items():
        ends = [on_ms for on_ms, _ in dated[1:]] + [_LAST]
        for (on_ms, rate), end in zip(dated, ends, strict=True):
            codes.append(code)
            since.append(on_ms)
            until.append(end)
            rates.append(rate.quantize(_PLACES))
    making.moment.table(
        "rate",
        {
            "code": pa.array(codes, pa.string()),
            "from_ms": pa.array(since, pa.int64()),
            "until_ms": pa.array(until, pa.int64()),
            "rate": pa.array(rates, pa.decimal128(38, 9)),
        },
    )


def amounts(making: Making, cls: EntityClass, paths: Set[str], at: str) -> list[Amount]:
    """The amounts of a class, each with how it is read.

    Args:
        paths: columns of the class that have values.
        at: SQL: a row's own time.
    """
    return [
        _amount(making, cls, paths, path, f"q{place}", at)
        for place, path in enumerate(sorted(cls.shape.money))
        if f"{path}.amount" in paths
    ]


def code_sql(money: MoneyRules) -> str:
    """SQL: the currency that a row's amounts mean when they name none."""
    own = text_literal(money.currency)
    meant = " ".join(
        f"WHEN {text_literal(source)} THEN {text_literal(code)}" for source, code in money.sources.items()
    )
    return f"CASE s.source {meant} ELSE {own} END" if meant else own


def _amount(making: Making, cls: EntityClass, paths: Set[str], path: str, alias: str, at: str) -> Amount:
    own, code = text_literal(making.money.currency), code_sql(making.money)
    amount = f"s.{identifier(path + '.amount')}"
    if f"{path}.currencyCode" in paths:
        code = f"coalesce(nullif(upper(trim(s.{identifier(path + '.currencyCode')})), ''), {code})"
    foreign = f"({amount} IS NOT NULL AND {code} <> {own})"
    if not making.moment.number(
        f"SELECT count(*) FROM (SELECT 1 FROM facts.{identifier(cls.name)} s WHERE {foreign} LIMIT 1)"
    ):
        return Amount(f"{path}.amount", amount)
    if f"{path}.conversionDate" in paths:
        at = f"coalesce(s.{identifier(path + '.conversionDate')}, {at})"
    # Nine places times nine are eighteen; what no longer fits is nobody's to say.
    exchanged = f"CAST(TRY({amount} * CAST({alias}.rate AS DECIMAL(19, 9))) AS DECIMAL(38, 9))"
    worth = f"CASE WHEN {code} = {own} THEN {amount} ELSE {exchanged} END"
    spelled = f"rtrim(rtrim(CAST({amount} AS VARCHAR), '0'), '.')"
    named = f"CASE WHEN regexp_full_match({code}, '[A-Z]{{3}}') THEN {code} ELSE '?' END"
    day = f"coalesce(TRY(strftime(epoch_ms({at}), {text_literal(_DAY)})), '?')"
    why = f"CASE WHEN {alias}.rate IS NULL THEN ' on ' || {day} ELSE ', too large' END"
    mark = f"CASE WHEN {foreign} AND ({exchanged}) IS NULL THEN {spelled} || ' ' || {named} || {why} END"
    return Amount(
        f"{path}.amount",
        worth,
        foreign,
        mark,
        f"LEFT JOIN rate {alias} ON {alias}.code = {code} "
        f"AND {alias}.from_ms <= {at} AND {at} < {alias}.until_ms",
    )


def day_of(ms: int) -> str | None:
    """The UTC day of an instant; None if no calendar has it."""
    try:
        return f"{_EPOCH + timedelta(milliseconds=ms):{_DAY}}"
    except OverflowError:
        return None


def write_undecided(making: Making, cls: str, table: str, amounts: Iterable[Amount], retired: bool) -> None:
    """Note which amounts of a table nobody can say; a column of marks that are all null is dropped."""
    for amount in amounts:
        if amount.mark is None:
            continue
        mark = identifier(mark_of(amount.path))
        marked = f"FROM {table} WHERE {mark} IS NOT NULL"
        if not making.moment.number(f"SELECT count(*) {marked}"):
            making.moment.run(f"ALTER TABLE {table} DROP COLUMN {mark}")
            continue
        making.moment.run(
            f"INSERT INTO {making.table('undecided')} "
            f"SELECT {text_literal(cls)}, id, {text_literal(amount.path)}, {mark}, {retired} {marked}"
        )
