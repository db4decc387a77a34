"""Who is whom, as the agreement says it: rules that change, guards, master data, the simulation."""

from __future__ import annotations

import json
from itertools import combinations
from random import Random
from typing import Any

import pytest
from tests.stories.bodea import NOW, Bodea, account, person, xref

NAMESPACES = "[{code: b2b_person}, {code: Email}, {code: ECID}]"


def settings(bodea: Bodea, *lines: str) -> None:
    (bodea.folder / "townsend.yaml").write_text("\n".join(["name: bodea", *lines]) + "\n", "utf-8")


def people_rules(namespaces: str = NAMESPACES, blocked: str = "{}") -> str:
    return f"identity: {{person: {{namespaces: {namespaces}, blocked: {blocked}}}}}"


def groups(bodea: Bodea, of: str = "account", space: str = "b2b_account") -> list[list[str]]:
    """The record keys of each entity."""
    found = bodea("query", "true", "--of", of, "--json", "--now", NOW).rows
    return sorted(row["identities"].get(space, []) for row in found)


def duns(sid: str, number: str) -> dict[str, Any]:
    return account(sid, "crm", accountOrganization={"DUNSNumber": number})


def met(sid: str, **spaces: str) -> dict[str, Any]:
    """An event of whoever has these identities."""
    found = {space: [{"id": value}] for space, value in spaces.items()}
    return {"_id": sid, "timestamp": f"2026-11-{20 + int(sid)}T00:00:00Z", "identityMap": found}


def warnings(bodea: Bodea) -> str:
    return " | ".join(row["text"] for row in bodea("doctor", "--json").rows if row["level"] != "ok")


def test_a_field_that_becomes_an_identity_joins_what_was_loaded_before_it(bodea: Bodea) -> None:
    bodea.load("account", [duns("1", "77"), duns("2", "77"), duns("3", "78")])
    settings(bodea, "identity: {account: {keys: [accountOrganization.DUNSNumber]}}")
    before = groups(bodea)
    planned = bodea("plan", "--json").rows[0]
    still = groups(bodea)
    bodea("apply")
    after = groups(bodea)
    bodea.load("account", [duns("4", "77")])

    one, two, three, four = (f"{n}@crm.Salesforce" for n in "1234")
    assert [[one], [two], [three]] == before == still
    assert (True, 2) == (planned["rules_changed"], planned["clusters"][0]["after"])
    assert [[one, two], [three]] == after
    assert [[one, two, four], [three]] == groups(bodea)


def test_a_field_that_is_an_identity_no_more_lets_go_when_applied(bodea: Bodea) -> None:
    settings(bodea, "identity: {account: {keys: [accountOrganization.DUNSNumber]}}")
    bodea.load("account", [duns("1", "77"), duns("2", "77")])
    together = groups(bodea)
    settings(bodea)
    bodea("apply")

    assert [["1@crm.Salesforce", "2@crm.Salesforce"]] == together
    assert [["1@crm.Salesforce"], ["2@crm.Salesforce"]] == groups(bodea)


def test_events_belong_to_whom_the_rules_in_effect_say(bodea: Bodea) -> None:
    """Under a new order of namespaces the result is as if it had been the order from the beginning."""
    order = "[{code: Login, unique: true}, {code: Mail}]", "[{code: Mail}, {code: Login, unique: true}]"
    settings(bodea, people_rules(order[0]))
    bodea.load("event", [met("1", Login="u1", Mail="m"), met("2", Login="u2", Mail="m")])
    apart = len(bodea("query", "xEvent.count() = 1", "--json", "--now", NOW).rows)
    settings(bodea, people_rules(order[1]))
    bodea("apply")

    assert 2 == apart
    assert 1 == len(bodea("query", "xEvent.count() = 2", "--json", "--now", NOW).rows)


def test_an_event_with_a_blocked_identity_belongs_to_its_next_one(bodea: Bodea) -> None:
    settings(bodea, people_rules(blocked="{Email: [Info@a.com]}"))
    bodea.load("event", [met("1", Email="info@a.com", ECID="c"), met("2", Email="info@a.com")])
    found = bodea("query", "xEvent.count() = 1", "--json", "--now", NOW).rows

    assert [{"ECID": ["c"]}] == [row["identities"] for row in found]


def test_blocking_a_value_later_moves_its_events_when_applied(bodea: Bodea) -> None:
    settings(bodea, people_rules())
    bodea.load("event", [met("1", Email="info@a.com", ECID="c")])
    settings(bodea, people_rules(blocked="{Email: [info@a.com]}"))
    bodea("apply")
    found = bodea("query", "xEvent.count() = 1", "--json", "--now", NOW).rows

    assert [{"ECID": ["c"]}] == [row["identities"] for row in found]


@pytest.mark.parametrize(("records", "entities"), [(3, 1), (4, 4)])
def test_a_value_that_joins_too_many_records_joins_none(bodea: Bodea, records: int, entities: int) -> None:
    settings(bodea, "limits: {links_per_value: 3}")
    bodea.load("person", [person(f"p{n}", "crm", "office@a.com") for n in range(records)])

    assert entities == len(groups(bodea, "person", "b2b_person"))
    assert (entities > 1) == ("join too many records" in warnings(bodea))


