"""Money in one currency: what an amount is worth in the project's, or that nobody can say.

A code that is missing means the source's currency, else the project's. The rate is the newest not after the
amount's ``conversionDate``, else not after its record's own time. Where only the way back is known, it is
turned round.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa

from townsend.identity.moment import text_literal
from townsend.profiles.making import Making
from townsend.profiles.rules import MoneyRules
from townsend.store.facts_schema import identifier

__all__ = ["Amount", "amounts", "rates_into", "write_rates"]

_LAST = np.iinfo(np.int64).max
_PLACES = Decimal("0.000000001")


@dataclass(frozen=True)
class Amount:
    """How one money field of a class is read from its rows ``s`` and pieces ``p``.

    Args:
        path: the field's amount.
        worth: SQL: its worth in the project's currency, null if it has none or nobody can say.
        undecided: SQL: whether nobody can say; None if that never happens.
        join: SQL to put behind the rows.
    """

    path: str
    worth: str
    undecided: str | None = None
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


def amounts(making: Making, cls: str, at: str) -> list[Amount]:
    """The money fields of a class that have amounts, each with how it is read; ``at`` is a row's own time."""
    versions = making.versions[cls]
    found = []
    for place, path in enumerate(sorted(versions.cls.shape.money)):
        amount = f"{path}.amount"
        if amount in versions.paths:
            found.append(_amount(making, cls, path, f"q{place}", at))
    return found


def _amount(making: Making, cls: str, path: str, alias: str, at: str) -> Amount:
    paths, own = making.versions[cls].paths, text_literal(making.money.currency)
    amount = f"s.{identifier(path + '.amount')}"
    meant = " ".join(
        f"WHEN {text_literal(source)} THEN {text_literal(code)}"
        for source, code in making.money.sources.items()
    )
    code = f"CASE s.source {meant} ELSE {own} END" if meant else own
    if f"{path}.currencyCode" in paths:
        code = f"coalesce(nullif(upper(trim(s.{identifier(path + '.currencyCode')})), ''), {code})"
    foreign = making.moment.number(
        f"SELECT count(*) FROM (SELECT 1 FROM facts.{identifier(cls)} s "
        f"WHERE {amount} IS NOT NULL AND {code} <> {own} LIMIT 1)"
    )
    if not foreign:
        return Amount(f"{path}.amount", amount)
    if f"{path}.conversionDate" in paths:
        at = f"coalesce(s.{identifier(path + '.conversionDate')}, {at})"
    # Nine places times nine are eighteen; what no longer fits is nobody's to say.
    exchanged = f"CAST(TRY({amount} * CAST({alias}.rate AS DECIMAL(19, 9))) AS DECIMAL(38, 9))"
    worth = f"CASE WHEN {code} = {own} THEN {amount} ELSE {exchanged} END"
    return Amount(
        f"{path}.amount",
        worth,
        f"({amount} IS NOT NULL AND ({worth}) IS NULL)",
        f"LEFT JOIN rate {alias} ON {alias}.code = {code} "
        f"AND {alias}.from_ms <= {at} AND {at} < {alias}.until_ms",
    )
