"""Which pairs are found, by exact rules and by scores: guards, symmetry, order, one lead as well as many."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from benchmarks import matching_world

from townsend.identity.matching import (
    MatchIndex,
    MatchRules,
    candidates,
    match_accounts,
    match_leads,
    related_groups,
)
from townsend.identity.matching.side import COLUMNS
from townsend.problem import Invalid

ENGINES = ("exact", "splink")


def table(*rows: dict[str, Any]) -> pa.Table:
    """Records as a side takes them; ids from 1, or as given."""
    ids = pa.array([row.get("id", at) for at, row in enumerate(rows, 1)], pa.int64())
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in COLUMNS}
    return pa.table({"id": ids, **columns})


# Enough other companies that a shared value says something.
OTHERS = [
    {"id": 1_000 + at, "name": f"{first}{second} {trade}", "website": f"{first}{second}.example-{at}.com"}
    for at, (first, second, trade) in enumerate(
        (first, second, trade)
        for first in ("Bel", "Cor", "Dun", "Fen", "Gal", "Hor", "Jun", "Kel")
        for second in ("ano", "ibu", "oxa", "uri", "eva")
        for trade in ("Logistics", "Software", "Foods", "Steel")
    )
]
ACME = {
    "name": "Acme Robotics GmbH",
    "website": "https://www.acme-robotics.de",
    "country": "DE",
    "city": "Ulm",
}


@pytest.fixture(params=ENGINES)
def rules(request: pytest.FixtureRequest) -> MatchRules:
    return MatchRules(engine=request.param, review_at=0.05)


@pytest.fixture(scope="module")
def world() -> matching_world.World:
    return matching_world.make(seed=7, companies=600, twice=60, leads=400)


def pairs(found: pa.Table) -> list[tuple[int, int]]:
    return list(zip(found["left"].to_pylist(), found["right"].to_pylist(), strict=True))


def test_a_lead_is_matched_by_domain_and_name(rules: MatchRules) -> None:
    leads = table({"name": "ACME Robotics", "email_domain": "mail.acme-robotics.de", "country": "Germany"})

    (best, *_) = candidates(match_leads(leads, table(ACME, *OTHERS), rules))

    assert (1, 1, 1) == (best.left, best.right, best.rank)
    assert best.score >= rules.accept_at
    assert {"domain", "name", "address"} == {reason.field for reason in best.reasons}
    assert ("ACME Robotics", "Acme Robotics GmbH") == next(
        (reason.left_value, reason.right_value) for reason in best.reasons if reason.field == "name"
    )


def test_scores_find_what_is_mistyped() -> None:
    """Exact rules alone do not: that is what the extra is for."""
    leads = table({"name": "Acme Robtics", "country": "DE", "city": "Ulm"})
    accounts = table(ACME, *OTHERS)

    assert [] == pairs(match_leads(leads, accounts, MatchRules(engine="exact")))
    assert [(1, 1)] == pairs(match_leads(leads, accounts, MatchRules(engine="splink")))


@pytest.mark.parametrize("domain", ["gmail.com", "qq.com", "web.de", "jo@outlook.com", "my-isp.net"])
def test_public_mail_never_matches_a_company(rules: MatchRules, domain: str) -> None:
    own = MatchRules(engine=rules.engine, review_at=0.05, public_domains=frozenset({"my-isp.net"}))
    account = {"name": "Belongs to Nobody", "website": domain.rpartition("@")[2], "email_domain": domain}

    assert [] == pairs(match_leads(table({"email_domain": domain}), table(account, *OTHERS), own))


@pytest.mark.parametrize("name", [None, "", " ", "n/a", "Test", "unknown", "Self-employed", "-", "無"])
def test_a_blank_never_matches_a_blank(rules: MatchRules, name: str | None) -> None:
    blank = {"name": name, "email_domain": "", "website": "n/a", "phone": "000000000", "duns": "000000000"}

    assert [] == pairs(match_leads(table(blank), table(blank, *OTHERS), rules))


def test_an_address_alone_is_no_reason(rules: MatchRules) -> None:
    place = {"street": "Münsterplatz 1", "postal": "89073", "city": "Ulm", "country": "DE"}
    leads = table({"name": "Zwick Optik", **place}, place)

    assert [] == pairs(match_leads(leads, table(ACME | place, *OTHERS), rules))


def test_an_address_says_no_more_than_the_rest(world: matching_world.World) -> None:
    wide = MatchRules(engine="splink", review_at=0.0001, candidates=50)
    found = candidates(match_leads(world.leads, world.accounts, wide))
    weights = [{reason.field: reason.weight for reason in one.reasons} for one in found]
    supports = [(one.pop("address"), sum(one.values())) for one in weights if one.get("address", 0) > 0]

    assert max(support - rest for support, rest in supports) <= 0.03  # weights are rounded
    assert any(support >= rest - 0.03 for support, rest in supports), "the limit was never met"


def test_an_address_decides_between_two_of_one_name(rules: MatchRules) -> None:
    accounts = table(
        {"name": "Delta Foods Inc", "country": "US", "city": "Boston"},
        {"name": "Delta Foods Ltd", "country": "GB", "city": "Leeds"},
        *OTHERS,
    )
    leads = table({"name": "Delta Foods", "country": "UK", "city": "Leeds"})

    assert (1, 2) == pairs(match_leads(leads, accounts, rules))[0]


def test_equal_candidates_share_the_odds(rules: MatchRules) -> None:
    """Neither of two companies of one name is accepted when nothing tells them apart."""
    accounts = table(
        {"name": "Delta Foods Inc", "website": "deltafoods.com"},
        {"name": "Delta Foods Ltd", "website": "delta-foods.co.uk"},
        *OTHERS,
    )
    found = match_leads(table({"name": "Delta Foods"}), accounts, rules)

    assert [1, 2] == sorted(found["right"].to_pylist())
    assert max(found["score"].to_pylist()) <= 0.5


def test_a_value_of_too_many_proposes_nothing_and_is_reported(rules: MatchRules) -> None:
    held = [
        {"id": 5_000 + at, "name": f"Tenant {chr(97 + at // 9)}{at}q", "website": "mall.com"}
        for at in range(60)
    ]
    index = MatchIndex(table(*held, *OTHERS), rules)

    assert ("domain", "mall.com", 60) in index.skipped
    assert [] == pairs(index.leads(table({"email_domain": "mall.com"}), competing=False))


def test_two_duns_numbers_are_two_companies(rules: MatchRules) -> None:
    one = ACME | {"duns": "123456789"}
    accounts = table(
        one, {**one, "duns": "12-345-6789", "name": "Acme"}, {**one, "duns": "987654321"}, *OTHERS
    )
    found = [one for one in candidates(match_accounts(accounts, rules)) if one.score >= 0.95]

    assert [(1, 2)] == [(one.left, one.right) for one in found]


@pytest.mark.slow
def test_one_lead_at_a_time_gives_what_all_give(rules: MatchRules, world: matching_world.World) -> None:
    index = MatchIndex(world.accounts, rules)
    some = world.leads.slice(0, 40)
    alone = [index.leads(some.slice(at, 1)) for at in range(some.num_rows)]

    assert index.leads(some).equals(pa.concat_tables(alone))


@pytest.mark.slow
def test_the_order_of_records_does_not_matter(rules: MatchRules, world: matching_world.World) -> None:
    mixed = Random(3)
    leads = world.leads.take(mixed.sample(range(world.leads.num_rows), world.leads.num_rows))
    accounts = world.accounts.take(mixed.sample(range(world.accounts.num_rows), world.accounts.num_rows))

    assert match_leads(world.leads, world.accounts, rules).equals(match_leads(leads, accounts, rules))
    assert match_accounts(world.accounts, rules).equals(match_accounts(accounts, rules))


@pytest.mark.slow
def test_which_side_a_record_stands_on_does_not_matter(
    rules: MatchRules, world: matching_world.World
) -> None:
    """Ids turned round, every pair is seen from its other side."""
    last = world.accounts.num_rows - 1
    turned = world.accounts.set_column(
        0, "id", pa.array([last - n for n in world.accounts["id"].to_pylist()])
    )
    every = MatchRules(engine=rules.engine, review_at=0.05, candidates=1_000)
    one, other = match_accounts(world.accounts, every), match_accounts(turned, every)
    scored = {(a, b): score for (a, b), score in zip(pairs(one), one["score"].to_pylist(), strict=True)}

    assert scored == {
        (last - b, last - a): score
        for (a, b), score in zip(pairs(other), other["score"].to_pylist(), strict=True)
    }
    assert scored
    assert all(left < right for left, right in scored)


@pytest.mark.slow
def test_matching_twice_is_matching_once(rules: MatchRules, world: matching_world.World) -> None:
    index = MatchIndex(world.accounts, rules)
    first = index.leads(world.leads)
    index.duplicates()

    assert first.equals(index.leads(world.leads))


@pytest.mark.slow
def test_what_is_accepted_is_right(rules: MatchRules, world: matching_world.World) -> None:
    """The benchmark says how much; this notices when matching breaks."""
    found = match_leads(world.leads, world.accounts, rules).to_pylist()
    best = [row for row in found if row["rank"] == 1 and row["score"] >= rules.accept_at]
    right = sum(world.of_lead[row["left"]] == world.of_account[row["right"]] for row in best)

    assert len(best) > 0.4 * world.leads.num_rows
    assert right >= 0.97 * len(best)


@pytest.mark.slow
def test_ranks_count_from_the_best_and_are_limited(rules: MatchRules, world: matching_world.World) -> None:
    few = MatchRules(engine=rules.engine, review_at=0.001, candidates=2)
    found = match_leads(world.leads, world.accounts, few).to_pylist()
    by_lead: dict[int, list[dict[str, Any]]] = {}
    for row in found:
        by_lead.setdefault(row["left"], []).append(row)

    assert any(len(rows) == 2 for rows in by_lead.values())
    for rows in by_lead.values():
        assert list(range(1, len(rows) + 1)) == [row["rank"] for row in rows]
        assert sorted(-row["score"] for row in rows) == [-row["score"] for row in rows]


def test_a_field_with_no_weight_says_nothing(rules: MatchRules) -> None:
    leads = table({"name": "Acme Robotics", "email_domain": "acme-robotics.de"})
    deaf = MatchRules(engine=rules.engine, review_at=0.05, weights={"domain": 0})
    found = match_leads(leads, table(ACME, *OTHERS), deaf)

    assert {"name"} == {
        reason["field"] for text in found["reasons"].to_pylist() for reason in json.loads(text)
    }


def test_nothing_in_gives_nothing_out(rules: MatchRules) -> None:
    assert 0 == match_leads(table(), table(ACME), rules).num_rows
    assert 0 == match_leads(table(ACME), table(), rules).num_rows
    assert 0 == match_accounts(table(), rules).num_rows


def test_related_accounts_share_a_parent_a_domain_or_a_name() -> None:
    accounts = table(
        {"name": "Acme GmbH", "website": "acme.de"},
        {"name": "Acme Foods", "website": "acme.de"},
        {"name": "ACME Inc", "website": "acme.com"},
        {"name": "Beta", "website": "beta.com"},
        {"name": "Gamma", "website": "gmail.com"},
        {"name": "Delta", "website": "gmail.com"},
    )
    parents = pa.table({"child": [4, 1, 1, 9], "parent": [1, 4, 1, 1]})

    assert [(1, 2, "domain"), (1, 3, "name"), (1, 4, "parent")] == [
        tuple(row.values()) for row in related_groups(accounts, parents, MatchRules()).to_pylist()
    ]


def test_only_the_reasons_asked_for_relate_accounts() -> None:
    accounts = table({"name": "Acme", "website": "a.de"}, {"name": "Acme", "website": "b.de"})
    parents = pa.table({"child": [2], "parent": [1]})

    assert [] == related_groups(accounts, parents, MatchRules(related_by=("domain",))).to_pylist()
    assert ["parent"] == related_groups(accounts, parents, MatchRules())["reason"].to_pylist()


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("matching.thresholds", {"accept_at": 0.4, "review_at": 0.6}),
        ("matching.thresholds", {"review_at": 0.0}),
        ("matching.weights", {"weights": {"shoe_size": 1.0}}),
        ("matching.weights", {"weights": {"name": -1.0}}),
        ("matching.related", {"related_by": ("mood",)}),
    ],
)
def test_rules_that_make_no_sense_are_refused(code: str, written: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        MatchRules(**written)

    assert code == refused.value.code
