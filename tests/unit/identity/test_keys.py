"""Source keys out of master data, in all their spellings."""

from __future__ import annotations

import pytest

from townsend.identity import Instance
from townsend.identity.keys import candidates, long_id

GUID = "8a2f4c1e-0b7d-4f7e-9a63-1c5d2e3f4a5b"
CRM = Instance("crm_1", "Salesforce", "00D5e")
MARKETO = Instance("marketo_1", "Marketo", "123-ABC-456")


@pytest.mark.parametrize("instance", ["crm_1", "CRM_1", "00d5E", " crm_1 "])
def test_a_configured_source_is_known_by_name_or_instance_id(instance: str) -> None:
    found = candidates("account", "salesforce", instance, "001A0000006Vm9r", [CRM, MARKETO])

    assert "001A0000006Vm9rIAC@00D5e.Salesforce" == found[0]


def test_a_short_salesforce_id_becomes_the_long_one() -> None:
    assert "001A0000006Vm9rIAC" == long_id("001A0000006Vm9r")
    assert "001A0000006Vm9rIAC" == long_id("001A0000006Vm9rIAC")


def test_an_account_of_marketo_has_a_suffix() -> None:
    found = candidates("account", "Marketo", "marketo_1", "0042", [MARKETO])

    assert ["42.mkto_org@123-ABC-456.Marketo", "0042.mkto_org@123-ABC-456.Marketo"] == found[:2]
    assert "42@123-ABC-456.Marketo" == candidates("person", "Marketo", "marketo_1", "0042", [MARKETO])[0]


@pytest.mark.parametrize("spelled", [GUID, GUID.upper(), f"{{{GUID}}}", GUID.replace("-", "")])
def test_a_guid_is_one_in_every_form(spelled: str) -> None:
    assert f"{GUID}@org.Dynamics" in candidates("account", "dynamics", "org", spelled, [])


def test_an_unknown_source_is_taken_literally_a_known_type_as_it_is_spelled() -> None:
    assert "7@x.SAP" in candidates("account", "SAP", "x", "7", [CRM])
    assert "7@x.Salesforce" in candidates("account", "SALESFORCE", "x", "7", [CRM])


def test_a_whole_key_stays_and_a_spreadsheets_number_is_one() -> None:
    assert ["9@00D5e.Salesforce"] == candidates("account", "salesforce", "crm_1", "9@00D5e.Salesforce", [CRM])
    assert "123@x.SAP" in candidates("account", "SAP", "x", "123.0", [])
    assert [] == candidates("account", "SAP", "x", "  ", [])
