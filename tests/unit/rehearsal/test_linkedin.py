"""The rehearsal LinkedIn keeps the vendor's manners, in vendor time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from townsend.clock import SystemClock
from townsend.rehearsal import start
from townsend.rehearsal.linkedin import LinkedIn
from townsend.rehearsal.linkedin.server import ACCOUNT
from townsend.rehearsal.times import DAY_MS, HOUR_MS
from townsend.rehearsal.web import FORM, Answer, Request

NOON = 1_795_521_600_000
CLIENT = ("app", "secret")
HEADERS = {
    "linkedin-version": "202610",
    "x-restli-protocol-version": "2.0.0",
    "content-type": "application/json",
}
SEGMENT = {
    "name": "Audience A",
    "account": ACCOUNT,
    "accessPolicy": "PRIVATE",
    "sourcePlatform": "TOWNSEND",
    "sourceSegmentId": "aud-42",
    "type": "USER",
    "destinations": [{"destination": "LINKEDIN"}],
}


def sha(email: str) -> str:
    return hashlib.sha256(email.encode()).hexdigest()


class Caller:
    """An application that was signed in."""

    def __init__(self, vendor: LinkedIn, at_ms: int = NOON) -> None:
        self.vendor = vendor
        self.at_ms = at_ms
        self.token = ""
        self.token = json.loads(self.sign_in().body)["access_token"]

    def sign_in(self, **form: str) -> Answer:
        fields = {
            "grant_type": "refresh_token",
            "client_id": CLIENT[0],
            "client_secret": CLIENT[1],
            "refresh_token": self.vendor.extra["refresh_token"],
        }
        body = urlencode(fields | form).encode()
        return self.vendor.answer(
            Request("POST", "/oauth/v2/accessToken", "", {"content-type": FORM}, body, 1, self.at_ms)
        )

    def call(self, method: str, path: str, body: Any = None, restli: str = "", **headers: str) -> Answer:
        sent = HEADERS | {"authorization": f"Bearer {self.token}", "x-restli-method": restli}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        content = b"" if body is None else json.dumps(body).encode()
        return self.vendor.answer(Request(method, f"/rest{path}", query, sent, content, 1, self.at_ms))

    def make(self, **fields: Any) -> str:
        answer = self.call("POST", "/dmpSegments", SEGMENT | fields)
        assert answer.status == 201, answer.body
        return answer.headers["x-restli-id"]

    def stream(self, made: str, *elements: Any) -> Answer:
        return self.call("POST", f"/dmpSegments/{made}/users", {"elements": elements}, "BATCH_CREATE")

    def status(self, made: str) -> str:
        return str(self.shown(made)["destinations"][0]["status"])

    def shown(self, made: str) -> Any:
        return json.loads(self.call("GET", f"/dmpSegments/{made}").body)


def person(action: str, *emails: str) -> dict[str, Any]:
    return {
        "action": action,
        "userIds": [{"idType": "SHA256_EMAIL", "idValue": sha(email)} for email in emails],
    }


def statuses(answer: Answer) -> list[int]:
    return [one["status"] for one in json.loads(answer.body)["elements"]]


@pytest.fixture
def caller() -> Caller:
    return Caller(LinkedIn(CLIENT, 7, NOON))


def test_a_refresh_token_lives_a_year_and_using_it_does_not_extend_it(caller: Caller) -> None:
    first = json.loads(caller.sign_in().body)
    caller.at_ms += 300 * DAY_MS
    second = json.loads(caller.sign_in().body)
    caller.at_ms += 40 * DAY_MS
    third = caller.sign_in()

    assert 5_184_000 == first["expires_in"]
    assert 300 * 86_400 == first["refresh_token_expires_in"] - second["refresh_token_expires_in"]
    assert (400, "invalid_grant") == (third.status, json.loads(third.body)["error"])


def test_wrong_credentials_get_no_token(caller: Caller) -> None:
    assert (401, "invalid_client") == (
        caller.sign_in(client_secret="x").status,
        json.loads(caller.sign_in(client_secret="x").body)["error"],
    )
    assert "invalid_grant" == json.loads(caller.sign_in(refresh_token="x").body)["error"]


def test_an_access_token_ends_after_sixty_days_or_when_revoked(caller: Caller) -> None:
    made = caller.make()
    caller.vendor.forget_tokens()
    revoked = json.loads(caller.call("GET", f"/dmpSegments/{made}").body)
    caller.token = json.loads(caller.sign_in().body)["access_token"]
    caller.at_ms += 60 * DAY_MS
    expired = json.loads(caller.call("GET", f"/dmpSegments/{made}").body)
    caller.token = "never seen"
    invalid = json.loads(caller.call("GET", f"/dmpSegments/{made}").body)

    assert [65601, 65602, 65600] == [one["serviceErrorCode"] for one in (revoked, expired, invalid)]


def test_each_call_names_a_version_that_is_still_served(caller: Caller) -> None:
    missing = caller.call("GET", "/dmpSegments/1", linkedin_version="")
    retired = caller.call("GET", "/dmpSegments/1", linkedin_version="202511")
    protocol = caller.call("GET", "/dmpSegments/1", x_restli_protocol_version="1.0.0")

    assert [400, 426, 400] == [missing.status, retired.status, protocol.status]
    assert "NONEXISTENT_VERSION" == json.loads(retired.body)["code"]


def test_a_segment_is_made_found_renamed_and_deleted(caller: Caller) -> None:
    made = caller.make()
    caller.make(sourceSegmentId="other")
    query = f"/dmpSegments?q=account&{urlencode({'account': ACCOUNT, 'sourceSegmentId': 'aud-42'})}"
    found = json.loads(caller.call("GET", query).body)
    renamed = caller.call(
        "POST", f"/dmpSegments/{made}", {"patch": {"$set": {"name": "B"}}}, "PARTIAL_UPDATE"
    )
    name = caller.shown(made)["name"]
    deleted = caller.call("DELETE", f"/dmpSegments/{made}")

    assert ([int(made)], 1) == ([one["id"] for one in found["elements"]], found["paging"]["total"])
    assert (204, "B", 204, 404) == (
        renamed.status,
        name,
        deleted.status,
        caller.call("GET", f"/dmpSegments/{made}").status,
    )


def test_a_key_is_taken_once(caller: Caller) -> None:
    caller.make()

    assert 409 == caller.call("POST", "/dmpSegments", SEGMENT).status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"account": "5001"}, 400),
        ({"account": "urn:li:sponsoredAccount:9"}, 403),
        ({"type": "USER_STREAMING"}, 400),
        ({"sourcePlatform": "SOMEBODY"}, 400),
        ({"name": ""}, 400),
        ({"destinations": []}, 400),
    ],
)
def test_a_segment_that_cannot_be_is_refused(caller: Caller, fields: dict[str, Any], status: int) -> None:
    assert status == caller.call("POST", "/dmpSegments", SEGMENT | fields).status


def test_streaming_does_not_know_a_segment_at_first(caller: Caller) -> None:
    made = caller.make()
    early = caller.stream(made, person("ADD", "a@b.test"))
    caller.at_ms += 60_000
    later = caller.stream(made, person("ADD", "a@b.test"))

    assert (404, 200) == (early.status, later.status)


def test_each_element_has_its_own_outcome_and_members_may_be_said_twice(caller: Caller) -> None:
    made = caller.make()
    caller.at_ms += 60_000
    bad = {"action": "ADD", "userIds": [{"idType": "SHA256_EMAIL", "idValue": "a@b.test"}]}
    gone = {"action": "ADD", "userIds": [{"idType": "APPLE_IDFA", "idValue": "x"}]}
    answer = caller.stream(
        made, person("ADD", "a@b.test", "c@d.test"), bad, gone, person("REMOVE", "nobody@b.test")
    )
    again = caller.stream(made, person("ADD", "a@b.test"), person("REMOVE", "c@d.test"))

    assert [201, 400, 400, 201] == statuses(answer)
    assert [201, 201] == statuses(again)
    assert [sha("a@b.test")] == caller.vendor.segment_hashes("Audience A")


def test_a_call_holds_at_most_five_thousand_elements(caller: Caller) -> None:
    made = caller.make()
    caller.at_ms += 60_000
    answer = caller.stream(made, *[person("ADD", f"{n}@b.test") for n in range(5_001)])

    assert 400 == answer.status
    assert [] == caller.vendor.segment_hashes("aud-42")


def test_the_601st_call_of_a_minute_waits_for_the_next(caller: Caller) -> None:
    made = caller.make()
    caller.at_ms += 60_000
    answers = [caller.stream(made, person("ADD", "a@b.test")) for _ in range(601)]
    caller.at_ms += int(answers[-1].headers["retry-after"]) * 1_000

    assert [200] * 600 + [429] == [one.status for one in answers]
    assert 200 == caller.stream(made, person("ADD", "a@b.test")).status


def test_a_segment_is_built_matched_archived_and_expires(caller: Caller) -> None:
    made = caller.make()
    caller.at_ms += 60_000
    caller.stream(made, *[person("ADD", f"{n}@b.test") for n in range(1_000)])
    lives = [caller.status(made)]
    unmatched = "audienceSize" not in caller.shown(made)["destinations"][0]
    for wait_ms in (48 * HOUR_MS, 30 * DAY_MS, 60 * DAY_MS):
        caller.at_ms += wait_ms
        caller.token = json.loads(caller.sign_in().body)["access_token"]
        lives.append(caller.status(made))
        if lives[-1] == "READY":
            size = caller.shown(made)["destinations"][0]["audienceSize"]

    assert unmatched
    assert 600 < size < 800
    assert ["BUILDING", "READY", "ARCHIVED", "EXPIRED"] == lives
    assert 400 == caller.stream(made, person("ADD", "a@b.test")).status


def test_nobody_can_read_members(caller: Caller) -> None:
    made = caller.make()
    caller.at_ms += 60_000
    caller.stream(made, person("ADD", "a@b.test"))

    assert 405 == caller.call("GET", f"/dmpSegments/{made}/users").status
    assert sha("a@b.test") not in json.dumps(caller.shown(made))


def test_companies_go_into_segments_of_companies(caller: Caller) -> None:
    made = caller.make(type="COMPANY")
    caller.at_ms += 60_000
    path = f"/dmpSegments/{made}/companies"
    elements = [
        {"action": "ADD", "companyName": "Acme", "companyWebsiteDomain": "acme.test"},
        {"action": "ADD", "companyWebsiteDomain": "https://acme.test/about"},
        {"action": "ADD"},
    ]

    assert [201, 400, 400] == statuses(caller.call("POST", path, {"elements": elements}, "BATCH_CREATE"))
    assert 400 == caller.stream(made, person("ADD", "a@b.test")).status


def test_what_callers_changed_is_there_after_a_restart(tmp_path: Path) -> None:
    kept = tmp_path / "linkedin.ndjson"
    caller = Caller(LinkedIn(CLIENT, 7, NOON, kept))
    made = caller.make()
    caller.at_ms += 60_000
    caller.stream(made, person("ADD", "a@b.test"), person("ADD", "c@d.test"))
    caller.call("POST", f"/dmpSegments/{made}", {"patch": {"$set": {"name": "B"}}}, "PARTIAL_UPDATE")
    again = Caller(LinkedIn(CLIENT, 7, NOON, kept), caller.at_ms)

    assert caller.shown(made) == again.shown(made)
    assert sorted([sha("a@b.test"), sha("c@d.test")]) == again.vendor.segment_hashes("B")


def test_it_is_started_like_the_other_vendors() -> None:
    (server,) = start(["linkedin"], clock=SystemClock(), seed=7, size=5)
    try:
        answer = httpx.post(
            f"{server.base_url}/oauth/v2/accessToken",
            data={
                "grant_type": "refresh_token",
                "client_id": server.client_id,
                "client_secret": server.client_secret,
                "refresh_token": server.extra["refresh_token"],
            },
        )
    finally:
        server.stop()

    assert (200, "linkedin") == (answer.status_code, server.name)
    assert {"account", "refresh_token", "source_platform"} == set(server.extra)
    assert [] == server.segment_hashes("nothing")
