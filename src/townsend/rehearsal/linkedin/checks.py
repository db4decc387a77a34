"""What LinkedIn demands of a call before it does anything: token, version, form, and each element's content.

A check gives the vendor's refusal, or None where all is well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from townsend.rehearsal.web import Answer, Request, as_json

__all__ = ["OLDEST_VERSION", "company", "fault", "headers", "new_segment", "person"]

OLDEST_VERSION = "202512"  # older ones were retired in November 2026
PLATFORMS = ("ACME_CDP", "TOWNSEND")  # a partner's value is agreed with LinkedIn
STREAMING = ("USER", "COMPANY")
UPLOADED = ("USER_LIST_UPLOAD", "COMPANY_LIST_UPLOAD")
LINKEDIN = {"destination": "LINKEDIN"}
NAME_MAX = 1_000
FIELDS_MAX = {"firstName": 35, "lastName": 35, "title": 50, "company": 50}
IDS: Mapping[str, re.Pattern[str]] = {
    "SHA256_EMAIL": re.compile(r"[0-9a-fA-F]{64}"),
    "SHA512_EMAIL": re.compile(r"[0-9a-fA-F]{128}"),
    "GOOGLE_AID": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
}
_ACCOUNT = re.compile(r"urn:li:sponsoredAccount:\d+")
_ORGANIZATION = re.compile(r"urn:li:organization:\d+")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_VERSION = re.compile(r"20\d\d(0[1-9]|1[0-2])")


def fault(status: int, message: str, service_code: int | None = None, code: str | None = None) -> Answer:
    """An error as LinkedIn writes it: older endpoints with a number, newer ones with a code."""
    body = {"message": message, "status": status, "serviceErrorCode": service_code, "code": code}
    return as_json({name: value for name, value in body.items() if value is not None}, status)


def headers(request: Request, oldest: str) -> Answer | None:
    """The versioned interface wants its headers on every call."""
    version = request.headers.get("linkedin-version", "")
    if not version:
        return fault(
            400, "A version must be present; add the LinkedIn-Version header", code="VERSION_MISSING"
        )
    if not _VERSION.fullmatch(version) or version < oldest:
        message = f"Requested version {version} is not active"
        return fault(426, message, code="NONEXISTENT_VERSION")
    if request.headers.get("x-restli-protocol-version") != "2.0.0":
        return fault(400, "Invalid Rest.li protocol version; expected 2.0.0")
    if request.method == "POST" and request.content_type != "application/json":
        return fault(415, "Content-Type must be application/json")
    return None


def new_segment(body: Any, account: str) -> Answer | None:
    """A segment to be made: its account, kind, platform and destination."""
    if not isinstance(body, dict):
        return fault(400, "The body must be a JSON object")
    wanted = body.get("account")
    if not isinstance(wanted, str) or not _ACCOUNT.fullmatch(wanted):
        return fault(400, "account: must be a sponsored account URN")
    if wanted != account:
        return fault(403, "Not enough permissions to access: dmpSegments.CREATE", 100)
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= NAME_MAX:
        return fault(400, f"name: must be text of 1 to {NAME_MAX} characters")
    kind, platform = body.get("type"), body.get("sourcePlatform")
    if kind not in STREAMING + UPLOADED:
        return fault(400, f"type: {kind!r} is not one of {', '.join(STREAMING + UPLOADED)}")
    if platform not in (PLATFORMS if kind in STREAMING else ("LIST_UPLOAD",)):
        return fault(400, f"sourcePlatform: {platform!r} is not a platform this application may use")
    if body.get("accessPolicy", "PRIVATE") != "PRIVATE":
        return fault(400, "accessPolicy: must be PRIVATE")
    if body.get("destinations", [LINKEDIN]) != [LINKEDIN]:
        return fault(400, "destinations: must be LINKEDIN")
    return None


def person(element: Any) -> str | None:
    """What is wrong with one streamed person."""
    if not isinstance(element, dict) or element.get("action") not in ("ADD", "REMOVE"):
        return "action must be ADD or REMOVE"
    ids = element.get("userIds", [])
    if not isinstance(ids, list):
        return "userIds must be an array"
    for one in ids:
        pattern = IDS.get(one.get("idType", "")) if isinstance(one, dict) else None
        if pattern is None:
            return f"idType must be one of {', '.join(IDS)}"
        if not isinstance(one.get("idValue"), str) or not pattern.fullmatch(one["idValue"]):
            return f"idValue is not a valid {one['idType']}"
    if not ids and not (element.get("firstName") and element.get("lastName")):
        return "Without userIds, firstName and lastName are required"
    for name, most in FIELDS_MAX.items():
        if len(str(element.get(name, ""))) > most:
            return f"{name} is longer than {most} characters"
    if "country" in element and not re.fullmatch("[A-Z]{2}", str(element["country"])):
        return "country must be a two-letter code"
    return None


def company(element: Any) -> str | None:
    """What is wrong with one streamed company."""
    if not isinstance(element, dict) or element.get("action") not in ("ADD", "REMOVE"):
        return "action must be ADD or REMOVE"
    domains = [str(element[key]) for key in ("companyWebsiteDomain", "companyEmailDomain") if key in element]
    if any(not _DOMAIN.fullmatch(domain) for domain in domains):
        return "A domain must be bare, without scheme and path"
    urn = element.get("organizationUrn")
    if urn is not None and not _ORGANIZATION.fullmatch(str(urn)):
        return "organizationUrn must be an organization URN"
    if not domains and not urn and not element.get("companyName"):
        return "A company needs a name, a domain or a URN"
    return None
