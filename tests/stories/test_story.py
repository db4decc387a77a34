"""The story that must always work, and each of its variants, from files to members."""

from __future__ import annotations

from tests.stories.bodea import (
    MONEY,
    NOW,
    SEED,
    VISIT,
    Bodea,
    account,
    key,
    opportunity,
    person,
    visit,
    xref,
)

TOGETHER = ["p1@townsend.com", "p2@townsend.com", "p3@townsend.com"]


def test_the_answer_is_p2(bodea: Bodea) -> None:
    bodea.tell_the_story()

    assert bodea.query(SEED) == ["p2@townsend.com"]


def test_money_alone_finds_everybody_of_the_company(bodea: Bodea) -> None:
    bodea.tell_the_story()

    assert bodea.query(MONEY) == TOGETHER


def test_the_visit_alone_finds_p2(bodea: Bodea) -> None:
    bodea.tell_the_story()

    assert bodea.query(VISIT) == ["p2@townsend.com"]


def test_inside_one_silo_nobody_bought_for_a_million(bodea: Bodea) -> None:
    bodea.tell_the_story(master_data=False)

    # p2 belongs to both accounts, but each account alone is below a million.
    assert bodea.query("accounts.exists(opportunities[isWon].sum(opportunityAmount.amount) > 1000000)") == []


def test_master_data_arriving_late_lets_the_right_people_in(bodea: Bodea) -> None:
    bodea.tell_the_story(master_data=False)
    condition = "accounts.exists(opportunities[isWon].sum(opportunityAmount.amount) > 1000000)"
    assert bodea.query(condition) == []

    bodea.load("account_xref", xref(("G-1", "crm1", "1"), ("G-1", "crm2", "2")), "mdm")

    assert bodea.query(condition) == TOGETHER


def test_master_data_withdrawn_splits_the_company_again(bodea: Bodea) -> None:
    bodea.tell_the_story()
    before = bodea("query", "true", "--of", "account", "--json", "--now", NOW)
    assert len(before.rows) == 1

    gone = {"status": "inactive", "updated_at": "2026-11-01T00:00:00Z"}
    bodea.load("account_xref", xref(("G-1", "crm2", "2", gone)), "mdm")

    after = bodea("query", "true", "--of", "account", "--json", "--now", NOW)
    assert len(after.rows) == 2
    assert {row["id"] for row in before.rows} < {row["id"] for row in after.rows}
    assert bodea.query(MONEY) == ["p2@townsend.com"]


def test_master_data_counts_only_while_it_is_valid(bodea: Bodea) -> None:
    bodea.tell_the_story(master_data=False)
    until = {"valid_to": "2026-11-22T12:00:00Z"}
    bodea.load("account_xref", xref(("G-1", "crm1", "1", until), ("G-1", "crm2", "2", until)), "mdm")

    assert bodea.query(MONEY, now="2026-11-22T11:59:59.999Z") == TOGETHER
    assert bodea.query(MONEY, now="2026-11-22T12:00:00Z") == ["p2@townsend.com"]


def test_p2_leaves_at_the_instant_the_visit_is_too_old(bodea: Bodea) -> None:
    bodea.tell_the_story()

    assert bodea.query(SEED, now="2026-12-03T09:00:00.000Z") == ["p2@townsend.com"]
    assert bodea.query(SEED, now="2026-12-03T09:00:00.001Z") == []


def test_a_person_with_two_accounts_counts_for_both(bodea: Bodea) -> None:
    bodea.tell_the_story(master_data=False)

    assert bodea.query(MONEY) == ["p2@townsend.com"]


def test_an_opportunity_reached_by_two_paths_counts_once(bodea: Bodea) -> None:
    one = key("1", "crm1")
    bodea.load("account", [account("1", "crm1")])
    bodea.load(
        "person",
        [
            person(
                "p1",
                "crm1",
                "p1@townsend.com",
                [one],
                b2b={"personKey": key("p1", "crm1"), "accountKey": one},
            )
        ],
    )
    bodea.load(
        "account_person",
        [{"accountPersonKey": key("r1", "crm1"), "accountKey": one, "personKey": key("p1", "crm1")}],
    )
    bodea.load("opportunity", [opportunity("o1", "crm1", one, 600_000)])

    assert bodea.query(MONEY) == []


def test_the_same_opportunity_from_a_crm_and_its_marketo_counts_once(bodea: Bodea) -> None:
    one = key("1", "crm1")
    bodea.load("account", [account("1", "crm1")])
    bodea.load("person", [person("p1", "crm1", "p1@townsend.com", [one])])
    bodea.load("opportunity", [opportunity("o1", "crm1", one, 600_000)])
    copy = opportunity("77", "mkto1", one, 600_000) | {
        "opportunityKey": key("77", "mkto1", "Marketo"),
        "extSourceSystemAudit": {"externalKey": key("o1", "crm1")},
    }
    bodea.load("opportunity", [copy], "marketo_1")

    assert bodea.query(MONEY) == []


def test_all_accounts_together_is_not_any_one_account(bodea: Bodea) -> None:
    one, two = key("1", "crm1"), key("2", "crm1")
    bodea.load("account", [account("1", "crm1", "A"), account("2", "crm1", "B")])
    bodea.load("person", [person("p1", "crm1", "p1@a.com", [one, two])])
    bodea.load(
        "opportunity", [opportunity("o1", "crm1", one, 600_000), opportunity("o2", "crm1", two, 600_000)]
    )

    assert bodea.query(MONEY) == ["p1@a.com"]
    assert bodea.query("accounts.exists(opportunities[isWon].sum(opportunityAmount.amount) > 1000000)") == []


def test_loading_the_same_file_twice_changes_nothing_and_says_so(bodea: Bodea) -> None:
    bodea.tell_the_story()
    (path,) = (bodea.folder / "incoming").glob("*-event.ndjson")

    again = bodea("load", "event", str(path), "--source", "marketo_1")

    assert again.code == 0
    assert "already" in again.out + again.err
    assert bodea.query(SEED) == ["p2@townsend.com"]


def test_a_visit_from_the_future_does_not_exist_yet(bodea: Bodea) -> None:
    bodea.tell_the_story()
    lead = key("p1", "crm1")
    bodea.load("event", [visit("v9", lead, "2026-11-21T10:00:00Z")], "marketo_1")

    assert bodea.query(SEED, now="2026-11-21T09:59:59Z") == ["p2@townsend.com"]
    assert bodea.query(SEED, now="2026-11-21T10:00:00Z") == ["p1@townsend.com", "p2@townsend.com"]


def test_an_explanation_names_the_instant_at_which_master_data_ends(bodea: Bodea) -> None:
    bodea.tell_the_story(master_data=False)
    until = {"valid_to": "2026-11-25T00:00:00Z"}
    bodea.load("account_xref", xref(("G-1", "crm1", "1", until), ("G-1", "crm2", "2", until)), "mdm")
    pql = "accounts.exists(opportunities[isWon].sum(opportunityAmount.amount) > 1000000)"
    (bodea.folder / "audiences" / "rich.yaml").write_text(f"name: rich\npql: {pql}\n", "utf-8")

    answer = bodea("audience", "explain", "rich", "p3@townsend.com", "--now", NOW)

    assert answer.code == 0, answer.err
    assert "is a member" in answer.out
    assert "Leaves at 2026-11-25T00:00:00Z" in answer.out
