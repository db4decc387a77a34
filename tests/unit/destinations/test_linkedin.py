"""LinkedIn segments, against the rehearsal LinkedIn and with the engine around them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

import httpx
import pytest
from tests.suites.destination_suite import DestinationSuite
from tests.unit.destinations.bridge import BASE, Bridge, StillClock, lost_answer, says

from townsend.activation.contract import Done, Member, Parcel, Refusal, Target
from townsend.activation.destinations import open_destination
from townsend.activation.destinations.linkedin import LinkedInSegments, hashed_email
from townsend.problem import Broken, Invalid, Problem, Unavailable
from townsend.rehearsal.chaos import Chaos
from townsend.rehearsal.linkedin import LinkedIn
from townsend.rehearsal.times import now_ms

CLIENT = ("app", "secret")
HV = "high-value-visitors"


def email(number: int) -> str:
    return f"p{number}@townsend.com"


@lru_cache(maxsize=100_000)
def hashed(number: int) -> str:
    return hashed_email(email(number))


class Account:
    """The rehearsal LinkedIn, a destination that leads to it, and what the far end was told."""

    def __init__(self, chaos: Chaos | None = None, **settings: Any) -> None:
        self.clock = StillClock()
        self.vendor = LinkedIn(CLIENT, 7, now_ms(self.clock))
        self.bridge = Bridge(self.vendor, self.clock, chaos)
        self.bridge.may_fail = lambda request: request.url.path.endswith("/users")
        self.settings = {
            "type": "linkedin",
            "base_url": BASE,
            "client_id": CLIENT[0],
            "client_secret": CLIENT[1],
            "refresh_token": self.vendor.extra["refresh_token"],
            "account": self.vendor.extra["account"],
            **settings,
        }
        self.log: list[tuple[str, str]] = []
        stream = self.vendor.segments.stream
        changes = self.vendor._journal._changes

        def noted(**facts: Any) -> None:
            self.log += [(action, one) for action, ones in facts["elements"] for one in ones]
            stream(**facts)

        self.vendor._journal._changes = {**changes, "stream": noted}

    def destination(self) -> LinkedInSegments:
        return LinkedInSegments("linkedin", self.settings, self.clock, transport=self.bridge)

    def member(self, number: int) -> Member:
        return Member(number, {"Email": [email(number)]})

    def there(self, name: str) -> set[int]:
        numbers = {hashed(number): number for number in range(1, 6_000)}
        segments = [one for one in self.vendor.segments.all() if one.name == name]
        return {numbers[one.partition(":")[2]] for segment in segments for one in segment.members}

    def lose(self, name: str) -> None:
        for one in self.vendor.segments.all():
            if one.name == name:
                self.vendor.segments.delete(number=one.id)

    def fail(self, calls: int, *, heard: bool) -> None:
        self.bridge.faults = [lost_answer if heard else says(503)] * calls

    def sent(self) -> list[tuple[str, int]]:
        numbers = {hashed(number): number for number in range(1, 6_000)}
        return [(action.lower(), numbers[one.partition(":")[2]]) for action, one in self.log]


class TestLinkedInSuite(DestinationSuite):
    @pytest.fixture
    def vendor(self) -> Account:
        return Account()


@pytest.fixture
def account() -> Account:
    return Account()


def add(*numbers: int) -> list[Parcel]:
    return [Parcel("add", number, (hashed(number),)) for number in numbers]


# ------------------------------------------------------------ how people are called


def test_an_address_is_trimmed_lowered_and_hashed_and_a_hash_passes_through() -> None:
    expected = "b8e30d1addc62fa00ee5c1c6d01b5e006963c1b178e6b35458daf6c44875468d"

    assert [expected] * 3 == [hashed_email(one) for one in ("x@y.z", " X@Y.Z ", expected.upper())]
    assert hashed_email("p2@townsend.com") != hashed_email("p2+news@townsend.com")


def test_all_identifiers_of_a_person_travel_and_those_linkedin_does_not_take_stay(account: Account) -> None:
    gaid = "38400000-8cf0-11bd-b23e-10b96e40000d"
    member = Member(
        1,
        {
            "Email": [email(2), email(1), "nobody"],
            "Email_LC_SHA256": [hashed(3).upper(), "abc"],
            "GAID": [gaid.upper(), "00000000-0000-0000-0000-000000000000"],
            "ECID": ["1"],
        },
    )
    found = account.destination().address(member, {}, frozenset({hashed(2)}))

    assert {
        hashed(1): f"Email:{email(1)}",
        hashed(3): f"Email_LC_SHA256:{hashed(3).upper()}",
        gaid: f"GAID:{gaid.upper()}",
    } == found.identifiers
    assert () == found.lookups


# ------------------------------------------------------------ segments


def test_a_segment_is_made_once_and_found_by_key_or_id(account: Account) -> None:
    first = account.destination().prepare(HV, "High value", None)
    again = account.destination().prepare(HV, "High value", None)
    known = account.destination().prepare(HV, "High value", first)

    assert first.remote_id == again.remote_id == known.remote_id
    assert ["POST /rest/dmpSegments"] == [one for one in account.bridge.paths() if one.startswith("POST")]


def test_a_segment_whose_making_was_not_answered_is_not_made_twice(account: Account) -> None:
    account.bridge.may_fail = lambda request: (
        request.method == "POST" and request.url.path.endswith("Segments")
    )
    account.bridge.faults = [lost_answer]
    target = account.destination().prepare(HV, "High value", None)

    assert [int(target.remote_id)] == [one.id for one in account.vendor.segments.all()]


def test_a_rename_follows(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    renamed = destination.prepare(HV, "Buyers", target)

    assert (target.remote_id, "Buyers") == (renamed.remote_id, renamed.name)
    assert ["Buyers"] == [one.name for one in account.vendor.segments.all()]


def test_an_expired_segment_is_gone_and_another_takes_its_place(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    destination.send(target, add(1))
    account.clock.at += timedelta(days=91)

    with pytest.raises(Unavailable) as caught:
        destination.send(target, add(2))

    assert "destination.gone" == caught.value.code

    second = destination.prepare(HV, "High value", target)
    account.clock.at += timedelta(days=91)
    third = destination.prepare(HV, "High value", second)

    assert 3 == len({target.remote_id, second.remote_id, third.remote_id})
    assert [HV, f"{HV}~2", f"{HV}~3"] == [one.key for one in account.vendor.segments.all()]
    assert destination.prepare(HV, "High value", None).remote_id == third.remote_id


def test_a_deleted_segment_is_gone(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    destination.send(target, add(1))
    account.lose("High value")

    with pytest.raises(Unavailable) as caught:
        destination.send(target, add(2))

    assert "destination.gone" == caught.value.code
    assert destination.prepare(HV, "High value", target).remote_id != target.remote_id


def test_what_linkedin_shows_of_a_segment_is_remembered(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    destination.send(target, add(*range(1, 101)))
    account.clock.at += timedelta(days=3)
    shown = destination.prepare(HV, "High value", target).body

    assert "READY" == shown["status"]
    assert 50 < shown["audienceSize"] < 90


# ------------------------------------------------------------ members


def test_filling_waits_until_the_streaming_side_knows_the_segment(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    outcomes = destination.send(target, add(1))

    assert [Done()] == outcomes
    assert 5 <= sum(account.clock.slept) < 60


def test_each_parcel_has_its_own_outcome_in_the_vendors_words(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    parcels = [*add(1, 2), Parcel("add", 3, ("not a hash",)), Parcel("remove", 4, (hashed(4),))]
    outcomes = destination.send(target, parcels)
    destination.send(target, [Parcel("remove", 1, (hashed(1),))])

    assert [
        Done(),
        Done(),
        Refusal("linkedin.400", "idValue is not a valid SHA256_EMAIL"),
        Done(),
    ] == outcomes
    assert {2} == account.there("High value")


def test_a_person_with_two_addresses_is_one_element(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    destination.send(target, [Parcel("add", 1, (hashed(1), hashed(2)))])
    (sent,) = [json.loads(one.content) for one in account.bridge.seen if one.url.path.endswith("/users")][-1:]

    assert 1 == len(sent["elements"])
    assert {1, 2} == account.there("High value")


def test_throttling_waits_as_long_as_linkedin_says(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    account.clock.sleep(60)
    account.bridge.faults = [says(429, headers={"retry-after": "37"}, json={"status": 429})]
    slept = sum(account.clock.slept)
    destination.send(target, add(1))

    assert 37 <= sum(account.clock.slept) - slept < 60
    assert {1} == account.there("High value")


def test_a_day_without_calls_is_not_sat_out(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    account.clock.sleep(60)
    account.bridge.faults = [says(429, headers={"retry-after": "40000"}, json={"status": 429})]
    slept = sum(account.clock.slept)
    for _ in range(2):
        with pytest.raises(Unavailable):
            destination.send(target, add(1))

    assert slept == sum(account.clock.slept)

    account.clock.at += timedelta(seconds=40_000)

    assert [Done()] == destination.send(target, add(1))


@pytest.mark.parametrize("kind", ["revoked", "expired"])
def test_a_token_that_ends_is_replaced(account: Account, kind: str) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    if kind == "revoked":
        account.vendor.forget_tokens()
    else:
        account.clock.at += timedelta(days=61)
    outcomes = destination.send(target, add(1))

    assert [Done()] == outcomes


def test_an_answer_that_does_not_fit_is_not_taken_for_success(account: Account) -> None:
    destination = account.destination()
    target = destination.prepare(HV, "High value", None)
    account.bridge.faults = [says(200, json={"elements": [{"status": 201}]})]

    with pytest.raises(Unavailable) as caught:
        destination.send(target, add(1, 2))

    assert "destination.answer" == caught.value.code


def test_members_cannot_be_read_back(account: Account) -> None:
    destination = account.destination()
    target = Target("901", HV, True, 0)

    assert not destination.can.read_back
    for ask in (lambda: destination.there(target, []), lambda: destination.read_back(target)):
        with pytest.raises(Broken):
            ask()


@pytest.mark.parametrize("seed", range(8))
def test_on_a_bad_day_the_end_is_right(seed: int) -> None:
    """Gateways, dropped answers, throttling and revoked tokens, in any order."""
    account = Account(Chaos(seed, "linkedin"))
    wanted: set[int] = set()
    destination = account.destination()
    target = _patiently(account, lambda: destination.prepare(HV, "High value", None))
    for turn in range(12):
        adds, removes = {turn * 3 + 1, turn * 3 + 2, turn * 3 + 3}, {turn * 2} & wanted
        parcels = add(*sorted(adds)) + [Parcel("remove", one, (hashed(one),)) for one in removes]
        outcomes = _patiently(account, lambda parcels=parcels: destination.send(target, parcels))
        wanted = (wanted | adds) - removes

        assert [Done()] * len(parcels) == outcomes
    assert wanted == account.there("High value")


def _patiently(account: Account, call: Any) -> Any:
    while True:
        try:
            return call()
        except Unavailable:
            account.clock.sleep(60)


# ------------------------------------------------------------ before anything is sent


def test_all_is_well(account: Account) -> None:
    assert [] == account.destination().check()


def test_the_end_of_the_sign_in_is_told_eight_weeks_ahead(account: Account) -> None:
    account.clock.at += timedelta(days=365 - 30 - 50)
    (notice,) = [one for one in account.destination().check() if "refresh" in one]

    assert "the refresh token ends on 2027-10-25" in notice


def test_the_end_of_a_version_is_told_ahead(account: Account) -> None:
    account.settings["version"] = "202601"
    (notice,) = account.destination().check()

    assert "until about January 2027" in notice


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"refresh_token": "other"}, "destination.credentials", "sign in"),
        ({"client_secret": "other"}, "destination.credentials", "client_secret"),
        ({"account": "77"}, "destination.rights", "rw_dmp_segments"),
        ({"version": "202501"}, "destination.version", "version"),
    ],
)
def test_what_must_be_changed_is_said(
    account: Account, change: dict[str, str], code: str, words: str
) -> None:
    account.settings |= change
    with pytest.raises(Invalid) as caught:
        account.destination().check()

    assert code == caught.value.code
    assert words in caught.value.text
    assert not any(secret in caught.value.text for secret in ("other", account.vendor.extra["refresh_token"]))


def test_a_platform_linkedin_does_not_know_is_refused_with_its_words(account: Account) -> None:
    account.settings["source_platform"] = "SOMEBODY"
    with pytest.raises(Invalid) as caught:
        account.destination().prepare(HV, "High value", None)

    assert "destination.request" == caught.value.code
    assert "sourcePlatform" in caught.value.text


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"acount": "1"}, "settings.key", "did you mean 'account'?"),
        ({"account": "mine"}, "settings.choice", "number of an advertising account"),
        ({"version": "latest"}, "settings.choice", "year and month"),
        ({"on_unmap": "delete"}, "settings.choice", "remove or keep"),
        ({"base_url": "api.linkedin.com"}, "settings.url", "base_url"),
        ({"refresh_token": ""}, "settings.missing", "refresh_token"),
        ({"type": "linkdin"}, "settings.choice", "linkedin, marketo_list"),
    ],
)
def test_settings_are_checked(account: Account, change: dict[str, str], code: str, words: str) -> None:
    with pytest.raises(Problem) as caught:
        open_destination("linkedin", account.settings | change, account.clock)

    assert code == caught.value.code
    assert words in caught.value.text


def test_linkedin_itself_is_called_where_no_address_is_given(account: Account) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.url.scheme}://{request.url.host}{request.url.path}")
        if request.url.path.endswith("accessToken"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 5_184_000})
        return httpx.Response(200, json={"elements": []})

    del account.settings["base_url"]
    destination = LinkedInSegments(
        "linkedin", account.settings, account.clock, transport=httpx.MockTransport(answer)
    )
    destination.check()

    assert [
        "https://www.linkedin.com/oauth/v2/accessToken",
        "https://api.linkedin.com/rest/dmpSegments",
    ] == seen
    assert replace(destination.limits, least=300) == destination.limits
