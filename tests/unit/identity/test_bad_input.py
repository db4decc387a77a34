"""What sources get wrong about identity, and that it costs neither people nor time."""

from __future__ import annotations

import time

import duckdb
import numpy as np
import pytest
from tests.unit.profiles.house import NOW, House, house, key, person

from townsend.identity import IdentityRules, Namespace
from townsend.identity.graph import Link, optimise
from townsend.identity.links import PAIRWISE_MAX, Merges, pairs_met
from townsend.identity.merging import is_followed, replayed
from townsend.identity.simulate import simulate
from townsend.store.facts_values import normal, normal_value

__all__ = ["house"]

# A machine that does other work besides must not make a test fail; what is quadratic takes minutes.
SECONDS_MOST = 20


def people(house: House) -> int:
    return len(house.rows("person"))


def test_a_record_that_names_itself_is_one_person(house: House) -> None:
    house.take("person", person("1", extSourceSystemAudit={"externalKey": key("1")}))

    assert 1 == people(house)


def test_ten_thousand_identities_in_one_record_are_one_person_in_bounded_time(house: House) -> None:
    house.identity = IdentityRules((Namespace("b2b_person", unique=True), Namespace("ECID")))
    many = {"ECID": [{"id": f"c{at}"} for at in range(10_000)]}
    house.take("person", person("1", identityMap=many), person("2", identityMap={"ECID": [{"id": "c7"}]}))
    began = time.process_time()

    assert 2 == people(house)
    assert SECONDS_MOST > time.process_time() - began


def test_ten_thousand_identities_in_one_event_are_one_person_in_bounded_time(house: House) -> None:
    many = {"ECID": [{"id": f"c{at}"} for at in range(10_000)]}
    began = time.process_time()
    house.take(
        "event", {"_id": "e", "timestamp": NOW.isoformat(), "personKey": key("1"), "identityMap": many}
    )

    assert 1 == people(house)
    assert SECONDS_MOST > time.process_time() - began


def test_ten_thousand_identities_in_one_event_are_simulated_in_bounded_time() -> None:
    began = time.process_time()
    found = simulate(
        [Namespace("CRMID", unique=True)], [[("CRMID", "Tom"), *(("ECID", str(at)) for at in range(10_000))]]
    )

    assert 1 == len(found.graphs)
    assert SECONDS_MOST > time.process_time() - began


def test_few_are_linked_pairwise_and_very_many_with_the_first_only() -> None:
    few, many = range(PAIRWISE_MAX + 1), range(PAIRWISE_MAX + 2)

    assert (PAIRWISE_MAX + 1) * PAIRWISE_MAX // 2 == len(pairs_met(few))
    assert [(0, at) for at in many[1:]] == pairs_met(many)


@pytest.mark.slow
def test_a_value_shared_by_a_hundred_thousand_records_links_nobody_in_bounded_time(house: House) -> None:
    house.take("person", *(person(f"{at}", "info@bodea.example") for at in range(100_000)))
    house.unify()
    house.take("person", person("one more", "info@bodea.example"))
    began = time.process_time()

    assert 100_001 == people(house)
    assert [("person", "Email", 1, 100_001)] == house.unify().report.crowded
    assert SECONDS_MOST > time.process_time() - began


def test_an_event_of_the_future_links_nobody_yet(house: House) -> None:
    soon = NOW.replace(hour=20).isoformat()
    house.take("person", person("1"), person("2", "a@bodea.example"))
    house.take(
        "event",
        {
            "_id": "e",
            "timestamp": soon,
            "personKey": key("1"),
            "identityMap": {"Email": [{"id": "a@bodea.example"}]},
        },
    )

    assert 2 == people(house)
    assert 1 == len(house.rows("person", house.unify(NOW.replace(hour=21))))


def test_a_clock_that_runs_ahead_is_the_newest_and_no_more() -> None:
    """A record dated in 2099 wins the order of links, and leaves all others where they were."""
    identity = {1: ("CRMID", "Tom"), 2: ("CRMID", "Summer"), 3: ("ECID", "1")}
    links = [Link(1, 3, 4_070_908_800_000), Link(2, 3, 1_773_835_200_000)]

    assert [links[0]] == optimise(links, identity, {"CRMID": 1, "ECID": 2}, frozenset({"CRMID"})).kept


def test_a_ring_of_merges_leaves_somebody() -> None:
    """Each system says that the other's record stays: the last word counts, and nobody vanishes."""
    rows = [(8, 2, 1), (2, 6, 2), (6, 2, 3)]
    kept, lost, at_ms = (np.array(column) for column in zip(*rows, strict=True))
    into, _ = replayed(Merges(kept, lost, at_ms, np.ones(3, np.int64)))

    assert {2: (6, 3)} == into
    assert is_followed(2, into, {2, 6, 8}.__contains__)
    assert not is_followed(6, into, {2, 6, 8}.__contains__)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("P@Townsend.com", " p@townsend.com\t", True),
        ("\u00a0p@townsend.com", "p@townsend.com", True),
        ("ÄRZTE@bodea.example", "ärzte@bodea.example", True),
        ("p@tοwnsend.com", "p@townsend.com", False),  # a Greek letter
        ("p@ｔownsend.com", "p@townsend.com", False),  # a wide letter
        ("straße@bodea.example", "strasse@bodea.example", False),
        ("p+x@townsend.com", "p@townsend.com", False),
        ("p.q@gmail.com", "pq@gmail.com", False),
    ],
)
def test_addresses_are_one_if_they_differ_in_blanks_around_and_capitals_only(
    one: str, other: str, same: bool
) -> None:
    """Whoever looks alike is not the same: to join two people wrongly is worse than to leave them apart."""
    assert same == (normal_value("Email", one) == normal_value("Email", other))


@pytest.mark.parametrize("value", ["ΑΣ@bodea.example", "İ@bodea.example", "ＡＢ@bodea.example", "\v x \f"])
def test_settings_and_facts_spell_an_address_alike(value: str) -> None:
    """A blocked value has to be found among the facts."""
    found = duckdb.sql(f"SELECT {normal('Email', '$1')}", params=[value]).fetchall()

    assert [(normal_value("Email", value),)] == found


def test_a_value_too_long_to_be_one_names_nobody(house: House) -> None:
    long = "x" * 2_000 + "@bodea.example"
    house.take("person", person("1", long), person("2", long))

    assert 2 == people(house)
