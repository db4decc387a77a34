"""What fuzzing starts from: every audience of the examples and of the language's page, and its words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import yaml

__all__ = ["WORDS", "audience_files", "definitions", "mutated", "mutated_tree", "row_files"]

ROOT = Path(__file__).resolve().parents[2]
AUDIENCES = sorted((ROOT / "examples").glob("*/audiences/*.yaml"))

WORDS = (Path(__file__).parent / "words.txt").read_text("utf-8").split()
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def definitions() -> Iterator[str]:
    """Texts of audiences that are right."""
    for path in AUDIENCES:
        text = yaml.safe_load(path.read_text("utf-8")).get("pql")
        if text:
            yield text
    page = (ROOT / "docs" / "reference" / "language.md").read_text("utf-8")
    yield from re.findall(r"```pql[^\n]*\n(.*?)```", page, re.DOTALL)
    for line in page.splitlines():
        cells = line.split(" | ")
        if line.startswith("| `") and len(cells) == 3:
            yield cells[1].strip("`")


def audience_files() -> Iterator[bytes]:
    """Audience files that are right."""
    yield from (path.read_bytes() for path in AUDIENCES)
    yield b"name: x\nmembers: {file: targets.csv, by: domain}\n"
    yield b"of: account\npql: true\nactivate: [{to: a, paused: true, exclude: [b], name: c}]\n"


def row_files() -> Iterator[tuple[str, bytes]]:
    """Names and contents of files of rows, some of them wrong."""
    for path in sorted((ROOT / "examples").glob("*/data/**/*.*")):
        yield path.name, path.read_bytes()[:1_500]
    event = {"_id": "e1", "timestamp": "2026-03-01T10:00:00Z", "personKey": {"sourceKey": "p1@M1.Marketo"}}
    rows = [
        {**event, "web": {"webPageDetails": {"URL": "/x"}}},
        {**event, "_id": "e2", "timestamp": "0000-00"},
    ]
    yield "event.json", json.dumps(rows).encode()
    yield "event.ndjson", b"\n".join(json.dumps(row).encode() for row in rows)
    yield "person.csv", b"personKey.sourceKey,b2b.personScore,x\np1@A.B,1E400,\np2@A.B,\\N\n"
    yield "person.csv", '"personKey.sourceKey";a\np1@A.B;"ü\n"\n'.encode("utf-16")
    yield (
        "account.json",
        b'{"accountKey": {"sourceKey": "1@A.B"}, "n": 1e999} {"accountKey": [], "x": {"x": null}}',
    )


def mutated(text: str, rng: Random) -> str:
    """The text with some of its words moved, doubled, left out or replaced: nearer to sense than bytes."""
    tokens = _TOKEN.findall(text) or [""]
    for _ in range(rng.randint(1, 4)):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        match rng.randint(0, 5):
            case 0:
                tokens[at] = rng.choice(WORDS)
            case 1:
                tokens.insert(at, f" {rng.choice(WORDS)} ")
            case 2 if len(tokens) > 1:
                del tokens[at]
            case 3:
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 4:
                low, high = sorted((at, other))
                tokens[rng.randrange(len(tokens)) : 0] = tokens[low : high + 1]
            case _:
                low, high = sorted((at, other))
                tokens[low : high + 1] = ["(", *tokens[low : high + 1], ")"]
    return "".join(tokens)


def mutated_tree(value: Any, rng: Random) -> Any:
    """A JSON value with some of its parts replaced by others of its parts, by scalars, or left out."""
    parts = list(_parts(value))
    for _ in range(rng.randint(1, 3)):
        holder, key = rng.choice(parts)
        match rng.randint(0, 4):
            case 0:
                holder[key] = rng.choice([None, True, 0, -1, 1.5, 10**20, "", "x", [], {}, *WORDS])
            case 1 if isinstance(holder, dict):
                holder.pop(key, None)
            case 2 if isinstance(holder, dict):
                holder[rng.choice(["written", "named", "comments", "where", "value", "count"])] = rng.choice(
                    ["method", "call", "[]", 3, ["x"], {"via": {"nodeType": "literal"}}]
                )
            case _:
                other, there = rng.choice(parts)
                with suppress(KeyError, IndexError):
                    holder[key] = json.loads(json.dumps(other[there]))
    return value


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _parts(value[key])
