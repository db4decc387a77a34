"""Which names can stand as they are, and how any other is written."""

from __future__ import annotations

import re

__all__ = ["PLAIN", "VARIABLE", "is_quotable", "is_variable", "member_name", "name", "quoted"]

PLAIN = re.compile(r"(?:[^\W\d][\w$:]*(?<!:)|\$(?!\d)[\w$]+)")
VARIABLE = re.compile(r"[^\W\d][\w$]*|\$(?!\d)[\w$]+")
QUOTABLE = re.compile(r"[^`\r\n]+")
# Words that are never names, unless in backquotes or after a dot; as the grammar's NAME has them.
RESERVED = {"and", "or", "not", "in", "notin", "like", "matches", "occurs", "true", "false"}
# Words that begin something else in some places where a name could stand.
TAKEN = RESERVED | {"let", "select", "exists", "forall", "some", "all", "none", "one", "sum", "average"}
TAKEN |= {"min", "max", "over", "chain", "from", "where"}
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_SPECIAL = re.compile(r'[\\"\x00-\x1f\x7f\u2028\u2029]')


def name(text: str) -> str:
    """A bare name."""
    return text if PLAIN.fullmatch(text) and text.lower() not in TAKEN else f"`{text}`"


def member_name(text: str) -> str:
    """A name after a dot, where every word is one."""
    return text if PLAIN.fullmatch(text) else f"`{text}`"


def is_variable(text: str) -> bool:
    """Whether ``let`` and ``select`` can give that name."""
    return VARIABLE.fullmatch(text) is not None and text.lower() not in RESERVED


def is_quotable(text: str) -> bool:
    """Whether the name can stand in backquotes."""
    return QUOTABLE.fullmatch(text) is not None


def quoted(text: str) -> str:
    """A string literal."""

    def one(found: re.Match[str]) -> str:
        char = found[0]
        return _ESCAPED.get(char) or f"\\u{ord(char):04x}"

    return f'"{_SPECIAL.sub(one, text)}"'
