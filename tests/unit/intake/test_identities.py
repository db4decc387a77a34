"""Whom rows name: spelled one way, numbered once and for good; nobody is nobody, and the erased stay away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.intake.desk import NOW_MS, Desk, account, counts, event

from townsend.store.facts_values import normal_value


def person(n: int, **fields: Any) -> dict[str, Any]:
    return {"b2b": {"personKey": {"sourceKey": f"{n}@M1.Marketo"}}, **fields}


def erase(desk: Desk, space: str, value: str) -> None:
    with desk.facts.transaction():
        desk.facts.con.execute(
            "INSERT INTO facts.tombstone VALUES (?, ?, ?)", [space, desk.facts.digest(space, value), NOW_MS]
        )


def test_emails_are_trimmed_and_lower_cased_and_other_values_are_not(desk: Desk) -> None:
    maps = {"Email": [{"id": "\tB@Bodea.COM "}], "ECID": [{"id": "AbC"}]}
    desk.take("person", person(1, workEmail={"address": " Ada@Bodea.com"}, identityMap=maps))

    assert [
        ("b2b_person", "1@M1.Marketo"), ("Email", "ada@bodea.com"), ("ECID", "AbC"), ("Email", "b@bodea.com"),
    ] == desk.numbers()  # fmt: skip


def test_a_number_is_given_once_and_lasts(desk: Desk) -> None:
    desk.take("person", person(1), person(2))
    desk.reopen()
    desk.take("person", person(3), person(2, person={"gender": "f"}), person(1, person={"gender": "f"}))

    assert [1, 2, 3, 2, 1] == desk.values("person", "key")


def test_numbers_follow_the_order_of_the_rows(desk: Desk) -> None:
    desk.take("person", person(9), person(2, workEmail={"address": "a@b.c"}), person(5))

    assert [("b2b_person", "9@M1.Marketo"), ("b2b_person", "2@M1.Marketo"), ("Email", "a@b.c"),
            ("b2b_person", "5@M1.Marketo")] == desk.numbers()  # fmt: skip


def test_what_a_record_refers_to_gets_its_number_only_when_it_comes(desk: Desk) -> None:
    desk.take("account", account(1, accountParentKey={"sourceKey": "9@CRM1.Salesforce"}))

    assert [("b2b_account", "1@CRM1.Salesforce")] == desk.numbers()


@pytest.mark.parametrize("nobody", ["", "  ", "anonymous", "Invalid", "NULL", "none", "n/a", "x" * 1025])
def test_a_value_that_names_nobody_is_left_out_and_counted(desk: Desk, nobody: str) -> None:
    accepted = desk.take("person", person(1, identityMap={"ECID": [{"id": nobody}, {"id": "c1"}]}))

    assert {"rows": 1, "accepted": 1, "rejected_identities": 1} == counts(accepted)
    assert [("b2b_person", "1@M1.Marketo"), ("ECID", "c1")] == desk.numbers()


def test_a_key_whose_id_is_a_word_for_nothing_names_nobody(desk: Desk) -> None:
    audit = {"externalKey": {"sourceID": "null", "sourceInstanceID": "CRM1", "sourceType": "Salesforce"}}
    accepted = desk.take("person", person(1, extSourceSystemAudit=audit))

    assert {"rows": 1, "accepted": 1, "rejected_identities": 1} == counts(accepted)


def test_a_namespace_nobody_declared_is_kept(desk: Desk) -> None:
    desk.take("person", person(1, identityMap={"Loyalty": [{"id": "L1"}]}))

    assert ("Loyalty", "L1") in desk.numbers()


def test_a_declared_identity_field_is_a_namespace_of_its_own(desk: Desk) -> None:
    desk.rules = replace(desk.rules, identity_fields={"account": ("accountOrganization.DUNSNumber",)})
    desk.take("account", account(1, accountOrganization={"DUNSNumber": "123"}))

    assert ("DUNSNumber", "123") in desk.numbers()


def test_an_identity_with_quotes_is_only_a_text(desk: Desk) -> None:
    name = "o'hara\"; DROP TABLE facts.number; --"
    desk.take("person", person(1, identityMap={name: [{"id": name}]}))

    assert (name, name) in desk.numbers()


@pytest.mark.parametrize(
    ("space", "value", "row"),
    [
        ("b2b_person", "1@M1.Marketo", person(1)),
        ("Email", "ada@b.c", person(1, workEmail={"address": " ADA@b.c"})),
        ("ECID", "c1", person(1, identityMap={"ECID": [{"id": "c1"}]})),
    ],
)
def test_a_record_of_somebody_erased_does_not_come_back(desk: Desk, space: str, value: str, row: Any) -> None:
    erase(desk, space, value)
    accepted = desk.take("person", row, person(2))

    assert {"rows": 2, "accepted": 1, "dropped": 1} == counts(accepted)
    assert [("b2b_person", "2@M1.Marketo")] == desk.numbers()


def test_an_event_of_somebody_erased_does_not_come_back(desk: Desk) -> None:
    erase(desk, "b2b_person", "p1@M1.Marketo")
    accepted = desk.take("event", event("e1"), event("e2", personKey={"sourceKey": "p2@M1.Marketo"}))

    assert {"rows": 2, "accepted": 1, "dropped": 1} == counts(accepted)
    assert ["e2"] == desk.values("event", "_id")


def test_a_merge_does_not_bring_back_a_record_that_was_erased(desk: Desk) -> None:
    erase(desk, "b2b_person", "p2@M1.Marketo")
    losing = {"mergeLeads": {"sourceKeys": [{"sourceKey": "p2@M1.Marketo"}, {"sourceKey": "p3@M1.Marketo"}]}}
    desk.take("event", event("e1", leadOperation=losing))

    assert [("p3@M1.Marketo",)] == desk.rows("SELECT value_a FROM facts.link")


def test_one_value_is_spelled_as_many_are() -> None:
    assert ("a@b.c", "A@B.c", None, None) == (
        normal_value("Email", "  A@b.C\n"),
        normal_value("ECID", "A@B.c"),
        normal_value("Email", " Anonymous "),
        normal_value("ECID", "x" * 1025),
    )
