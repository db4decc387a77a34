"""How a program signs in at a Salesforce org: with a secret, or with a key that vouches for a user.

Both give a token that acts as one user of the org. What a secret or a key is stays here: no text and no
repr shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from townsend.problem import Invalid
from townsend.vendors.http import Again, Reply, Side

__all__ = ["ClientCredentials", "JwtBearer", "Login", "judged", "login_of"]

PRODUCTION, SANDBOX = "https://login.salesforce.com", "https://test.salesforce.com"
# The org takes an assertion that ends within five minutes; ours is used at once.
ASSERTION_LIFE = timedelta(minutes=3)
THROTTLED_S = 60.0
WORDS_MAX = 200
_REMEDIES = {
    "invalid_client_id": "check client_id",
    "inactive_user": "the user that the app runs as is not active",
}


class Login(Protocol):
    """A way to sign in.

    Attributes:
        remedies: what to do, by the org's error code.
        check: the settings to look at if the code says nothing.
    """

    remedies: ClassVar[Mapping[str, str]]
    check: ClassVar[str]

    def form(self, now: datetime) -> dict[str, str]:
        """The form of the token call."""
        ...


@dataclass(frozen=True)
class ClientCredentials:
    """The client credentials flow: the app's own secret; the app says which user it runs as."""

    client_id: str
    client_secret: str = field(repr=False)
    check: ClassVar[str] = "base_url, client_id and client_secret"
    remedies: ClassVar[Mapping[str, str]] = {
        **_REMEDIES,
        "invalid_client": "check client_secret",
        "invalid_grant": "the app needs the client credentials flow and a user it runs as",
        "unsupported_grant_type": "switch the client credentials flow on in the app",
    }

    def form(self, now: datetime) -> dict[str, str]:  # noqa: ARG002  a secret has no time
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


@dataclass(frozen=True)
class JwtBearer:
    """The JWT bearer flow: a statement for one user, signed with a key whose certificate the app knows.

    Args:
        key: the private key, PEM.
        audience: who is to read it: the sign-in host of production orgs or of sandboxes.
    """

    client_id: str
    username: str
    audience: str
    key: str = field(repr=False)
    check: ClassVar[str] = "base_url, client_id, username and private_key"
    remedies: ClassVar[Mapping[str, str]] = {
        **_REMEDIES,
        "invalid_client": "check client_id, and that the app holds the certificate of private_key",
        "invalid_grant": "check username and audience, that the app holds the certificate of private_key, "
        "and that an administrator approved the app for this user",
        "unsupported_grant_type": "switch the JWT bearer flow on in the app",
    }

    def form(self, now: datetime) -> dict[str, str]:
        import jwt  # slow to load, and only needed here

        claims = {
            "iss": self.client_id,
            "sub": self.username,
            "aud": self.audience,
            "exp": int((now + ASSERTION_LIFE).timestamp()),
        }
        return {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": jwt.encode(claims, self.key, algorithm="RS256"),
        }


def login_of(name: str, settings: Mapping[str, Any], folder: Path | None) -> Login:
    """The way to sign in that settings say; a key goes before a secret.

    Args:
        name: what the project calls the source.
        settings: checked ones.
        folder: what a key's path is relative to; None takes the key itself only.

    Raises:
        Invalid: ``settings.private_key``.
    """
    if not settings.get("private_key"):
        return ClientCredentials(str(settings["client_id"]), str(settings["client_secret"]))
    base_url = str(settings["base_url"])
    sandbox = ".sandbox." in (urlsplit(base_url).hostname or "")
    audience = str(settings.get("audience") or (SANDBOX if sandbox else PRODUCTION)).rstrip("/")
    key = _key(name, str(settings["private_key"]), folder)
    return JwtBearer(str(settings["client_id"]), str(settings.get("username", "")), audience, key)


def judged(name: str, side: Side, host: str, login: Login, reply: Reply) -> Again | None:
    """What to do about the answer to a token call; None takes it.

    Raises:
        Invalid: ``<side>.credentials``, with what to check.
    """
    body = reply.json()
    if reply.status < 300 and isinstance(body, dict) and "access_token" in body:
        return None
    said = str(body.get("error", "")) if isinstance(body, dict) else ""
    words = str(body.get("error_description", "")) if isinstance(body, dict) else ""
    if "rate" in said:
        return Again(f"{said} at the token call", after_s=THROTTLED_S, throttled=True)
    told = ": ".join(filter(None, (said or f"status {reply.status}", words[:WORDS_MAX])))
    todo = login.remedies.get(said, f"check {login.check}")
    raise Invalid(
        f"{side}.credentials", f"{name}: {host} gives no token ({told}); {todo}", source=name, said=said
    )


def _key(name: str, value: str, folder: Path | None) -> str:
    """The key: the text itself, or that of the file it names, once it is known to be one."""
    # Variables of an environment often hold it on one line.
    text = value.replace("\\n", "\n") if "-----BEGIN" in value else _file(name, value, folder)
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, RSAPrivateKey):
        raise _no_key(name, "it holds no RSA key in PEM form without a passphrase; make one with openssl")
    return text


def _file(name: str, value: str, folder: Path | None) -> str:
    path = Path(value.strip())
    if folder is None or ".." in path.parts:
        raise _no_key(name, "expected the key itself, or the path of its file inside the project folder")
    try:
        return (folder / path).read_text("utf-8")
    except (OSError, ValueError):
        raise _no_key(
            name, f"the file {path.name} cannot be read; write its path below the project folder"
        ) from None


def _no_key(name: str, why: str) -> Invalid:
    return Invalid("settings.private_key", f"sources.{name}: private_key: {why}", source=name)
