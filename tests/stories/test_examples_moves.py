"""Who will leave an audience and when, and who is in one answer and not in the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.stories.bodea import NOW, Bodea
from tests.stories.examples_world import NEW_PRODUCT, WON, Market, called

HALF_A_YEAR = "2027-05-22T12:00:00Z"


@pytest.fixture
def market(bodea: Bodea) -> Market:
    return Market(bodea)


def leaving(market: Market, name: str, *words: str) -> list[tuple[str, str]]:
    """Who leaves when, soonest first; each is in a millisecond before, and out from then on."""
    answer = market("leaving", name, "--now", NOW, *words)
    assert answer.code == 0, answer.err
    for row in answer.rows:
        at = datetime.fromisoformat(row["leaves_at"])
        one = called(_Rows([row]))
        why = market.explained(name, one[0], NOW)
        assert row["leaves_at"] == (why["changes_at"] or why["searched_until"])
        for instant, expected in ((at - timedelta(milliseconds=1), one), (at, [])):
            found = called(market("members", name, "--now", instant.isoformat()))
            assert expected == [who for who in found if who in one], (row, instant)
    return [(called(_Rows([row]))[0], row["leaves_at"]) for row in answer.rows]


class _Rows:
    """Rows in the place of an answer."""

    code, err = 0, ""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows


def seed(market: Market) -> None:
    market.company("big")
    market.deal("big", 2_000_000, **WON)
    for name, times in (
        ("anna", ("2026-11-03T09:00:00Z",)),
        ("ben", ("2026-10-31T09:00:00Z",)),
        ("cara", ("2026-10-31T09:00:00Z", "2026-11-20T09:00:00Z")),
    ):
        market.visit(market.person(name, "big"), *times, url=NEW_PRODUCT)
    market.settle("high-value-visitors")


def test_a_window_ends_for_each_at_an_instant_of_its_own(market: Market) -> None:
    """A month after 31 October is the first instant of December: the bound never moves backwards."""
    seed(market)

    assert [
        ("ben", "2026-12-01T00:00:00Z"),
        ("anna", "2026-12-03T09:00:00.001Z"),
    ] == leaving(market, "high-value-visitors", "--days", "14")


def test_until_is_an_instant_and_the_last_one_in_counts(market: Market) -> None:
    seed(market)

    assert [] == leaving(market, "high-value-visitors")
    assert ["ben"] == [
        one for one, _ in leaving(market, "high-value-visitors", "--until", "2026-12-03T09:00:00Z")
    ]
    assert ["ben", "anna"] == [
        one for one, _ in leaving(market, "high-value-visitors", "--until", "2026-12-03T09:00:00.001Z")
    ]


def test_those_who_stay_are_examined_too(market: Market) -> None:
    seed(market)

    answer = market("leaving", "high-value-visitors", "--now", NOW, "--days", "14")

    assert "3 of 3 members were examined" in answer.err
    assert "1 are in at 2026-12-06T12:00:00Z" in answer.err


def test_who_leaves_and_is_back_by_then_is_told_with_both_instants(market: Market) -> None:
    """Anna's relation is renewed after a day; Ben's ends for good; Cara's goes on."""
    market.company("acme", accountName="Acme")
    for name in ("anna", "ben", "cara"):
        market.person(name)
    market.contact("anna", "acme", relationEndDate="2026-11-25T00:00:00Z")
    market.contact("anna", "acme", relationStartDate="2026-11-26T00:00:00Z")
    market.contact("ben", "acme", relationEndDate="2026-11-27T00:00:00Z")
    market.contact("cara", "acme")
    market.define("at-acme", 'accounts.exists(accountName = "Acme")')
    market.settle()

    answer = market("leaving", "at-acme", "--now", NOW)

    assert ["anna", "ben"] == called(answer)
    assert [
        ("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"),
        ("2026-11-27T00:00:00Z", None),
    ] == [(row["leaves_at"], row["returns_at"]) for row in answer.rows]


def test_who_returns_as_who_is_who_changes_is_told_too(market: Market) -> None:
    """The companies are one until the row ends, and again by another row a day later."""
    for name in ("one", "two"):
        market.company(name)
        market.deal(name, 600_000, **WON)
        market.xrefs.append(("G-1", "crm1", name, {"valid_to": "2026-11-25T00:00:00Z"}))
        market.xrefs.append(("G-2", "crm1", name, {"valid_from": "2026-11-26T00:00:00Z"}))
    market.person("anna", "one")
    market.define("rich", "accounts.exists(opportunities[isWon].sum(opportunityAmount.amount) > 1000000)")
    market.settle()

    answer = market("leaving", "rich", "--now", NOW)

    assert [("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z")] == [
        (row["leaves_at"], row["returns_at"]) for row in answer.rows
    ]


