"""Bridges, against taking each link away and looking."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from townsend.identity.bridges import bridges
from townsend.identity.graph import components


def by_trying(count: int, links: list[tuple[int, int]], weight: list[int]) -> list[tuple[int, int, int]]:
    def labels(pairs: list[tuple[int, int]]) -> list[int]:
        ends = np.array(pairs, np.int64).reshape(-1, 2)
        return components(count, ends[:, 0], ends[:, 1]).tolist()

    found = []
    for link, (first, second) in enumerate(links):
        left = labels(links[:link] + links[link + 1 :])
        if left[first] != left[second]:
            sides = [sum(weight[n] for n in range(count) if left[n] == left[end]) for end in (first, second)]
            found.append((link, min(sides), max(sides)))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_a_bridge_is_what_falls_apart_without_it(seed: int) -> None:
    rng = Random(seed)
    count = rng.randint(1, 12)
    links = [(rng.randrange(count), rng.randrange(count)) for _ in range(rng.randint(0, 14))]
    weight = [rng.randint(0, 3) for _ in range(count)]
    ends = np.array(links, np.int64).reshape(-1, 2)
    found = bridges(count, ends[:, 0], ends[:, 1], np.array(weight))

    assert by_trying(count, links, weight) == list(
        zip(found.link.tolist(), found.near.tolist(), found.far.tolist(), strict=True)
    ), f"seed {seed}"


def test_a_long_chain_needs_no_recursion() -> None:
    count = 50_000
    found = bridges(count, np.arange(count - 1), np.arange(1, count), np.ones(count, np.int64))

    assert count - 1 == len(found.link)
    assert count // 2 == int(found.near.max())
