"""Values as they are read: exact numbers, floored instants, one spelling of text; the rest is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.intake.desk import Desk, account, counts

DAY = 1_772_323_200_000  # 2026-03-01T00:00Z
UPDATED = "extSourceSystemAudit.lastUpdatedDate"


def instant(desk: Desk, value: Any, path: str = "extSourceSystemAudit.createdDate") -> Any:
    """How the desk reads an instant; the code of the refusal if it does not."""
    desk.take("account", account(1, **{path: value}))
    refused = desk.refusals()
    return refused[0][2] if refused else desk.values("account", path)[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-01T00:00:00Z", DAY),
        ("2026-03-01T00:00:00.1239Z", DAY + 123),
        ("2026-03-01T00:00:00.123999999999Z", DAY + 123),
        ("2026-03-01T01:30:00+01:30", DAY),
        ("2026-03-01 01:00:00+01", DAY),
        ("2026-02-28T16:00:00-0800", DAY),
        ("2026-03-01T00:00Z", DAY),
        ("2026-03-01", DAY),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        (1_772_323_200, DAY),
        (1_772_323_200_123, DAY + 123),
        (Decimal("1772323200.1239"), DAY + 123),
        (-1, -1000),
        (datetime(2026, 3, 1, 0, 0, 0, 123_900, tzinfo=UTC), DAY + 123),
        ("2026-03-01T00:00:00", "row.type"),
        ("2026-02-29", "row.type"),
        ("2026-13-01T00:00:00Z", "row.type"),
        ("01/03/2026", "row.type"),
        ("1772323200", "row.type"),
        ("", "row.type"),
        (True, "row.type"),
        (10**18, "row.type"),
        ({"a": 1}, "row.type"),
    ],
)
def test_an_instant_is_read_exactly_and_floored(desk: Desk, value: Any, expected: Any) -> None:
    assert expected == instant(desk, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-01", DAY),
        ("2026-03-01T23:59:59Z", DAY),
        ("1969-12-31T12:00:00Z", -86_400_000),
        (5, "row.type"),
    ],
)
def test_a_date_is_the_utc_midnight_of_its_day(desk: Desk, value: Any, expected: Any) -> None:
    row = {"opportunityKey": {"sourceKey": "1@C.S"}, "expectedCloseDate": value}
    desk.take("opportunity", row)
    refused = desk.refusals()

    assert expected == (refused[0][2] if refused else desk.values("opportunity", "expectedCloseDate")[0])


def number(desk: Desk, value: Any, path: str = "accountScore") -> Any:
    desk.take("account", account(1, **{path: value}))
    refused = desk.refusals()
    return refused[0][2] if refused else desk.values("account", path)[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "3"),
        (3.5, "3.5"),
        (0.1, "0.1"),
        (Decimal("0.0000000005"), "0"),
        (Decimal("0.0000000015"), "0.000000002"),
        (Decimal("0.00000000250000001"), "0.000000003"),
        (Decimal("1e3"), "1000"),
        (10**28, str(10**28)),
        (10**30, "row.type"),
        ("3", "row.type"),
        (True, "row.type"),
        ([1], "row.type"),
    ],
)
def test_a_number_has_nine_places_half_to_even(desk: Desk, value: Any, expected: str) -> None:
    found = number(desk, value)

    assert expected == found if isinstance(found, str) else Decimal(expected) == found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (3.0, 3),
        (Decimal("3e2"), 300),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, "row.type"),
        (3.5, "row.type"),
        ("3", "row.type"),
    ],
)
def test_an_integer_is_whole_and_has_64_bits(desk: Desk, value: Any, expected: Any) -> None:
    assert expected == number(desk, value, "accountOrganization.numberOfEmployees")


def test_numbers_in_one_lot_may_be_spelled_differently(desk: Desk) -> None:
    values = [1, 2.5, Decimal("1e2"), 10**20]
    desk.take("account", *[account(n, accountScore=value) for n, value in enumerate(values)])

    assert [Decimal(1), Decimal("2.5"), Decimal(100), Decimal(10**20)] == desk.values(
        "account", "accountScore"
    )


def test_not_a_number_is_absent(desk: Desk) -> None:
    path = desk.folder / "a.parquet"
    columns = {"accountKey.sourceKey": ["1@C.S", "2@C.S"], "accountScore": [float("nan"), float("inf")]}
    pq.write_table(pa.table(columns), path)
    report = desk.load("account", path)

    assert {"rows": 2, "accepted": 1, "quarantined": 1} == counts(report.accepted)
    assert [("a.parquet:row 2", "accountScore", "row.type", "inf")] == desk.refusals()


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (pa.timestamp("ns"), 1_772_323_200_123_999_999, DAY + 123),
        (pa.timestamp("us"), 1_772_323_200_123_999, DAY + 123),
        (pa.timestamp("ms"), 1_772_323_200_123, DAY + 123),
        (pa.timestamp("s"), 1_772_323_200, DAY),
        (pa.timestamp("us", "Europe/Berlin"), 1_772_323_200_123_999, DAY + 123),
        (pa.timestamp("us"), -1, -1),
        (pa.date32(), 20_513, DAY),
        (pa.string(), "2026-03-01T00:00:00Z", DAY),
        (pa.int64(), 1_772_323_200_123, DAY + 123),
        (pa.float64(), 1_772_323_200.5, DAY + 500),
    ],
)
def test_an_instant_in_parquet_is_read_in_every_unit(
    desk: Desk, kind: Any, value: Any, expected: int
) -> None:
    path = desk.folder / "a.parquet"
    pq.write_table(pa.table({"accountKey.sourceKey": ["1@C.S"], UPDATED: pa.array([value], kind)}), path)
    desk.load("account", path)

    assert [expected] == desk.values("account", UPDATED)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (pa.decimal128(38, 12), Decimal("1.000000000500"), "1"),
        (pa.decimal128(38, 12), Decimal("1.000000001500"), "1.000000002"),
        (pa.float64(), 0.1, "0.1"),
        (pa.float32(), 0.1, "0.1"),
        (pa.uint64(), 2**64 - 1, str(2**64 - 1)),
        (pa.int8(), -3, "-3"),
    ],
)
def test_a_number_in_parquet_is_exact(desk: Desk, kind: Any, value: Any, expected: str) -> None:
    path = desk.folder / "a.parquet"
    pq.write_table(
        pa.table({"accountKey.sourceKey": ["1@C.S"], "accountScore": pa.array([value], kind)}), path
    )
    desk.load("account", path)

    assert [Decimal(expected)] == desk.values("account", "accountScore")


def test_cells_of_csv_spell_every_type(desk: Desk) -> None:
    path = desk.file(
        "a.csv",
        "accountKey.sourceKey,accountScore,isDeleted,accountOrganization.numberOfEmployees,"
        "extSourceSystemAudit.lastUpdatedDate,relatedAccountKeys,zip\n"
        '1@C.S, 1e2 ,TRUE,7.0,2026-03-01T00:00:00Z,"[{""sourceKey"": ""2@C.S""}]",007\n',
    )
    report = desk.load("account", path)
    related = '[{"sourceID":"2","sourceInstanceID":"C","sourceKey":"2@C.S","sourceType":"S"}]'

    assert {"rows": 1, "accepted": 1} == counts(report.accepted)
    assert [(Decimal(100), True, 7, DAY, related, '{"zip":"007"}')] == desk.values(
        "account", "accountScore", "deleted", "accountOrganization.numberOfEmployees", "own_ms",
        "relatedAccountKeys", "extra",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("accountScore", "1,5"),
        ("accountScore", "NaN"),
        ("isDeleted", "yes"),
        ("accountOrganization.numberOfEmployees", "7.5"),
        ("relatedAccountKeys", "2@C.S"),
        ("relatedAccountKeys", "{}"),
    ],
)
def test_a_cell_that_spells_no_value_is_refused(desk: Desk, header: str, cell: str) -> None:
    desk.load("account", desk.file("a.csv", f"accountKey.sourceKey;{header}\n1@C.S;{cell}\n"))

    assert [("a.csv:2", header, "row.type", cell)] == desk.refusals()


def test_an_empty_cell_is_absent_and_a_null_token_is_null(desk: Desk) -> None:
    text = "accountKey.sourceKey,accountName,accountType\n1@C.S,,\\N\n2@C.S,NULL,null\n3@C.S,x,y\n"
    desk.load("account", desk.file("a.csv", text))

    assert [["accountType"], ["accountName", "accountType"], None] == desk.values("account", "nulls")


def test_text_is_in_one_normal_form(desk: Desk) -> None:
    desk.take("account", account(1, accountName="Cafe\u0301", note={"e\u0301": "u\u0308"}))

    assert [("Café", '{"note":{"é":"ü"}}')] == desk.values("account", "accountName", "extra")
    assert {"rows": 1, "unchanged": 1} == counts(
        desk.take("account", account(1, accountName="Café", note={"é": "ü"}))
    )


def test_a_text_field_takes_text_only(desk: Desk) -> None:
    desk.take("account", account(1, accountName=5), account(2, accountName=True), account(3, accountName="5"))

    assert [("crm_1:1", "accountName", "row.type", "5"), ("crm_1:2", "accountName", "row.type", "true")] == (
        desk.refusals()
    )


@pytest.mark.parametrize(
    ("value", "field", "got"),
    [
        ({"accountOrganization": 5}, "accountOrganization", "5"),
        ({"relatedAccountKeys": "x"}, "relatedAccountKeys", '"x"'),
        ({"relatedAccountKeys": [5]}, "relatedAccountKeys[0]", "5"),
        ({"relatedAccountKeys": [{"sourceKey": 5}]}, "relatedAccountKeys[0].sourceKey", "5"),
        ({"identityMap": []}, "identityMap", "[]"),
        ({"identityMap": {"Email": [{"id": 1.5}]}}, "identityMap.Email[0]", '{"id":1.5}'),
    ],
)
def test_a_wrong_shape_names_the_place_inside(
    desk: Desk, value: dict[str, Any], field: str, got: str
) -> None:
    desk.take("account", account(1, **value))

    assert [("crm_1:1", field, "row.type", got)] == desk.refusals()


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"sourceKey": "1@C.S"}, ("1", "C", "S", "1@C.S")),
        ({"sourceID": "1", "sourceInstanceID": "C", "sourceType": "S"}, ("1", "C", "S", "1@C.S")),
        ({"sourceKey": "a@b.c@C.x.S"}, ("a@b.c", "C.x", "S", "a@b.c@C.x.S")),
        ({"sourceKey": "plain"}, (None, None, None, "plain")),
        ({"sourceKey": "1@C.S", "sourceID": "one"}, ("one", "C", "S", "1@C.S")),
    ],
)
def test_a_key_has_its_parts_and_its_text(desk: Desk, given: dict[str, str], expected: Any) -> None:
    desk.take("account", {"accountKey": given})
    names = [f"accountKey.{name}" for name in ("sourceID", "sourceInstanceID", "sourceType", "sourceKey")]
    present = [name for name in names if name in desk.facts.columns("account")]
    (found,) = desk.rows(
        f"SELECT {', '.join(chr(34) + name + chr(34) for name in present)} FROM facts.account"
    )

    assert expected == tuple(dict(zip(present, found, strict=True)).get(name) for name in names)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"accountKey": {"sourceID": "1"}},
        {"accountKey": {"sourceID": "", "sourceInstanceID": "C", "sourceType": "S"}},
        {"accountKey": {"sourceKey": ""}},
        {"accountKey": {"sourceKey": "null"}},
        {"accountKey": {"sourceKey": "@C.S"}},
        {"accountKey": None},
        {"identityMap": {"b2b_account": [{"id": "unknown"}]}},
    ],
)
def test_a_record_without_a_key_is_refused(desk: Desk, row: dict[str, Any]) -> None:
    desk.take("account", {**row, "accountName": "x"})

    assert [("accountKey", "row.key_missing")] == [(path, code) for _, path, code, _ in desk.refusals()]


def test_a_record_is_called_by_its_key_else_its_identity_map_else_its_id(desk: Desk) -> None:
    maps = {"ECID": [{"id": "c"}], "Email": [{"id": " A@B.c "}]}
    desk.take(
        "person",
        {"b2b": {"personKey": {"sourceKey": "1@M.Marketo"}}, "identityMap": maps, "_id": "x1"},
        {"identityMap": maps, "_id": "x2"},
        {"_id": "x3", "person": {"name": {"firstName": "Ada"}}},
    )
    names = desk.rows(
        "SELECT space, value FROM facts.person JOIN facts.number ON n = key ORDER BY person.rowid"
    )

    assert [("b2b_person", "1@M.Marketo"), ("Email", "a@b.c"), ("b2b_person", "x3")] == names


# ---------------------------------------------------------------- money and undeclared fields


def test_a_missing_currency_means_the_sources_own(desk: Desk) -> None:
    def row(n: int, **money: Any) -> dict[str, Any]:
        return account(n, accountOrganization={"annualRevenue": money})

    desk.take("account", row(1, amount=5), row(2, amount=5, currencyCode="EUR"), row(3), currency="USD")
    desk.take("account", row(4, amount=5))

    assert ["USD", "EUR", None, None] == desk.values(
        "account", "accountOrganization.annualRevenue.currencyCode"
    )


def test_undeclared_fields_are_kept_with_their_json_types(desk: Desk) -> None:
    desk.take("account", account(1, tier=3, tags=["b", "a"], deep={"x": {"y": Decimal("1.50")}}, none=None))
    seen = ["deep", "deep.x", "deep.x.y", "none", "tags", "tier"]

    assert ['{"deep":{"x":{"y":1.50}},"none":null,"tags":["b","a"],"tier":3}'] == desk.values(
        "account", "extra"
    )
    assert seen == [path for (path,) in desk.rows("SELECT path FROM facts.seen ORDER BY 1")]
    assert desk.facts.seen("account", "deep.x.y")
    assert not desk.facts.seen("account", "tire")


def test_the_order_of_undeclared_fields_says_nothing(desk: Desk) -> None:
    desk.take("account", account(1, a=1, b={"d": 1, "c": 2}))

    assert {"rows": 1, "unchanged": 1} == counts(desk.take("account", account(1, b={"c": 2, "d": 1}, a=1)))


def test_an_undeclared_part_of_a_declared_object_is_kept_too(desk: Desk) -> None:
    desk.take("account", account(1, accountOrganization={"industry": "IT", "mood": "good"}))

    assert [("IT", '{"accountOrganization":{"mood":"good"}}')] == desk.values(
        "account", "accountOrganization.industry", "extra"
    )


@pytest.mark.parametrize("kind", ["ndjson", "csv", "parquet"])
def test_a_closed_schema_refuses_undeclared_fields(desk: Desk, kind: str) -> None:
    desk.rules = replace(desk.rules, open=False)
    path = desk.folder / "a.parquet"
    if kind == "ndjson":
        path = desk.file("a.ndjson", [account(1, deep={"x": 1}), account(2)])
    elif kind == "csv":
        path = desk.file("a.csv", "accountKey.sourceKey,deep.x\n1@C.S,1\n2@C.S,\n")
    else:
        pq.write_table(pa.table({"accountKey.sourceKey": ["1@C.S", "2@C.S"], "deep": [{"x": 1}, None]}), path)
    report = desk.load("account", path)

    assert {"rows": 2, "accepted": 1, "quarantined": 1} == counts(report.accepted)
    assert [("deep", "row.undeclared")] == [(field, code) for _, field, code, _ in desk.refusals()]


@pytest.mark.parametrize("kind", ["ndjson", "csv", "parquet"])
def test_a_closed_schema_looks_into_lists(desk: Desk, kind: str) -> None:
    desk.rules = replace(desk.rules, open=False)
    right = [{"sourcePersonKey": {"sourceKey": "1@C.S"}, "personType": "Lead"}]
    wrong = [*right, {"workEmail": {"adress": "p@bodea.example"}}]
    path = desk.folder / "a.parquet"
    if kind == "ndjson":
        rows = [
            {"b2b": {"personKey": {"sourceKey": f"{n}@C.S"}}, "personComponents": value}
            for n, value in enumerate((wrong, right))
        ]
        path = desk.file("a.ndjson", rows)
    elif kind == "csv":
        texts = [json.dumps(value).replace('"', '""') for value in (wrong, right)]
        lines = "".join(f'{n},"{text}"\n' for n, text in enumerate(texts))
        path = desk.file("a.csv", f"b2b.personKey.sourceKey,personComponents\n{lines}")
    else:
        pq.write_table(
            pa.table({"b2b.personKey.sourceKey": ["1@C.S", "2@C.S"], "personComponents": [wrong, right]}),
            path,
        )
    report = desk.load("person", path)

    assert {"rows": 2, "accepted": 1, "quarantined": 1} == counts(report.accepted)
    assert [("personComponents.workEmail.adress", "row.undeclared")] == [
        (field, code) for _, field, code, _ in desk.refusals()
    ]


def test_an_undeclared_field_that_a_relationship_hides_is_reported(desk: Desk) -> None:
    accepted = desk.take("account", account(1, opportunities=[1], people="x"))

    assert ["'opportunities'", "'people'"] == [note.split()[3] for note in accepted.notes]
    assert ['{"opportunities":[1],"people":"x"}'] == desk.values("account", "extra")


def test_keys_inside_arrays_are_completed(desk: Desk) -> None:
    key = {"sourceID": "2", "sourceInstanceID": "C", "sourceType": "S"}
    desk.take("account", account(1, relatedAccountKeys=[key]))
    desk.take("person", {"_id": "p", "personComponents": [{"sourceAccountKey": key, "custom": 1}]})

    assert ['[{"sourceID":"2","sourceInstanceID":"C","sourceKey":"2@C.S","sourceType":"S"}]'] == desk.values(
        "account", "relatedAccountKeys"
    )
    assert '"sourceKey":"2@C.S"' in desk.values("person", "personComponents")[0]
