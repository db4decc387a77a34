"""Leads without an account are counted with the company they work for, as long as nobody says otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from tests.stories.bodea import MONEY, NOW, Bodea, account, key, opportunity, person

pytestmark = pytest.mark.slow

SETTINGS = "name: bodea\nmatching: {{engine: exact, leads: {leads}, accounts: {{}}, related: {{}}}}\n"
JO, ANN, MAX = "jo@townsend.com", "ann@gmail.com", "max@townsend.com"
IN_CRM = "accounts.count() > 0"
BY_MATCH = 'accountRelations.exists(relationshipSource = "matching")'


def lead(sid: str, email: str, company: str | None = None) -> dict[str, Any]:
    row = person(sid, "mkto1", email)
    return row if company is None else row | {"b2b": row["b2b"] | {"companyName": company}}


def settings(bodea: Bodea, leads: str = "{}") -> None:
    (bodea.folder / "townsend.yaml").write_text(SETTINGS.format(leads=leads), "utf-8")


def states(bodea: Bodea, *more: str) -> dict[str, str]:
    """Each match's left name and its state."""
    answer = bodea("match", "ls", "--state", "all", "--json", *more)
    assert 0 == answer.code, answer.err
    return {row["left"]["name"]: row["state"] for row in answer.rows}


def id_of(bodea: Bodea, name: str) -> str:
    return next(
        row["id"]
        for row in bodea("match", "ls", "--state", "all", "--of", "lead", "--json").rows
        if row["left"]["name"].startswith(name)
    )


@pytest.fixture
def matched(bodea: Bodea) -> Bodea:
    """Townsend in two CRMs, half of the money in each; leads that are sure, unsure, and of no company."""
    settings(bodea)
    site = {"accountOrganization": {"website": "https://www.townsend.com"}}
    bodea.load("account", [account("1", "crm1", "Townsend Inc.", **site)])
    bodea.load(
        "account", [account("2", "crm2", "TOWNSEND, Incorporated", **site), account("3", "crm2", "Beta")]
    )
    bodea.load("opportunity", [opportunity("o1", "crm1", key("1", "crm1"), 600_000)])
    bodea.load("opportunity", [opportunity("o2", "crm2", key("2", "crm2"), 600_000)])
    bodea.load("person", [lead("5", JO, "Townsend"), lead("6", ANN, "Beta GmbH"), lead("7", "x@gmail.com")])
    return bodea


def test_a_lead_counts_with_all_that_its_company_bought(matched: Bodea) -> None:
    """The two records of Townsend are one company by name and website, and Jo works there."""
    assert [JO] == matched.query(MONEY)
    assert [JO] == matched.query(BY_MATCH)
    assert [JO] == matched.query(MONEY, "--engine", "reference")
    assert [JO] == matched.query('accounts(via: "relation").count() > 0', "--engine", "reference")


def test_a_new_lead_is_matched_as_it_is_loaded(matched: Bodea) -> None:
    assert [JO] == matched.query(IN_CRM)

    matched.load("person", [lead("8", MAX)])

    assert [JO, MAX] == matched.query(IN_CRM)
    assert "accepted" == states(matched)[MAX]


def test_what_is_likely_but_not_sure_waits_until_somebody_decides(matched: Bodea) -> None:
    waiting = matched("match", "ls", "--json")

    (row,) = waiting.rows
    assert ("lead", "review", f"{ANN}, Beta GmbH", "Beta") == (
        row["of"],
        row["state"],
        row["left"]["name"],
        row["right"]["name"],
    )
    assert ["name"] == [one["field"] for one in row["reasons"]]
    assert 0 == matched("match", "confirm", row["id"], "--by", "kim", "--note", "rang them").code
    assert [ANN, JO] == matched.query(IN_CRM)
    (confirmed,) = matched("match", "ls", "--state", "confirmed", "--json").rows
    assert ("confirmed", "kim", "rang them") == tuple(
        confirmed["decision"][one] for one in ("verdict", "by", "note")
    )
    assert "Nothing waits to be looked at." in matched("match", "ls").out


def test_the_opposite_decision_withdraws_one(matched: Bodea) -> None:
    found = id_of(matched, JO)

    matched("match", "reject", found)
    rejected = matched.query(IN_CRM)
    matched("match", "confirm", JO, "b2b_account:1@crm1.Salesforce")

    assert [] == rejected
    assert [JO] == matched.query(IN_CRM)


def test_rejected_doubles_are_two_companies_again(matched: Bodea) -> None:
    """Jo's money is halved then, and nobody knows which of the two Jo works for."""
    answer = matched("match", "reject", "1@crm1.Salesforce", "2@crm2.Salesforce", "--json")

    assert ["rejected"] == [row["verdict"] for row in answer.rows]
    assert [] == matched.query(MONEY)
    assert 3 == len(matched("query", "true", "--of", "account", "--json").rows)
    assert "review" == states(matched)[f"{JO}, Townsend"]


def test_the_graph_says_why_two_accounts_are_one(matched: Bodea) -> None:
    (link,) = matched("graph", "show", "1@crm1.Salesforce", "--json").rows[0]["links"]

    assert "matching" == link["source"]
    assert link["reason"].startswith("matching: domain and name 0.9")


