"""Relationships as the agreement has them: every name of its table, retired rows, hierarchies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.stories.bodea import NOW, account, opportunity, person
from tests.stories.spec_world import ENGINES, SpecWorld, crm

from townsend.project.project import Project

ONE, TWO, THREE, GONE = crm("1"), crm("2"), crm("3"), crm("4")


def related_person(sid: str, who: str, of: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"accountPersonKey": crm(f"ap{sid}"), "personKey": crm(who), "accountKey": of} | more


def in_deal(sid: str, who: str, deal: str, **more: Any) -> dict[str, Any]:
    return {
        "opportunityPersonKey": crm(f"op{sid}"),
        "personKey": crm(who),
        "opportunityKey": crm(deal),
    } | more


def event(sid: str, who: str, **more: Any) -> dict[str, Any]:
    start = {"_id": sid, "timestamp": "2026-11-10T00:00:00Z", "eventType": "x", "personKey": crm(who)}
    return start | more


def fill(world: SpecWorld) -> None:
    """p1 directly at One, p2 by its own key at Two, p3 and p7 by relation rows; some are retired."""
    world.load(
        "account",
        [
            account("1", "crm1", "One", accountParentKey=TWO, relatedAccountKeys=[THREE]),
            account("2", "crm1", "Two", accountParentKey=THREE),
            account("3", "crm1", "Three"),
            account("4", "crm1", "Gone", isDeleted=True),
            account("5", "crm1", "Five", accountParentKey=GONE),
        ],
    )
    people = [person(name, "crm1", f"{name}@x.com") for name in ("p3", "p5", "p6", "p7")]
    own = {"personKey": crm("p2"), "accountKey": TWO}
    people += [
        person("p1", "crm1", "p1@x.com", [ONE]),
        person("p2", "crm1", "p2@x.com", b2b=own),
        person("p4", "crm1", "p4@x.com", [GONE]),
        person("p8", "crm1", "p8@x.com", [TWO], isDeleted=True),
    ]
    world.load("person", people)
    until = {"relationStartDate": "2026-11-22T12:00:00Z", "relationEndDate": "2026-11-23T00:00:00Z"}
    world.load(
        "account_person",
        [
            related_person("1", "p3", ONE, personRoles=["Manager"], isActive=True),
            related_person("2", "p5", ONE, isActive=False),
            related_person("3", "p6", ONE, isDeleted=True),
            related_person("4", "p7", ONE, **until),
            related_person("5", "p1", GONE),
            related_person("6", "p2", crm("99")),
            related_person("7", "p1", ONE),
        ],
    )
    campaigns = [
        {"campaignKey": crm("c1"), "campaignName": "First", "parentCampaignKey": crm("c2")},
        {"campaignKey": crm("c2"), "campaignName": "Second"},
    ]
    world.load("campaign", campaigns)
    world.load(
        "opportunity",
        [
            opportunity("o1", "crm1", ONE, 100, campaignKey=crm("c1")),
            opportunity("o2", "crm1", TWO, 100, won=False),
            opportunity("o3", "crm1", GONE, 7),
        ],
    )
    world.load(
        "opportunity_person",
        [
            in_deal("1", "p3", "o2", personRole="DM"),
            in_deal("2", "p1", "o1"),
            in_deal("3", "p2", "o1", isDeleted=True),
            in_deal("4", "p5", "o3"),
            in_deal("5", "p3", "o2", personRole="User"),
        ],
    )
    fill_lists(world)


def fill_lists(world: SpecWorld) -> None:
    member = {"campaignKey": crm("c1")}
    world.load(
        "campaign_member",
        [
            {"campaignMemberKey": crm("m1"), "personKey": crm("p1"), "memberStatus": "Sent"} | member,
            {"campaignMemberKey": crm("m2"), "personKey": crm("p2"), "isDeleted": True} | member,
        ],
    )
    world.load(
        "list",
        [
            {"marketingListKey": crm("l1"), "marketingListName": "L1"},
            {"marketingListKey": crm("l2"), "marketingListName": "L2", "isDeleted": True},
        ],
    )
    names = (("lm1", "l1", "p1", False), ("lm2", "l1", "p2", True), ("lm3", "l2", "p3", False))
    world.load(
        "list_member",
        [
            {
                "marketingListMemberKey": crm(sid),
                "marketingListKey": crm(of),
                "personKey": crm(who),
                "isDeleted": gone,
            }
            for sid, of, who, gone in names
        ],
    )
    intent = {"accountIntentID": "i1", "accountKey": ONE, "topicName": "T1", "score": 80}
    world.load("account_intent", [intent])
    progress = {"campaignKey": crm("c1"), "newStatusName": "Won"}
    world.load(
        "event",
        [
            event("e1", "p1", accountKey=ONE),
            event("e2", "p2", opportunityEvent={"opportunityKey": crm("o1"), "role": "r"}),
            event("e3", "p3", leadOperation={"campaignProgression": progress}),
            event("e4", "p5", listOperations={"listKey": crm("l1"), "listID": "l1"}),
        ],
    )


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    world = SpecWorld(tmp_path_factory.mktemp("paths") / "spec")
    fill(world)
    with Project(world.folder) as project:
        yield project


def holds(opened: Project, of: str, pql: str, expected: str, now: str = NOW) -> None:
    for engine in ENGINES:
        found = SpecWorld.names(opened, pql, of, now, engine)

        assert sorted(expected.split()) == found, f"{engine}: {pql}"


WAYS = [
    ('accounts.accountName = "One"', "p1 p3 p7"),
    ('accounts(via: "direct").accountName = "One"', "p1"),
    ('accounts(via: "relation").accountName = "One"', "p1 p3 p7"),
    ('accounts(via: "opportunity").accountName = "One"', "p1"),
    ('accounts(via: "opportunity").accountName = "Two"', "p3"),
    ('accounts.accountName = "Two"', "p2"),
    ("accounts.count() = 0", "p4 p5 p6"),
    ("accountRelations.count() = 2", "p1"),
    ("accountRelations.count() = 1", "p2 p3 p5 p7"),
    ("accountRelations.exists(account.isNull())", "p1 p2"),
    ('accountRelations.exists(isActive = true and personRoles.includes("Manager"))', "p3"),
    ("opportunities.count() = 1", "p1 p3 p5"),
    ("opportunityRelations.count() = 2", "p3"),
    ('opportunityRelations[personRole = "DM"].opportunity.account.accountName = "Two"', "p3"),
    ("opportunities.exists(account.isNull())", "p5"),
    ('campaigns.campaignName = "First"', "p1"),
    ('campaignMemberships.exists(memberStatus = "Sent" and campaign.campaignName = "First")', "p1"),
    ('lists.marketingListName = "L1"', "p1"),
    ("listMemberships.exists(list.isNull())", "p3"),
    ('xEvent.exists(account.accountName = "One")', "p1"),
    ('xEvent.opportunity.opportunityName = "Opportunity o1"', "p2"),
    ('xEvent.campaign.campaignName = "First"', "p3"),
    ('xEvent.list.marketingListName = "L1"', "p5"),
    ('accounts.opportunities.campaign.parent.campaignName = "Second"', "p1 p3 p7"),
    ('accounts.people.accounts.people.workEmail.address = "p7@x.com"', "p1 p3 p7"),
    ("accounts.people.count() = 3", "p1 p3 p7"),
    ('accounts.ancestors.accountName = "Three"', "p1 p2 p3 p7"),
]
OTHERS = [
    ("account", "people.count() = 3", "1"),
    ("account", 'people(via: "direct").count() = 1', "1 2"),
    ("account", 'people(via: "relation").count() = 3', "1"),
    ("account", 'people(via: "opportunity").count() = 1', "1 2"),
    ("account", "accountRelations.count() = 4", "1"),
    ("account", "opportunities.count() = 1", "1 2"),
    ("account", "parent.isNull()", "3 5"),
    ("account", 'parent.parent.accountName = "Three"', "1"),
    ("account", 'children.accountName = "One"', "2"),
    ("account", "ancestors.count() = 2", "1"),
    ("account", "descendants.count() = 2", "3"),
    ("account", 'related.accountName = "Three"', "1"),
    ("account", 'related.accountName = "One"', "3"),
    ("account", 'intents.exists(topicName = "T1" and score > 50)', "1"),
    ("account", "xEvent.count() = 1", "1"),
    ("opportunity", "account.isNull()", "o3"),
    ("opportunity", 'campaign.parent.campaignName = "Second"', "o1"),
    ("opportunity", "people.count() = 1", "o1 o2 o3"),
    ("opportunity", 'people(via: "account").count() = 3', "o1"),
    ("opportunity", "personRelations.count() = 2", "o2"),
    ("opportunity", "xEvent.count() = 1", "o1"),
    ("campaign", "people.count() = 1 and members.count() = 1 and opportunities.count() = 1", "c1"),
    ("campaign", 'children.campaignName = "First"', "c2"),
    ("list", 'people.workEmail.address = "p1@x.com" and members.count() = 1', "l1"),
    ("account_person", "true", "ap1 ap2 ap4 ap5 ap6 ap7"),
    ("account_person", "account.isNull()", "ap5 ap6"),
    ("opportunity_person", 'opportunity.account.accountName = "Two"', "op1 op5"),
    ("campaign_member", 'person.workEmail.address = "p1@x.com"', "m1"),
    ("list_member", "list.isNull()", "lm3"),
    ("account_intent", 'account.accountName = "One"', "i1"),
    ("event", 'person.workEmail.address = "p1@x.com" and account.accountName = "One"', "e1"),
]
RETIRED = [
    ("person", "deleted(campaignMemberships).count() = 1", "p1 p2"),
    ("person", 'deleted(campaignMemberships).campaign.campaignName = "First"', "p1 p2"),
    ("person", "deleted(listMemberships)[isDeleted].count() = 1", "p2"),
    ("person", 'deleted(listMemberships).exists(deleted(list).marketingListName = "L2")', "p3"),
    ("person", "deleted(opportunityRelations).opportunity.count() = 1", "p1 p2 p3 p5"),
    ("person", 'deleted(accounts).accountName = "Gone"', "p1 p4"),
    ("person", "deleted(accounts).count() = 2", "p1"),
    ("person", 'deleted(accounts(via: "direct")).accountName = "Gone"', "p4"),
    ("person", "deleted(accounts).opportunities.sum(opportunityAmount.amount) = 107", "p1"),
    ("person", 'deleted(accounts)[accountName = "Gone"].people.count() = 2', "p1 p4"),
    ("account", "deleted(people).count() = 2", "2"),
    ("account", "people.count() = 1", "2"),
    ("account", 'deleted(parent).accountName = "Gone"', "5"),
    ("account", "deleted(accountRelations).count() = 5", "1"),
    ("opportunity", 'account.isNull() and deleted(account).accountName = "Gone"', "o3"),
    ("list", "deleted(members).count() = 2", "l1"),
]


@pytest.mark.parametrize(("pql", "expected"), WAYS)
def test_a_person_reaches_the_rest_by_name(opened: Project, pql: str, expected: str) -> None:
    holds(opened, "person", pql, expected)


@pytest.mark.parametrize(("of", "pql", "expected"), OTHERS)
def test_every_class_is_a_root(opened: Project, of: str, pql: str, expected: str) -> None:
    holds(opened, of, pql, expected)


@pytest.mark.parametrize(("of", "pql", "expected"), RETIRED)
def test_retired_rows_show_inside_deleted_alone(opened: Project, of: str, pql: str, expected: str) -> None:
    holds(opened, of, pql, expected)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-22T11:59:59.999Z", "p1 p3"),
        ("2026-11-22T12:00:00Z", "p1 p3 p7"),
        ("2026-11-22T23:59:59.999Z", "p1 p3 p7"),
        ("2026-11-23T00:00:00Z", "p1 p3"),
    ],
)
def test_a_relation_row_counts_from_its_start_until_its_end(opened: Project, now: str, expected: str) -> None:
    holds(opened, "person", 'accounts.accountName = "One"', expected, now)
    holds(opened, "person", 'accountRelations.account.accountName = "One"', "p1 p3 p5 p7", now)
