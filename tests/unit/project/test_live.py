"""Live audiences of a small project, from outside: who moves, when, and because of what."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.activation.memory import TestClock
from tests.unit.profiles.house import NOW, account, key, opportunity, person

from townsend.audiences.live.book import Book
from townsend.intake import SourceTraits, accept_rows
from townsend.project.live import Live
from townsend.project.load import intake_rules
from townsend.project.project import Project
from townsend.store.state import State

RECENT = "xEvent[timestamp occurs <= 2 days before now]"
BUYERS = "accounts.opportunities.sum(opportunityAmount.amount) > 5"


class Desk:
    """The project, and who is in which audience as told by the transitions alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = TestClock(NOW)
        (folder / "audiences").mkdir()
        (folder / "townsend.yaml").write_text("name: live\n", "utf-8")
        self.define("recent", RECENT)
        self.define("buyers", BUYERS)
        self.open()

    def open(self) -> None:
        self.project = Project(self.folder, self.clock)
        self.live = Live(self.project)

    def restart(self) -> None:
        self.project.close()
        self.open()

    def define(self, name: str, pql: str) -> None:
        text = f"name: {name}\nof: person\npql: |\n  {pql}\n"
        (self.folder / "audiences" / f"{name}.yaml").write_text(text, "utf-8")

    def take(self, cls: str, *rows: dict[str, object]) -> None:
        accept_rows(
            self.project.facts, intake_rules(self.project), cls, rows, SourceTraits("crm_1"), self.clock.now()
        )

    def visit(self, name: str, who: str, at: datetime) -> None:
        self.take("event", {"_id": name, "timestamp": at.isoformat(), "personKey": key(who)})

    def follow(self) -> list[tuple[str, str, str]]:
        """Audience, change and cause of everybody who moves; nobody is told what changed."""
        return _told(self.live.follow(self.clock.now(), None))

    def sweep(self) -> list[tuple[str, str, str]]:
        return _told(self.live.follow(self.clock.now()))


def _told(moved: list[object]) -> list[tuple[str, str, str]]:
    return [(one.audience, one.change, one.cause) for one in moved]  # type: ignore[attr-defined]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.take("person", person("p1", b2b={"accountKey": key("a1")}), person("p2"))
    desk.take("account", account("a1"))
    desk.follow()
    return desk


def test_a_visit_enters_and_leaves_at_the_end_of_its_window(desk: Desk) -> None:
    desk.visit("e1", "p1", NOW)

    assert [("recent", "entered", "facts")] == desk.follow()

    desk.clock.at = NOW + timedelta(days=2)

    assert [] == desk.sweep()

    desk.clock.at += timedelta(milliseconds=1)

    assert [("recent", "left", "time")] == desk.sweep()


def test_a_clock_that_is_put_back_takes_back_what_time_did(desk: Desk) -> None:
    desk.visit("e1", "p1", NOW)
    desk.follow()
    desk.clock.at = NOW + timedelta(days=30)
    desk.sweep()
    desk.clock.at = NOW

    assert [("recent", "entered", "time")] == desk.sweep()


def test_an_event_of_tomorrow_counts_from_its_instant_on(desk: Desk) -> None:
    desk.visit("e1", "p1", NOW + timedelta(hours=3))

    assert [] == desk.follow()

    desk.clock.at = NOW + timedelta(hours=3)

    assert [("recent", "entered", "time")] == desk.sweep()


def test_a_deal_told_of_moves_its_people_and_asks_nobody_about_events(desk: Desk) -> None:
    desk.take("opportunity", opportunity("o1", "a1", opportunityAmount={"amount": 9}))
    world = desk.project.unified(desk.clock.now())
    (deal,) = world.con.execute("SELECT id FROM u.opportunity").fetchall()
    del world
    before = desk.live.stats()["recent"]["ways"]
    moved = desk.live.follow(desk.clock.now(), {"opportunity": deal})

    assert [("buyers", "entered", "facts")] == _told(moved)
    assert before == desk.live.stats()["recent"]["ways"]
    assert desk.live.stats()["buyers"]["ways"]["some"] == 1


def test_a_sweep_notices_that_facts_changed_meanwhile(desk: Desk) -> None:
    desk.visit("e1", "p1", NOW)

    assert [("recent", "entered", "facts")] == desk.sweep()


def test_somebody_whom_a_relation_named_first_counts_as_soon_as_an_event_is_theirs(desk: Desk) -> None:
    """The event touches more than whose it is: the relation leads somewhere now."""
    relation = {"accountPersonKey": key("r1"), "accountKey": key("a1"), "personKey": key("p9")}
    desk.take("account_person", relation)
    desk.take("opportunity", opportunity("o1", "a1", opportunityAmount={"amount": 9}))
    desk.define("buyers", "accounts.exists(people.count() > 1)")
    desk.follow()
    desk.visit("e1", "p9", NOW - timedelta(days=9))

    assert [("buyers", "entered", "facts")] * 2 == desk.follow()


def test_after_a_restart_nobody_moves_twice(desk: Desk) -> None:
    desk.visit("e1", "p1", NOW)
    desk.follow()
    desk.restart()

    assert [] == desk.follow()
    assert 1 == len(desk.live.members("recent"))


def test_a_crash_before_the_copy_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.visit("e1", "p1", NOW)

    def crash(_: State) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(State, "transaction", crash)
        with pytest.raises(KeyboardInterrupt):
            desk.follow()
    desk.restart()

    assert [] == desk.follow()
    assert 1 == len(desk.live.members("recent"))


def test_a_definition_takes_effect_at_once_and_a_removed_one_lets_everybody_go(desk: Desk) -> None:
    desk.visit("e1", "p1", NOW)
    desk.follow()
    desk.define("buyers", "true")

    assert [("buyers", "entered", "definition")] * 2 == desk.sweep()

    (desk.folder / "audiences" / "recent.yaml").unlink()

    assert [("recent", "left", "definition")] == desk.sweep()


def test_an_audience_that_asks_what_another_asked_before_gets_its_members(desk: Desk) -> None:
    desk.visit("e1", "p1", NOW)
    desk.follow()
    desk.define("too", RECENT)

    assert [("too", "entered", "first")] == desk.sweep()


def test_one_that_is_wrong_stays_what_it_was_and_the_others_go_on(desk: Desk) -> None:
    desk.visit("e1", "p1", NOW)
    desk.follow()
    desk.define("recent", "xEvent[")
    desk.define("buyers", "accounts.count() = 1")

    assert [("buyers", "entered", "definition")] == desk.sweep()
    assert {"recent"} == desk.live.problems.keys()
    assert 1 == len(desk.live.members("recent"))


def test_who_is_merged_with_another_member_does_not_leave(desk: Desk) -> None:
    desk.visit("e1", "p1", NOW)
    desk.visit("e2", "p2", NOW)
    desk.follow()
    desk.take("person", person("p2", extSourceSystemAudit={"externalKey": key("p1")}))

    assert [] == desk.follow()
    assert 1 == len(desk.live.members("recent"))


def test_parity_finds_and_mends_what_differs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.visit("e1", "p1", NOW)
    with monkeypatch.context() as patch:
        members = Book.members
        patch.setattr(Book, "members", lambda *args: members(*args) & type(members(*args))())
        desk.follow()

    found = desk.live.parity(10)

    assert {"recent": 1} == found.differing
    assert 1 == found.repaired
    assert {} == desk.live.parity(10).differing
