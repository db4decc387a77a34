"""Calculations and functions as noun phrases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townsend.audiences import core

if TYPE_CHECKING:
    from townsend.audiences.pql.words.values import Speaker

__all__ = ["calculated", "choice", "elapsed", "function", "group", "part", "shifted"]


def calculated(speaker: Speaker, node: core.Arithmetic | core.PerKey) -> str:
    """Arithmetic of numbers, or of maps."""
    code = "calculated" if isinstance(node, core.Arithmetic) else "per_key"
    return speaker.say(code, left=speaker.value(node.left), op=node.op, right=speaker.value(node.right))


def choice(speaker: Speaker, node: core.Conditional) -> str:
    """One of two values."""
    then, otherwise = speaker.value(node.then), speaker.value(node.otherwise)
    return speaker.say("choice", then=then, clause=speaker.clause(speaker, node.test), otherwise=otherwise)


def part(speaker: Speaker, node: core.DatePart) -> str:
    """A part of an instant, or of now."""
    if node.value is None:
        return speaker.say(f"now.{node.part}")
    return speaker.say(f"part.{node.part}", value=speaker.value(node.value))


def function(speaker: Speaker, node: core.TextFunction) -> str:
    """A function of text."""
    said = [speaker.value(arg) for arg in node.args]
    if node.op == "concat":
        return speaker.say("function.concat", a=speaker.words.all("list", said))
    return speaker.say(f"function.{node.op}", **dict(zip("ab", said, strict=False)))


def group(speaker: Speaker, node: core.RegexGroup) -> str:
    """What an expression finds; the parts of addresses by their names."""
    value = speaker.value(node.subject)
    for name, pattern in core.URL_PARTS.items():
        if pattern == node.pattern:
            return speaker.say(f"group.{name}", value=value)
    pattern = speaker.words.text(node.pattern)
    return speaker.say("group.regex", number=speaker.words.number(node.group), pattern=pattern, value=value)


def shifted(speaker: Speaker, node: core.Shifted) -> str:
    """An instant moved."""
    value, number = speaker.value(node.value), node.number
    if isinstance(number, core.Const) and isinstance(number.value, int):
        return speaker.say("shifted", value=value, count=speaker.words.units(number.value, node.unit))
    unit = speaker.words.unit(2, node.unit)
    return speaker.say("shifted.by", value=value, number=speaker.value(number), unit=unit)


def elapsed(speaker: Speaker, node: core.Elapsed) -> str:
    """Units between two instants."""
    unit, first = speaker.words.unit(2, node.unit), speaker.value(node.first)
    if node.second is None:
        return speaker.say("elapsed.now", unit=unit, first=first)
    return speaker.say("elapsed", unit=unit, first=first, second=speaker.value(node.second))
