"""Functions of text and of instants."""

from __future__ import annotations

from townsend.audiences import instants
from townsend.audiences.core import Elapsed, RegexGroup, Shifted, TextFunction, Unit
from townsend.audiences.reference import texts
from townsend.audiences.reference.scope import Rule, Scope
from townsend.audiences.reference.values import Value, lowered, uppered

__all__ = ["RULES", "SHIFTS_MAX"]

SHIFTS_MAX = 100_000  # units; a shift by more is null


def text_function(node: TextFunction, scope: Scope) -> Value:
    """Of strings only; null if one is missing."""
    found = [scope.value(arg) for arg in node.args]
    words = [one for one in found if isinstance(one, str)]
    if len(words) < len(found):
        return None
    match node.op:
        case "lowerCase":
            return lowered(words[0])
        case "upperCase":
            return uppered(words[0])
        case "length":
            return len(words[0])
        case "concat":
            return "".join(words)
        case "indexOf":
            return words[0].find(words[1])
        case "lastIndexOf":
            return words[0].rfind(words[1])


def regex_group(node: RegexGroup, scope: Scope) -> Value:
    """What a group holds."""
    subject = scope.value(node.subject)
    return texts.group(subject, node.pattern, node.group) if isinstance(subject, str) else None


def shifted(node: Shifted, scope: Scope) -> Value:
    """An instant so many units later."""
    ms, number = scope.instant(node.value), scope.number(node.number)
    if ms is None or number is None or not -SHIFTS_MAX <= number <= SHIFTS_MAX or number != int(number):
        return None
    return _within(instants.shift(ms, int(number), node.unit))


def _within(ms: int) -> int | None:
    return ms if abs(ms) < instants.FARTHEST else None


def elapsed(node: Elapsed, scope: Scope) -> Value:
    """Whole units between two instants."""
    first = scope.instant(node.first)
    if node.second is None:
        return None if first is None else scope.age(first, node.unit)
    second = scope.instant(node.second)
    if first is None or second is None:
        return None
    return whole_units(first, second, node.unit)


def whole_units(first: int, second: int, unit: Unit) -> int:
    """Units that are over at ``second``, negative if it is the earlier one.

    >>> whole_units(0, 86_400_000, "day"), whole_units(1, 86_400_000, "day"), whole_units(5, 0, "second")
    (1, 0, 0)
    """
    if second < first:
        return -whole_units(second, first, unit)
    return instants.over(first, second, unit)


RULES: dict[type, Rule] = {
    TextFunction: text_function,
    RegexGroup: regex_group,
    Shifted: shifted,
    Elapsed: elapsed,
}
