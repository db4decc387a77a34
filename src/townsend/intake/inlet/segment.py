"""Calls of Segment-style libraries as rows: who somebody is, what they did, which company they belong to.

The keys of people and accounts are ``<userId or anonymousId>@<inlet>.Segment`` and
``<groupId>@<inlet>.Segment``, so that two web sites with equal ids never meet by accident. Ids and e-mails
are identities besides, in the namespaces that ``Names`` says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from townsend.intake.inlet.messages import Message, decoded, object_of
from townsend.problem import Invalid

__all__ = ["KINDS", "Names", "calls"]

KINDS = ("identify", "track", "page", "screen", "group", "alias")
SOURCE_TYPE = "Segment"
SKEW_MIN = timedelta(minutes=1)  # the way here takes a while; a clock that is off by less is right
SKEW_MAX = timedelta(days=1)  # a client's clock that is further off than this is not believed
VIEW = "web.webpagedetails.pageViews"
CALLS_MAX = 2_500  # of one batch


@dataclass(frozen=True, slots=True)
class Names:
    """The namespaces of the ids that a site sends."""

    user: str = "UserID"
    anonymous: str = "AnonymousID"


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: its body with what the batch says for all, the inlet, and when it happened."""

    body: Mapping[str, Any]
    inlet: str
    at: int
    happened: datetime
    names: Names

    def text(self, *path: str) -> str | None:
        """A text or number of the body; None if it is absent or blank."""
        found: Any = self.body
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, bool) or not isinstance(found, str | int):
            return None
        return str(found).strip() or None

    def key(self, own: str) -> dict[str, str]:
        return {"sourceID": own, "sourceInstanceID": self.inlet, "sourceType": SOURCE_TYPE}

    def who(self) -> str:
        """The id by which the call names its person.

        Raises:
            Invalid: ``inlet.nobody``.
        """
        found = self.text("userId") or self.text("anonymousId")
        if found is None:
            raise Invalid("inlet.nobody", "expected userId or anonymousId, got neither")
        return found

    def identities(self) -> dict[str, list[dict[str, Any]]]:
        """The call's identities as an ``identityMap``."""
        user, anonymous = self.text("userId"), self.text("anonymousId")
        email = self.text("traits", "email") or self.text("context", "traits", "email")
        named = [(self.names.user, user), (self.names.anonymous, anonymous), ("Email", email)]
        return {space: [{"id": value}] for space, value in named if value is not None}


def calls(
    body: bytes, kind: str, inlet: str, received: datetime, names: Names | None = None
) -> list[list[Message] | Invalid]:
    """The rows of each call of a body, in order; for one that can't be read, why.

    Args:
        kind: the call, or ``batch``.
        inlet: the inlet's name, which becomes the instance of keys.
        received: when the body came, aware.
        names: the namespaces of its ids.

    Raises:
        Invalid: ``inlet.syntax``, ``inlet.shape``, ``inlet.many`` if the body as a whole can't be read.
    """
    whole = object_of(decoded(body), "the body")
    if kind != "batch":
        return [_rows({"type": kind, **whole}, whole, 0, inlet, received, names or Names())]
    found = whole.get("batch")
    if not isinstance(found, list):
        raise Invalid("inlet.shape", 'the body: expected {"batch": […]}', place="batch")
    if len(found) > CALLS_MAX:
        raise Invalid(
            "inlet.many", f"a batch has at most {CALLS_MAX:,} calls, got {len(found):,}; send several"
        )
    return [_rows(one, whole, at, inlet, received, names or Names()) for at, one in enumerate(found)]


def _rows(
    one: Any, whole: Mapping[str, Any], at: int, inlet: str, received: datetime, names: Names
) -> list[Message] | Invalid:
    try:
        body = dict(object_of(one, f"batch[{at}]"))
        for shared in ("context", "integrations"):
            if isinstance(whole.get(shared), Mapping):
                body[shared] = {**whole[shared], **_mapping(body.get(shared))}
        happened = _happened(body, whole.get("sentAt"), received)
        call = _Call(body, inlet, at, happened, names)
        kind = call.text("type")
        if kind not in _READ:
            raise Invalid("inlet.call", f"batch[{at}].type: expected one of {', '.join(KINDS)}, got {kind!r}")
        return _READ[kind](call)
    except Invalid as problem:
        return problem


def _happened(body: Mapping[str, Any], sent_at: Any, received: datetime) -> datetime:
    """When it happened by our clock: the client's time, moved by what its clock was off when it sent."""
    stamp = _instant(body.get("originalTimestamp") or body.get("timestamp"))
    sent = _instant(body.get("sentAt") or sent_at)
    if stamp is None:
        return received
    if sent is None or abs(received - sent) < SKEW_MIN:
        return stamp
    skew = received - sent
    return stamp + skew if abs(skew) <= SKEW_MAX else received


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _identify(call: _Call) -> list[Message]:
    traits = {
        **_mapping(_mapping(call.body.get("context")).get("traits")),
        **_mapping(call.body.get("traits")),
    }
    row = _person(call)
    for trait, path in _TRAITS.items():
        if trait in traits:
            _put(row, path, traits[trait])
    company = traits.get("company")
    _put(row, "b2b.companyName", company.get("name") if isinstance(company, Mapping) else company)
    rest = {name: value for name, value in traits.items() if name not in _TRAITS and name != "company"}
    if rest:
        row["segment"] = {"traits": rest}
    return [Message("person", row, call.at, patch=True)]


