"""A chaos run ends with exactly the same store as a calm one.

The same systems are pulled twice: on a calm day, and with faults on a seed in their answers (throttling,
gateways' pages, answers and files cut off, tokens that end early, answers lost after the vendor acted), pages
that come twice and rows in another order, and a process that ends in the middle of a page, softly or by
``kill -9``. Then people change things at the vendors, and both pull what is new.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.properties.chaotic import START, Bodea, Contents, contents, restless

LATER = START + timedelta(hours=14)


def calm(folder: Path, size: int) -> tuple[Contents, Contents]:
    """What a calm run leaves, first in full, then with what was new."""
    bodea = Bodea(folder, size, None)
    bodea.sync(START)
    before = contents(bodea)
    bodea.live(LATER)
    bodea.sync(LATER + timedelta(hours=2))
    return before, contents(bodea)


def chaotic(folder: Path, size: int, seed: int, kills: int) -> tuple[Contents, Contents]:
    """The same on bad days, with crashes in between."""
    random = Random(seed)
    bodea = Bodea(folder, size, seed)
    at = START

    def troubled(at: datetime, kills: int) -> datetime:
        for n in range(3):
            if n < kills:
                bodea.kill(at, random)
            else:
                bodea.crash(at, random)
            at += timedelta(hours=1)
        return at

    with restless(random):
        bodea.sync(troubled(at, kills))
        before = contents(bodea)
        bodea.live(LATER)
        bodea.sync(troubled(LATER + timedelta(hours=2), kills))
    return before, contents(bodea)


def difference(one: Contents, other: Contents) -> dict[str, list[Any]]:
    """By table, a few of the rows that only one of both has."""
    return {
        name: [
            ("-", list((one.get(name, Counter()) - other.get(name, Counter())).items())[:3]),
            ("+", list((other.get(name, Counter()) - one.get(name, Counter())).items())[:3]),
        ]
        for name in sorted({*one, *other})
        if one.get(name, Counter()) != other.get(name, Counter())
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Contents, Contents]]:
    """What calm runs leave, by size."""
    return {size: calm(tmp_path_factory.mktemp(f"calm{size}"), size) for size in (0, 200)}


@pytest.mark.slow
@pytest.mark.parametrize(("size", "seed", "kills"), [(0, 1, 0), (0, 2, 1), (200, 3, 0), (200, 4, 2)])
def test_a_chaos_run_ends_as_a_calm_one(
    expected: Any, tmp_path: Path, size: int, seed: int, kills: int
) -> None:
    before, after = chaotic(tmp_path / "chaos", size, seed, kills)

    assert {} == difference(expected[size][0], before)
    assert {} == difference(expected[size][1], after)


@pytest.mark.slow
def test_what_people_did_meanwhile_is_there(expected: Any) -> None:
    """Else two stores that both miss it would be equal too."""
    before, after = expected[0]
    changed = difference(before, after)

    assert {"account", "event", "number", "opportunity", "person"} <= set(changed)
    assert 0 < sum(before["event"].values()) < sum(after["event"].values())
