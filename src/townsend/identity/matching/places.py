"""Addresses and telephone numbers in the form in which they are compared.

They only ever support a match: companies share buildings, switchboards and towns.
"""

from __future__ import annotations

import re

from townsend.identity.matching.names import folded
from townsend.identity.matching.words import spellings

__all__ = ["country", "digits", "phone", "place", "postal"]

PHONE_DIGITS = 8
_NOT_DIGITS = re.compile(r"\D+")


def country(text: str | None) -> str | None:
    """Two letters of a country by any usual spelling; None for what is not known.

    >>> country("Deutschland"), country("USA"), country("Atlantis")
    ('de', 'us', None)
    """
    plain = folded(text) if text else ""
    known = spellings("countries")
    if plain in known:
        return known[plain]
    return plain if len(plain) == 2 and plain.isascii() and plain.isalpha() else None


def place(text: str | None) -> str | None:
    """A town or a street, folded."""
    return (folded(text) or None) if text else None


def postal(text: str | None) -> str | None:
    """A postal code without blanks and dashes; of a US code of nine digits the first five."""
    plain = folded(text).replace(" ", "") if text else ""
    return (plain[:5] if len(plain) == 9 and plain.isdecimal() else plain) or None


def phone(text: str | None) -> str | None:
    """The last digits of a number, which are the same with and without codes before them.

    >>> phone("+49 (0)89 1234-5678"), phone("1234")
    ('12345678', None)
    """
    found = digits(text)
    if found is None or len(found) < PHONE_DIGITS or len(set(found[-PHONE_DIGITS:])) == 1:
        return None
    return found[-PHONE_DIGITS:]


def digits(text: str | None) -> str | None:
    """The digits alone, as of a D-U-N-S number; None if there are none or all are zero."""
    found = _NOT_DIGITS.sub("", text) if text else ""
    return found if found.strip("0") else None
