"""Instances with equal ids beside each other, clocks that differ, and pulls that find nothing new."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from tests.properties.chaotic import START, Bodea, Contents, contents

from townsend.rehearsal.salesforce.keys import Keys

SHARED = 3  # the token, the day's usage, the types of activities
SKEW = timedelta(minutes=5)


@pytest.fixture
def equal_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both orgs of Salesforce number their records alike, as both Marketo instances do anyway."""
    made = Keys.__init__

    def alike(keys: Keys, crm: int) -> None:
        made(keys, crm)
        org = keys.org
        made(keys, 0)
        keys.org = org

    monkeypatch.setattr(Keys, "__init__", alike)


def ids(stored: Contents, cls: str, kind: str) -> dict[str, set[str]]:
    """Record ids by instance, of one system's records of a class."""
    found: dict[str, set[str]] = {}
    for row in stored[cls]:
        sid, instance = re.fullmatch(rf"(.+)@(.+)\.{kind}", dict(row)["key"][1]).groups()
        found.setdefault(instance, set()).add(sid)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("system", "kind"), [("crm", "Salesforce"), ("marketo", "Marketo")])
def test_instances_with_equal_ids_never_meet(tmp_path: Path, equal_ids: None, system: str, kind: str) -> None:
    """Side by side they hold what each holds alone."""
    names = [f"{system}_1", f"{system}_2"]
    first, second, both = (
        Bodea(tmp_path / "_".join(some), 40, None, some) for some in (names[:1], names[1:], names)
    )
    for one in (first, second, both):
        one.sync(START)
    one, two, together = contents(first), contents(second), contents(both)
    clashing = set.intersection(*ids(together, "person", kind).values())

    assert clashing
    for table in sorted({*one, *two} - {"number", "seen"}):
        assert one.get(table, Counter()) + two.get(table, Counter()) == together[table]
    assert set(one["number"]) | set(two["number"]) == set(together["number"])


@pytest.mark.slow
def test_a_vendor_whose_clock_is_behind_loses_nothing(tmp_path: Path) -> None:
    """Changes made after a pull carry instants from before it, since the vendor's clock is slow."""
    bodea = Bodea(tmp_path, 40, None)
    bodea.sync(START)
    before = contents(bodea)
    bodea.live(START - SKEW)
    bodea.sync(START + timedelta(hours=1))
    after = contents(bodea)
    new = "".join(str(row) for name in after for row in after[name] - before[name])

    for expected in ("Chief", "new@town.example", "777000", "Later Ltd", "l@later.example", "/new-product"):
        assert expected in new


@pytest.mark.slow
def test_a_pull_that_finds_nothing_costs_two_calls_a_stream(tmp_path: Path) -> None:
    """As we count them, and as the vendors do; what streams share is told with the first that needs it."""
    bodea = Bodea(tmp_path, 40, None)
    bodea.sync(START)
    bodea.sync(START + timedelta(hours=2))
    heard, counted = bodea.counted(START + timedelta(hours=4))
    dear = {stream: number for stream, number in counted.items() if number > 2}

    assert set(dear) <= {(name, one) for name in bodea.sources for one in ("Account", "people")}
    assert max(dear.values(), default=0) <= 2 + SHARED
    for source in bodea.sources:
        mine = [number for (name, _), number in counted.items() if name == source]
        assert 0 < heard[source] <= sum(mine) <= 2 * len(mine) + 1
