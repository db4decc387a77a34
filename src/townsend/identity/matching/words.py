"""The word lists that ship with matching: legal forms, placeholders, public domains, suffixes, countries.

Each is a text file in ``lists/`` that says where it comes from; ``#`` begins a comment. Read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

__all__ = ["entries", "spellings"]


@cache
def entries(name: str) -> tuple[str, ...]:
    """The lines of a list that say something, as they stand there."""
    text = (files(__package__) / "lists" / f"{name}.txt").read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


@cache
def spellings(name: str) -> Mapping[str, str]:
    """A list of lines ``word: other, another`` as every spelling to the first word."""
    found: dict[str, str] = {}
    for line in entries(name):
        word, _, others = line.partition(":")
        for spelling in (word, *others.split(",")):
            found[spelling.strip()] = word.strip()
    return found
