"""Names of companies in the form in which they are compared.

``Müller & Söhne GmbH & Co. KG``, ``MULLER UND SOHNE`` and ``Müller+Söhne`` are one name here. What is written
in a record is never changed; this form serves comparing alone. Taking it twice gives the same as once.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from townsend.identity.matching.words import entries, spellings

__all__ = ["company_name", "folded", "initials", "name_forms"]

NAME_LENGTH_MAX = 300

# Letters that Unicode does not take apart into a letter and a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t"}
)
# Cyrillic and Greek letters that look like Latin ones: exchanged where a word mixes the scripts.
_ALIKE = str.maketrans("авекмнорстухіјѕαβεικνορτυχ", "abekmhopctyxijsabeikvoptux")
_MARKS = re.compile("[\u0300-\u036f]")
_LATIN = re.compile("[a-z]")
_OTHER_ALPHABET = re.compile("[\u0370-\u04ff]")
_DOTTED = re.compile(r"\b(?:\w\.){2,}(?=\W|$)|\b(?:\w\.)+\w\b(?!\w)")
_FORMERLY = re.compile(
    r"[(\[]\s*(?:formerly|previously|fka|f k a|ehemals|vormals|ex|anciennement)\b[^)\]]*[)\]]"
)
_WEB_ENDING = re.compile(r"(?<=\w)\.(?:com|net|org|io|co)\b")
_QUOTES = re.compile("[’'`´ʼ‘\"“”„«»]")
# Marks of scripts that write vowels as such belong to their word.
_BREAKS = re.compile("(?:(?![\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3099\u309a])[\\W_])+")
_AND_LETTER = re.compile(r"\b(\w{1,3})\s*[&+]\s*(\w)\b")
_SINGLES = re.compile(r"\b[a-z](?: [a-z])+\b")
_JOINING = frozenset({"and", "und", "et", "the", "y", "och", "og", "en"})
# Forms that mean nothing else wherever they stand.
_INNER = frozenset(
    {"inc", "ltd", "llc", "gmbh", "corp", "plc", "pty", "sarl", "limited", "bhd", "pvt", "pte"}
)


def folded(text: str) -> str:
    """A text without what spelling varies in: width, case, accents, look-alike letters, punctuation.

    Letters apart are one word: "I.B.M.", "I B M", "AT & T".

    >>> folded("Ｓ.Ａ.  Crédit—Agricole"), folded("H & M")
    ('sa credit agricole', 'hm')
    """
    if text.isascii():
        plain = text.lower()
    else:
        plain = unicodedata.normalize("NFKD", text).casefold()
        plain = unicodedata.normalize("NFC", _MARKS.sub("", plain)).translate(_LETTERS)
    plain = _QUOTES.sub("", plain)
    if "&" in plain or "+" in plain:
        plain = _AND_LETTER.sub(r"\1\2", plain)
    if "." in plain:
        plain = _DOTTED.sub(lambda found: found[0].replace(".", "") + " ", plain)
    plain = _joined(_BREAKS.sub(" ", plain).strip())
    if _OTHER_ALPHABET.search(plain) and _LATIN.search(plain):
        plain = " ".join(_one_script(word) for word in plain.split())
    return plain


def _joined(text: str) -> str:
    return _SINGLES.sub(lambda found: found[0].replace(" ", ""), text)


def _one_script(word: str) -> str:
    mixed = _LATIN.search(word) and _OTHER_ALPHABET.search(word)
    return word.translate(_ALIKE) if mixed else word


def company_name(text: str | None) -> str | None:
    """What a company's name is compared by; None for a blank or a placeholder.

    Legal forms, "the", "and", a former name in brackets and the ending of a web address go; words that
    are often shortened are short. A name that is nothing but a legal form stays as it is.

    >>> company_name("The Müller & Söhne International GmbH & Co. KG")
    'muller sohne intl'
    >>> company_name("株式会社トヨタ"), company_name("N/A"), company_name("Test Ltd.")
    ('トヨタ', None, None)
    """
    return name_forms(text)[0]


def name_forms(text: str | None) -> tuple[str | None, str | None]:
    """A compared name, and its letters in one with no word shortened, as in the name of a domain.

    >>> name_forms("Acme International, Inc.")
    ('acme intl', 'acmeinternational')
    """
    if text is None or not text.strip():
        return None, None
    lowered = text[:NAME_LENGTH_MAX].lower()
    if "(" in lowered or "[" in lowered:
        lowered = _FORMERLY.sub(" ", lowered)
    plain = folded(_WEB_ENDING.sub(" ", lowered))
    if _says_nothing(plain):
        return None, None
    words = [word for word in plain.split() if word not in _JOINING] or plain.split()
    words = _bare(words)
    short = spellings("short_words")
    core = " ".join(short.get(word, word) for word in words)
    return (None, None) if _says_nothing(core) else (core, "".join(words))


def initials(name: str) -> str | None:
    """What a compared name may be as initials: the first letters of three words or more, or itself.

    >>> initials("intl business machines"), initials("ibm"), initials("acme robots")
    ('ibm', 'ibm', None)
    """
    words = name.split()
    if len(words) >= 3:
        return "".join(word[0] for word in words)
    return name if len(words) == 1 and 3 <= len(name) <= 5 else None


def _says_nothing(name: str) -> bool:
    letters = name.replace(" ", "")
    # One sign again and again, or digits alone, is no name; a single letter of a script of words is.
    worn = len(set(letters)) <= 1 and letters.isascii()
    return not letters or worn or letters.isdecimal() or name in _placeholders()


@cache
def _placeholders() -> frozenset[str]:
    return frozenset(entries("placeholders"))


@cache
def _forms() -> tuple[frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
    """Legal forms as words: those that end a name, those that may begin one."""
    ending, leading = set(), set()
    for line in entries("legal_forms"):
        # A list is written without marks; what joins words goes here as it does in names.
        words = tuple(word for word in folded(line).split() if word not in _JOINING)
        ending.add(words)
        if line.startswith("~"):
            leading.add(words)
    return frozenset(ending), frozenset(leading)


def _bare(words: list[str]) -> list[str]:
    """Words without legal forms; letters that stood apart because of one are initials, and so one word."""
    kept = _without_forms(_without_affixes(words))
    joined = _joined(" ".join(kept)).split()
    return kept if joined == kept else _bare(joined)


def _without_forms(words: list[str]) -> list[str]:
    ending, leading = _forms()
    longest = 5
    shorter = True
    while shorter:
        shorter = False
        for length in range(min(longest, len(words) - 1), 0, -1):
            if tuple(words[-length:]) in ending:
                words, shorter = words[:-length], True
                break
            if tuple(words[:length]) in leading:
                words, shorter = words[length:], True
                break
    kept = [words[0], *(word for word in words[1:] if word not in _INNER)]
    return kept if len(kept) == len(words) else _without_forms(kept)


def _without_affixes(words: list[str]) -> list[str]:
    """Words of scripts without blanks, without the legal forms that they begin or end with."""
    if all(word.isascii() for word in words):
        return words
    found = []
    for word in words:
        plain = word
        for affix in sorted(entries("legal_affixes"), key=len, reverse=True):
            plain = plain.removeprefix(affix).removesuffix(affix)
        if plain:
            found.append(plain)
    # NFKC writes the circled short forms as a sign in brackets, which have become blanks by now.
    bare = [word for word in found if word not in {"株", "有", "주"}]
    return bare or found or words