def _person(call: _Call) -> dict[str, Any]:
    return {
        "b2b": {"personKey": call.key(call.who())},
        "identityMap": call.identities(),
        "extSourceSystemAudit": {"lastUpdatedDate": call.happened},
    }


def _track(call: _Call) -> list[Message]:
    name = call.text("event")
    if name is None:
        raise Invalid("inlet.call", f"batch[{call.at}].event: expected the event's name, got none")
    return [_event(call, name)]


def _view(call: _Call) -> list[Message]:
    message = _event(call, VIEW)
    _put(message.row, "web.webPageDetails.name", call.text("name") or call.text("properties", "title"))
    return [message]


def _event(call: _Call, kind: str) -> Message:
    row: dict[str, Any] = {
        "timestamp": call.happened,
        "eventType": kind,
        "producedBy": "self",
        "personKey": call.key(call.who()),
        "identityMap": call.identities(),
    }
    if (own := call.text("messageId")) is not None:
        row["_id"] = own
    if (group := call.text("context", "groupId")) is not None:
        row["accountKey"] = call.key(group)
    for path, places in _PAGE.items():
        _put(row, path, next((found for place in places if (found := call.text(*place)) is not None), None))
    properties = _mapping(call.body.get("properties"))
    if properties:
        row["segment"] = {"properties": properties}
    return Message("event", row, call.at)


def _group(call: _Call) -> list[Message]:
    group, who = call.text("groupId"), call.who()
    if group is None:
        raise Invalid("inlet.call", f"batch[{call.at}].groupId: expected the company's id, got none")
    traits = _mapping(call.body.get("traits"))
    audit = {"lastUpdatedDate": call.happened}
    account: dict[str, Any] = {"accountKey": call.key(group), "extSourceSystemAudit": audit}
    for trait, path in _COMPANY.items():
        _put(account, path, traits.get(trait))
    rest = {name: value for name, value in traits.items() if name not in _COMPANY}
    if rest:
        account["segment"] = {"traits": rest}
    # Ids may hold any character, so a pair of them is told apart by its digest.
    pair = hashlib.sha256(f"{len(who)}:{who}{group}".encode()).hexdigest()[:32]
    relation = {
        "accountPersonKey": call.key(pair),
        "accountKey": call.key(group),
        "personKey": call.key(who),
        "relationshipSource": SOURCE_TYPE,
        "extSourceSystemAudit": audit,
    }
    return [
        Message("person", _person(call), call.at, patch=True),
        Message("account", account, call.at, patch=True),
        Message("account_person", relation, call.at, patch=True),
    ]


def _alias(call: _Call) -> list[Message]:
    previous = call.text("previousId")
    if previous is None:
        raise Invalid("inlet.call", f"batch[{call.at}].previousId: expected the former id, got none")
    former = {
        "b2b": {"personKey": call.key(previous)},
        "identityMap": {call.names.user: [{"id": call.who()}]},
        "extSourceSystemAudit": {"lastUpdatedDate": call.happened},
    }
    return [
        Message("person", _person(call), call.at, patch=True),
        Message("person", former, call.at, patch=True),
    ]


_READ = {
    "identify": _identify,
    "track": _track,
    "page": _view,
    "screen": _view,
    "group": _group,
    "alias": _alias,
}
_TRAITS = {
    "email": "workEmail.address",
    "firstName": "person.name.firstName",
    "lastName": "person.name.lastName",
    "name": "person.name.fullName",
    "title": "extendedWorkDetails.jobTitle",
    "phone": "workPhone.number",
    "birthday": "person.birthDate",
    "gender": "person.gender",
}
_COMPANY = {
    "name": "accountName",
    "domain": "accountOrganization.domain",
    "website": "accountOrganization.website",
    "industry": "accountOrganization.industry",
    "employees": "accountOrganization.numberOfEmployees",
    "phone": "accountPhone.number",
    "description": "accountDescription",
}
_PAGE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "web.webPageDetails.URL": (("properties", "url"), ("context", "page", "url")),
    "web.webReferrer.URL": (("properties", "referrer"), ("context", "page", "referrer")),
    "environment.ipV4": (("context", "ip"),),
    "environment.browserDetails.userAgent": (("context", "userAgent"),),
}


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _put(row: dict[str, Any], path: str, value: Any) -> None:
    """Set a dotted path; what is absent stays absent."""
    if value is None or value == "":
        return
    *outer, last = path.split(".")
    for name in outer:
        row = row.setdefault(name, {})
    row[last] = value
