"""Facts as the agreement says them: keys, numbers, undeclared fields, patches, names with a slip."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.stories.bodea import NOW, Bodea, account, person

PARTS = {"sourceID": "1", "sourceInstanceID": "crm", "sourceType": "Salesforce"}
TEXT = {"sourceKey": "2@crm.Salesforce"}


def ids(bodea: Bodea, pql: str, of: str = "account", *more: str) -> list[str]:
    """The ids of the records that meet a condition, by both evaluators."""
    found = []
    for engine in ("batch", "reference"):
        answer = bodea("query", pql, "--of", of, "--json", "--now", NOW, "--engine", engine, *more)
        assert answer.code == 0, answer.err
        keys = [key for row in answer.rows for key in row["identities"][f"b2b_{of}"]]
        found.append(sorted(key.split("@")[0] for key in keys))
    assert found[0] == found[1]
    return found[0]


def dated(sid: str, day: int, **more: Any) -> dict[str, Any]:
    return account(
        sid, "crm", extSourceSystemAudit={"lastUpdatedDate": f"2026-01-{day:02}T00:00:00Z"}, **more
    )


def number(bodea: Bodea, sid: str, text: str) -> None:
    """An account with a score spelled as it stands."""
    row = json.dumps({"accountKey": {"sourceKey": f"{sid}@crm.Salesforce"}, "accountScore": "?"})
    path = bodea.folder / f"{sid}.ndjson"
    path.write_text(row.replace('"?"', text) + "\n", "utf-8")
    assert bodea("load", "account", str(path)).code == 0


def test_a_key_has_its_parts_and_its_text_whatever_rows_stand_beside_it(bodea: Bodea) -> None:
    bodea.load("account", [{"accountKey": PARTS}, {"accountKey": TEXT}])

    assert ["1", "2"] == ids(bodea, 'accountKey.sourceInstanceID = "crm"')
    assert ["2"] == ids(bodea, 'accountKey.sourceID = "2"')
    assert ["1"] == ids(bodea, 'accountKey.sourceKey = "1@crm.Salesforce"')


def test_the_same_row_is_known_again_beside_other_rows(bodea: Bodea) -> None:
    bodea.load("account", [{"accountKey": TEXT}])
    bodea.load("account", [{"accountKey": PARTS}, {"accountKey": TEXT}])

    assert 1 == len(bodea("query", 'accountKey.sourceID = "2"', "--of", "account", "--json").rows)
    rows = bodea(
        "load", "account", str(bodea.folder / "incoming" / "002-account.ndjson"), "--again", "--json"
    )
    assert 2 == rows.rows[0]["unchanged"]


def test_a_key_inside_a_list_has_its_parts_and_its_text_too(bodea: Bodea) -> None:
    bodea.load("account", [{"accountKey": PARTS}, {"accountKey": TEXT}])
    own = person("p", "crm", None)["b2b"]["personKey"]
    components = [{"sourcePersonKey": own, "sourceAccountKey": one} for one in (PARTS, TEXT)]
    bodea.load("person", [{"b2b": {"personKey": own}, "personComponents": components}])

    assert ["p"] == ids(bodea, "accounts.count() = 2", "person")
    for sid in "12":
        assert ["p"] == ids(bodea, f'personComponents.exists(sourceAccountKey.sourceID = "{sid}")', "person")


def test_numbers_reach_as_far_as_64_bits_and_are_null_beyond(bodea: Bodea) -> None:
    number(bodea, "1", "9223372036854775807")

    assert ["1"] == ids(bodea, "accountScore = 9223372036854775807")
    assert ["1"] == ids(bodea, "accountScore - 1 = 9223372036854775806")
    assert ["1"] == ids(bodea, "(accountScore + 1).isNull()")
    assert ["1"] == ids(bodea, "(accountScore * -1 - 1).isNull()")


def test_a_sum_that_no_longer_fits_is_null_and_stops_nobody(bodea: Bodea) -> None:
    """Such numbers are slips of a source; one of them must not stop an audience."""
    key = account("a", "crm")["accountKey"]
    bodea.load("account", [account("a", "crm")])
    path = bodea.folder / "deals.ndjson"
    rows = [{"opportunityKey": {"sourceKey": f"{n}@crm.S"}, "accountKey": key} for n in range(3)]
    text = "\n".join(json.dumps(row)[:-1] + ', "opportunityAmount": {"amount": 9e28}}' for row in rows)
    path.write_text(text + "\n", "utf-8")
    assert bodea("load", "opportunity", str(path)).code == 0

    assert ["a"] == ids(bodea, "opportunities.sum(opportunityAmount.amount).isNull()")
    assert [] == ids(bodea, "opportunities.sum(opportunityAmount.amount) > 0")
    assert ["a"] == ids(
        bodea, "opportunities.exists((opportunityAmount.amount + opportunityAmount.amount).isNull())"
    )


def test_a_count_may_be_multiplied_for_somebody_without_any(bodea: Bodea) -> None:
    bodea.load("account", [account("1", "crm", accountScore=3)])

    assert ["1"] == ids(bodea, "xEvent.count() * 2 = 0")
    assert ["1"] == ids(bodea, "accountScore * (opportunities.count() + 1.5) = 4.5")


def test_a_patch_keeps_the_undeclared_fields_it_does_not_name(bodea: Bodea) -> None:
    text = "name: bodea\nsources: {crm: {type: files, class: account, path: none/*.csv, rows: patch}}\n"
    (bodea.folder / "townsend.yaml").write_text(text, "utf-8")
    bodea.load("account", [dated("1", 1, region="EMEA", deep={"x": 1})], "crm")
    bodea.load("account", [dated("1", 3, tier=3, deep={"y": 2})], "crm")
    bodea.load("account", [dated("1", 2, region="AMER", tier=2)], "crm")

    assert ["1"] == ids(bodea, 'region = "AMER" and tier = 3 and deep.x = 1 and deep.y = 2')
    bodea.load("account", [dated("1", 4, region=None)], "crm")
    assert ["1"] == ids(bodea, "region.isNull() and tier = 3")


def test_a_slip_in_the_name_of_an_undeclared_field_is_answered_with_the_name_that_came(bodea: Bodea) -> None:
    bodea.load("account", [account("1", "crm", region="EMEA")])
    answer = bodea("query", 'regoin = "EMEA"', "--of", "account", "--json")

    assert 2 == answer.code
    assert "did you mean 'region'?" in json.loads(answer.err)["error"]["message"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("identity: {min_confidence: high}", "a number from 0 to 1"),
        ("identity: {account: {keys: accountName}}", "identity.account.keys: expected a list"),
        ("identity: {person: {blocked: {Email: a@b.c}}}", "identity.person.blocked.Email: expected a list"),
        ("identity: {person: {namespaces: [{code: Email, unique: maybe}]}}", "expected true or false"),
        ("identity: {person: {namespaces: [{code: Email}, {code: Email}]}}", "stands there twice"),
        ("limits: {links_per_value: 0}", "a whole number from 1 on"),
        ("merge: {account: {by: source, order: crm_1}}", "merge.account.order: expected a list"),
        ("merge: {account: {fields: {acountName: {by: time}}}}", "'acountName' is not a field of account"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_line(bodea: Bodea, line: str, words: str) -> None:
    (bodea.folder / "townsend.yaml").write_text(f"name: bodea\n{line}\n", "utf-8")
    answer = bodea("query", "true", "--of", "account")

    assert 2 == answer.code
    assert "townsend.yaml:2" in answer.err
    assert words in answer.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("classes: [deal]", "classes: expected a mapping"),
        ("classes: {deal: 5}", "class deal: expected a mapping"),
        ("classes: {deal: {id: a, fields: {a: string}, identities: [a]}}", "identities: expected a mapping"),
        ("classes: {deal: {id: a, fields: {a: string}, references: {r: {field: a}}}}", "references.r.to"),
        ("classes: {deal: {id: b, fields: {a: string}}}", "id: expected one of its fields, got 'b'"),
        ("classes: {deal: {key: a, fields: {a: string}}}", "key: expected a field of type key, got 'a'"),
        ("links: [{name: x}]", "links: from: expected text"),
    ],
)
def test_a_schema_file_that_is_not_written_right_is_refused(bodea: Bodea, text: str, words: str) -> None:
    (bodea.folder / "schema" / "deal.yaml").write_text(text + "\n", "utf-8")
    answer = bodea("query", "true", "--of", "account")

    assert 2 == answer.code
    assert "schema/deal.yaml" in answer.err
    assert words in answer.err