def test_an_explanation_names_matching_as_the_source(matched: Bodea) -> None:
    """Beside the account's own records; and of the relation that matching made it is the only one."""
    for name, pql in (("known", IN_CRM), ("related", BY_MATCH)):
        text = f"name: {name}\nof: person\npql: '{pql}'\n"
        (matched.folder / "audiences" / f"{name}.yaml").write_text(text, "utf-8")

    def sources(name: str) -> list[str]:
        (evidence,) = matched("audience", "explain", name, JO, "--json").rows[0]["condition"]["evidence"]
        return [one["source"] for one in evidence["records"]]

    assert ["crm_1", "crm_1", "matching"] == sources("known")
    assert ["matching"] == sources("related")


def test_a_relation_made_by_matching_is_shown_like_any_other(matched: Bodea) -> None:
    (row,) = matched("query", 'relationshipSource = "matching"', "--of", "account_person", "--json").rows

    shown = matched("show", "account_person", str(row["id"]), "--json").rows[0]

    assert ["matching"] == [record["source"] for record in shown["records"]]
    assert 0.95 <= shown["values"]["matchedAccount.matchingScore"]["value"] <= 1


def test_thresholds_are_rules_that_are_planned_and_applied(matched: Bodea) -> None:
    (matched.folder / "audiences" / "known.yaml").write_text(f"name: known\nof: person\npql: '{IN_CRM}'\n")
    settings(matched, "{accept_at: 0.7, review_at: 0.5}")

    before = matched.query(IN_CRM)
    planned = matched("plan", "--json", "--now", NOW).rows[0]
    matched("apply", "--now", NOW)

    assert [JO] == before
    assert [True, [(1, 2, 1, 0)]] == [
        planned["rules_changed"],
        [tuple(one[name] for name in ("before", "after", "enter", "leave")) for one in planned["audiences"]],
    ]
    assert [ANN, JO] == matched.query(IN_CRM)


def test_an_erased_person_leaves_no_match_and_no_decision(matched: Bodea) -> None:
    matched("match", "confirm", id_of(matched, ANN))
    before = matched("access", ANN, "--json").rows[0]["facts"]["match"]

    proof = matched("erase", ANN, "--json").rows[0]

    assert ["confirmed"] == [one["verdict"] for one in before]
    assert 1 == proof["facts"]["match"]
    assert [f"{JO}, Townsend"] == list(states(matched, "--of", "lead"))
    held = b"".join(path.read_bytes() for path in (matched.folder / ".townsend").rglob("*") if path.is_file())
    assert [False, False] == [one in held for one in (b"Beta GmbH", ANN.encode())]


def test_decisions_outlive_the_accounts_coming_again(matched: Bodea) -> None:
    """Another version of every record, and matching everything anew, change nothing of what was said."""
    matched("match", "reject", id_of(matched, JO))
    matched("match", "confirm", id_of(matched, ANN))

    matched.load("account", [account("1", "crm1", "Townsend Inc", accountScore=3)])
    matched.load("person", [lead("5", JO, "Townsend Inc."), lead("6", ANN, "Gamma")])

    assert [ANN] == matched.query(IN_CRM)


def test_without_the_extra_exact_rules_answer_and_are_named(
    matched: Bodea, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townsend.identity.matching.rules.find_spec", lambda _: None)
    (matched.folder / "townsend.yaml").write_text("name: bodea\nmatching: {leads: {}}\n", "utf-8")
    matched("apply")

    assert "exact rules" in matched("match", "ls").err
    assert "exact rules" in matched("doctor").out
    (matched.folder / "townsend.yaml").write_text(
        "name: bodea\nmatching: {engine: splink, leads: {}}\n", "utf-8"
    )
    refused = matched("plan")
    assert 2 == refused.code
    assert "townsend.yaml:2" in refused.err


def test_status_counts_what_waits(matched: Bodea) -> None:
    matched.query(IN_CRM)

    counted = matched("status", "--json").rows[0]["matches"]

    assert {"lead": {"accepted": 1, "review": 1}, "account": {"accepted": 1}} == counted


def test_what_cannot_be_decided_is_said(matched: Bodea) -> None:
    unknown = matched("match", "confirm", "lead-900-901")
    nobody = matched("match", "reject", "who@nowhere.com", "1@crm1.Salesforce")
    itself = matched("match", "reject", "1@crm1.Salesforce", "1@crm1.Salesforce")

    assert [(2, "match.unknown"), (2, "who.unknown"), (2, "match.same")] == [
        (one.code, one.err.rpartition("[")[2].rstrip("]\n")) for one in (unknown, nobody, itself)
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("matching: {lead: {}}", "settings.key"),
        ("matching: {leads: {accept_at: 2}}", "settings.type"),
        ("matching: {leads: {accept_at: 0.4, review_at: 0.6}}", "matching.thresholds"),
        ("matching: {related: {by: [colour]}}", "matching.related"),
        ("matching: {engine: guess, leads: {}}", "settings.choice"),
        ("matching: {leads: {}, weights: {shoe: 1}}", "matching.weights"),
        ("matching: {leads: {candidates: 0}}", "settings.type"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_line(bodea: Bodea, text: str, code: str) -> None:
    (bodea.folder / "townsend.yaml").write_text(f"name: bodea\n{text}\n", "utf-8")

    answer = bodea("match", "ls")

    assert (2, f"[{code}]") == (answer.code, answer.err.split()[-1])
    assert "townsend.yaml:2" in answer.err


def test_matching_is_off_unless_it_is_written(bodea: Bodea) -> None:
    bodea.load("account", [account("1", "crm1", "Townsend", accountOrganization={"website": "townsend.com"})])
    bodea.load("person", [lead("5", JO, "Townsend")])

    assert [] == bodea.query(IN_CRM)
    assert "matching is off" in bodea("match", "ls").err
