"""Messages and vocabulary of one language, out of its file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import yaml

from townsend.problem import Invalid

__all__ = ["LANGUAGES", "Catalogue", "catalogue"]

LANGUAGES = ("en", "de", "zh")
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


@dataclass(frozen=True)
class Catalogue:
    """How one language says it.

    Args:
        messages: by code, with places to fill.
        vocabulary: names of classes, relationships, fields and units, and how numbers are written.
    """

    messages: Mapping[str, str]
    vocabulary: Mapping[str, Any]

    def say(self, code: str, **places: str) -> str:
        """A message with its places filled."""
        return self.messages[code].format_map(places)

    def all(self, code: str, parts: Iterable[str]) -> str:
        """Several parts by a message for two, ``first`` and ``second``."""
        whole = ""
        for part in parts:
            whole = self.say(code, first=whole, second=part) if whole else part
        return whole

    def text(self, value: str) -> str:
        """A string of the definition."""
        return self.say("text", text=value)

    def number(self, value: int | Decimal) -> str:
        """A number with the language's separators.

        >>> catalogue("de").number(Decimal("1234567.50"))
        '1.234.567,5'
        """
        shown = f"{value:,}" if isinstance(value, int) else f"{value:,f}"
        if "." in shown:
            shown = shown.rstrip("0").rstrip(".")
        whole, _, part = shown.partition(".")
        thousands, decimal = self.vocabulary["thousands"], self.vocabulary["decimal"]
        return whole.replace(",", thousands) + (decimal + part if part else "")

    def field(self, path: str) -> str:
        """What a field is called; of one without a name, the words of its path's last part."""
        known: Mapping[str, str] = self.vocabulary["fields"]
        if path in known:
            return known[path]
        last = path.rpartition(".")[2]
        words = " ".join(word if word.isupper() else word.lower() for word in _WORD.findall(last))
        return self.say("unknown", name=words or last)

    def relationship(self, name: str) -> str:
        """What a relationship leads to."""
        return self.vocabulary["relationships"].get(name) or self.say("unknown", name=name)

    def noun(self, cls: str) -> str:
        """One entity of a class."""
        return self.vocabulary["nouns"].get(cls) or self.say("unknown", name=cls)

    def everyone(self, cls: str) -> str:
        """The entities of a class, at the beginning of a sentence."""
        return self.vocabulary["classes"].get(cls) or self.say("unknown", name=cls)

    def units(self, count: int, unit: str) -> str:
        """So many units."""
        return self.say("units", number=self.number(count), unit=self.unit(count, unit))

    def unit(self, count: int, unit: str) -> str:
        """A unit behind its number."""
        one, several = self.vocabulary["units"][unit]
        return str(one if count == 1 else several)


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of a language.

    Raises:
        Invalid: ``words.language``.
    """
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise Invalid(
            "words.language", f"there are words in {known}, not in {language!r}", known=known, got=language
        )
    text = resources.files("townsend.audiences.pql.words").joinpath(f"{language}.yaml").read_text("utf-8")
    content = yaml.safe_load(text)
    vocabulary = content.pop("vocabulary")
    return Catalogue(content, vocabulary)
