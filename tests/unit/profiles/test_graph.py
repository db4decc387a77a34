"""The graph of one entity tells everything that was said about it, and why some of it does not count."""

from __future__ import annotations

from typing import Any

from tests.unit.profiles.house import House, house, person

from townsend.identity import IdentityRules
from townsend.profiles.view import GraphView, graph_view

__all__ = ["house"]

MAIL = "p@bodea.example"


def graph(house: House, who: str) -> GraphView:
    return graph_view(house.unify(), house.facts, house.identity, who)


def met(event: str, day: int, **spaces: str) -> dict[str, Any]:
    found = {space: [{"id": value}] for space, value in spaces.items()}
    return {"_id": event, "timestamp": f"2026-03-{day:02d}T00:00:00Z", "identityMap": found}


def test_events_are_counted_with_their_sources_and_the_last_of_them(house: House) -> None:
    house.take("event", met("1", 1, Email=MAIL, ECID="1"), met("2", 3, Email=MAIL, ECID="1"), source="web")
    house.take("event", met("3", 2, Email=MAIL, ECID="1"), source="app")

    (link,) = graph(house, MAIL).links

    assert ("event", "app, web", 3, 3) == (link.reason, link.source, link.facts, link.at.day)


def test_an_event_of_the_future_says_nothing_yet(house: House) -> None:
    house.take("event", met("1", 1, Email=MAIL, ECID="1"), met("2", 19, Email=MAIL, ECID="1"))

    (link,) = graph(house, MAIL).links

    assert (1, 1) == (link.facts, link.at.day)


def test_a_value_over_the_limit_is_listed_with_the_records_it_would_join(house: House) -> None:
    house.identity = IdentityRules(links_per_value=2)
    house.take("person", *(person(str(n), MAIL) for n in range(3)))

    found = graph(house, "1@crm1.Salesforce")

    assert ((f"Email:{MAIL}", 3),) == found.crowded
    assert f"  Email:{MAIL} (3 records)" in found.lines()


def test_blocked_values_are_listed_and_link_nobody(house: House) -> None:
    house.identity = IdentityRules(blocked={"Email": frozenset({MAIL})})
    house.take("person", person("1", MAIL), person("2", MAIL))
    house.take("event", met("1", 1, Email=MAIL, ECID="1"))

    found = graph(house, "1@crm1.Salesforce")

    assert ((f"Email:{MAIL}",), (), (), ()) == (found.blocked, found.links, found.removed, found.crowded)
    assert (f"Email:{MAIL}",) == graph(house, "ECID:1").blocked


def test_a_machine_gets_all_of_it(house: House) -> None:
    house.take("person", person("1", MAIL, 2))

    found = graph(house, MAIL).to_json()

    assert {"id", "class", "identities", "links", "removed", "crowded", "blocked"} == found.keys()
    assert {"a", "b", "reason", "source", "at", "facts"} == found["links"][0].keys()
