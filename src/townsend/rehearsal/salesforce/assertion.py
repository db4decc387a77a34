"""The JWT bearer flow's side of an org: a key made at start, and what a signed statement must say."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from townsend.rehearsal.times import SECOND_MS

__all__ = ["AUDIENCES", "JWT_BEARER", "private_key", "refusal_of"]

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
LIFE_MS_MAX = 5 * 60 * SECOND_MS
KEY_BITS = 2_048


@cache
def private_key() -> str:
    """The key (PEM) whose certificate the connected app of every org of this process holds."""
    from cryptography.hazmat.primitives import serialization as kinds
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    return key.private_bytes(kinds.Encoding.PEM, kinds.PrivateFormat.PKCS8, kinds.NoEncryption()).decode()


def refusal_of(
    assertion: str, client_id: str, username: str, audiences: Collection[str], now_ms: int
) -> tuple[str, str] | None:
    """Why an org takes no assertion, as error and description; None if it takes it.

    Args:
        client_id, username: who must be ``iss`` and ``sub``.
        audiences: who may be ``aud``.
        now_ms: vendor's time, by which it must not have ended, nor last longer than five minutes.
    """
    import jwt.types

    # The vendor's time decides, not the machine's, and each refusal has words of its own.
    unchecked: jwt.types.Options = {
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
        "verify_aud": False,
        "verify_iss": False,
        "verify_sub": False,
    }
    try:
        claims = jwt.decode(assertion, _public(), algorithms=["RS256"], options=unchecked)
        ends_ms = int(claims.get("exp", 0)) * SECOND_MS
    except (jwt.PyJWTError, TypeError, ValueError):
        return "invalid_grant", "invalid assertion"
    if claims.get("iss") != client_id:
        return "invalid_client_id", "client identifier invalid"
    if str(claims.get("aud", "")).rstrip("/") not in audiences:
        return "invalid_grant", "audience is invalid"
    if not now_ms < ends_ms <= now_ms + LIFE_MS_MAX:
        return "invalid_grant", "assertion is expired or lasts too long"
    if claims.get("sub") != username:
        return "invalid_grant", "user hasn't approved this consumer"
    return None


@cache
def _public() -> str:
    from cryptography.hazmat.primitives import serialization as kinds

    found = kinds.load_pem_private_key(private_key().encode(), None).public_key()
    return found.public_bytes(kinds.Encoding.PEM, kinds.PublicFormat.SubjectPublicKeyInfo).decode()
