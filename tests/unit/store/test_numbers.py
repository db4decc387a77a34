"""The dictionary: dense numbers from 1, one a value, never given twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from townsend.store.facts import Facts
from townsend.store.facts_numbers import number_of, numbers


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Facts]:
    with Facts.open(tmp_path / "t.duckdb") as opened:
        yield opened


def test_numbers_are_dense_and_in_the_order_given(facts: Facts) -> None:
    assert {"b": 1, "a": 2, "c": 3} == numbers(facts, "Email", ["b", "a", "b", "c"])


def test_a_known_value_keeps_its_number(facts: Facts) -> None:
    numbers(facts, "Email", ["a", "b"])

    assert {"c": 3, "b": 2} == numbers(facts, "Email", ["c", "b"])


def test_one_value_in_two_namespaces_has_two_numbers(facts: Facts) -> None:
    numbers(facts, "Email", ["a"])
    numbers(facts, "ECID", ["a"])

    assert (1, 2, None) == tuple(number_of(facts, space, "a") for space in ("Email", "ECID", "Phone"))


def test_numbers_of_a_transaction_that_failed_are_given_again(facts: Facts) -> None:
    @facts.transaction()
    def failing() -> None:
        numbers(facts, "Email", ["a"])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()

    assert {"b": 1} == numbers(facts, "Email", ["b"])


def test_no_values_have_no_numbers(facts: Facts) -> None:
    assert {} == numbers(facts, "Email", [])