def test_a_count_ends_with_the_oldest_that_was_needed(market: Market) -> None:
    revenue = {"annualRevenue": {"amount": 100_000_000, "currencyCode": "USD"}}
    market.company("big", accountOrganization=revenue)
    for name, times in (
        ("anna", ("2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z", "2026-11-03T08:00:00Z")),
        (
            "ben",
            ("2026-11-01T08:00:00Z", "2026-11-05T08:00:00Z", "2026-11-06T08:00:00Z", "2026-11-07T08:00:00Z"),
        ),
    ):
        market.visit(market.person(name, "big", title="VP"), *times)
    market.settle("vps-who-look-at-prices")

    assert [
        ("anna", "2026-12-01T08:00:00.001Z"),
        ("ben", "2026-12-05T08:00:00.001Z"),
    ] == leaving(market, "vps-who-look-at-prices", "--days", "30")


@pytest.mark.parametrize(
    ("tail", "leaves_at"),
    [
        ("<= 10 days before now", "2026-11-25T08:00:00.001Z"),
        ("< 10 days before now", "2026-11-25T08:00:00Z"),
        ("<= 10 days before today", "2026-11-26T00:00:00Z"),
        ("= 7 days before today", "2026-11-23T00:00:00Z"),
        ("this month", "2026-12-01T00:00:00Z"),
        ("last week", "2026-11-23T00:00:00Z"),
        (
            "after date(2026, 11, 1) and not (timestamp occurs > 2 weeks before now)",
            "2026-11-29T08:00:00.001Z",
        ),
    ],
)
def test_each_kind_of_window_is_inverted(market: Market, tail: str, leaves_at: str) -> None:
    market.visit(market.person("anna"), "2026-11-15T08:00:00Z")
    market.define("recent", f"xEvent.exists(timestamp occurs {tail})")
    market.settle()

    assert [("anna", leaves_at)] == leaving(market, "recent", "--until", HALF_A_YEAR)


def test_what_begins_ends_a_negation(market: Market) -> None:
    """An event that is not yet, a relation that is going to begin, and the turn of the year."""
    market.company("acme")
    market.visit(market.person("anna"), "2026-11-22T18:00:00Z")
    market.contact(market.person("ben"), "acme", relationStartDate="2026-11-25T00:00:00Z")
    market.define("quiet", "not xEvent.exists(true) and accounts.count() = 0 and currentYear() = 2026")
    market.person("cara")
    market.settle()

    assert [
        ("anna", "2026-11-22T18:00:00Z"),
        ("ben", "2026-11-25T00:00:00Z"),
        ("cara", "2027-01-01T00:00:00Z"),
    ] == leaving(market, "quiet", "--days", "60")


def test_a_relation_that_ends_takes_its_people_out(market: Market) -> None:
    market.company("acme")
    market.contact(market.person("anna"), "acme", relationEndDate="2026-11-25T00:00:00Z")
    market.person("ben", "acme")
    market.define("at-acme", 'accounts.accountName = "acme"')
    market.settle()

    assert [("anna", "2026-11-25T00:00:00Z")] == leaving(market, "at-acme")


def test_master_data_that_ends_parts_the_company(market: Market) -> None:
    until = {"valid_to": "2026-11-25T00:00:00Z"}
    for name in ("one", "two"):
        market.company(name)
        market.deal(name, 600_000, **WON)
    market.xrefs += [("G-1", "crm1", "one", until), ("G-1", "crm1", "two", until)]
    market.person("anna", "one")
    market.person("ben", "one", "two")
    market.define("rich", "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000")
    market.settle()

    assert [("anna", "2026-11-25T00:00:00Z")] == leaving(market, "rich")


def test_a_merge_is_followed_so_only_a_changed_answer_is_a_leaving(market: Market) -> None:
    """From the 25th on ``one`` and ``two`` are one company, ``three`` and ``four`` another, with a CMO."""
    since = {"valid_from": "2026-11-25T00:00:00Z"}
    for name in ("one", "two", "three", "four"):
        market.company(name)
    market.xrefs += [("G-1", "crm1", "one", since), ("G-1", "crm1", "two", since)]
    market.xrefs += [("G-2", "crm1", "three", since), ("G-2", "crm1", "four", since)]
    market.person("anna", "four", title="CMO")
    market.settle("without-coo-or-cmo")

    answer = market("leaving", "without-coo-or-cmo", "--now", NOW)
    changed = market("diff", "without-coo-or-cmo", "--from", NOW, "--to", "2026-11-26T00:00:00Z")

    assert [("three", "2026-11-25T00:00:00Z")] == [
        (row["identities"]["b2b_account"][0].split("@")[0], row["leaves_at"]) for row in answer.rows
    ]
    assert [("left", ["three"])] == [(row["change"], called(_Rows([row]))) for row in changed.rows]


def test_a_search_that_stops_goes_on_from_there_and_in_the_end_says_so(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townsend.audiences.explain.changes.LOOKS_MAX", 10)
    for name, count in (("anna", 30), ("ben", 90)):
        times = [datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=n) for n in range(count)]
        market.visit(market.person(name), *map(datetime.isoformat, times))
    market.define("busy", "xEvent[timestamp occurs <= 5 days before now].count() + 0 >= 5")
    market.settle()

    answer = market("leaving", "busy", "--now", NOW)

    assert ["2026-11-25T00:25:00.001Z", None] == [row["leaves_at"] for row in answer.rows]
    assert "1 leave by then at an instant that was not searched for" in answer.err


