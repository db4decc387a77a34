"""An explanation for a terminal: a tree of marks, texts, numbers and the records behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from townsend.audiences.explain.tree import Alternative, Condition, Evidence, Explanation, iso
from townsend.audiences.explain.words import ENGLISH, found, say, spoken

__all__ = ["brief", "lines"]

HOLDS, FAILS, POINT = "✓", "✗", "·"
BRIEF_MAX = 2  # records named in one line
RECORDS_MAX = 4  # records named beside one entity; all are in the JSON form


def lines(explanation: Explanation, words: Mapping[str, str] = ENGLISH) -> list[str]:
    """The explanation, indented two blanks a level."""
    who = _named(explanation.of)
    code = "answer.member" if explanation.holds else "answer.no_member"
    if not explanation.exists:
        code = "answer.absent"
    page = Page(words)
    page.add(0, say(code, {"who": who, "at": iso(explanation.now_ms)}, words))
    page.condition(explanation.condition, 1)
    page.change(explanation)
    return page.lines


def brief(condition: Condition, words: Mapping[str, str] = ENGLISH) -> str:
    """A condition that holds in one line, with the records that tell most."""
    page = Page(words)
    named = [page.told(one) + _inside(one, words) for one in condition.evidence[:BRIEF_MAX]]
    left_out = len(condition.evidence) - len(named) + condition.more
    if left_out:
        named.append(say("more", {"more": left_out}, words))
    wanted, what = condition.wanted, "; ".join(named)
    if wanted is None or condition.kind in ("some", "step"):
        return what or " ".join(condition.text.split())
    facts = {"what": what, "measured": condition.measured, "op": wanted.op, "wanted": wanted.value}
    return say("brief.figure" if what else "brief", facts, words)


def _inside(evidence: Evidence, words: Mapping[str, str]) -> str:
    """Why a record counts in turn, in brackets."""
    inner = "; ".join(brief(one, words) for one in evidence.because)
    return f" ({inner})" if inner else ""


class Page:
    """Lines being written."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = words
        self.lines: list[str] = []

    def add(self, depth: int, text: str) -> None:
        self.lines.append("  " * depth + text)

    def say(self, depth: int, code: str, **facts: Any) -> None:
        self.add(depth, say(code, facts, self.words))

    def condition(self, condition: Condition, depth: int) -> None:
        mark = HOLDS if condition.holds else FAILS
        self.add(depth, f"{mark} {self._title(condition)}")
        for line in self._measured(condition):
            self.add(depth + 2, line)
        for part in condition.computed:
            self.add(depth + 3, found(part, self.words))
        for finding in condition.missing:
            self.add(depth + 2, found(finding, self.words))
        for one in condition.evidence:
            self.add(depth + 2, f"{POINT} {self._evidence(one)}")
        if condition.more:
            self.say(depth + 2, "more", more=condition.more)
        if condition.through:
            what = "; ".join(self._evidence(one) for one in condition.through)
            self.say(depth + 2, "through", what=what)
        for inner in condition.parts:
            self.condition(inner, depth + 1)
        for alternative in condition.alternatives:
            self.alternative(alternative, depth + 2)
        if condition.more_alternatives:
            self.say(depth + 2, "more_alternatives", more=condition.more_alternatives)

    def alternative(self, alternative: Alternative, depth: int) -> None:
        self.say(depth, "left_out", what=self._evidence(alternative.item))
        self.condition(alternative.condition, depth + 1)

    def change(self, explanation: Explanation) -> None:
        change = explanation.change
        if change is None:
            until = explanation.searched_until_ms
            self.say(0, "change.never" if until is None else "change.unknown", until=until and iso(until))
            return
        self.say(0, "change.enters" if change.holds else "change.leaves", at=iso(change.at_ms))
        for text in change.because:
            self.say(1, "change.because", text=" ".join(text.split()))
        if not change.because:
            self.say(1, "change.born" if change.holds or not explanation.exists else "change.gone")
        for code, evidence in (("change.entering", change.entering), ("change.leaving", change.leaving)):
            for one in evidence:
                self.say(1, code, what=self._evidence(one))

    def _title(self, condition: Condition) -> str:
        if condition.kind in ("all", "any", "not"):
            return say(condition.kind, {}, self.words)
        text = " ".join(condition.text.split())
        if text:
            return text
        return (
            say("segment", {"name": condition.measured}, self.words) if condition.kind == "segment" else "…"
        )

    def _measured(self, condition: Condition) -> Iterator[str]:
        """What was found, unless a finding says it anyway."""
        if condition.missing or condition.kind in ("segment", "null", "truth"):
            return
        wanted = condition.wanted
        facts: dict[str, Any] = {"measured": condition.measured}
        if condition.kind == "listed" and wanted is not None:
            yield say("listed.has", {**facts, "file": wanted.value}, self.words)
        elif condition.kind == "listed":
            code = "listed.yes" if condition.holds else "listed.no"
            yield say(code, {"name": condition.measured}, self.words)
        elif condition.kind == "some":
            yield say("some.measured", facts, self.words)
        elif wanted is not None:
            facts |= {"op": wanted.op, "wanted": wanted.value}
            code = "step.measured" if condition.kind == "step" else "compare.measured"
            yield say(code, facts, self.words)

    def _evidence(self, evidence: Evidence) -> str:
        return " ".join(filter(None, (self.told(evidence), self._records(evidence))))

    def told(self, evidence: Evidence) -> str:
        """What it is called, with its time or what it added."""
        facts: dict[str, Any] = {"cls": evidence.cls, "name": evidence.name or str(evidence.id)}
        code = "evidence"
        if evidence.at_ms is not None:
            code, facts["at"] = "evidence.at", iso(evidence.at_ms)
        elif evidence.value is not None:
            code, facts["value"] = "evidence.value", evidence.value
        return say(code, facts, self.words)

    def _records(self, evidence: Evidence) -> str:
        records = [
            key.value
            if key.source is None
            else say("record", {"key": key.value, "source": key.source}, self.words)
            for key in evidence.keys[:RECORDS_MAX]
        ]
        if len(evidence.keys) > RECORDS_MAX:
            records.append(say("more", {"more": len(evidence.keys) - RECORDS_MAX}, self.words))
        return say("records", {"records": "; ".join(records)}, self.words) if records else ""


def _named(evidence: Evidence) -> str:
    if evidence.name:
        return evidence.name
    keys = [key.value for key in evidence.keys]
    return keys[0] if keys else f"{evidence.cls} {spoken(evidence.id)}"
