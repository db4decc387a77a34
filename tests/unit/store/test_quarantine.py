"""Rows in quarantine: listed oldest first, shown in full, never twice for one reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from townsend.problem import Invalid
from townsend.store import quarantine
from townsend.store.facts import Facts
from townsend.store.quarantine import Refusal


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Facts]:
    with Facts.open(tmp_path / "t.duckdb") as opened:
        yield opened


def refusal(n: int, got: str | None = "x") -> Refusal:
    return Refusal(f"a.ndjson:{n}", "score", "row.type", "a number", got, "correct it", f'{{"n":{n}}}')


def test_rows_are_listed_oldest_first_with_the_whole_message(facts: Facts) -> None:
    assert 2 == quarantine.put(facts, "account", "crm", [refusal(2), refusal(1)], "{}", 5)
    found = quarantine.ls(facts)

    assert [(1, "a.ndjson:2"), (2, "a.ndjson:1")] == [(row.id, row.place) for row in found]
    assert "a.ndjson:2: score: expected a number, got x; correct it" == found[0].text


def test_a_row_that_waits_is_not_kept_twice(facts: Facts) -> None:
    for _ in range(2):
        assert 1 == quarantine.put(facts, "account", "crm", [refusal(1)], "{}", 5)
    quarantine.put(facts, "account", "crm_2", [refusal(1)], "{}", 5)

    assert ["crm", "crm_2"] == [row.source for row in quarantine.ls(facts)]


def test_nothing_and_long_values_are_told_briefly(facts: Facts) -> None:
    quarantine.put(facts, "account", "crm", [refusal(1, None), refusal(2, "y" * 200)], "{}", 5)
    nothing, long = quarantine.ls(facts)

    assert "a.ndjson:1: score: expected a number, got nothing; correct it" == nothing.text
    assert "y" * 79 + "…" == long.got


def test_a_row_for_a_machine_has_its_class_and_none_of_our_notes(facts: Facts) -> None:
    quarantine.put(facts, "account", "crm", [refusal(1)], "{}", 5)
    row = quarantine.show(facts, 1).to_json()

    assert (1, "account", '{"n":1}', None) == (row["id"], row["class"], row["row"], row["replayed_ms"])
    assert not {"traits", "cls"} & set(row)


def test_an_unknown_row_is_named(facts: Facts) -> None:
    for ask in (lambda: quarantine.show(facts, 9), lambda: quarantine.waiting(facts, [9])):
        with pytest.raises(Invalid) as caught:
            ask()

        assert ("quarantine.unknown", 9) == (caught.value.code, caught.value.facts["got"])
