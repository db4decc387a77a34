"""Functions of text and of instants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from townsend.audiences.core.times import Unit
from townsend.audiences.core.types import DATETIME, INTEGER, NOWHERE, STRING, Span, Type

if TYPE_CHECKING:
    from townsend.audiences.core import Expr

__all__ = ["URL_PARTS", "Elapsed", "RegexGroup", "Shifted", "TextFunction"]

# What `getUrlHost` and its kin find, as regular expressions with one group (RFC 3986, appendix B).
_SCHEME = r"^(?:[A-Za-z][A-Za-z0-9+.\-]*:)?"
URL_PARTS = {
    "getUrlProtocol": r"^([A-Za-z][A-Za-z0-9+.\-]*):",
    "getUrlHost": _SCHEME + r"//(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]*)",
    "getUrlPath": _SCHEME + r"(?://[^/?#]*)?([^?#]*)",
    "getUrlFragment": r"(?s)#(.*)$",
    "extractEmailDomain": r"@([^@]+)$",
}


@dataclass(frozen=True, slots=True)
class TextFunction:
    """A function of strings; null if one of them is.

    ``length`` counts characters (code points); ``indexOf`` and ``lastIndexOf`` count from 0; -1 is nowhere.
    ``lowerCase`` and ``upperCase`` map each character to one, without regard to language.
    """

    op: Literal["lowerCase", "upperCase", "length", "concat", "indexOf", "lastIndexOf"]
    args: tuple[Expr, ...]
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class RegexGroup:
    """What a group of an RE2 expression holds where it is first found; null if it isn't, or holds nothing.

    Group 0 is all that was found.
    """

    subject: Expr
    pattern: str
    group: int
    type: Type = STRING
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Shifted:
    """An instant so many units later, earlier if ``number`` is negative; null if a side is.

    A number that is not whole is null. Where the day does not exist, the first instant of the next month.
    """

    value: Expr
    number: Expr
    unit: Unit
    type: Type = DATETIME
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Elapsed:
    """How many whole units lie between two instants; negative if the second is earlier; null if a side is.

    Without a ``second``, up to now; what lies after now is null then. A month is over where ``Shifted``
    by so many arrives.
    """

    unit: Unit
    first: Expr
    second: Expr | None
    type: Type = INTEGER
    at: Span = field(default=NOWHERE, compare=False)
