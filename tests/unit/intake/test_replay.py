"""Refused rows: told with their place, kept as they came, taken again once mended."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.intake.desk import NOW, NOW_MS, Desk, account, counts, event

from townsend.model import schema_from
from townsend.model.schema import builtin_document
from townsend.problem import Invalid
from townsend.store import quarantine
from townsend.store.quarantine import Wanted


def test_a_refusal_says_where_what_was_expected_what_came_and_what_to_do(desk: Desk) -> None:
    path = desk.file("a.ndjson", [account(1), account(2, accountScore="high")])
    desk.load("account", path)
    (row,) = quarantine.ls(desk.facts)

    assert (
        f"{path}:2: accountScore: expected a number, got high; correct the value and load the row again"
        == row.text
    )
    assert account(2, accountScore="high") == json.loads(row.row)
    assert ("account", "crm_1", NOW_MS, None) == (row.cls, row.source, row.at_ms, row.replayed_ms)


@pytest.mark.parametrize(
    ("name", "content", "places"),
    [
        ("a.ndjson", '{"a": 1\n[1]\n\n"x"\n\xff\n', ["1", "2", "4", "5"]),
        ("a.json", '[{"accountName": "x"},\n\n {"accountName": "y"},\n 5]', ["1", "3", "4"]),
        (
            "a.json",
            '{"accountName": "x"}\n\n\n{"accountName": "y"} {"a": }\n{"accountName": "z"}',
            ["1", "4", "4", "5"],
        ),
        ("a.csv", 'accountKey.sourceKey,accountName\n,"two\nlines"\n\n,x\n', ["2", "5"]),
        ("a.csv", "accountKey.sourceKey,accountName\n,x,y\n,z\n", ["2", "3"]),
    ],
)
def test_every_refused_row_has_its_line(desk: Desk, name: str, content: str, places: list[str]) -> None:
    report = desk.load("account", desk.file(name, content.encode("latin-1")))
    found = sorted(place.partition(":")[2] for place, _, _, _ in desk.refusals())

    assert {"rows": len(places), "quarantined": len(places)} == counts(report.accepted)
    assert sorted(places) == found


def test_a_row_in_parquet_is_named_by_its_number(desk: Desk) -> None:
    path = desk.folder / "a.parquet"
    pq.write_table(pa.table({"accountKey": [{"sourceKey": "1@C.S"}, None], "accountScore": ["x", "1"]}), path)
    desk.load("account", path)
    (first, second) = quarantine.ls(desk.facts)

    assert [f"{path}:row 1", f"{path}:row 2"] == [first.place, second.place]
    assert {"accountKey": {"sourceKey": "1@C.S"}, "accountScore": "x"} == json.loads(first.row)


def test_rows_are_taken_again_once_the_schema_was_mended(desk: Desk) -> None:
    closed = replace(desk.rules, open=False)
    desk.take("account", account(1, tier=3), rules=closed)
    addition = {"classes": {"account": {"fields": {"tier": "integer"}}}}
    schema = schema_from([("xdm.yaml", builtin_document()), ("tier.yaml", addition)])
    taken = desk.replay(rules=replace(closed, schema=schema), now=NOW + timedelta(days=1))

    assert {"rows": 1, "accepted": 1} == counts(taken)
    assert [3] == desk.values("account", "tier")
    assert [] == desk.refusals()
    replayed = quarantine.ls(desk.facts, Wanted(replayed=True))
    assert [NOW_MS + 86_400_000] == [row.replayed_ms for row in replayed]


def test_a_row_is_taken_again_once_it_was_mended(desk: Desk) -> None:
    desk.take("account", account(1, accountScore="high"))
    quarantine.mend(desk.facts, 1, json.dumps(account(1, accountScore=5)))

    assert {"rows": 1, "accepted": 1} == counts(desk.replay([1]))
    assert {} == counts(desk.replay([1]))


def test_a_row_refused_again_stays_with_todays_reason(desk: Desk) -> None:
    path = desk.file("a.ndjson", [account(1, accountScore="high")])
    desk.load("account", path)
    quarantine.mend(desk.facts, 1, json.dumps({"accountScore": 5}))
    taken = desk.replay()

    assert {"rows": 1, "quarantined": 1} == counts(taken)
    assert [("a.ndjson:1", "accountKey", "row.key_missing", None)] == desk.refusals()


@pytest.mark.parametrize("kind", ["ndjson", "csv", "parquet"])
def test_a_replayed_row_says_what_its_file_said(
    desk: Desk, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Refused for its key, mended, and equal to the row that came right at once."""
    rows = {"accountScore": ["1.5", "1.5"], "zip": ["007", "007"], "accountKey.sourceKey": ["1@C.S", ""]}

    def path(desk: Desk) -> Path:
        if kind == "csv":
            text = (
                ",".join(rows)
                + "\n"
                + "".join(",".join(row) + "\n" for row in zip(*rows.values(), strict=True))
            )
            return desk.file("a.csv", text)
        if kind == "ndjson":
            return desk.file("a.ndjson", [
                {"accountKey": {"sourceKey": key}, "accountScore": 1.5, "zip": "007"} for key in ("1@C.S", "")
            ])  # fmt: skip
        table = pa.table({**rows, "accountScore": [1.5, 1.5]})
        pq.write_table(table, desk.folder / "a.parquet")
        return desk.folder / "a.parquet"

    desk.load("account", path(desk))
    (row,) = quarantine.ls(desk.facts)
    kept = json.loads(row.row)
    kept["accountKey.sourceKey"] = "2@C.S"
    kept.pop("accountKey", None)
    quarantine.mend(desk.facts, row.id, json.dumps(kept))
    desk.replay()
    found = desk.values("account", "accountKey.sourceKey", "accountScore", "extra")

    assert [key for key, *_ in found] == ["1@C.S", "2@C.S"]
    assert found[0][1:] == found[1][1:]


