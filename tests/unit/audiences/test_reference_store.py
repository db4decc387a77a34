"""The world of a project, out of unified tables: small classes read whole, large ones by entity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import duckdb
import numpy as np
import pytest
from tests.unit.audiences.bodea import MONEY, NOW, SEED, VISIT, VISITED
from tests.unit.audiences.nodes import SCHEMA, audience, far, get, it, me

from townsend.audiences.core import ANY, Count, Each, Field, ListType, ScalarType, Truth
from townsend.audiences.reference import Entity, StoreWorld, members, value
from townsend.model import Schema

P2 = Entity("person", 2)
TABLES = """
CREATE SCHEMA facts; CREATE SCHEMA u;
CREATE TABLE facts.meta (key VARCHAR, value VARCHAR);
CREATE TABLE facts.number (n INTEGER, space VARCHAR, value VARCHAR);
CREATE TABLE facts.event (
    _id VARCHAR, "timestamp" BIGINT, source VARCHAR, who INTEGER, idents INTEGER[], "#account" INTEGER,
    "web.webPageDetails.URL" VARCHAR, productListItems VARCHAR, extra VARCHAR);
CREATE TABLE u.node_person (n INTEGER, id INTEGER);
CREATE TABLE u.node_account (n INTEGER, id INTEGER);
CREATE TABLE u.person (
    id INTEGER, first_ms BIGINT, "workEmail.address" VARCHAR, "extendedWorkDetails.departments" VARCHAR,
    personComponents VARCHAR, segmentMembership VARCHAR, extra VARCHAR);
CREATE TABLE u.account (id INTEGER, accountName VARCHAR, "@parent" INTEGER, extra VARCHAR);
CREATE TABLE u.account_retired (id INTEGER, accountName VARCHAR, "@parent" INTEGER, extra VARCHAR);
CREATE TABLE u.opportunity (
    id INTEGER, "isWon" BOOLEAN, "opportunityAmount.amount" DECIMAL(38, 9), "@account" INTEGER);
