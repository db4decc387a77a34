"""A concern about identities: what was found, how much of it, examples, and what to do.

Sentences count and name nobody's values; the items below them do, so that somebody can act.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["SHOWN", "Concern", "Item", "counted"]

SHOWN = 10


@dataclass(frozen=True)
class Item:
    """One example: in words for a terminal, and as facts for a machine."""

    text: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Concern:
    """Something about the identities of a class.

    Args:
        check: what was looked for, a stable word.
        cls: the class; None for master data, which may be about several.
        level: ``warning``: something to do; ``note``: something to know.
        count: how many there are.
        text: a sentence without anybody's data.
        advice: what to do about it; empty if there is nothing to do.
        items: the first of them, the worst first.
    """

    check: str
    cls: str | None
    level: Literal["warning", "note"]
    count: int
    text: str
    advice: str = ""
    items: tuple[Item, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "class": self.cls,
            "level": self.level,
            "count": self.count,
            "text": self.text,
            "advice": self.advice,
            "items": [dict(item.facts) for item in self.items],
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        found = [f"{'!' if self.level == 'warning' else '·'} {self.text}"]
        found += [f"    {item.text}" for item in self.items]
        if len(self.items) == SHOWN < self.count:
            found.append(f"    … and {self.count - SHOWN:,} more")
        return found + ([f"    → {self.advice}"] if self.advice else [])


def counted(count: int, one: str, many: str) -> str:
    """
    >>> counted(1, "value joins", "values join")
    '1 value joins'
    """
    return f"{count:,} {one if count == 1 else many}"
