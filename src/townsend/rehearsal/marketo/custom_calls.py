"""Calls about what this instance has beyond the built-in objects: named accounts, and a custom object.

Named accounts are listed by the named account list they are on, and found by their fields. The custom object
``license_c`` hangs on leads; it is read, written and deleted by its key or by the vendor's GUID.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from townsend.rehearsal.ids import guid
from townsend.rehearsal.marketo.envelope import bad_filter, fail, skipped, success, words
from townsend.rehearsal.marketo.lead_calls import VALUES_MAX, described, fields_of, page, records
from townsend.rehearsal.marketo.schema import LICENSE, LICENSE_FIELDS, NAMED_FIELDS
from townsend.rehearsal.salesforce.keys import Keys
from townsend.rehearsal.times import text
from townsend.rehearsal.web import FORM, Answer, Request, Route

if TYPE_CHECKING:
    from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["ROUTES", "license_rows"]

Row = dict[str, Any]
NAMED_SEARCH = ("marketoGUID", "name", "industry", "city", "state", "country", "crmGuid")
NAMED_DEFAULT = ("marketoGUID", "name", "createdAt", "updatedAt")
LICENSE_SEARCH = ("marketoGUID", "licenseKey", "leadId")
LICENSE_DEFAULT = ("marketoGUID", "licenseKey", "createdAt", "updatedAt")
TARGETS = "Target accounts"
EVERY, FROM = 3, 1


def _named(home: Marketo) -> list[Row]:
    if not home.full:
        fail(616, "Invalid subscription type: the feature is not part of this subscription")
    company = home.world.company
    keys = Keys(home.i)
    return [
        {
            "marketoGUID": guid(company.seed, home.i, "named", firm.n),
            "name": firm.names[home.i],
            "crmGuid": keys.account(firm.n),
            "sourceType": "Marketo",
            "industry": firm.industry,
            "annualRevenue": float(firm.revenue),
            "numberOfEmployees": firm.employees,
            "city": firm.city,
            "state": firm.state or None,
            "country": firm.country,
            "createdAt": text(firm.created_ms),
            "updatedAt": text(firm.updated_ms),
        }
        for firm in company.firms
        if firm.known[home.i] and firm.n % EVERY == FROM
    ]


def _describe_named(home: Marketo, request: Request) -> Answer:
    _named(home)
    found = {
        "name": "Named Account",
        "idField": "marketoGUID",
        "dedupeFields": ["name"],
        "searchableFields": [[one] for one in NAMED_SEARCH],
        "fields": [described(field) for field in NAMED_FIELDS.values()],
    }
    return success(home.request_id(request), [found])


def _filtered(request: Request, rows: list[Row], searchable: tuple[str, ...]) -> list[Row]:
    kind = request.arg("filterType")
    if kind not in searchable:
        bad_filter(kind)
    wanted = {one.lower() for one in words(request.args.get("filterValues", []))}
    if not 1 <= len(wanted) <= VALUES_MAX:
        fail(1003, f"filterValues: expected 1 to {VALUES_MAX}")
    return [row for row in rows if str(row.get(kind)).lower() in wanted]


def _shown(home: Marketo, request: Request, rows: list[Row], names: list[str]) -> Answer:
    part, rest = page(request, rows)
    names = list(dict.fromkeys(["marketoGUID", *names]))
    found = [{"seq": n} | {name: row.get(name) for name in names} for n, row in enumerate(part)]
    return success(home.request_id(request), found, **rest)


def _read_named(home: Marketo, request: Request) -> Answer:
    names = fields_of(request, NAMED_FIELDS, NAMED_DEFAULT)
    return _shown(home, request, _filtered(request, _named(home), NAMED_SEARCH), names)


def _named_list(home: Marketo) -> Row:
    company = home.world.company
    return {
        "marketoGUID": guid(company.seed, home.i, "named list"),
        "name": TARGETS,
        "type": "default",
        "updateable": True,
    }


def _named_lists(home: Marketo, request: Request) -> Answer:
    _named(home)
    rows = [_named_list(home)]
    if request.arg("filterType"):
        rows = _filtered(request, rows, ("marketoGUID", "name"))
    return success(home.request_id(request), [{"seq": n} | row for n, row in enumerate(rows)])


def _on_list(home: Marketo, request: Request, list_id: str) -> Answer:
    rows = _named(home)
    if list_id != _named_list(home)["marketoGUID"]:
        fail(1013, f"Named account list '{list_id}' not found")
    return _shown(home, request, rows, fields_of(request, NAMED_FIELDS, NAMED_DEFAULT))


# ---------------------------------------------------------------- the custom object


def _about(home: Marketo, whole: bool) -> Row:
    found: Row = {
        "name": LICENSE,
        "displayName": "License",
        "description": "What a person may use",
        "createdAt": text(home.world.company.anchor_ms - 181 * 86_400_000),
        "idField": "marketoGUID",
        "dedupeFields": ["licenseKey"],
        "searchableFields": [[one] for one in LICENSE_SEARCH],
        "relationships": [
            {"field": "leadId", "type": "child", "relatedTo": {"name": "Lead", "field": "Id"}},
        ],
    }
    return found | ({"fields": [described(one) for one in LICENSE_FIELDS.values()]} if whole else {})


def license_rows(home: Marketo) -> list[Row]:
    """All records of the custom object, by key."""
    return [home.world.licenses[key] for key in sorted(home.world.licenses)]


def _types(home: Marketo, request: Request) -> Answer:
    names = {one.lower() for one in words(request.args.get("names", []))}
    found = [_about(home, False)] if not names or LICENSE in names else []
    return success(home.request_id(request), found)


def _describe(home: Marketo, request: Request) -> Answer:
    return success(home.request_id(request), [_about(home, True)])


def _read(home: Marketo, request: Request) -> Answer:
    if request.body and request.content_type != FORM:
        # Keys of several fields do not fit a query: they come in a body, one object each.
        wanted = [one for one in records(request) if isinstance(one, dict) and one]
        rows = [row for row in license_rows(home) if any(_fits(row, one) for one in wanted)]
        names = request.json().get("fields") or list(LICENSE_DEFAULT)
        return _shown(home, request, rows, [name for name in names if name in LICENSE_FIELDS])
    names = fields_of(request, LICENSE_FIELDS, LICENSE_DEFAULT)
    return _shown(home, request, _filtered(request, license_rows(home), LICENSE_SEARCH), names)


def _fits(row: Row, wanted: Row) -> bool:
    return all(str(row.get(name)) == str(value) for name, value in wanted.items())


def _write(home: Marketo, request: Request) -> Answer:
    given = records(request)
    body = request.json()
    action = body.get("action") or "createOrUpdate"
    if action not in {"createOrUpdate", "createOnly", "updateOnly"}:
        fail(1003, f"Invalid value for action '{action}'")
    found: list[Row] = []
    for seq, record in enumerate(given):
        key = _key_of(home, record, body.get("dedupeBy"))
        refusal = _unfit(record, key, key in home.world.licenses, action)
        if refusal is not None:
            found.append({"seq": seq} | refusal)
            continue
        status = "updated" if key in home.world.licenses else "created"
        values = {name: value for name, value in record.items() if LICENSE_FIELDS[name].writable}
        home.do("put_license", key=key, values=values, at_ms=request.now_ms)
        found.append({"seq": seq, "status": status, "marketoGUID": home.world.licenses[key]["marketoGUID"]})
    return success(home.request_id(request), found)


def _unfit(record: Any, key: str, there: bool, action: str) -> Row | None:
    if not isinstance(record, dict) or not key:
        return skipped(1003, "Value for required field 'licenseKey' is missing")
    for name in record:
        if name not in LICENSE_FIELDS:
            return skipped(1006, f"Field '{name}' not found")
    if there and action == "createOnly":
        return skipped(1017, "Object already exists")
    return skipped(1013, "Object not found") if not there and action == "updateOnly" else None


def _key_of(home: Marketo, record: Any, by: Any) -> str:
    if not isinstance(record, dict):
        return ""
    if by == "idField":
        wanted = record.get("marketoGUID")
        return next(
            (str(row["licenseKey"]) for row in license_rows(home) if row["marketoGUID"] == wanted), ""
        )
    return str(record.get("licenseKey") or "")


def _delete(home: Marketo, request: Request) -> Answer:
    by = request.json().get("deleteBy") if isinstance(request.json(), dict) else None
    found = []
    for seq, record in enumerate(records(request)):
        key = _key_of(home, record, by)
        if key not in home.world.licenses:
            found.append(skipped(1013, "Object not found", seq=seq))
            continue
        number = home.world.licenses[key]["marketoGUID"]
        home.do("drop_license", key=key)
        found.append({"seq": seq, "status": "deleted", "marketoGUID": number})
    return success(home.request_id(request), found)


CUSTOM = "/rest/v1/customobjects"
ROUTES = [
    Route("GET", "/rest/v1/namedaccounts/describe.json", _describe_named),
    Route("GET", "/rest/v1/namedaccounts.json", _read_named),
    Route("GET", "/rest/v1/namedAccountLists.json", _named_lists),
    Route("GET", "/rest/v1/namedAccountList/{list_id}/namedAccounts.json", _on_list),
    Route("GET", f"{CUSTOM}.json", _types),
    Route("GET", f"{CUSTOM}/{LICENSE}/describe.json", _describe),
    Route("GET", f"{CUSTOM}/{LICENSE}.json", _read),
    Route("POST", f"{CUSTOM}/{LICENSE}.json", _write),
    Route("POST", f"{CUSTOM}/{LICENSE}/delete.json", _delete),
]