CREATE TABLE u.edge_person_account (near INTEGER, far INTEGER, via VARCHAR, start_ms BIGINT, end_ms BIGINT);
CREATE TABLE u.edge_account_ancestor (near INTEGER, far INTEGER);
CREATE TABLE u.source (class VARCHAR, id INTEGER, n INTEGER, source VARCHAR);
"""


@dataclass(frozen=True, eq=False)
class Unified:
    con: duckdb.DuckDBPyConnection
    schema: Schema
    name: str
    now_ms: int
    policy: str | None = None

    def under(self, policy: str | None) -> Unified:
        assert policy == self.policy
        return self

    def ids_listed(self, name: str) -> np.ndarray:
        return np.array({"targets": [2, 3]}[name], np.int32)


@pytest.fixture
def unified() -> Iterator[Unified]:
    con = duckdb.connect()
    con.execute(TABLES)
    components = '[{"sourceAccountKey": {"sourceKey": "1@crm1.Salesforce"}, "personScore": 1.5}]'
    con.executemany(
        "INSERT INTO u.person VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (1, None, "p1@townsend.com", None, None, None, None),
            (
                2,
                None,
                "p2@townsend.com",
                '["sales", "HR"]',
                components,
                '{"ups": {}}',
                '{"tier": {"x": 0.1}}',
            ),
            (3, None, "p3@townsend.com", None, None, None, None),
            (4, VISIT, None, None, None, None, None),
            (5, NOW + 1, None, None, None, None, None),
        ],
    )
    con.execute("INSERT INTO u.account VALUES (11, 'Townsend', 13, NULL), (13, 'Holding', NULL, NULL)")
    con.execute("INSERT INTO u.account_retired VALUES (19, 'Gone', NULL, NULL)")
    con.execute("INSERT INTO u.opportunity VALUES (21, true, 200000, 11), (22, true, 900000.5, 11)")
    con.executemany(
        "INSERT INTO u.edge_person_account VALUES (?, ?, 'direct', NULL, NULL)", [(1, 11), (2, 11), (3, 11)]
    )
    con.execute("INSERT INTO u.edge_account_ancestor VALUES (11, 13)")
    con.execute("INSERT INTO u.node_person VALUES (2, 2), (102, 2), (4, 4), (5, 5)")
    con.execute("INSERT INTO u.node_account VALUES (11, 11), (12, 11), (19, 19)")
    con.execute("INSERT INTO facts.number VALUES (2, 'b2b_person', 'p2@crm1.Salesforce')")
    con.execute("INSERT INTO u.source VALUES ('person', 2, 2, 'crm_1')")
    items = '[{"SKU": "PS", "quantity": 2}]'
    con.executemany(
        "INSERT INTO facts.event VALUES (?, ?, 'marketo_1', ?, NULL, ?, ?, ?, NULL)",
        [
            ("v1", VISIT, 102, 12, "https://www.bodea.example/new-product", items),
            ("v2", VISIT, 4, 19, "https://www.bodea.example/", None),
            ("v3", NOW + 1, 5, None, "https://www.bodea.example/new-product", None),
            ("v4", VISIT, None, None, "https://www.bodea.example/new-product", None),
        ],
    )
    yield Unified(con, SCHEMA, "u", NOW)
    con.close()


@pytest.fixture(params=[100_000, 0], ids=["whole", "by entity"])
def world(request: pytest.FixtureRequest, unified: Unified) -> StoreWorld:
    return StoreWorld(unified, bulk_rows=request.param)


def test_the_story_holds_over_tables(world: StoreWorld) -> None:
    assert [2] == members(SEED, world)
    assert [1, 2, 3] == members(audience(MONEY), world)
    assert [2] == members(audience(VISITED), world)


def test_people_and_events_of_the_future_do_not_exist_yet(world: StoreWorld) -> None:
    everybody = audience(Truth(me()))

    assert [1, 2, 3, 4] == members(everybody, world)
    assert [1, 2, 3, 4, 5] == members(everybody, world.at(NOW + 1))
    assert [1, 2, 3] == members(everybody, world.at(VISIT - 1))
    assert [2, 5] == members(audience(VISITED), world.at(NOW + 1))
    assert 3 == len(world.entities("event"))


def test_values_come_typed(world: StoreWorld) -> None:
    components = get(me(), "personComponents")
    score = get(it(1, components.type.item), "personScore")  # type: ignore[union-attr]

    assert ["sales", "HR"] == value(get(me(), "extendedWorkDetails.departments"), world, {0: P2})
    assert [Decimal("1.5")] == value(
        Each(components, 1, score, ListType(ScalarType("number"))), world, {0: P2}
    )
    assert {"ups": {}} == value(get(me(), "segmentMembership"), world, {0: P2})
    assert Decimal("0.1") == value(Field(me(), "tier.x", ANY), world, {0: P2})
    assert value(get(me(), "b2b.personStatus"), world, {0: P2}) is None


def test_an_event_leads_to_who_and_what_holds_its_numbers_now(world: StoreWorld) -> None:
    (visit,) = value(far(me(), "xEvent"), world, {0: P2})  # type: ignore[misc]

    assert P2 == value(far(me("event"), "person"), world, {0: visit})
    assert Entity("account", 11) == value(far(me("event"), "account"), world, {0: visit})
    assert [visit] == value(far(me("account"), "xEvent"), world, {0: Entity("account", 11)})
    (other,) = value(far(me(), "xEvent"), world, {0: Entity("person", 4)})  # type: ignore[misc]
    assert value(far(me("event"), "account"), world, {0: other}) is None


def test_retired_rows_hierarchies_and_missing_tables(world: StoreWorld) -> None:
    account = Entity("account", 11)

    assert [Entity("account", 13)] == value(far(me("account"), "ancestors"), world, {0: account})
    assert [account] == value(far(me("account"), "descendants"), world, {0: Entity("account", 13)})
    assert Entity("account", 13) == value(far(me("account"), "parent"), world, {0: account})
    assert [] == value(far(me("account"), "related"), world, {0: account})
    assert [] == value(far(me(), "campaigns"), world, {0: P2})
    assert 0 == value(Count(far(me(), "listMemberships")), world, {0: P2})
    assert [] == world.entities("campaign")
    assert [Entity("account", 11), Entity("account", 13)] == world.entities("account")
    assert "Gone" == value(get(me("account"), "accountName"), world, {0: Entity("account", 19)})


def test_a_list_audience_names_by_id(world: StoreWorld) -> None:
    assert [False, True, True, False] == [
        world.lists("targets", Entity("person", one)) for one in range(1, 5)
    ]


def test_keys_tell_the_records_and_their_sources(world: StoreWorld) -> None:
    assert [("p2@crm1.Salesforce", "crm_1")] == [tuple(key) for key in world.keys(P2)]
    assert [("v1", "marketo_1")] == [tuple(key) for key in world.keys(Entity("event", 0))]
