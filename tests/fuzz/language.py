"""A definition as text and as ``pql/json``: whatever comes, an ``Invalid`` or a tree that means one thing."""

from __future__ import annotations

from contextlib import suppress
from random import Random

from tests.properties.worlds import RandomWorld, random_world

from townsend.audiences import batch
from townsend.audiences.core import Definition
from townsend.audiences.evaluate import evaluate
from townsend.audiences.pql import formatted, from_json, parse, resolve, text_of, to_json
from townsend.audiences.pql.doubts import doubts
from townsend.audiences.pql.tree import Query
from townsend.audiences.pql.words import in_words
from townsend.audiences.reference import StoreWorld, members
from townsend.problem import Invalid

__all__ = ["Texts", "Trees"]

ROOTS = ("person", "account", "opportunity", "event")
WORLD_SEED = 13  # of a small world in which no class is missing


class Texts:
    """Parsed, printed, laid out, said in words, resolved, and computed by both evaluators."""

    def __init__(self) -> None:
        self.world: RandomWorld = random_world(Random(WORLD_SEED))

    def __call__(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        try:
            query = parse(text)
        except Invalid:
            return
        _printed(query)
        _to_json_and_back(query)
        for of in ROOTS:
            with suppress(Invalid):
                resolve(query, self.world.schema, of)
            with suppress(Invalid):
                loose = resolve(query, self.world.schema, of, seen=lambda *_: True, strict=False)
                self._computed(loose.definition)

    def _computed(self, definition: Definition) -> None:
        doubts(definition)
        for language in ("en", "de", "zh"):
            assert in_words(definition, language)
        expected = members(definition, StoreWorld(self.world))
        found = evaluate(definition, self.world)
        assert expected == found.ids.tolist(), definition.text
        assert ("batch" == found.engine) == (not batch.lowered(definition))


class Trees:
    """Read from JSON, written as text, and back."""

    def __call__(self, data: bytes) -> None:
        try:
            query = from_json(data.decode("utf-8", "replace"))
        except Invalid:
            return
        _printed(query)
        _to_json_and_back(query)


def _printed(query: Query) -> None:
    once = text_of(query.root)
    again = parse(once)
    assert again.root == query.root, once
    assert text_of(again.root) == once
    for width in (20, 100):
        laid = parse(formatted(query, width))
        assert laid.root == query.root, once
        assert sorted(one.text for one in laid.comments) == sorted(one.text for one in query.comments)


def _to_json_and_back(query: Query) -> None:
    try:
        value = to_json(query)
    except Invalid as problem:
        if problem.code != "pql.chain":
            raise
        return
    back = from_json(value)
    assert back.root == query.root, value
    assert to_json(back) == value
