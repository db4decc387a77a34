"""Record ids as the vendors make them."""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache

__all__ = ["guid", "salesforce_id", "to18"]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "Lead": "00Q",
    "User": "005",
    "Organization": "00D",
    "Opportunity": "006",
    "OpportunityContactRole": "00K",
    "AccountContactRelation": "07k",
    "Campaign": "701",
    "CampaignMember": "00v",
    "Task": "00T",
    "Contract__c": "a00",
    "Cursor": "0r8",
    "Job": "750",
}


@lru_cache(maxsize=1 << 16)  # the same ids stand in many rows
def salesforce_id(kind: str, pod: str, number: int) -> str:
    """The 18-character id of a record.

    Args:
        kind: an object's name.
        pod: the two characters of the org's home.

    >>> salesforce_id("Account", "5e", 1)
    '0015e0000000001AAA'
    """
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return to18(f"{PREFIXES[kind]}{pod}0{digits.rjust(9, '0')}")


def to18(id15: str) -> str:
    """A 15-character Salesforce id with the three characters that make it safe to compare without case.

    >>> to18("001A0000006Vm9u")
    '001A0000006Vm9uIAC'
    """
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(
            1 << i
            for i, letter in enumerate(id15[start : start + 5])
            if letter.isascii() and letter.isupper()
        )
        suffix += _CHECK[bits]
    return id15 + suffix


def guid(*parts: object) -> str:
    """A GUID that is the same for the same parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))
