"""The parser, from tables made beforehand: building them from ``grammar.lark`` takes a fifth of a second.

``grammar.json`` holds the tables and the digest of what they were made from. Tables of another grammar, or of
another version of Lark, are passed over, and the parser is built anew: slower, but right. After a change
of the grammar: ``python -c "from townsend.audiences.pql.grammar import write; write()"``.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

__all__ = ["digest", "parser", "tables", "write"]

OPTIONS: dict[str, Any] = {"parser": "lalr", "propagate_positions": True, "maybe_placeholders": True}
FILES = resources.files("townsend.audiences.pql")


@cache
def parser() -> Lark:
    """The parser of PQL."""
    file = FILES.joinpath("grammar.json")
    if file.is_file():
        made = json.loads(file.read_text("utf-8"))
        if made["digest"] == digest():
            return _loaded(made)
    return Lark(_source(), **OPTIONS)


def digest() -> str:
    """Of everything the tables are made from."""
    return hashlib.sha256(f"{lark.__version__}\n{OPTIONS}\n{_source()}".encode()).hexdigest()


def tables() -> str:
    """What ``grammar.json`` should hold."""
    data, memo = Lark(_source(), **OPTIONS).memo_serialize([TerminalDef, Rule])
    return json.dumps({"digest": digest(), "data": data, "memo": memo}, separators=(",", ":")) + "\n"


def write() -> None:
    """Put the tables where ``parser`` looks for them."""
    Path(__file__).with_name("grammar.json").write_text(tables(), "utf-8")


def _source() -> str:
    return FILES.joinpath("grammar.lark").read_text("utf-8")


def _loaded(made: dict[str, Any]) -> Lark:
    """JSON has no numbers as keys, so they are put back first."""
    states = made["data"]["parser"]["parser"]
    states["tokens"] = {int(key): value for key, value in states["tokens"].items()}
    states["states"] = {
        int(state): {int(token): action for token, action in actions.items()}
        for state, actions in states["states"].items()
    }
    memo = {int(key): value for key, value in made["memo"].items()}
    found: Lark = Lark._load_from_dict(made["data"], memo)  # type: ignore[no-untyped-call]
    return found
