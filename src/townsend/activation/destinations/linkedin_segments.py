"""The segments of a LinkedIn account that are ours: found by id or by our own key, made, renamed.

A key is the audience's name. LinkedIn keeps one segment a key, expired ones too, so the one that takes the
place of an expired one carries a number behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from townsend.problem import Unavailable
from townsend.vendors.linkedin import LinkedIn

__all__ = ["Segment", "Segments"]

UNUSABLE = ("EXPIRED", "FAILED", "ERROR")
SHOWN = ("status", "audienceSize", "matchedCount")


@dataclass(frozen=True)
class Segment:
    """A segment as LinkedIn shows it.

    Args:
        created_ms: when it was made, None if LinkedIn did not say.
        shown: what LinkedIn says instead of naming members: status, audienceSize, matchedCount.
    """

    id: str
    name: str
    key: str
    created_ms: int | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether members can still be put in."""
        return self.shown.get("status") not in UNUSABLE


class Segments:
    """Streamed segments of people in one advertising account.

    Args:
        account: URN of the advertising account.
        platform: the ``sourcePlatform`` that LinkedIn gave the application.
    """

    def __init__(self, api: LinkedIn, *, account: str, platform: str) -> None:
        self._api = api
        self._account = account
        self._platform = platform

    def check(self) -> None:
        """See whether the account's segments may be seen; raises as the call does."""
        self._find({"start": 0, "count": 1})

    def get(self, remote_id: str) -> Segment | None:
        """The segment with that id, None if there is none."""
        reply = self._api.call("GET", f"/dmpSegments/{quote(remote_id, safe='')}", answers=(404,))
        return None if reply.status == 404 else self._segment(reply.json())

    def of(self, audience: str) -> Segment | None:
        """The audience's segment that can be used."""
        return next((one for one in self._made_for(audience) if one.usable), None)

    def make(self, audience: str, name: str) -> Segment:
        """A new segment; one that somebody made at the same moment is as good."""
        key = _key(audience, len(self._made_for(audience)))
        reply = self._api.call(
            "POST",
            "/dmpSegments",
            json={
                "name": name,
                "account": self._account,
                "accessPolicy": "PRIVATE",
                "sourcePlatform": self._platform,
                "sourceSegmentId": key,
                "type": "USER",
                "destinations": [{"destination": "LINKEDIN"}],
            },
            answers=(409,),
        )
        if reply.status == 409:
            # Somebody was faster, perhaps our own call whose answer was lost.
            return self._keyed(key) or self._hidden()
        remote_id = reply.headers.get("x-restli-id") or reply.headers.get("x-linkedin-id")
        if not remote_id:
            raise self._odd("made a segment and did not name its id")
        return Segment(remote_id, name, key)

    def rename(self, segment: Segment, name: str) -> None:
        """Call it that, unless it is."""
        if segment.name != name:
            self._api.call(
                "POST",
                f"/dmpSegments/{quote(segment.id, safe='')}",
                json={"patch": {"$set": {"name": name}}},
                restli="PARTIAL_UPDATE",
            )

    def _made_for(self, audience: str) -> list[Segment]:
        """Segments ever made for the audience that LinkedIn still has, oldest first."""
        found: list[Segment] = []
        while segment := self._keyed(_key(audience, len(found))):
            found.append(segment)
        return found

    def _keyed(self, key: str) -> Segment | None:
        return next((one for one in self._find({"sourceSegmentId": key}) if one.key == key), None)

    def _find(self, wanted: Mapping[str, Any]) -> list[Segment]:
        query = {"q": "account", "account": self._account, "sourcePlatform": self._platform, **wanted}
        elements = self._api.call("GET", "/dmpSegments", params=query).json().get("elements")
        if not isinstance(elements, list):
            raise self._odd("answered without a list of segments")
        return [self._segment(one) for one in elements]

    def _segment(self, body: Any) -> Segment:
        if not isinstance(body, dict) or "id" not in body:
            raise self._odd("showed a segment without its id")
        here = [one for one in body.get("destinations", ()) if one.get("destination") == "LINKEDIN"]
        shown = {name: here[0][name] for name in SHOWN if name in here[0]} if here else {}
        return Segment(
            str(body["id"]),
            str(body.get("name", "")),
            str(body.get("sourceSegmentId", "")),
            body.get("created"),
            shown,
        )

    def _hidden(self) -> Segment:
        raise Unavailable(
            "destination.busy",
            f"{self._api.name}: LinkedIn has a segment for this audience but does not show it yet; "
            "run again later",
            name=self._api.name,
        )

    def _odd(self, what: str) -> Unavailable:
        return Unavailable(
            "destination.answer", f"{self._api.name}: LinkedIn {what}; run again later", name=self._api.name
        )


def _key(audience: str, before: int) -> str:
    return audience if before == 0 else f"{audience}~{before + 1}"
