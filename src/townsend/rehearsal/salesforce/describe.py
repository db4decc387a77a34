"""Describe: the objects and fields of an org as its interface tells them."""

from __future__ import annotations

import re
from typing import Any

from townsend.rehearsal.ids import PREFIXES
from townsend.rehearsal.salesforce.schema import LABELS, WITHOUT_DELETE, Field, SObject, sobjects

__all__ = ["described", "overview"]

SOAP = {"boolean": "xsd:boolean", "int": "xsd:int", "date": "xsd:date", "datetime": "xsd:dateTime"}
SOAP |= {"currency": "xsd:double", "double": "xsd:double", "percent": "xsd:double", "id": "tns:ID"}
SOAP |= {"reference": "tns:ID"}
LENGTHS = {"id": 18, "reference": 18, "string": 255, "picklist": 255, "multipicklist": 4_099, "phone": 40}
LENGTHS |= {"email": 80, "url": 255, "textarea": 32_000}
NUMBERS = {"currency": (18, 2), "double": (18, 2), "percent": (3, 0)}
READ_ONLY = {"Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById"}
READ_ONLY |= {"SystemModstamp", "IsClosed", "IsWon", "ExpectedRevenue", "FiscalYear", "FiscalQuarter"}


def overview(home: str) -> list[dict[str, Any]]:
    """Every object in short; ``home`` is the path of ``sobjects``."""
    return [_head(sobject, home) for sobject in sobjects().values()]


def described(sobject: SObject, home: str) -> dict[str, Any]:
    """One object with its fields and what refers to it."""
    children = [
        {"childSObject": other.name, "field": field.name, "relationshipName": None, "cascadeDelete": False}
        for other in sobjects().values()
        for field in other.fields.values()
        if sobject.name in field.to
    ]
    fields = [_field(field) for field in sobject.fields.values()]
    return _head(sobject, home) | {"fields": fields, "childRelationships": children}


def _head(sobject: SObject, home: str) -> dict[str, Any]:
    url = f"{home}/{sobject.name}"
    urls = {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"}
    kept = sobject.name not in WITHOUT_DELETE
    return {
        "name": sobject.name,
        "label": LABELS.get(sobject.name, _words(sobject.name)),
        "keyPrefix": PREFIXES[sobject.name],
        "custom": sobject.name.endswith("__c"),
        "queryable": True,
        "retrieveable": True,
        "replicateable": True,
        "createable": kept,
        "updateable": kept,
        "deletable": kept,
        "urls": urls,
    }


def _field(field: Field) -> dict[str, Any]:
    precision, scale = NUMBERS.get(field.type, (0, 0))
    writable = field.name not in READ_ONLY
    return {
        "name": field.name,
        "label": _words(field.name.removesuffix("Id") if field.to else field.name),
        "type": field.type,
        "soapType": SOAP.get(field.type, "xsd:string"),
        "length": LENGTHS.get(field.type, 0),
        "precision": precision,
        "scale": scale,
        "nillable": field.name not in READ_ONLY and field.type != "boolean",
        "calculated": False,
        "custom": field.custom,
        "externalId": field.external,
        "idLookup": field.external or field.type == "id",
        "createable": writable,
        "updateable": writable,
        "filterable": field.type != "textarea",
        "sortable": field.type != "textarea",
        "compoundFieldName": None,
        "referenceTo": list(field.to),
        "relationshipName": field.relationship,
        "picklistValues": [],
    }


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("__c"))
