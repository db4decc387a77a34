"""Text to tree, and every way in which a text can fail to be PQL, with its place."""

from __future__ import annotations

import re
from unicodedata import normalize

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from townsend.audiences.pql import tree
from townsend.audiences.pql.build import DEPTH_MAX, Builder, TooDeep
from townsend.audiences.pql.comments import blanked, found_in
from townsend.audiences.pql.grammar import parser
from townsend.audiences.pql.places import at_place
from townsend.problem import Invalid

__all__ = ["TEXT_MAX", "parse"]

TEXT_MAX = 1_000_000  # characters

# What the parser's terminals are called when something else came.
_WORDS = {
    "NAME": "a name",
    "WORD": "a name",
    "QUOTED": "a name",
    "NUMBER": "a number",
    "STRING": "a string in double quotes",
    "COMPARE": "a comparison (= != < <= > >=)",
    "UNIT": "a unit of time (day, month …)",
    "DIRECTION": "before or after",
    "_AND": "and",
    "_OR": "or",
    "RPAR": "“)”",
    "RSQB": "“]”",
    "RBRACE": "“}”",
    "LPAR": "“(”",
    "COMMA": "“,”",
    "DOT": "“.”",
    "COLON": "“:”",
    "_WHAT": "WHAT(…)",
    "_WHEN": "WHEN(…)",
    "_COUNT": "COUNT(…)",
    "_FROM": "from",
    "IN": "in",
    "$END": "the end",
}
_VALUE = {"NAME", "NUMBER", "STRING", "TRUE"}
_OPERATORS = {"_AND", "_OR"}
# Words of the language where a name could stand; see ``NAME`` in the grammar.
_RESERVED = re.compile(r"(and|or|not|in|notIn|like|matches|occurs|true|false)(?![\w$])", re.IGNORECASE)


def parse(text: str) -> tree.Query:
    """The tree of a definition; its text is brought into NFC, as all text of the facts was.

    Raises:
        Invalid: ``pql.syntax`` with line, column, the line itself and a caret; ``pql.size``; ``pql.depth``.

    >>> parse('a.b = "x"').root.op
    '='
    """
    if len(text) > TEXT_MAX:
        raise Invalid("pql.size", f"the definition has {len(text):,} characters; the most is {TEXT_MAX:,}")
    text = normalize("NFC", text)
    builder = Builder()
    comments = found_in(text)
    try:
        root = _run(blanked(text) if comments else text, builder)
    except UnexpectedInput as error:
        raise _syntax(text, error) from None
    except TooDeep as error:
        message = f"nested more than {DEPTH_MAX} levels deep; split the definition with inSegment(…)"
        raise at_place("pql.depth", message, text, error.at) from None
    except Invalid as problem:
        raise at_place(problem.code, problem.text, text, problem.facts.get("at", 0)) from None
    return tree.Query(root, text, tuple(builder.remarks), tuple(comments))


def _run(text: str, builder: Builder) -> tree.Node:
    try:
        built: tree.Node = builder.transform(parser().parse(text))
    except VisitError as error:
        raise error.orig_exc from None
    return built


def _syntax(text: str, error: UnexpectedInput) -> Invalid:
    if isinstance(error, UnexpectedCharacters):
        at = error.pos_in_stream or 0
        found, expected = repr(text[at]), error.allowed
    elif isinstance(error, UnexpectedToken):
        token = error.token
        ended = token.type == "$END"
        found = "the end" if ended else repr(str(token))
        at = len(text.rstrip()) if ended else (token.start_pos or 0)
        expected = error.accepts or error.expected
    else:
        found, at, expected = "the end", len(text), set()
    hint = _hint(text, at, set(expected or ()))
    words = _expected(set(expected or ()))
    message = f"{words}, got {found}" if words else f"{found} does not belong here"
    return at_place("pql.syntax", f"{message}{hint}", text, at)


def _expected(terminals: set[str]) -> str:
    """What could stand here, in words; a value stands for all the ways in which one begins."""
    words = []
    if terminals >= _OPERATORS:
        words.append("an operator (= and or …)")
        terminals = terminals & {"RPAR", "RSQB", "RBRACE", "COMMA", "$END", "UNIT", "DIRECTION"}
    if terminals >= _VALUE:
        words.append("a value or a condition")
        terminals = terminals - _VALUE - {"QUOTED"}
        terminals &= {"RPAR", "RSQB", "RBRACE", "_WHAT", "COMPARE"}
    words += sorted({_WORDS[one] for one in terminals if one in _WORDS})
    return (
        "expected " + (", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else words[0])
        if words
        else ""
    )


def _hint(text: str, at: int, expected: set[str]) -> str:
    """The usual slips."""
    word = _RESERVED.match(text, at)
    if word and "NAME" in expected:
        if word[0].lower() == "not":
            return "; in this place write (not …) in parentheses"
        return f"; a field of that name is written `{word[0]}`, in backquotes"
    if text[at : at + 1] == "=" and text[at - 1 : at] == "=":
        return "; equality is written with one ="
    if text[at : at + 2] in ("&&", "||"):
        return "; write and, or"
    if text[at : at + 1] in ("“", "”", "„"):
        return '; strings are written in straight double quotes, "like this"'
    if text[at : at + 1] == '"' and text.count('"') % 2:
        return "; a string is not closed"
    return ""
