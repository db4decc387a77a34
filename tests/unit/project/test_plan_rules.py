"""A plan says beforehand exactly what applying does, and does none of it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.stories.bodea import account, person
from tests.unit.project.shop import NOW, Shop, shop

from townsend.project.plan import Changes, apply_changes, plan_changes
from townsend.project.project import Project
from townsend.store.facts_copy import COPY

__all__ = ["shop"]

ORDER = "{{person: {{namespaces: [{}]}}}}"
MAIL_FIRST = ORDER.format("{code: b2b_person}, {code: Email}, {code: ECID}")
DEVICE_FIRST = ORDER.format("{code: ECID}, {code: b2b_person}, {code: Email}")
LOGIN = ORDER.format("{code: Login}, {code: Email}, {code: ECID}")
LOGIN_UNIQUE = ORDER.format("{code: Login, unique: true}, {code: Email}, {code: ECID}")


def settings(shop: Shop, identity: str = "{}", merge: str = "{}") -> None:
    (shop.folder / "townsend.yaml").write_text(
        f"name: bodea\nidentity: {identity}\nmerge: {merge}\n", "utf-8"
    )


def met(event: int, day: int, **spaces: str) -> dict[str, Any]:
    found = {space: [{"id": value}] for space, value in spaces.items()}
    return {"_id": f"e{event}", "timestamp": f"2026-11-{day:02d}T00:00:00Z", "identityMap": found}


def state(project: Project) -> dict[str, Any]:
    """What a plan must not touch: to whom events belong, and who is in every audience."""
    events = []
    if project.facts.columns("event"):
        events = project.facts.con.execute("SELECT _id, who, idents FROM facts.event ORDER BY 1").fetchall()
    names = {name: members(project, name) for name in project.audiences()}
    return {"events": events, "revision": project.facts.revision(), "members": names}


def members(project: Project, name: str) -> list[tuple[str, ...]]:
    rows = project.members(name, now=NOW).rows()
    return sorted(
        tuple(f"{s}:{v}" for s, values in sorted(r["identities"].items()) for v in values) for r in rows
    )


def planned_and_applied(shop: Shop) -> tuple[Changes, dict[str, Any], dict[str, Any]]:
    """What was planned; what was before; what is after."""
    with shop.open() as project:
        before = state(project)
        planned = plan_changes(project, NOW)
        assert before == state(project)
        assert not (project.facts.path.with_name(COPY)).exists()
        applied = apply_changes(project, NOW)
        after = state(project)

    assert planned.to_json() == applied.to_json()
    sizes = {name: (len(before["members"][name]), len(held)) for name, held in after["members"].items()}
    assert sizes == {one.audience: (one.before, one.after) for one in planned.members}
    return planned, before, after


def test_a_new_order_of_namespaces_moves_events_in_the_plan_as_in_the_world(shop: Shop) -> None:
    """An event belongs to its top identity: the order decides who acted, and who exists by events alone."""
    settings(shop, MAIL_FIRST[:-2] + ", blocked: {ECID: [shared]}}}")
    shop.load("event", *(met(n, 1 + n, Email=f"p{n}@a.example", ECID="shared") for n in range(3)))
    shop.audience("active", pql="xEvent.count() = 1")
    shop.audience("busy", pql="xEvent.count() = 3")
    settings(shop, DEVICE_FIRST)

    planned, before, after = planned_and_applied(shop)

    assert (3, 0) == (len(before["members"]["active"]), len(after["members"]["active"]))
    assert (0, 1) == (len(before["members"]["busy"]), len(after["members"]["busy"]))
    assert [("person", 3, 1)] == [(one.cls, one.joined, one.after) for one in planned.clusters]


def test_events_of_a_value_that_is_blocked_go_to_their_next_identity(shop: Shop) -> None:
    settings(shop, MAIL_FIRST)
    shop.load("person", person("1", "crm1", "office@a.example"))
    shop.load("event", *(met(n, n, Email="office@a.example", ECID=f"{n}") for n in (1, 2)))
    shop.load("event", met(3, 3, Email="office@a.example"))
    shop.audience("visitors", pql="xEvent.count() >= 1")
    settings(shop, MAIL_FIRST[:-2] + ", blocked: {Email: [office@a.example]}}}")

    planned, before, after = planned_and_applied(shop)

    assert (1, 2) == (len(before["members"]["visitors"]), len(after["members"]["visitors"]))
    assert [("event", 3)] == [(one.cls, one.moved) for one in planned.events]
    assert ("ECID:1",) in {theirs for _, _, theirs in planned.events[0].examples}
    (moved,) = planned.members
    assert (2, 1) == (moved.enter, moved.leave)
    assert {("ECID:1",), ("ECID:2",)} == {names for _, names in moved.enter_first}
    assert any("Email:office@a.example" in names for _, names in moved.leave_first)


def test_a_namespace_that_becomes_unique_hands_the_device_to_its_last_user(shop: Shop) -> None:
    settings(shop, LOGIN)
    shop.load("event", met(1, 1, Login="Tom", ECID="1"), met(2, 2, Login="Summer", ECID="1"))
    shop.load("event", met(3, 3, ECID="1"), met(4, 3, ECID="1"))
    settings(shop, LOGIN_UNIQUE)

    planned, _, _ = planned_and_applied(shop)
    ((before, after),) = [(one.before, one.after) for one in planned.clusters]
    (split,) = planned.clusters[0].splits

    assert (1, 2) == (before, after)
    assert {("Login:Tom",), ("ECID:1", "Login:Summer")} == {names for _, names in split.parts}
    assert sum(one.moved for one in planned.events) in (1, 3)


def test_a_key_of_accounts_joins_them_in_the_plan(shop: Shop) -> None:
    settings(shop)
    duns = {"accountOrganization": {"DUNSNumber": "77"}}
    shop.load("account", *(account(n, "crm1", **duns) for n in "123"), account("4", "crm1"))
    shop.audience("companies", of="account")
    settings(shop, "{account: {keys: [accountOrganization.DUNSNumber]}}")

    planned, _, _ = planned_and_applied(shop)
    (clusters,) = planned.clusters
    (join,) = clusters.joins

    assert (4, 2, 3, 0) == (clusters.before, clusters.after, clusters.joined, clusters.split)
    assert [f"b2b_account:{n}@crm1.Salesforce" for n in "123"] == [names[0] for _, names in join.parts]


def test_another_merge_policy_shows_the_values_that_change(shop: Shop) -> None:
    settings(shop)
    at = {"extSourceSystemAudit": {"lastUpdatedDate": "2026-11-01T00:00:00Z"}}
    later = {"extSourceSystemAudit": {"lastUpdatedDate": "2026-11-02T00:00:00Z"}}
    mail = "p@a.example"
    shop.load("person", person("1", "crm1", mail, person={"name": {"firstName": "Ann"}}, **at))
    newer = person("1", "crm2", mail, person={"name": {"firstName": "Anna"}}, **later)
    shop.load("person", newer, source="crm_2")
    shop.audience("anna", pql='person.name.firstName = "Anna"')
    settings(shop, merge="{person: {by: source, order: [crm_1, crm_2]}}")

    planned, before, after = planned_and_applied(shop)
    (values,) = planned.values
    named = {one.field: one for one in values.fields}

    assert (1, 0) == (len(before["members"]["anna"]), len(after["members"]["anna"]))
    assert ("person", 1) == (values.cls, values.entities)
    assert ("Anna", "Ann") == named["person.name.firstName"].examples[0][2:]
    assert [] == [one for one in planned.clusters if one.joined or one.split]
    assert any("Anna → Ann" in line for line in planned.lines())


@pytest.mark.parametrize(("warn_over", "much"), [(49.0, True), (50.0, False)])
def test_a_list_of_which_much_would_move_is_marked(shop: Shop, warn_over: float, much: bool) -> None:
    settings(shop)
    shop.people(1, 2, 3)
    shop.load("person", person("again", "crm1", "p3@townsend.com"))
    shop.audience("everybody", pql='workEmail.address != "p1@townsend.com"')
    settings(shop, "{person: {blocked: {Email: [p3@townsend.com]}}}")
    with shop.open() as project:
        (moved,) = plan_changes(project, NOW, warn_over).members

    assert (2, 3, 50.0) == (moved.before, moved.after, moved.moved_percent)
    assert much == moved.much == any("look twice" in line for line in moved.lines())


def test_a_copy_that_a_killed_plan_left_behind_is_no_hindrance(shop: Shop) -> None:
    settings(shop, MAIL_FIRST)
    shop.load("event", met(1, 1, Email="a@a.example", ECID="1"))
    (shop.folder / ".townsend" / COPY).write_bytes(b"half of a file")
    settings(shop, DEVICE_FIRST)

    planned, _, _ = planned_and_applied(shop)

    assert planned.pending


@pytest.mark.parametrize("seed", range(12))
def test_whatever_rules_change_the_plan_says_what_applying_does(shop: Shop, seed: int) -> None:
    rng = Random(seed)
    settings(shop, rules(rng))
    shop.load("person", *(row(rng, n) for n in range(8)))
    shop.load("event", *(event(rng, n) for n in range(12)))
    shop.audience("busy", pql="xEvent.count() > 1")
    shop.audience("anybody")
    for _ in range(3):
        settings(shop, rules(rng))
        with shop.open() as project:
            pending = plan_changes(project, NOW).pending
        if pending:
            planned, before, after = planned_and_applied(shop)
            entities = {one.cls: (one.before, one.after) for one in planned.clusters}

            assert entities["person"] == (
                len(before["members"]["anybody"]),
                len(after["members"]["anybody"]),
            ), f"seed {seed}"


def rules(rng: Random) -> str:
    spaces = rng.sample(["b2b_person", "Email", "ECID", "Login"], rng.randint(2, 4))
    listed = ", ".join(f"{{code: {one}, unique: {str(rng.random() < 0.3).lower()}}}" for one in spaces)
    blocked = ", ".join(f"m{n}@a.example" for n in range(3) if rng.random() < 0.3)
    return f"{{person: {{namespaces: [{listed}], blocked: {{Email: [{blocked}]}}}}}}"


def row(rng: Random, n: int) -> dict[str, Any]:
    return person(f"p{n}", f"crm{n % 2}", f"m{rng.randint(0, 4)}@a.example" if rng.random() < 0.8 else None)


def event(rng: Random, n: int) -> dict[str, Any]:
    values = {"Email": f"m{rng.randint(0, 4)}@a.example", "ECID": str(rng.randint(0, 4))}
    values |= {"Login": f"l{rng.randint(0, 3)}"}
    chosen = rng.sample(sorted(values), rng.randint(1, 3))
    return met(n, rng.randint(1, 20), **{space: values[space] for space in chosen})


def test_events_keep_their_ids_when_they_change_hands(shop: Shop) -> None:
    """An event's id is its place in the store; an audience of events must not take them for others."""
    settings(shop, MAIL_FIRST)
    shop.load("event", *(met(n, 1 + n, Email=f"p{n}@a.example", ECID=f"{n % 2}") for n in range(5)))
    shop.audience("late", of="event", pql='_id in ["e3", "e4"]')
    with shop.open() as project:
        ids = [int(one) for one in project.members("late", now=NOW).ids]
    settings(shop, DEVICE_FIRST)

    planned, _, _ = planned_and_applied(shop)
    with shop.open() as project:
        after = [int(one) for one in project.members("late", now=NOW).ids]

    assert (0, 0) == (planned.members[0].enter, planned.members[0].leave)
    assert ids == after


def test_an_event_whose_only_identity_is_none_any_more_belongs_to_nobody(shop: Shop) -> None:
    keyed = "{{person: {{namespaces: [{{code: Email}}]}}, event: {{keys: [{}]}}}}"
    settings(shop, keyed.format("web.webPageDetails.name"))
    page = {"web": {"webPageDetails": {"name": "u1"}}}
    shop.load("event", {"_id": "1", "timestamp": "2026-11-01T00:00:00Z", **page})
    shop.audience("visitors", pql="xEvent.count() = 1")
    settings(shop, keyed.format(""))

    planned, before, after = planned_and_applied(shop)

    assert (1, 0) == (len(before["members"]["visitors"]), len(after["members"]["visitors"]))
    assert [1] == [one.moved for one in planned.events]
