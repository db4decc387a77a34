"""Mappings as data: the words of a table, the types of targets, and that the shipped ones fit the schema."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from townsend.model import builtin_schema
from townsend.problem import Broken, Invalid
from townsend.sources import (
    contract,
    instance,
    mapping,
    marketo_activities,
    marketo_exports,
    open_source,
    values,
)
from townsend.sources.contract import since_of
from townsend.sources.instance import Instance
from townsend.sources.mapping import Mapper, Table, load_tables
from townsend.vendors import patience

INSTANCE = Instance("123-ABC-456", "Marketo")
CRM = Instance("00D", "Salesforce", lambda sid: sid.upper())
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def mapped(fields: dict[str, Any], row: dict[str, Any], cls: str = "person", **more: Any) -> dict[str, Any]:
    return Mapper(Table("t", cls, fields), INSTANCE, {"crm": CRM}, **more).row(row)


@pytest.mark.parametrize(
    "module", [contract, instance, mapping, marketo_activities, marketo_exports, values, patience]
)
def test_examples_in_docstrings_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)

    assert (0, True) == (result.failed, result.attempted > 0)


@pytest.mark.parametrize(
    ("written", "read"),
    [("12.50", Decimal("12.50")), (3, 3), ("abc", "abc"), ("Infinity", "Infinity"), (" 7 ", Decimal(7))],
)
def test_a_number_is_read_exactly_or_left_as_it_came(written: Any, read: Any) -> None:
    assert {"b2b": {"personScore": read}} == mapped({"b2b.personScore": "x"}, {"x": written})


@pytest.mark.parametrize(
    ("written", "read"),
    [("true", True), ("0", False), (1, True), (False, False), ("Yes", True), ("maybe", "maybe")],
)
def test_a_boolean_is_read_in_all_its_spellings(written: Any, read: Any) -> None:
    assert {"isDeleted": read} == mapped({"isDeleted": "x"}, {"x": written})


@pytest.mark.parametrize("nothing", [None, "", "  ", "null"])
def test_what_says_nothing_is_absent(nothing: Any) -> None:
    assert {} == mapped({"workEmail.address": "x", "b2b.personKey": {"key": "x"}}, {"x": nothing})


def test_a_vendor_without_a_word_for_null_may_mean_null() -> None:
    """Somebody is called Null."""
    assert {"person": {"name": {"lastName": "null"}}} == mapped(
        {"person.name.lastName": "x"}, {"x": "null"}, null=None
    )


def test_a_whole_number_may_come_as_text_with_a_point() -> None:
    row = mapped({"accountOrganization.numberOfEmployees": "x"}, {"x": "900.0"}, "account")

    assert {"accountOrganization": {"numberOfEmployees": 900}} == row


def test_text_is_made_of_what_is_no_text() -> None:
    row = mapped({"b2b.personGroupID": "x", "b2b.personStatus": "y"}, {"x": 1, "y": False})

    assert {"b2b": {"personGroupID": "1", "personStatus": "false"}} == row


def test_the_first_of_several_that_has_a_value_counts() -> None:
    assert {"b2b": {"personSource": "b"}} == mapped({"b2b.personSource": ["x", "y"]}, {"x": "", "y": "b"})


def test_keys_are_of_this_instance_or_of_one_that_is_known() -> None:
    fields = {
        "b2b.accountKey": {"key": "company", "suffix": ".mkto_org"},
        "extSourceSystemAudit.externalKey": {"key": ["contact", "lead"], "of": "crm"},
        "b2b.convertedContactKey": {"key": "lead", "of": "another"},
    }
    row = mapped(fields, {"company": 5, "lead": "00q"})

    assert "5.mkto_org@123-ABC-456.Marketo" == row["b2b"]["accountKey"]["sourceKey"]
    assert "00Q@00D.Salesforce" == row["extSourceSystemAudit"]["externalKey"]["sourceKey"]
    assert "convertedContactKey" not in row["b2b"]


def test_lists_are_made_of_texts_and_of_lists() -> None:
    fields = {
        "extendedWorkDetails.departments": {"split": "x", "by": ";"},
        "identityMap.ECID": {"ids": "y", "by": ","},
    }
    row = mapped(fields, {"x": "a; b;;", "y": ["1", "2"]})

    assert ["a", "b"] == row["extendedWorkDetails"]["departments"]
    assert [{"id": "1"}, {"id": "2"}] == row["identityMap"]["ECID"]


def test_an_item_without_any_value_is_no_item() -> None:
    fields = {"personComponents": [{"workEmail.address": "x"}, {"personStatus": "y"}]}

    assert {"personComponents": [{"personStatus": "new"}]} == mapped(fields, {"y": "new"})


def test_values_that_are_not_translated_are_absent() -> None:
    fields = {"consents.marketing.email.val": {"from": "x", "values": {"true": "n"}}}

    assert {} == mapped(fields, {"x": "false"})
    assert {"consents": {"marketing": {"email": {"val": "n"}}}} == mapped(fields, {"x": True})


def test_further_fields_take_the_type_that_the_vendor_describes() -> None:
    row = mapped(
        {},
        {"Size": "7", "Note": "7"},
        also={"Size": "own.Size", "Note": "own.Note"},
        kinds={"Size": "number"},
    )

    assert {"own": {"Size": Decimal(7), "Note": "7"}} == row


def test_a_word_that_no_table_has_is_our_mistake() -> None:
    with pytest.raises(Broken) as caught:
        mapped({"workEmail.address": {"form": "x"}}, {})

    assert "mapping.word" == caught.value.code


def targets(fields: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for target, spec in fields.items():
        if isinstance(spec, list) and spec and isinstance(spec[0], dict):
            for item in spec:
                found += targets(item, f"{prefix}{target}[].")
        else:
            found.append(f"{prefix}{target}")
    return found


@pytest.mark.parametrize("name", ["marketo", "marketo_activities"])
def test_every_target_of_the_shipped_mappings_is_declared(name: str) -> None:
    """A misspelled target would be kept as an undeclared field and never be asked for."""
    unknown = []
    for table in load_tables(name).values():
        shape = builtin_schema().entity_class(table.cls).shape
        for target in targets(dict(table.fields)):
            array, _, inner = target.partition("[].")
            at = shape if not inner else shape.arrays[array].shape
            assert at is not None
            path = inner or array
            known = {*at.leaves, *at.arrays, *at.maps, *at.keys, *at.money}
            if path not in known and path.rpartition(".")[0] not in at.maps:
                unknown.append(f"{table.name}: {target}")

    assert [] == unknown


@pytest.mark.parametrize(
    ("since", "at"),
    [
        ("1 month", "2026-02-28T12:00:00+00:00"),
        ("25 months", "2024-02-29T12:00:00+00:00"),
        ("2 years", "2024-03-31T12:00:00+00:00"),
        ("10 days", "2026-03-21T12:00:00+00:00"),
        ("2 weeks", "2026-03-17T12:00:00+00:00"),
        ("2025-01-31", "2025-01-31T00:00:00+00:00"),
        ("2025-01-31T10:00:00+02:00", "2025-01-31T10:00:00+02:00"),
    ],
)
def test_since_is_a_date_or_a_span(since: str, at: str) -> None:
    assert at == since_of("m", {"since": since}, "25 months", NOW).isoformat()


def test_since_may_be_left_out() -> None:
    assert "2024-02-29" == since_of("m", {}, "25 months", NOW).date().isoformat()


def test_a_source_that_is_not_pulled_says_so(tmp_path: Any) -> None:
    from tests.unit.sources.wire import TestClock

    with pytest.raises(Invalid) as caught:
        open_source("web", {"type": "inlet"}, TestClock(), folder=tmp_path)

    assert "source.type" == caught.value.code
