"""The segments of one rehearsal LinkedIn account, and how they live in vendor time.

Changes come as plain facts with their instant, so that a journal can make them again. Who is in a segment is
known at once inside; outside only numbers show, and they follow the members a day later, as at the vendor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from townsend.rehearsal.times import DAY_MS, HOUR_MS, SECOND_MS

__all__ = ["FIRST_ID", "Segment", "Segments"]

FIRST_ID = 901
BUILD_MS = 36 * HOUR_MS  # the first build; "up to 48 h"
MATCH_MS = 24 * HOUR_MS  # until an accepted member counts as matched
ROLLING_MS = 7 * DAY_MS  # what matchedCount and inputCount look back on
ARCHIVED_MS = 30 * DAY_MS
EXPIRED_MS = 90 * DAY_MS
SETTLE_MS = (5 * SECOND_MS, 40 * SECOND_MS)  # streaming answers 404 for so long after a segment was made
MATCH_SHARE = 0.7  # of the addresses belong to somebody on LinkedIn

Element = tuple[str, Sequence[str]]


@dataclass
class Segment:
    """One matched audience.

    Args:
        key: the caller's own id, ``sourceSegmentId``; empty if none was given.
        members: when each id (``SHA256_EMAIL:…``) was accepted.
        inputs: (instant, how many elements) of each call that added.
    """

    id: int
    name: str
    description: str
    kind: str
    account: str
    platform: str
    key: str
    created_ms: int
    modified_ms: int
    streamed_ms: int | None = None
    members: dict[str, int] = field(default_factory=dict)
    inputs: list[tuple[int, int]] = field(default_factory=list)

    def settled(self, now_ms: int) -> bool:
        """Whether the streaming side knows of it yet."""
        low, high = SETTLE_MS
        return now_ms - self.created_ms >= low + self.id * 7919 % (high - low)

    def status(self, now_ms: int) -> str:
        """The life of a segment nobody uses in a campaign: it ages from its last change on."""
        idle_ms = now_ms - self.modified_ms
        if idle_ms >= EXPIRED_MS:
            return "EXPIRED"
        if idle_ms >= ARCHIVED_MS:
            return "ARCHIVED"
        if self.streamed_ms is None or now_ms - self.created_ms < BUILD_MS:
            return "BUILDING"
        return "UPDATING" if now_ms - self.streamed_ms < MATCH_MS else "READY"

    def counts(self, now_ms: int) -> dict[str, int]:
        """inputCount, matchedCount (both of the last seven days) and audienceSize."""
        if self.status(now_ms) == "EXPIRED":
            return {"inputCount": 0, "matchedCount": 0, "audienceSize": 0}
        matched = [at for one, at in self.members.items() if at + MATCH_MS <= now_ms and _on_linkedin(one)]
        return {
            "inputCount": sum(count for at, count in self.inputs if at + ROLLING_MS > now_ms),
            "matchedCount": sum(at + ROLLING_MS > now_ms for at in matched),
            "audienceSize": len(matched),
        }

    def to_json(self, now_ms: int) -> dict[str, Any]:
        """The segment as the interface shows it."""
        counts = self.counts(now_ms)
        shown = {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "type": self.kind,
            "account": self.account,
            "accessPolicy": "PRIVATE",
            "sourcePlatform": self.platform,
            "sourceSegmentId": self.key,
            "created": self.created_ms,
            "lastModified": self.modified_ms,
            "inputCount": counts["inputCount"],
            "destinations": [self.destination(now_ms)],
        }
        return {name: value for name, value in shown.items() if value != ""}

    def destination(self, now_ms: int) -> dict[str, Any]:
        """What the segment is on LinkedIn itself; a first build shows no counts."""
        status = self.status(now_ms)
        shown: dict[str, Any] = {
            "destination": "LINKEDIN",
            "status": status,
            "destinationSegmentId": f"urn:li:adSegment:{self.id + 7_000}",
            "created": self.created_ms,
            "lastModified": self.modified_ms,
        }
        if status != "BUILDING":
            counts = self.counts(now_ms)
            shown |= {"audienceSize": counts["audienceSize"], "matchedCount": counts["matchedCount"]}
        return shown


def _on_linkedin(member: str) -> bool:
    # The same address is always matched or never, without anybody keeping a list of who is who.
    return int(member.rpartition(":")[2].replace("-", "")[:4], 16) < MATCH_SHARE * 0x10000


class Segments:
    """All segments of the account, by id."""

    def __init__(self) -> None:
        self._segments: dict[int, Segment] = {}
        self._next = FIRST_ID

    def changes(self) -> Mapping[str, Callable[..., Any]]:
        """The changes a journal may keep, by name."""
        return {"create": self.create, "update": self.update, "delete": self.delete, "stream": self.stream}

    def get(self, number: int) -> Segment | None:
        return self._segments.get(number)

    def all(self) -> list[Segment]:
        """Every segment, oldest first."""
        return list(self._segments.values())

    def keyed(self, account: str, platform: str, key: str) -> Segment | None:
        """The segment with that sourceSegmentId."""
        return next(
            (
                one
                for one in self._segments.values()
                if key and (one.account, one.platform, one.key) == (account, platform, key)
            ),
            None,
        )

    def named(self, name: str) -> Segment | None:
        """The newest segment with that name or sourceSegmentId."""
        return next((one for one in reversed(self._segments.values()) if name in (one.name, one.key)), None)

    def create(
        self, *, called: str, description: str, kind: str, account: str, platform: str, key: str, at_ms: int
    ) -> int:
        """Make a segment; its id."""
        made = Segment(self._next, called, description, kind, account, platform, key, at_ms, at_ms)
        self._segments[made.id] = made
        self._next += 1
        return made.id

    def update(self, *, number: int, fields: Mapping[str, str], at_ms: int) -> None:
        """Give it another name or description."""
        segment = self._segments[number]
        for name, value in fields.items():
            setattr(segment, name, value)
        segment.modified_ms = at_ms

    def delete(self, *, number: int) -> None:
        """Take it away; its id is never used again."""
        del self._segments[number]

    def stream(self, *, number: int, elements: Iterable[Element], at_ms: int) -> None:
        """Add (``ADD``) and remove (``REMOVE``) members in order; both may be said again without effect."""
        segment = self._segments[number]
        added = 0
        for action, members in elements:
            for member in members:
                if action == "ADD":
                    segment.members.setdefault(member, at_ms)
                else:
                    segment.members.pop(member, None)
            added += action == "ADD"
        if added:
            segment.inputs.append((at_ms, added))
        segment.streamed_ms = segment.modified_ms = at_ms
