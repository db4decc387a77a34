"""Tests of two strings."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import re2

from townsend.audiences.reference.values import lowered

__all__ = ["TextOp", "group", "passes"]

TextOp = Literal[
    "equals",
    "notEqualTo",
    "startsWith",
    "doesNotStartWith",
    "endsWith",
    "doesNotEndWith",
    "contains",
    "doesNotContain",
    "like",
    "matches",
]
PATTERNS_KEPT = 1_000


def passes(op: TextOp, subject: str, pattern: str, case: bool) -> bool:
    """Whether ``subject`` passes.

    ``like`` and ``matches`` are always with case; a pattern that RE2 can't read matches nothing.

    >>> passes("contains", "Head of SALES", "sales", case=False)
    True
    """
    if op == "matches":
        compiled = _regex(pattern)
        return compiled is not None and compiled.search(subject) is not None
    if op == "like":
        compiled = _regex(_like(pattern))
        return compiled is not None and compiled.fullmatch(subject) is not None
    if not case:
        subject, pattern = lowered(subject), lowered(pattern)
    match op:
        case "equals":
            return subject == pattern
        case "notEqualTo":
            return subject != pattern
        case "startsWith":
            return subject.startswith(pattern)
        case "doesNotStartWith":
            return not subject.startswith(pattern)
        case "endsWith":
            return subject.endswith(pattern)
        case "doesNotEndWith":
            return not subject.endswith(pattern)
        case "contains":
            return pattern in subject
        case "doesNotContain":
            return pattern not in subject


def group(subject: str, pattern: str, number: int) -> str | None:
    """What a group holds where an expression is first found; None if it isn't, or holds nothing.

    >>> group("a@b.c", "@(.*)$", 1)
    'b.c'
    """
    compiled = _regex(pattern)
    found = None if compiled is None or number > compiled.groups else compiled.search(subject)
    return None if found is None else found.group(number) or None


def _like(pattern: str) -> str:
    parts = (".*" if char == "%" else "." if char == "_" else re2.escape(char) for char in pattern)
    return "(?s)" + "".join(parts)


@lru_cache(PATTERNS_KEPT)
def _regex(pattern: str) -> re2._Regexp | None:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None
