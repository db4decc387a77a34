"""Mappings that people write: what is wrong is said, what is shipped is right, changes hold."""

from __future__ import annotations

from typing import Any

import pytest

from townsend.model import builtin_schema
from townsend.sources.instance import Instance
from townsend.sources.mapcheck import faults
from townsend.sources.mapping import Mapper
from townsend.sources.tables import SHIPPED, MappingChanges, Table, load_tables
from townsend.sources.watch import watched, watching

SHAPE = builtin_schema().entity_class("account").shape
ORG = Instance("00D", "Salesforce")


def complaints(fields: Any) -> list[tuple[tuple[str | int, ...], str]]:
    return [(fault.path, fault.code) for fault in faults(fields, SHAPE)]


@pytest.mark.parametrize("name", [name for names in SHIPPED.values() for name in names])
def test_what_is_shipped_has_no_faults(name: str) -> None:
    found = {table.name: list(faults(table.fields, table.shape)) for table in load_tables(name).values()}

    assert {} == {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize(
    "spec",
    [
        "Name",
        ["Name", "Label"],
        {"from": "Name", "most": 20},
        {"constant": "x"},
        None,
        {"key": "Id", "suffix": "!"},
    ],
)
def test_what_can_be_written_is_taken(spec: Any) -> None:
    assert [] == complaints({"accountName": spec, "custom.region": "Region__c"})


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("accountNam", "did you mean 'accountName'"),
        ("accountOrganization.colour", "no such field"),
        ("accountOrganisation.industry", "did you mean 'accountOrganization.industry'"),
        ("region", "a group of its own, such as custom.region"),
    ],
)
def test_a_field_that_is_not_there_is_refused(target: str, words: str) -> None:
    (fault,) = faults({target: "Name"}, SHAPE)

    assert "mapping.target" == fault.code
    assert words in fault.text


@pytest.mark.parametrize(
    "spec",
    [
        "",
        7,
        [],
        ["Name", 7],
        {},
        {"form": "Name"},
        {"from": "Name", "key": "Id"},
        {"from": ["Name", 3]},
        {"from": "Name", "by": ";"},
        {"from": "Name", "most": "20"},
        {"from": "Name", "values": ["x"]},
        {"split": "Roles"},
    ],
)
def test_a_line_that_is_none_is_refused(spec: Any) -> None:
    assert [(("accountName",), "mapping.word")] == complaints({"accountName": spec})


def test_changes_replace_add_and_leave_out() -> None:
    shipped = {
        "t": Table(
            "t", "account", {"accountName": "Name", "accountSite": "Site", "accountKey": {"key": "Id"}}
        )
    }
    said = {"accountName": "Label", "accountSite": None, "custom.x": "X__c"}
    changed = MappingChanges(
        {"t": {"fields": said}, "own": {"class": "account", "fields": {"accountName": "N"}}}
    )
    tables = changed.of(shipped)
    row = Mapper(tables["t"], ORG).row({"Id": "1", "Name": "a", "Label": "b", "Site": "c", "X__c": "d"})

    assert ("b", None, "d") == (row["accountName"], row.get("accountSite"), row["custom"]["x"])
    assert ("Label", "X__c") == tuple(name for name in tables["t"].sources if name != "Id")
    assert {"accountName": "N"} == tables["own"].fields
    assert shipped["t"].digest != tables["t"].digest
    assert shipped["t"].digest == MappingChanges().of(shipped)["t"].digest


def test_whoever_watches_sees_each_row_beside_what_it_becomes() -> None:
    class Watch:
        rows = True

        def __init__(self) -> None:
            self.seen: list[Any] = []

        def uses(self, table: Table, own: Any) -> None:
            self.seen.append((table.name, dict(own)))

        def saw(self, table: Table, row: Any, mapped: Any) -> None:
            self.seen.append((table.name, row, mapped))

    table = Table("t", "account", {"accountName": "Name"})
    with watching(watch := Watch()):
        mapper = Mapper(table, ORG, also={"X__c": "custom.x"})
    mapper.rows([{"Name": "a"}, {"Other": 1}])

    assert [
        ("t", {"X__c": "custom.x"}),
        ("t", {"Name": "a"}, {"accountName": "a"}),
        ("t", {"Other": 1}, {}),
    ] == watch.seen
    assert watched() is None
