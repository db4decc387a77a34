"""Sets and look-ups by masks say what NumPy's own slower ways say."""

from __future__ import annotations

import numpy as np
import pytest

from townsend.identity.numbers import Span, look_up

NONE = np.zeros(0, np.int64)


@pytest.mark.parametrize("seed", range(5))
def test_masks_agree_with_sets_of_numpy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    some, others = rng.integers(1_000, 1_400, 200), rng.integers(1_000, 1_400, 150)
    span = Span.of([some, NONE, others])

    mask = span.mask(some, NONE)

    assert np.array_equal(np.isin(others, some), span.held(mask, others))
    assert np.array_equal(np.unique(some), span.numbers(mask))
    assert np.array_equal(np.setdiff1d(some, others), span.numbers(mask & ~span.mask(others)))


def test_places_lead_back_to_the_numbers() -> None:
    nodes = np.array([7, 9, 40, 41])
    span = Span.of([nodes])

    found = span.at(span.places(nodes), np.array([41, 7, 40]))

    assert [3, 0, 2] == found.tolist()


def test_no_numbers_have_an_empty_span() -> None:
    span = Span.of([NONE, NONE])

    assert 0 == span.size
    assert [] == span.numbers(span.mask(NONE)).tolist()


@pytest.mark.parametrize("asked", [5, 5_000])
def test_looking_up_finds_what_is_there_and_nothing_else(asked: int) -> None:
    """A few questions are searched for, many are read from a table; both also outside the span."""
    rng = np.random.default_rng(asked)
    keys = np.unique(rng.integers(100, 2_000, 300))
    values = rng.integers(0, 1_000, len(keys))
    wanted = rng.integers(0, 2_500, asked)
    known = dict(zip(keys.tolist(), values.tolist(), strict=True))

    assert [known.get(one, -1) for one in wanted.tolist()] == look_up(keys, values, wanted).tolist()


def test_looking_up_among_nothing_finds_nothing() -> None:
    assert [-1, -1] == look_up(NONE, NONE, np.array([1, 2])).tolist()
    assert [] == look_up(np.array([1]), np.array([5]), NONE).tolist()
