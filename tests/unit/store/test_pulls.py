"""Pulls are kept: the last of each kind for every stream, however many came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from townsend.store.facts import Facts
from townsend.store.pulls import KEPT, Pull, last_pulls, note_pull


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Facts]:
    with Facts.open(tmp_path / "t.duckdb") as opened:
        yield opened


def pull(at: int, kind: Any = "changes", stream: str = "Account", **more: Any) -> Pull:
    return Pull("crm_1", stream, kind, at, at + 1, **more)


def test_a_pull_comes_back_as_it_was(facts: Facts) -> None:
    noted = pull(
        5, "full", rows=3, accepted=2, deleted=1, calls=7, newest_ms=4, tables={"Account": "ab"}, used=8
    )
    note_pull(facts, noted)

    assert dict.fromkeys(("any", "ended", "full", "newest"), noted) == last_pulls(facts)["crm_1", "Account"]


def test_each_kind_of_pull_has_its_last(facts: Facts) -> None:
    full, part = pull(1, "full", newest_ms=9), pull(2, newest_ms=8)
    since, failed = pull(3, "since"), pull(4, code="source.busy", text="busy")
    for one in (full, part, since, failed, pull(1, stream="Contact")):
        note_pull(facts, one)

    assert {"any": failed, "ended": since, "full": full, "part": part, "newest": full} == last_pulls(facts)[
        "crm_1", "Account"
    ]


def test_old_pulls_are_forgotten_but_not_the_last_full_one(facts: Facts) -> None:
    note_pull(facts, full := pull(0, "full", newest_ms=1))
    for at in range(1, KEPT + 20):
        note_pull(facts, pull(at, newest_ms=at + 1))
    (kept,) = facts.con.execute("SELECT count(*) FROM facts.pull").fetchall()[0]

    assert KEPT + 1 == kept
    assert full == last_pulls(facts)["crm_1", "Account"]["full"]