def test_beyond_the_bound_of_examinations_leavers_are_still_named(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townsend.project.leaving.EXAMINED_MAX", 1)
    seed(market)

    answer = market("leaving", "high-value-visitors", "--now", NOW, "--days", "14")

    assert ["anna", "ben"] == called(answer)
    assert [False, True] == [row["leaves_at"] is None for row in answer.rows]
    assert "1 of 3 members were examined" in answer.err
    assert "1 who are in at 2026-12-06T12:00:00Z were not examined" in answer.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("leaving", "high-value-visitors", "--until", "2026-11-22T12:00:00Z"), "leaving.until"),
        (("leaving", "high-value-visitors", "--until", HALF_A_YEAR, "--days", "3"), "option.until"),
        (("leaving", "high-valu-visitors"), "audience.unknown"),
        (("leaving", "targets"), "audience.listed"),
        (("diff", "high-value-visitors"), "option.diff"),
        (("diff", "high-value-visitors", "targets", "--from", NOW), "option.diff"),
        (("diff", "high-value-visitors", "--to", NOW), "option.diff"),
        (("diff", "high-value-visitors", "surging"), "diff.class"),
        (("diff", "high-value-visitors", "nowhere/draft.yaml"), "settings.missing"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    market: Market, words: tuple[str, ...], code: str
) -> None:
    market.settle("high-value-visitors", "surging")
    listed = "name: targets\nmembers: {file: targets.csv, by: email}\n"
    (market.bodea.folder / "audiences" / "targets.yaml").write_text(listed, "utf-8")

    answer = market(*words, "--now", NOW)

    assert 2 == answer.code
    assert f'"code": "{code}"' in answer.err


def test_two_audiences_side_by_side(market: Market) -> None:
    for name, more in (("anna", {"personScore": 90}), ("ben", {"personScore": 70}), ("cara", {})):
        market.person(name, b2b=more)
    market.define("warm", "b2b.personScore > 60")
    market.settle("likely-buyers")

    there, back = market("diff", "likely-buyers", "warm"), market("diff", "warm", "likely-buyers")

    assert [("entered", ["ben"])] == [(row["change"], called(_Rows([row]))) for row in there.rows]
    assert [("left", ["ben"])] == [(row["change"], called(_Rows([row]))) for row in back.rows]
    assert [] == market("diff", "warm", "warm").rows


def test_a_draft_is_compared_with_what_is_saved(market: Market) -> None:
    for name, score in (("anna", 90), ("ben", 70)):
        market.person(name, b2b={"personScore": score, "isBlocked": name == "anna"})
    market.settle("likely-buyers")
    draft = market.bodea.folder / "draft.yaml"
    draft.write_text("name: likely-buyers\nof: person\npql: b2b.isBlocked = false\n", "utf-8")

    answer = market("diff", "likely-buyers", str(draft))

    assert [("left", ["anna"]), ("entered", ["ben"])] == [
        (row["change"], called(_Rows([row]))) for row in answer.rows
    ]
    draft.write_text("name: likely-buyers\nof: person\npql: b2b.isBloked = false\n", "utf-8")
    assert '"code": "pql.field"' in market("diff", "likely-buyers", str(draft)).err


def test_two_instants_side_by_side(market: Market) -> None:
    seed(market)

    answer = market(
        "diff", "high-value-visitors", "--from", "2026-11-02T00:00:00Z", "--to", "2026-12-02T00:00:00Z"
    )
    until_now = market("diff", "high-value-visitors", "--from", "2026-11-02T00:00:00Z", "--now", NOW)

    assert [("anna", "entered"), ("ben", "left")] == [
        (called(_Rows([row]))[0], row["change"]) for row in answer.rows
    ]
    assert [("anna", "entered")] == [(called(_Rows([row]))[0], row["change"]) for row in until_now.rows]


def test_people_read_both_as_tables(market: Market) -> None:
    seed(market)

    leaves = market.bodea("audience", "leaving", "high-value-visitors", "--now", NOW, "--days", "14")
    differs = market.bodea(
        "audience", "diff", "high-value-visitors", "--from", NOW, "--to", "2026-12-02T00:00:00Z"
    )

    assert "2026-12-01T00:00:00Z" in leaves.out
    assert "2 of 3 leave" in leaves.out
    assert "0 entered, 1 left (3 → 2)" in differs.out


def test_events_read_at_one_go_are_the_same(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a class too large to be kept: what belongs to several people is read by one query."""
    seed(market)
    words = ("leaving", "high-value-visitors", "--now", NOW, "--days", "60")
    whole = market(*words)
    monkeypatch.setattr("townsend.audiences.reference.store.StoreWorld.__init__.__defaults__", (0, None))

    assert whole.out == market(*words).out
    assert 3 == len(whole.rows)
