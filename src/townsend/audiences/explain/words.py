"""The words of explanations, by code: whole sentences with places to fill, so that they can be translated.

Another language is another table of the same codes. Places are filled with spoken values: numbers with
separators, texts in quotes, lists with commas.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from townsend.audiences.explain.tree import Finding, iso

__all__ = ["ENGLISH", "say", "spoken"]

ENGLISH: Mapping[str, str] = {
    # what is missing
    "not.holds": "this must not hold, but it does",
    "value.absent": "there is no value",
    "value.undecided": "nobody can say: {path} is {amount}, for which no rate of exchange is known",
    "value.unknown": "what it is compared with has no value",
    "value.present": "there is a value: {measured}",
    "value.false": "it is not true",
    "value.differs": "it is {measured}, not {wanted}",
    "value.same": "it is {measured}, which it must not be",
    "value.fails": "{measured} {op} {wanted} does not hold",
    "number.too_low": "{measured} is not {op} {wanted}: {short} short",
    "number.too_high": "{measured} is not {op} {wanted}: {over} too much",
    "text.fails": "{measured} fails {op} {wanted}",
    "list.lacks": "{measured} is not one of {wanted}",
    "list.has": "{measured} is one of {wanted}",
    "list.empty": "there is none",
    "set.fails": "{measured} fails {op} {wanted}",
    "some.empty": "there is nothing to look at",
    "some.exists": "none of {of} fits",
    "some.forall": "{failing} of {of} do not fit",
    "some.none": "{passing} of {of} fit, and none must",
    "some.one": "{passing} of {of} fit, and exactly one must",
    "segment.not_loaded": "no loaded membership of {name} is active",
    "listed.lacks": "none of {measured} is in {file}",
    "listed.no": "not in the list {name}",
    "time.outside": "{measured} lies outside {wanted}",
    "chain.events": "{found} of {wanted} events",
    "chain.window": "{found} of {wanted} events in the window; {outside} outside, the latest at {latest_ms}",
    "chain.order": "enough events ({found}), but not after the step before",
    "chain.where": "the condition on the profile does not hold",
    # the answer
    "answer.member": "{who} is a member at {at}.",
    "answer.no_member": "{who} is not a member at {at}.",
    "answer.absent": "{who} does not exist at {at}.",
    "change.leaves": "Leaves at {at} if nothing happens:",
    "change.enters": "Enters at {at} if nothing happens:",
    "change.because": "{text} changes",
    "change.born": "exists from then on",
    "change.gone": "is another entity, or none, from then on",
    "change.entering": "counts from then on: {what}",
    "change.leaving": "counts no longer: {what}",
    "change.never": "Time alone does not change that.",
    "change.unknown": "Time alone does not change that before {until}; the search ended there.",
    # the tree
    "all": "all of these",
    "any": "any of these",
    "not": "not this",
    "segment": "audience {name}",
    "listed.has": "{measured} is in {file}",
    "listed.yes": "in the list {name}",
    "step.measured": "{measured} of {wanted} needed",
    "compare.measured": "{measured}, wanted {op} {wanted}",
    "computed.part": "{text} is {value}",
    "some.measured": "{measured} fit",
    "plain.measured": "{measured}",
    "through": "through {what}",
    "left_out": "not counted: {what}",
    "more": "and {more} more",
    "more_alternatives": "and {more} more that do not count",
    "evidence": "{cls} {name}",
    "evidence.value": "{cls} {name}: {value}",
    "evidence.at": "{cls} {name} at {at}",
    "brief": "{measured} {op} {wanted}",
    "brief.figure": "{measured} {op} {wanted}: {what}",
    "records": "({records})",
    "record": "{key}, {source}",
    # values
    "value.none": "nothing",
    "value.true": "true",
    "value.no": "false",
    "range": "{low} to {high}",
    "range.from": "from {low}",
    "range.until": "until {high}",
    "list.nothing": "nothing",
}


def say(code: str, facts: Mapping[str, Any] | None = None, words: Mapping[str, str] = ENGLISH) -> str:
    """The sentence for a code, with its places filled."""
    return words[code].format_map({name: spoken(value, name, words) for name, value in (facts or {}).items()})


def found(finding: Finding, words: Mapping[str, str] = ENGLISH) -> str:
    """The sentence for a finding."""
    return say(finding.code, finding.facts, words)


def spoken(value: Any, name: str = "", words: Mapping[str, str] = ENGLISH) -> str:
    """A value as it stands in a sentence; ``name`` is its place there.

    >>> spoken(1_100_000), spoken("new"), spoken([["2026-01-01T00:00:00Z", None]])
    ('1,100,000', '"new"', 'from 2026-01-01T00:00:00Z')
    """
    match value:
        case None:
            return words["value.none"]
        case bool():
            return words["value.true" if value else "value.no"]
        case int() if name.endswith("_ms"):
            return iso(value)
        case int():
            return f"{value:,}"
        case Decimal():
            whole = value == value.to_integral_value()
            return f"{value.quantize(Decimal(1)):,}" if whole else f"{value.normalize():,f}"
        case [[low, high]] if _instants(low, high):
            return _range(low, high, words)
        case list():
            inner = (
                _range(one[0], one[1], words) if _ranged(one) else spoken(one, name, words) for one in value
            )
            return ", ".join(inner) or words["list.nothing"]
        case str() if name in QUOTED and not _instants(value, value):
            return f'"{value}"'
        case _:
            return str(value)


QUOTED = ("measured", "wanted", "")


def _ranged(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and _instants(*value)


def _instants(low: Any, high: Any) -> bool:
    """Two bounds as ``iso`` writes them, either of which may be open."""
    ends = [one for one in (low, high) if one is not None]
    return bool(ends) and all(
        isinstance(one, str) and len(one) >= 20 and one[4] == "-" and one.endswith("Z") for one in ends
    )


def _range(low: str | None, high: str | None, words: Mapping[str, str]) -> str:
    code = "range" if low and high else "range.from" if low else "range.until"
    return words[code].format(low=low, high=high)
