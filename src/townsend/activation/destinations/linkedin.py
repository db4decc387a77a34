"""LinkedIn Matched Audiences: people of an audience as members of a streamed segment.

A segment takes hashed e-mails and advertising ids, all of a person in one element. It never says who is in
it: what was confirmed is in our ledger alone. A segment unused for 90 days loses its members for good; then
a new one is made and filled from the start.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote

import httpx

from townsend.activation.contract import (
    Address,
    Can,
    Done,
    Later,
    Limits,
    Lookup,
    Member,
    Outcome,
    Parcel,
    Refusal,
    Target,
    gone,
)
from townsend.activation.destinations.linkedin_segments import Segments
from townsend.activation.destinations.settings import choice, whole_url
from townsend.clock import Clock
from townsend.problem import Broken, Invalid, Unavailable
from townsend.vendors import linkedin as vendor
from townsend.vendors.keys import COMMON, DESTINATIONS

__all__ = ["LinkedInSegments", "hashed_email"]

KEYS = DESTINATIONS["linkedin"]
PLATFORM = "TOWNSEND"
SETTLE_S = 5.0  # LinkedIn wants so long a wait between making a segment and filling it
SETTLES_S_MAX = 180.0  # "could not find DMP segment" is normal for one or two minutes
WORDS_MAX = 300
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GAID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_GAID = "00000000-0000-0000-0000-000000000000"  # what a device says that does not want to be known
_ACCOUNT = re.compile(r"(?:urn:li:sponsoredAccount:)?(\d+)")


def hashed_email(email: str) -> str:
    """What LinkedIn calls an e-mail address: SHA-256 of it trimmed and lower-cased, as lower-case hex.

    A value that is such a hash already passes through.

    >>> hashed_email(" P2@Townsend.com ") == hashed_email("p2@townsend.com")
    True
    """
    plain = unicodedata.normalize("NFC", email).strip().lower()
    return plain if _SHA256.fullmatch(plain) else hashlib.sha256(plain.encode()).hexdigest()


class LinkedInSegments:
    """Segments of one advertising account.

    Args:
        name: what the project calls the destination.
        settings: see ``KEYS``; ``account`` is the number of the advertising account or its URN.
        transport: how to reach the host, for tests.
    """

    can = Can(remove=True, rename=True, read_back=False, together=True, create=False)
    # Source: LinkedIn's guide to streaming people: 5,000 elements, 600 calls a minute, 300 matched members.
    limits = Limits(per_call=5_000, calls=600, window_s=60.0, least=300, first_s=SETTLE_S)
    spaces: tuple[str, ...] = ("Email", "Email_LC_SHA256", "GAID")
    fields: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        where = f"destinations.{name}"
        KEYS.check(where, settings, COMMON["destinations"])
        self.name = name
        self.action = str(settings.get("action", "share"))
        self.on_unmap: Literal["remove", "keep"] = choice(where, settings, "on_unmap", "remove", "keep")
        access = vendor.Access(
            client_id=str(settings["client_id"]),
            client_secret=str(settings["client_secret"]),
            refresh_token=str(settings["refresh_token"]),
            base_url=whole_url(where, settings, vendor.BASE_URL),
            version=str(settings.get("version", vendor.VERSION)),
        )
        self.account = access.account
        self._clock = clock
        self._api = vendor.LinkedIn(name, access, clock, transport=transport)
        self._segments = Segments(
            self._api,
            account=_urn(where, str(settings["account"])),
            platform=str(settings.get("source_platform", PLATFORM)),
        )

    @property
    def calls(self) -> int:
        return self._api.calls

    def close(self) -> None:
        self._api.close()

    def address(self, member: Member, known: Mapping[str, Sequence[str]], unknown: frozenset[str]) -> Address:
        """Every e-mail and advertising id of the person; nothing has to be asked."""
        del known
        found: dict[str, str] = {}
        for space in self.spaces:
            for value in sorted(member.identities.get(space, ())):
                identifier = _identifier(space, value)
                if identifier is not None and identifier not in unknown:
                    found.setdefault(identifier, f"{space}:{value}")
        return Address(found)

    def identity_of(self, identifier: str) -> tuple[str, str] | None:
        """A hash stays a hash."""
        return ("GAID" if _GAID.fullmatch(identifier) else "Email_LC_SHA256", identifier)

    def check(self) -> list[str]:
        """Whether the sign-in holds and the account's segments may be seen; what ends soon."""
        notices = self._api.notices()
        self._segments.check()
        return notices

    def prepare(self, audience: str, name: str, known: Target | None) -> Target:
        """The audience's segment, by its id or by our key; made if there is none that can be used."""
        if known is not None:
            segment = self._segments.get(known.remote_id)
            if segment is None and self._age_s(known) < SETTLES_S_MAX:
                return known
            if segment is not None and segment.usable:
                self._segments.rename(segment, name)
                return replace(known, name=name, body=segment.shown)
        segment = self._segments.of(audience) or self._segments.make(audience, name)
        self._segments.rename(segment, name)
        created_ms = _ms(self._clock.now()) if segment.created_ms is None else segment.created_ms
        return Target(segment.id, name, True, created_ms, segment.shown)

    # ------------------------------------------------------------ members

    def resolve(self, lookups: Sequence[Lookup]) -> dict[str, tuple[str, ...]]:
        """LinkedIn has no ids that one could ask for."""
        assert not lookups, "addresses of this destination never ask"
        return {}

    def send(self, target: Target, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Stream additions and removals; LinkedIn takes each again without harm."""
        elements = [
            {"action": parcel.action.upper(), "userIds": [_user_id(one) for one in parcel.identifiers]}
            for parcel in parcels
        ]
        self._clock.sleep(max(0.0, SETTLE_S - self._age_s(target)))
        while True:
            reply = self._api.call(
                "POST",
                f"/dmpSegments/{quote(target.remote_id, safe='')}/users",
                json={"elements": elements},
                restli="BATCH_CREATE",
                answers=(400, 404),
            )
            if reply.status == 200:
                break
            if reply.status == 404 and self._age_s(target) < SETTLES_S_MAX:
                self._clock.sleep(SETTLE_S)
                continue
            raise self._why_not(target, reply.status, reply.json())
        answers = reply.json().get("elements")
        if not isinstance(answers, list) or len(answers) != len(parcels):
            raise Unavailable(
                "destination.answer",
                f"{self.name}: LinkedIn gave no answer to each of {len(parcels)} elements; run again later",
                name=self.name,
            )
        return [_outcome(answer) for answer in answers]

    def there(self, target: Target, identifiers: Sequence[str]) -> set[str]:  # noqa: ARG002
        raise self._silent()

    def read_back(self, target: Target) -> Iterator[str]:  # noqa: ARG002
        raise self._silent()

    def _why_not(self, target: Target, status: int, said: Any) -> Invalid | Unavailable:
        segment = self._segments.get(target.remote_id)
        if segment is None or not segment.usable:
            return gone(self.name, f"the LinkedIn segment {target.name!r}")
        words = str(said.get("message", ""))[:WORDS_MAX] if isinstance(said, dict) else ""
        if status == 404:
            return Unavailable(
                "destination.busy",
                f"{self.name}: LinkedIn does not take members of {target.name!r} yet ({words}); "
                "run again later",
                name=self.name,
            )
        return Invalid(
            "destination.request",
            f"{self.name}: LinkedIn refuses the members of {target.name!r}: {words}",
            name=self.name,
            status=status,
            words=words,
        )

    def _age_s(self, target: Target) -> float:
        return (_ms(self._clock.now()) - target.created_ms) / 1_000

    def _silent(self) -> Broken:
        return Broken("destination.no_read_back", f"{self.name}: LinkedIn never says who is in a segment")


def _identifier(space: str, value: str) -> str | None:
    """What LinkedIn would call this identity; None for one that it does not take."""
    if space == "Email":
        return hashed_email(value) if "@" in value else None
    lower = value.strip().lower()
    if space == "GAID":
        return lower if _GAID.fullmatch(lower) and lower != _NO_GAID else None
    return lower if _SHA256.fullmatch(lower) else None


def _user_id(identifier: str) -> dict[str, str]:
    return {
        "idType": "GOOGLE_AID" if _GAID.fullmatch(identifier) else "SHA256_EMAIL",
        "idValue": identifier,
    }


def _outcome(answer: Any) -> Outcome:
    """201 means taken; whether LinkedIn finds a member by it never shows."""
    status = answer.get("status", 0) if isinstance(answer, dict) else 0
    if 200 <= status < 300:
        return Done()
    error = answer.get("error") if isinstance(answer, dict) else None
    words = str(error.get("message", ""))[:WORDS_MAX] if isinstance(error, dict) else ""
    if status == 429 or status >= 500 or status == 0:
        return Later(words or f"status {status}")
    return Refusal(f"linkedin.{status}", words or f"status {status}")


def _ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _urn(where: str, account: str) -> str:
    found = _ACCOUNT.fullmatch(account.strip())
    if not found:
        raise Invalid(
            "settings.choice",
            f"{where}: account: expected the number of an advertising account or its URN "
            f"urn:li:sponsoredAccount:…, got {account!r}",
            where=where,
        )
    return f"urn:li:sponsoredAccount:{found[1]}"
