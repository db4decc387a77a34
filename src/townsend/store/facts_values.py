"""Identity values as the dictionary keeps them: how they are spelled, and which are none.

As SQL over any expression, so that whoever reads identities out of facts finds the same numbers.
"""

from __future__ import annotations

__all__ = ["EMAIL", "REJECTED", "is_usable", "normal", "normal_value"]

EMAIL = "Email"

# Spellings by which systems say "nobody". A value of more than VALUE_LENGTH_MAX characters is none either.
REJECTED = frozenset(
    {"", "null", "none", "nil", "undefined", "nan", "n/a", "anonymous", "invalid", "unknown"}
)
VALUE_LENGTH_MAX = 1_024

_BLANK = " \t\n\v\f\r\u00a0"
_BLANKS = " || ".join(f"chr({ord(one)})" for one in _BLANK)
_WORDS = ", ".join(f"'{word}'" for word in sorted(REJECTED))


def normal(space: str, sql: str) -> str:
    """The value as the dictionary keeps it: e-mails trimmed and lower-cased, others as they are."""
    return f"lower(trim({sql}, {_BLANKS}))" if space == EMAIL else sql


def is_usable(sql: str, *, key: bool = False) -> str:
    """Whether the value names somebody; ``key``: of a source key, its record id has to as well."""
    usable = (
        f"({sql} IS NOT NULL AND length({sql}) <= {VALUE_LENGTH_MAX} AND lower(trim({sql})) NOT IN ({_WORDS})"
    )
    if key:
        # Built from parts of which the id was empty or a word for nothing: "@CRM1.Salesforce".
        usable += f" AND NOT (contains({sql}, '@') AND lower(trim(split_part({sql}, '@', 1))) IN ({_WORDS}))"
    return usable + ")"


def normal_value(space: str, value: str) -> str | None:
    """The same for one value; None if it names nobody."""
    # Letter by letter, as SQL does: a word's last sigma is no other letter.
    found = "".join(one.lower()[0] for one in value.strip(_BLANK)) if space == EMAIL else value
    return None if found.strip().lower() in REJECTED or len(found) > VALUE_LENGTH_MAX else found
