"""People and accounts, hierarchies, related accounts."""

from __future__ import annotations

from typing import Any

from tests.unit.profiles.house import NOW, NOW_MS, House, account, house, key, opportunity, person

__all__ = ["house"]

MAIL = "p@bodea.example"


def accounts_of(house: House, via: str | None = None) -> set[str]:
    """Names of the accounts that anybody has."""
    world = house.unify()
    names = {row["id"]: row["accountName"] for row in house.rows("account", world)}
    return {
        names[far] for _, far, way, _, _ in house.pairs("edge_person_account", world) if way == (via or way)
    }


def named(*records: str, **more: Any) -> list[dict[str, Any]]:
    return [account(one, accountName=one, **more) for one in records]


def component(record: str, of: str) -> dict[str, object]:
    return {"sourcePersonKey": key(record), "sourceAccountKey": key(of)}


def test_every_live_record_counts_not_only_the_merged_winner(house: House) -> None:
    house.take("account", *named("A", "B", "C"))
    house.take(
        "person", person("1", MAIL, 2, b2b={"accountKey": key("A")}, personComponents=[component("1", "C")])
    )
    house.take("person", person("crm2/1", MAIL, 5, b2b={"accountKey": key("B")}), source="crm_2")

    assert {"A", "B", "C"} == accounts_of(house, "direct")


def test_components_of_retired_records_do_not_count(house: House) -> None:
    house.take("account", *named("A", "B", "C"))
    house.take("person", person("gone", MAIL, isDeleted=True, personComponents=[component("gone", "A")]))
    held = [component("gone", "B"), component("never seen", "C")]
    house.take("person", person("crm2/1", MAIL, personComponents=held), source="crm_2")

    assert {"C"} == accounts_of(house)


def relation(record: str, of: str = "A", **more: Any) -> dict[str, Any]:
    return {"accountPersonKey": key(record), "personKey": key("1"), "accountKey": key(of), **more}


def test_relation_rows_count_unless_inactive_or_deleted(house: House) -> None:
    house.take("account", *named("A", "B", "C", "D"))
    house.take("person", person("1", MAIL))
    rows = [
        relation("r1", "A", isActive=True),
        relation("r2", "B", isActive=False),
        relation("r3", "C", isDeleted=True),
        relation("r4", "D"),
    ]
    house.take("account_person", *rows)

    assert {"A", "D"} == accounts_of(house, "relation")
    assert 1 == len(house.rows("account_person_retired"))
    assert 3 == len(house.rows("account_person"))


def test_relation_rows_carry_their_bounds_so_that_any_instant_can_be_asked(house: House) -> None:
    house.take("account", *named("A"))
    house.take("person", person("1", MAIL))
    bounds = {"relationStartDate": "2026-03-19T12:00:00Z", "relationEndDate": "2026-03-20T12:00:00Z"}
    house.take("account_person", relation("r1", **bounds))

    world = house.unify()
    ((_, _, way, start_ms, end_ms),) = house.pairs("edge_person_account", world)

    assert ("relation", NOW_MS + 86_400_000, NOW_MS + 2 * 86_400_000) == (way, start_ms, end_ms)
    assert world.until_ms is None


def test_an_opportunitys_people_reach_its_account(house: House) -> None:
    house.take("account", *named("A"))
    house.take("person", person("1", MAIL))
    house.take("opportunity", opportunity("o", "A"))
    link = {"opportunityPersonKey": key("r"), "personKey": key("1"), "opportunityKey": key("o")}
    house.take("opportunity_person", link)

    assert {"A"} == accounts_of(house, "opportunity")
    assert set() == accounts_of(house, "direct")


def test_a_retired_account_or_person_is_in_no_pair(house: House) -> None:
    house.take("account", *named("A", isDeleted=True), *named("B"))
    house.take("person", person("1", MAIL, personComponents=[component("1", "A"), component("1", "B")]))
    house.take("person", person("2", "q@b.example", isDeleted=True, personComponents=[component("2", "B")]))
    rows = [relation("r1", "A"), {**relation("r2", "B"), "personKey": key("2")}]
    house.take("account_person", *rows)

    assert {"B"} == accounts_of(house)
    assert 1 == len(house.pairs("edge_person_account"))


def parents(**above: str) -> list[dict[str, Any]]:
    return [account(one, accountName=one, accountParentKey=key(up)) for one, up in above.items()]


def ancestors(house: House) -> set[str]:
    world = house.unify()
    names = {row["id"]: row["accountName"] for row in house.rows("account", world)}
    return {f"{names[near]}<{names[far]}" for near, far in house.pairs("edge_account_ancestor", world)}


def test_ancestors_go_all_the_way_up(house: House) -> None:
    house.take("account", *parents(A="B", B="C"), *named("C"))

    assert {"A<B", "A<C", "B<C"} == ancestors(house)


def test_a_ring_ends_and_nobody_is_above_themselves(house: House) -> None:
    house.take("account", *parents(A="B", B="C", C="A"))

    assert {"A<B", "A<C", "B<A", "B<C", "C<A", "C<B"} == ancestors(house)


def test_a_retired_parent_ends_the_way_up(house: House) -> None:
    house.take(
        "account", *parents(A="B"), *[one | {"isDeleted": True} for one in parents(B="C")], *named("C")
    )

    assert set() == ancestors(house)


def test_a_parent_that_is_the_same_company_counts_as_none_and_is_reported(house: House) -> None:
    house.take("account", *parents(A="B"), account("B", accountName="B"))
    same = {
        "entity_type": "account",
        "golden_id": "G",
        "source_system": "Salesforce",
        "source_instance": "crm1",
    }
    house.take("account_xref", same | {"source_key": "A"}, same | {"source_key": "B"}, source="mdm")

    row = house.row("account")

    assert "@parent" not in row
    assert {"account": 1} == house.unify().report.own_parents
    assert any("own parent" in line for line in house.unify().report.lines())


def test_related_is_symmetric_and_neither_transitive_nor_with_oneself(house: House) -> None:
    house.take(
        "account",
        account("A", accountName="A", relatedAccountKeys=[key("B"), key("A"), key("nowhere")]),
        account("B", accountName="B", relatedAccountKeys=[key("C")]),
        account("C", accountName="C"),
    )
    names = {row["id"]: row["accountName"] for row in house.rows("account")}

    found = {(names[near], names[far]) for near, far in house.pairs("edge_account_related")}

    assert {("A", "B"), ("B", "A"), ("B", "C"), ("C", "B")} == found


def test_an_opportunity_read_from_a_crm_and_from_its_marketo_is_one(house: House) -> None:
    house.take("account", *named("A"))
    house.take("opportunity", opportunity("o", "A"))
    copy = {"opportunityKey": key("77", "mkto", "Marketo"), "extSourceSystemAudit": {"externalKey": key("o")}}
    house.take("opportunity", copy, source="marketo_1")

    row = house.row("opportunity")

    assert house.row("account")["id"] == row["@account"]


def test_references_lead_to_the_entity_that_holds_the_key_now(house: House) -> None:
    house.take("account", *named("A", "B"))
    house.take("opportunity", opportunity("o", "B"), opportunity("x", "nowhere"))
    same = {
        "entity_type": "account",
        "golden_id": "G",
        "source_system": "Salesforce",
        "source_instance": "crm1",
    }
    house.take("account_xref", same | {"source_key": "A"}, same | {"source_key": "B"}, source="mdm", now=NOW)

    found = {row["opportunityKey.sourceID"]: row.get("@account") for row in house.rows("opportunity")}

    assert {"o": house.row("account")["id"], "x": None} == found
