"""Which values can still meet several comparisons with literals."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from decimal import Decimal

from townsend.audiences import core
from townsend.audiences.core import Const, Expr
from townsend.audiences.reference.numbers import is_number
from townsend.audiences.reference.values import identity

__all__ = ["Range"]

Number = int | Decimal
TURNED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass
class Range:
    """The values of one expression that meet all conditions taken so far.

    Attributes:
        low, high: bounds and whether they are open.
        only: the values that are left, if they can be listed.
        absent, present: whether a condition asks for no value, or for one.
        taken: the conditions that narrowed it.
    """

    low: tuple[Number, bool] | None = None
    high: tuple[Number, bool] | None = None
    only: dict[Hashable, object] | None = None
    without: set[Hashable] = field(default_factory=set)
    absent: bool = False
    present: bool = False
    empty: bool = False
    taken: list[Expr] = field(default_factory=list)

    @classmethod
    def of(cls, subject: Expr) -> Range:
        """Before any condition; a count is never negative."""
        return cls(low=(0, False)) if isinstance(subject, core.Count) else cls()

    def take(self, condition: Expr) -> None:
        """Narrow by one more condition; ``empty`` tells whether anything is left."""
        self.taken.append(condition)
        match condition:
            case core.Compare(op, Const(value), _):
                self._compared(TURNED[op], value)
            case core.Compare(op, _, Const(value)):
                self._compared(op, value)
            case core.Text(op, _, Const(value)):
                self._text(op, str(value))
            case core.In(_, core.ListOf(items), negated):
                self._listed(items, negated)
            case core.IsNull(_, negated):
                self.present, self.absent = self.present or negated, self.absent or not negated
            case core.Not():
                # A flag that is missing is not true either: only what asks for true contradicts it.
                self.without.add(identity(True))
            case core.Truth():
                self._compared("=", True)
        self.empty = self._nothing_left()

    def _compared(self, op: str, value: object) -> None:
        self.present = True
        if op == "=":
            self._keep({identity(value): value})  # type: ignore[arg-type]
        elif op == "!=":
            self.without.add(identity(value))  # type: ignore[arg-type]
        elif is_number(value):
            bound = (value, op in ("<", ">"))
            if op in (">", ">=") and (self.low is None or bound > self.low):
                self.low = bound
            if op in ("<", "<=") and (
                self.high is None or (value, not bound[1]) < (self.high[0], not self.high[1])
            ):
                self.high = bound

    def _listed(self, items: tuple[Expr, ...], negated: bool) -> None:
        self.present = True
        if not all(isinstance(item, Const) for item in items):
            return
        values = {identity(item.value): item.value for item in items if isinstance(item, Const)}
        if negated:
            self.without |= set(values)
        else:
            self._keep(dict(values))

    def _text(self, op: str, value: str) -> None:
        self.present = True
        if op == "equals":
            self._keep({value: value})
        elif self.only is not None:
            test = {"startsWith": str.startswith, "endsWith": str.endswith, "contains": str.__contains__}[op]
            self.only = {
                key: one for key, one in self.only.items() if isinstance(one, str) and test(one, value)
            }

    def _keep(self, values: dict[Hashable, object]) -> None:
        before = values if self.only is None else self.only
        self.only = {key: value for key, value in values.items() if key in before}

    def _nothing_left(self) -> bool:
        if self.absent and self.present:
            return True
        if self.only is not None:
            return not any(self._fits(key, value) for key, value in self.only.items())
        if self.low is None or self.high is None:
            return False
        closed = not self.low[1] and not self.high[1]
        return self.low[0] > self.high[0] or (self.low[0] == self.high[0] and not closed)

    def _fits(self, key: Hashable, value: object) -> bool:
        if key in self.without:
            return False
        if not is_number(value):
            return True
        above = self.low is None or value > self.low[0] or (value == self.low[0] and not self.low[1])
        below = self.high is None or value < self.high[0] or (value == self.high[0] and not self.high[1])
        return above and below
