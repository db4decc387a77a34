"""A definition in words, for whoever does not read PQL: English, German and Chinese.

The words are made of whole messages with places to fill (``en.yaml`` and its kin); what belongs together
stands in brackets, so that a sentence has one reading. Nothing of the definition is left out.
"""

from __future__ import annotations

from townsend.audiences.core import And, Definition, Or
from townsend.audiences.pql.words.catalogue import LANGUAGES, catalogue
from townsend.audiences.pql.words.clauses import clause
from townsend.audiences.pql.words.values import Speaker
from townsend.audiences.walk import conjuncts

__all__ = ["LANGUAGES", "in_words"]


def in_words(definition: Definition, language: str = "en") -> list[str]:
    """The definition, one line for each condition that has to hold (or may).

    Raises:
        Invalid: ``words.language``.
    """
    words = catalogue(language)
    speaker = Speaker(words, 0, {0: words.noun(definition.of)}, clause)
    condition, who = definition.condition, words.everyone(definition.of)
    parts = conjuncts(condition) if isinstance(condition, And) else [condition]
    code = "whole.all"
    if isinstance(condition, Or):
        parts, code = list(condition.items), "whole.any"
    said = [clause(speaker, part) for part in parts]
    if len(said) == 1:
        return [words.say("whole.one", who=who, clause=said[0])]
    return [words.say(code, who=who), *(words.say("whole.item", clause=one) for one in said)]
