"""What reading by the time of change cannot see: rows gone for good, fields that come and go, own objects."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.unit.sources.crm import Crm, crm, ids

from townsend.model import builtin_schema
from townsend.problem import Invalid
from townsend.rehearsal.times import ms_of
from townsend.sources import salesforce_read
from townsend.sources.contract import Page
from townsend.sources.tables import MappingChanges

DAY_S = 86_400


@pytest.fixture
def bodea() -> Crm:
    return crm()


def live(there: Crm, sobject: str) -> set[str]:
    org = there.org.keys.org
    rows = there.org.tables.rows(sobject)
    return {f"{row['Id']}@{org}.Salesforce" for row in rows if not row.get("IsDeleted")}


def present(pages: list[Page]) -> set[str] | None:
    said = [page.present for page in pages if page.present is not None]
    return set(said[-1]) if said else None


def test_reading_everything_says_which_records_there_are(bodea: Crm) -> None:
    pages = bodea.pull("Contact")

    assert live(bodea, "Contact") == present(pages)


def test_reading_changes_says_nothing_of_the_others(bodea: Crm) -> None:
    bodea.pull("Contact")
    bodea.clock.sleep(DAY_S)

    assert present(bodea.pull("Contact")) is None


def test_reading_a_part_says_nothing_of_the_others() -> None:
    there = crm(since="30 days")

    assert present(there.pull("Contact")) is None


@pytest.mark.parametrize("bulk_from", [1, 1_000_000])
def test_after_a_long_rest_ids_are_compared(
    bodea: Crm, monkeypatch: pytest.MonkeyPatch, bulk_from: int
) -> None:
    """A record deleted for good leaves no trace that a query could find; by REST and in bulk."""
    bodea.pull("Account")
    gone = str(bodea.org.tables.rows("Account")[5]["Id"])
    bodea.org.delete(gone, ms_of(bodea.clock.now()))
    bodea.org.empty_bin()
    bodea.clock.sleep(16 * DAY_S)
    monkeypatch.setattr(salesforce_read, "BULK_FROM", bulk_from)
    found = present(bodea.pull("Account"))

    assert live(bodea, "Account") == found
    assert f"{gone}@{bodea.org.keys.org}.Salesforce" not in (found or set())
    assert "ids of all its rows were compared" in bodea.source.notes("Account")[0]


def test_a_crash_before_the_comparison_makes_the_next_pull_compare(bodea: Crm) -> None:
    bodea.pull("Account")
    bodea.clock.sleep(16 * DAY_S)
    pages = bodea.source.pull("Account", bodea.cursors["Account"], bodea.clock.now())
    bodea.cursors["Account"] = next(pages).cursor
    pages.close()

    assert present(bodea.pull("Account")) == live(bodea, "Account")
    bodea.clock.sleep(DAY_S)
    assert present(bodea.pull("Account")) is None


def test_relations_are_compared_each_week(bodea: Crm) -> None:
    """They may be deleted without passing through the recycle bin."""
    bodea.pull("AccountContactRelation")
    compared = []
    for _ in range(9):
        bodea.clock.sleep(DAY_S)
        compared.append(present(bodea.pull("AccountContactRelation")) is not None)

    assert [False] * 7 + [True, False] == compared


def hide(there: Crm, name: str) -> None:
    """Let the org hide a field from the app's user, as field-level security does."""

    def tamper(request: httpx.Request, body: bytes) -> bytes:
        if not request.url.path.endswith("/describe"):
            return body
        told = json.loads(body)
        return json.dumps(told | {"fields": [one for one in told["fields"] if one["name"] != name]}).encode()

    there.wire.tamper = tamper


def test_a_field_that_vanishes_and_one_that_appears_are_told(bodea: Crm) -> None:
    bodea.pull("Account")
    hide(bodea, "Tier__c")
    bodea.clock.sleep(60)
    bodea.pull("Account")
    hidden = list(bodea.source.notes("Account"))
    bodea.wire.tamper = None
    bodea.pull("Account")
    shown = list(bodea.source.notes("Account"))
    bodea.pull("Account")

    assert "Tier__c of Account can no longer be read" in hidden[0]
    assert "Tier__c of Account can be read now" in shown[0]
    assert [] == list(bodea.source.notes("Account"))


def test_a_field_that_is_needed_and_hidden_is_told(bodea: Crm) -> None:
    hide(bodea, "Email")
    rows = bodea.rows("Contact")

    assert "the app's user may not see Email of Contact" in bodea.source.notes("Contact")[0]
    assert not any("workEmail" in row for row in rows)


def test_own_fields_come_below_their_group(bodea: Crm) -> None:
    tiers = {row.get("salesforce", {}).get("Tier__c") for row in bodea.rows("Account")}

    assert {"Gold", "Silver", None} == tiers


# ---------------------------------------------------------------- objects of the org's own


CONTRACT = {
    "Contract__c": {
        "class": "opportunity",
        "fields": {
            "opportunityKey": {"key": "Id"},
            "accountKey": {"key": "Account__c"},
            "opportunityName": "Name",
            "opportunityAmount.amount": "Value__c",
        },
    }
}


def own(tables: dict[str, Any]) -> Crm:
    return crm(mapping=MappingChanges(tables, builtin_schema()))


def test_an_object_of_the_org_s_own_is_a_stream_once_it_is_mapped(bodea: Crm) -> None:
    there = own(CONTRACT)
    rows = there.rows("Contract__c")
    first = next(row for row in rows if row["opportunityName"] == "Contract for Opportunity 1")

    assert "Contract__c" not in bodea.source.streams()
    assert "Contract__c" == there.source.streams()[-1]
    assert ids(rows, "opportunityKey") == sorted(row["Id"] for row in there.org.tables.rows("Contract__c"))
    assert 200_000 == first["opportunityAmount"]["amount"]
    assert there.org.keys.account(0) == first["accountKey"]["sourceID"]
    # What the mapping does not name keeps its name below the group.
    assert "C-10000" == first["salesforce"]["Number__c"]
    assert "Value__c" not in first["salesforce"]


def test_an_own_object_s_records_change_and_go_like_others() -> None:
    there = own(CONTRACT)
    some = there.rows("Contract__c")[0]["opportunityKey"]["sourceID"]
    there.change("Contract__c", some, Name="Renamed")
    changed = {row["opportunityKey"]["sourceID"]: row for row in there.rows("Contract__c")}
    there.org.delete(some, ms_of(there.clock.now()) + 1_000)
    gone = {row["opportunityKey"]["sourceID"]: row for row in there.rows("Contract__c")}

    assert ("Renamed", False) == (changed[some]["opportunityName"], changed[some]["isDeleted"])
    assert gone[some]["isDeleted"] is True
    assert "lastUpdatedDate" in gone[some]["extSourceSystemAudit"]


def test_an_own_object_that_the_org_lacks_is_a_note() -> None:
    there = own({"Nothing__c": CONTRACT["Contract__c"]})

    assert [] == there.pull("Nothing__c")
    assert "the org has no Nothing__c" in there.source.notes("Nothing__c")[0]


def test_a_name_that_no_object_can_have_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        own({"Contract__c WHERE": CONTRACT["Contract__c"]})

    assert "mapping.table" == caught.value.code


def test_records_are_counted_in_two_calls(bodea: Crm) -> None:
    bodea.pull("Account")
    bodea.wire.calls.clear()
    counts = bodea.source.count("Account")

    assert {"account": len(live(bodea, "Account"))} == counts
    assert len(bodea.wire.calls) <= 2
