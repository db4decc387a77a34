"""One place in a ``pql/json`` document: reading what should be there, and saying what is not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from townsend.audiences.pql import names
from townsend.audiences.pql.build import DEPTH_MAX
from townsend.audiences.pql.parse import TEXT_MAX
from townsend.problem import Invalid

__all__ = ["Place", "comment_text", "loaded", "scalar", "too_deep", "variable_name", "wrong"]

SHOWN = 60  # characters of what came instead


@dataclass(frozen=True, slots=True)
class Place:
    """A value and the path that leads to it.

    Every method raises ``Invalid`` ``pql.json`` if something else stands there.
    """

    path: str
    value: Any

    def __contains__(self, key: object) -> bool:
        return isinstance(self.value, Mapping) and key in self.value

    def __getitem__(self, key: str) -> Place:
        if not isinstance(self.value, Mapping):
            raise wrong(self, "an object")
        if key not in self.value:
            raise wrong(self, f"an object with {key!r}")
        return Place(f"{self.path}.{key}", self.value[key])

    def names(self) -> list[str]:
        if not isinstance(self.value, Mapping):
            raise wrong(self, "an object")
        return [str(key) for key in self.value]

    def only(self, *keys: str) -> Place:
        """The same place, if it holds no other keys than these."""
        for key in self.names():
            if key not in ("nodeType", "comments", *keys):
                raise Invalid(
                    "pql.json",
                    f"{self.path}: there is no {key!r} here; expected {', '.join(keys)}",
                    path=f"{self.path}.{key}",
                )
        return self

    def items(self) -> list[Place]:
        """The items of an array."""
        if not isinstance(self.value, Sequence) or isinstance(self.value, str):
            raise wrong(self, "an array")
        return [Place(f"{self.path}[{at}]", one) for at, one in enumerate(self.value)]

    def text(self, key: str) -> str:
        """The string at a key."""
        found = self[key]
        if not isinstance(found.value, str):
            raise wrong(found, "text")
        return found.value

    def one_of(self, key: str, choices: Sequence[str]) -> str:
        """One of several strings at a key."""
        found = self.text(key)
        if found not in choices:
            raise wrong(self[key], f"one of {' '.join(choices)}")
        return found

    def whole(self, key: str) -> int:
        """The whole number at a key, from 0 to 999,999,999."""
        found = self[key].value
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 1_000_000_000:
            raise wrong(self[key], "a whole number up to 999,999,999")
        return found


def wrong(place: Place, expected: str) -> Invalid:
    """The problem to raise about a place."""
    got = repr(place.value)
    shown = got if len(got) <= SHOWN else got[: SHOWN - 1] + "…"
    return Invalid("pql.json", f"{place.path}: expected {expected}, got {shown}", path=place.path)


def loaded(text: str) -> Any:
    """What a JSON text holds, numbers exact.

    Raises:
        Invalid: ``pql.json``, ``pql.size``, ``pql.depth``.
    """
    if len(text) > TEXT_MAX:
        raise Invalid("pql.size", f"the definition has {len(text):,} characters; the most is {TEXT_MAX:,}")
    try:
        return json.loads(text, parse_float=Decimal)
    except RecursionError:
        raise too_deep("$") from None
    except ValueError as error:
        raise Invalid("pql.json", f"this is not JSON: {error}", path="$") from None


def too_deep(path: str) -> Invalid:
    """The problem to raise where nesting goes too far."""
    message = f"{path}: nested more than {DEPTH_MAX} levels deep; split the definition with inSegment(…)"
    return Invalid("pql.depth", message, path=path)


def comment_text(place: Place) -> str:
    """A comment, on one line and without the mark that would end it."""
    if not isinstance(place.value, str):
        raise wrong(place, "text")
    return " ".join(place.value.replace("*/", "* /").split())


def scalar(kind: str, place: Place) -> str | int | Decimal | bool:
    """The value of a literal of that type; a number may be given as its digits."""
    value = place.value
    match kind, value:
        case "String", str() if value.isascii() or value.encode("utf-8", "ignore").decode() == value:
            return value
        case "Boolean", bool():
            return value
        case "Integer", int() if not isinstance(value, bool):
            return value
        case "Number" | "Integer", int() | float() | Decimal() | str() if not isinstance(value, bool):
            return _exact(place)
    raise wrong(place, f"a value of the type {kind}")


def _exact(place: Place) -> Decimal:
    try:
        found = Decimal(str(place.value))
    except InvalidOperation:
        raise wrong(place, "a number") from None
    if not found.is_finite():
        raise wrong(place, "a number")
    return found


def variable_name(place: Place, quoted: bool = False) -> str:
    """A name that a text could give to a variable, in backquotes too if ``quoted``."""
    found = place.value
    if isinstance(found, str) and (names.is_variable(found) or (quoted and names.is_quotable(found))):
        return found
    raise wrong(place, "a name for a variable (letters, digits, _; no keyword)")
