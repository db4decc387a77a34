"""Audiences that are lists of values: whom a file names, and how many of its values name nobody."""

from __future__ import annotations

import pytest
from tests.stories.bodea import account, person
from tests.unit.project.shop import NOW, Shop, shop

from townsend.problem import Invalid

__all__ = ["shop"]


def listed(shop: Shop, by: str, text: str, of: str = "person") -> tuple[list[str], list[str]]:
    """Source keys of the members, and the notes."""
    (shop.folder / "targets.csv").write_text(text, "utf-8")
    (shop.folder / "audiences" / "targets.yaml").write_text(
        f"name: targets\nof: {of}\nmembers: {{file: targets.csv, by: {by}}}\n", "utf-8"
    )
    with shop.open() as project:
        answer = project.members("targets", now=NOW)
        keys = [key for row in answer.rows() for key in row["identities"][f"b2b_{of}"]]
    return keys, answer.notes


@pytest.fixture
def people(shop: Shop) -> Shop:
    shop.load("person", person("1", "crm1", "p1@townsend.com"), person("2", "crm1", "p2@bodea.example"))
    return shop


def test_by_email_a_header_and_spelling_do_not_matter(people: Shop) -> None:
    keys, notes = listed(people, "email", "Email\n P1@Townsend.com ,x\nnobody@a.com\np1@townsend.com\n")

    assert (["1@crm1.Salesforce"], ["1 value names nobody"]) == (keys, notes)


def test_by_key_and_by_domain(people: Shop) -> None:
    assert (["2@crm1.Salesforce"], []) == listed(people, "key", "2@crm1.Salesforce\n")
    assert (["2@crm1.Salesforce"], []) == listed(people, "domain", "domain\nBodea.example\n")


def test_accounts_by_domain(shop: Shop) -> None:
    shop.load("account", account("7", "crm1", accountOrganization={"domain": "Townsend.com"}))

    assert (["7@crm1.Salesforce"], []) == listed(shop, "domain", "townsend.com\n", of="account")


def test_a_list_suppresses_where_it_is_excluded(people: Shop) -> None:
    listed(people, "domain", "bodea.example\n")
    people.audience("buyers", "[{to: list, exclude: [targets]}]")

    people.deliver()

    assert {"p1@townsend.com"} == people.vendors["list"].emails("buyers")


def test_a_file_that_is_not_there_is_said(people: Shop) -> None:
    (people.folder / "audiences" / "targets.yaml").write_text(
        "name: targets\nmembers: {file: gone.csv, by: email}\n", "utf-8"
    )

    with people.open() as project, pytest.raises(Invalid) as caught:
        project.members("targets", now=NOW)

    assert "audience.file" == caught.value.code
