"""Words that are one typing error away from a known word: a letter too many, too few, wrong or exchanged.

Two words that differ by one error share a form with one letter left out, so a look-up finds the known
word without comparing it with all others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product

__all__ = ["Spelling"]

LETTERS_MIN = 4  # shorter words have too many neighbours
LETTERS_MAX = 24
MEANT_MAX = 3  # known words tried for an unknown one
TRIED_MAX = 4  # spellings tried for a name


class Spelling:
    """Known words.

    Args:
        words: word to how many names hold it; of several words that may be meant the commonest count.
    """

    def __init__(self, words: Mapping[str, int]) -> None:
        self._words = words
        self._near: dict[str, list[str]] = defaultdict(list)
        for word in words:
            if LETTERS_MIN <= len(word) <= LETTERS_MAX:
                for form in _forms(word):
                    self._near[form].append(word)

    def meant(self, name: str) -> list[str]:
        """The name with its unknown words replaced by known ones; empty if there is none to replace."""
        words = name.split()
        choices = [self._choices(word) for word in words]
        if all(choice == [word] for choice, word in zip(choices, words, strict=True)):
            return []
        return [" ".join(chosen) for chosen in islice(product(*choices), TRIED_MAX)]

    def _choices(self, word: str) -> list[str]:
        if word in self._words or not LETTERS_MIN - 1 <= len(word) <= LETTERS_MAX + 1:
            return [word]
        found = {near for form in _forms(word) for near in self._near.get(form, ())}
        # One letter left out of each may be two errors apart when their lengths are equal and far
        # between; the few that slip through are only proposals.
        return sorted(found, key=lambda near: (-self._words[near], near))[:MEANT_MAX] or [word]


def _forms(word: str) -> Iterator[str]:
    """The word, and the word without each of its letters, each once."""
    return iter(dict.fromkeys([word, *(word[:place] + word[place + 1 :] for place in range(len(word)))]))


def counted(names: Iterable[str]) -> dict[str, int]:
    """How many names hold each word."""
    found: dict[str, int] = defaultdict(int)
    for name in names:
        for word in set(name.split()):
            found[word] += 1
    return dict(found)
