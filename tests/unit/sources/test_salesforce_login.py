"""Signing in at an org with a key instead of a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.unit.sources.crm import Crm, crm

from townsend.problem import Invalid
from townsend.rehearsal.salesforce.assertion import private_key

USER = "integration@crm1.bodea.example"


def keyed(folder: Path | None = None, **settings: Any) -> Crm:
    given = {"client_secret": None, "username": USER, "private_key": private_key()}
    return crm(folder=folder, **(given | settings))


def test_a_key_signs_in_without_a_secret() -> None:
    there = keyed()

    assert len(there.org.tables.rows("Account")) == len(there.rows("Account"))


def test_a_key_may_be_a_file_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "crm.pem").write_text(private_key())

    assert keyed(tmp_path, private_key="keys/crm.pem").rows("Campaign")


def test_a_key_may_stand_on_one_line() -> None:
    """As variables of an environment often hold it."""
    assert keyed(private_key=private_key().replace("\n", "\\n")).rows("Campaign")


def test_a_lost_session_is_replaced_by_another_statement() -> None:
    there = keyed()
    there.pull("Account")
    there.clock.sleep(3 * 3_600)

    assert there.rows("Campaign")
    assert 2 == sum(call.endswith("/oauth2/token") for call in there.wire.calls)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"username": "nobody@bodea.example"}, "hasn't approved this consumer.*administrator approved"),
        ({"audience": "https://elsewhere.example"}, "audience is invalid.*check username and audience"),
        ({"client_id": "other"}, "check client_id"),
    ],
)
def test_a_statement_that_is_not_taken_says_what_to_check(settings: dict[str, str], words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        keyed(**settings).pull("Account")

    assert "source.credentials" == caught.value.code
    assert "PRIVATE" not in caught.value.text


def test_a_key_that_the_app_does_not_know_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization as kinds
    from cryptography.hazmat.primitives.asymmetric import rsa

    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
        kinds.Encoding.PEM, kinds.PrivateFormat.PKCS8, kinds.NoEncryption()
    )
    with pytest.raises(Invalid, match="certificate of private_key"):
        keyed(private_key=other.decode()).pull("Account")


@pytest.mark.parametrize(
    "value", ["missing.pem", "../key.pem", "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----"]
)
def test_what_is_no_key_is_told_at_once(tmp_path: Path, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        keyed(tmp_path, private_key=value)

    assert "settings.private_key" == caught.value.code
    assert "nonsense" not in caught.value.text


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"private_key": None, "username": None}, "client_secret"),
        ({"private_key": None}, "private_key"),
        ({"username": None}, "username"),
    ],
)
def test_half_a_way_to_sign_in_says_what_is_missing(settings: dict[str, Any], missing: str) -> None:
    with pytest.raises(Invalid, match=f"{missing} is missing") as caught:
        keyed(**settings)

    assert "settings.missing" == caught.value.code


def test_sandboxes_are_spoken_to_as_such() -> None:
    from townsend.vendors.salesforce_login import JwtBearer, login_of

    settings = {"client_id": "app", "username": USER, "private_key": private_key()}
    login = login_of("crm_1", {**settings, "base_url": "https://bodea--dev.sandbox.my.salesforce.com"}, None)

    assert isinstance(login, JwtBearer)
    assert "https://test.salesforce.com" == login.audience


def test_a_statement_ends_within_the_time_an_org_allows() -> None:
    there = keyed()
    statements: list[dict[str, Any]] = []

    def look(request: Any) -> None:
        form = dict(part.split("=", 1) for part in request.content.decode().split("&") if "=" in part)
        if "assertion" in form:
            unchecked = {"verify_signature": False, "verify_exp": False, "verify_aud": False}
            statements.append(jwt.decode(form["assertion"], options=unchecked))

    there.wire.fault = look
    there.pull("Campaign")
    left_s = statements[0]["exp"] - there.clock.now().timestamp()

    assert ("app", USER) == (statements[0]["iss"], statements[0]["sub"])
    assert 0 < left_s <= 300