def test_master_data_about_a_record_that_never_came_is_reported(bodea: Bodea) -> None:
    bodea.load("account", [account("1", "crm1")])
    bodea.load("account_xref", xref(("G", "crm1", "1"), ("G", "typo", "2")), "mdm")

    assert "1 rows are about records that never came (such as salesforce typo 2)" in warnings(bodea)


def test_master_data_that_names_no_record_is_quarantined(bodea: Bodea) -> None:
    rows = "golden_id,source_system,source_instance,source_key\nG,,crm1,1\nG,salesforce,crm1,\n"
    bodea.load("account_xref", rows, "mdm", expect=3)
    found = bodea("quarantine", "ls", "--json").rows

    assert ["source_key", "source_system"] == sorted(row["path"] for row in found)


def test_a_key_that_leads_nowhere_is_told_and_a_company_of_its_own_is_not_among_them(bodea: Bodea) -> None:
    own, lost = account("1", "crm"), account("2", "crm")
    own["accountParentKey"] = own["accountKey"]
    lost["accountParentKey"] = account("9", "crm")["accountKey"]
    bodea.load("account", [own, lost])

    assert "1 account rows name in accountParentKey" in warnings(bodea)
    assert "9@crm.Salesforce" in warnings(bodea)


# ------------------------------------------------------------ graph simulate


def simulated(bodea: Bodea, text: str, code: int = 0) -> Any:
    path = bodea.folder / "events.yaml"
    path.write_text(text, "utf-8")
    answer = bodea("graph", "simulate", str(path), "--json")
    assert code == answer.code, answer.err
    return json.loads(answer.out if code == 0 else answer.err)


@pytest.mark.parametrize(
    "text",
    [
        "events: [[{CRMID: Tom}]]",
        "events: [[1]]",
        'events: ["A:1"]',
        'events: [["A1"]]',
        'namespaces: [{code: A}, {code: A, unique: true}]\nevents: [["A:1"]]',
        'namespaces: [{code: A, unique: maybe}]\nevents: [["A:1"]]',
    ],
)
def test_a_simulation_that_is_not_written_right_is_refused(bodea: Bodea, text: str) -> None:
    assert "events.yaml:" in simulated(bodea, text, code=2)["error"]["message"]


def test_a_value_that_names_nobody_takes_no_part_in_a_simulation(bodea: Bodea) -> None:
    found = simulated(bodea, 'events: [["A:1", "B:"], ["A:2", "B:anonymous"], ["A:3", "Email: P@A.com "]]')

    assert [["A:1"], ["A:2"], ["A:3", "Email:p@a.com"]] == found["graphs"]


def test_two_values_of_a_unique_namespace_in_one_event_come_apart(bodea: Bodea) -> None:
    rules = "namespaces: [{code: CRMID, unique: true}, {code: ECID}]\n"
    found = simulated(bodea, rules + 'events: [["CRMID:Tom", "CRMID:Summer", "ECID:1"]]')

    assert [["CRMID:Summer", "ECID:1"], ["CRMID:Tom"]] == found["graphs"]
    assert [["CRMID:Summer", "CRMID:Tom"], ["CRMID:Tom", "ECID:1"]] == found["removed"]


@pytest.mark.parametrize("seed", range(40))
def test_a_simulation_follows_the_rule_as_it_is_written(bodea: Bodea, seed: int) -> None:
    rng = Random(seed)
    spaces = [(code, rng.random() < 0.5) for code in rng.sample("ABC", rng.randint(1, 3))]
    events = [
        sorted({f"{rng.choice('ABCD')}:{rng.randint(1, 3)}" for _ in range(rng.randint(1, 4))})
        for _ in range(rng.randint(1, 9))
    ]
    body = {"namespaces": [{"code": code, "unique": unique} for code, unique in spaces], "events": events}

    assert by_the_book(spaces, events) == simulated(bodea, json.dumps(body))


def by_the_book(spaces: list[tuple[str, bool]], events: list[list[str]]) -> dict[str, list[list[str]]]:
    """Newest of the component first, then by priorities, then newest, then by text; whole sets each time."""
    place = {code: at for at, (code, _) in enumerate(spaces, 1)}
    unique = {code for code, one in spaces if one}
    seen = {pair: at for at, event in enumerate(events) for pair in combinations(event, 2)}
    nodes = {name for event in events for name in event}

    def sets(links: list[tuple[str, str]]) -> list[set[str]]:
        found = [{node} for node in nodes]
        for first, second in links:
            near = [one for one in found if first in one or second in one]
            found = [one for one in found if one not in near] + [set().union(*near)]
        return found

    def allowed(links: list[tuple[str, str]]) -> bool:
        codes = [[name[0] for name in one if name[0] in unique] for one in sets(links)]
        return all(len(one) == len(set(one)) for one in codes)

    kept: list[tuple[str, str]] = []
    for component in sets(list(seen)):
        inside = {pair: at for pair, at in seen.items() if pair[0] in component}
        last = max(inside.values(), default=0)
        for pair in sorted(
            inside,
            key=lambda p: (
                inside[p] != last,
                sum(place.get(name[0], len(spaces) + 1) for name in p),
                -inside[p],
                p,
            ),
        ):
            if allowed([*kept, pair]):
                kept.append(pair)
    return {
        "graphs": sorted(sorted(one) for one in sets(kept)),
        "removed": sorted(list(pair) for pair in seen if pair not in kept),
    }
