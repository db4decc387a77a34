"""Classes and relationships come from data, the built-in ones and a project's alike."""

from __future__ import annotations

from typing import Any

import pytest

from townsend.model import Edge, Inverse, Schema, Steps, ToOne, builtin_schema, schema_from
from townsend.model.schema import builtin_document
from townsend.problem import Invalid


def with_addition(addition: dict[str, Any]) -> Schema:
    return schema_from([("xdm.yaml", builtin_document()), ("schema/more.yaml", addition)])


def complaint(addition: dict[str, Any]) -> Invalid:
    with pytest.raises(Invalid) as caught:
        with_addition(addition)
    return caught.value


def test_the_built_in_classes_are_those_of_the_agreement() -> None:
    assert [
        "account", "person", "opportunity", "account_person", "opportunity_person", "campaign",
        "campaign_member", "list", "list_member", "account_intent", "event",
    ] == list(builtin_schema().classes)  # fmt: skip


@pytest.mark.parametrize(
    ("near", "names"),
    [
        (
            "person",
            "accounts accountRelations opportunities opportunityRelations campaigns campaignMemberships "
            "lists listMemberships xEvent",
        ),
        (
            "account",
            "people accountRelations opportunities parent children ancestors descendants related "
            "intents xEvent",
        ),
        ("opportunity", "account campaign people personRelations xEvent"),
        ("campaign", "people members parent children opportunities"),
        ("list", "people members"),
        ("account_person", "person account"),
        ("opportunity_person", "person opportunity"),
        ("campaign_member", "person campaign"),
        ("list_member", "person list"),
        ("event", "person account opportunity campaign list"),
    ],
)
def test_every_class_reaches_what_the_agreement_names(near: str, names: str) -> None:
    found = {relationship.name for relationship in builtin_schema().relationships_of(near)}

    assert set(names.split()) == found


def test_a_reference_has_a_name_in_both_directions() -> None:
    schema = builtin_schema()
    there, back = (
        schema.relationship("opportunity", "account"),
        schema.relationship("account", "opportunities"),
    )

    assert there is not None
    assert back is not None
    assert ("account", False, ToOne("account")) == (there.far, there.many, there.plan)
    assert ("opportunity", True, Inverse("account")) == (back.far, back.many, back.plan)


def test_accounts_of_a_person_are_direct_or_by_relation_unless_said_otherwise() -> None:
    accounts, people = (
        builtin_schema().relationship("person", "accounts"),
        builtin_schema().relationship("account", "people"),
    )
    assert accounts is not None
    assert people is not None
    ways = ("direct", "relation", "opportunity")

    assert Edge("person_account", False, ways, ("direct", "relation")) == accounts.plan
    assert Edge("person_account", True, ways, ("direct", "relation")) == people.plan
    assert ways == accounts.ways() == people.ways()


def test_people_of_an_opportunity_may_be_everyone_of_its_account() -> None:
    people = builtin_schema().relationship("opportunity", "people")

    assert people is not None
    assert Steps(("personRelations", "person")) == people.plan
    assert {"account": Steps(("account", "people"))} == people.other_ways


def test_a_project_adds_fields_classes_and_relationships() -> None:
    schema = with_addition(
        {
            "classes": {
                "account": {"fields": {"custom.tier": "integer"}},
                "contract": {
                    "key": "contractKey",
                    "fields": {"contractKey": "key", "accountKey": "key", "value": "money"},
                    "references": {
                        "account": {"field": "accountKey", "to": "account", "inverse": "contracts"}
                    },
                },
            }
        }
    )
    contracts = schema.relationship("account", "contracts")

    assert "integer" == schema.entity_class("account").shape.leaves["custom.tier"].type
    assert "accountName" in schema.entity_class("account").shape.leaves
    assert "contract" == schema.entity_class("contract").namespace
    assert contracts is not None
    assert "contract" == contracts.far


def test_what_a_project_adds_leaves_the_built_in_classes_alone() -> None:
    with_addition({"classes": {"account": {"fields": {"custom.tier": "integer"}}}})

    assert "custom.tier" not in builtin_schema().entity_class("account").shape.leaves


@pytest.mark.parametrize(
    ("addition", "code", "words"),
    [
        ({"clases": {}}, "schema.key", ["schema/more.yaml", "'clases'"]),
        ({"classes": {"account": {"feilds": {}}}}, "schema.key", ["schema/more.yaml", "'feilds'"]),
        ({"classes": {"thing": {"fields": {}}}}, "schema.key_missing", ["thing", "`key`"]),
        (
            {"classes": {"account": {"fields": {"x": "text"}}}},
            "schema.type",
            ["account: x", "'text'", "string"],
        ),
        ({"classes": {"account": {"fields": {"x": ["text"]}}}}, "schema.type", ["account: x"]),
        ({"classes": {"account": {"fields": {"x": {"items": 5}}}}}, "schema.type", ["account: x"]),
        ({"classes": {"account": {"fields": {"x": None}}}}, "schema.type", ["account: x"]),
        (
            {"classes": {"account": {"references": {"owner": {"field": "accountParentKey", "to": "user"}}}}},
            "schema.reference",
            ["account", "owner", "'user'"],
        ),
    ],
)
def test_a_mistake_in_a_schema_file_is_named(addition: dict[str, Any], code: str, words: list[str]) -> None:
    problem = complaint(addition)

    assert code == problem.code
    assert [] == [word for word in words if word not in problem.text]


def test_an_unknown_class_is_named_with_those_there_are() -> None:
    with pytest.raises(Invalid) as caught:
        builtin_schema().entity_class("acount")

    assert "class.unknown" == caught.value.code
    assert "account" in caught.value.text


def test_an_event_is_a_class_with_a_time() -> None:
    assert ["event"] == [cls.name for cls in builtin_schema().classes.values() if cls.is_event]
