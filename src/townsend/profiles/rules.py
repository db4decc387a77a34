"""The rules by which many records become one view: whose value wins, and what money is worth.

Plain values: nothing here reads facts. Two rules that are equal give equal views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

__all__ = ["MergePolicy", "MoneyRules", "Rate"]

By = Literal["time", "changed", "source", "master"]


@dataclass(frozen=True)
class MergePolicy:
    """Whose value wins among the records of one entity.

    Args:
        by: ``time``: the newest version that says anything about the field; ``changed``: the record whose
            value changed last; ``source``: the first source in ``order`` that has one, of equally trusted
            ones the newest; ``master``: the record that master data ranks first (``survivor_rank``), of
            equally ranked ones the newest.
        order: source names, the most trusted first; it also settles ties. Sources not named come after
            these, all alike.
        fields: exceptions, by dotted path; a path stands for everything below it too.
        times: source to the field by which its records are compared in time with those of others, ``""``
            standing for all sources that are not named. Without it, or where a version lacks the field, a
            version's own time counts. Which version of *one* record is current is not touched by this.
    """

    by: By = "time"
    order: tuple[str, ...] = ()
    fields: Mapping[str, MergePolicy] = field(default_factory=dict)
    times: Mapping[str, str] = field(default_factory=dict)

    def of(self, path: str) -> MergePolicy:
        """The policy for a field: the exception with the longest path that holds it, else this one.

        >>> MergePolicy(fields={"b2b": MergePolicy("source")}).of("b2b.personStatus").by
        'source'
        """
        parts = path.split(".")
        for end in range(len(parts), 0, -1):
            found = self.fields.get(".".join(parts[:end]))
            if found is not None:
                return found
        return self


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of ``source`` was worth in ``target`` from ``on_ms`` on, until a newer rate."""

    source: str
    target: str
    rate: Decimal
    on_ms: int

    @classmethod
    def on(cls, source: str, target: str, rate: Decimal, day: str) -> Rate:
        """A rate from a day's first instant in UTC.

        Raises:
            ValueError: the day is not ``YYYY-MM-DD``, or the rate is not positive.

        >>> Rate.on("EUR", "USD", Decimal("1.08"), "1970-01-02").on_ms
        86400000
        """
        if not rate.is_finite() or rate <= 0:
            raise ValueError(rate)
        first = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
        return cls(str(source).upper(), str(target).upper(), rate, int(first.timestamp()) * 1000)


@dataclass(frozen=True)
class MoneyRules:
    """How amounts become comparable.

    Args:
        currency: ISO 4217 code in which amounts are compared and added.
        sources: source to the code that its amounts mean when they name none.
        rates: in any order.
    """

    currency: str = "USD"
    sources: Mapping[str, str] = field(default_factory=dict)
    rates: tuple[Rate, ...] = ()