def test_a_replay_keeps_the_traits_of_the_source(desk: Desk) -> None:
    row = account(1, accountOrganization={"annualRevenue": {"amount": "5"}})
    desk.take("account", row, name="crm_7", currency="EUR", rows="patch")
    row["accountOrganization"]["annualRevenue"]["amount"] = 5
    quarantine.mend(desk.facts, 1, json.dumps(row))
    desk.replay()

    assert [("crm_7", True, "EUR")] == desk.values(
        "account", "source", "patch", "accountOrganization.annualRevenue.currencyCode"
    )


def test_a_conflict_stays_one_however_often_it_is_replayed(desk: Desk) -> None:
    desk.take("event", event("e1", eventType="a"), event("e1", eventType="b"))
    desk.replay()
    desk.replay()

    assert 1 == len(desk.refusals())
    assert ["e1"] == desk.values("event", "_id")


def test_a_row_that_waits_is_not_kept_twice(desk: Desk) -> None:
    for _ in range(2):
        desk.take("account", account(1, accountScore="high"))

    assert 1 == len(desk.refusals())


def test_an_unknown_row_is_named(desk: Desk) -> None:
    with pytest.raises(Invalid) as caught:
        desk.replay([7])

    assert "quarantine.unknown" == caught.value.code


def test_a_row_that_json_cannot_hold_is_refused_and_the_others_are_taken(desk: Desk) -> None:
    loop: dict[str, object] = {}
    loop["loop"] = loop
    accepted = desk.take("account", account(1, x="\ud800"), account(2), account(3, x=loop), account(4))

    assert {"rows": 4, "accepted": 2, "quarantined": 2} == counts(accepted)
    assert [("crm_1:1", None, "row.syntax"), ("crm_1:3", None, "row.syntax")] == [
        refusal[:3] for refusal in desk.refusals()
    ]
