"""Source keys out of what master data says of a record: system, instance and id, in all their spellings.

A key is text, ``sourceID@sourceInstanceID.sourceType``. The same record is met as a 15 or 18 character
id, a GUID with or without braces, ``123.0`` or with blanks around; each has one canonical form here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from townsend.identity.rules import Instance

__all__ = ["candidates", "key_ending", "long_id", "spelled"]

SYSTEMS = {"marketo": "Marketo", "salesforce": "Salesforce", "dynamics": "Dynamics"}
COMPANY, NAMED_ACCOUNT = ".mkto_org", ".mkto_acct"
_SUFFIXES = (COMPANY, NAMED_ACCOUNT, ".mkto_account")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT = re.compile(r"[0-9A-Za-z]{15}")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}")
_WHOLE = re.compile(r"(\d+)\.0+")


def candidates(
    entity_type: str, system: str, instance: str, source_key: str, instances: Iterable[Instance]
) -> list[str]:
    """The keys that a cross-reference row may mean, the likeliest first.

    Args:
        entity_type: class name; accounts of Marketo have a suffix of their own.
        system: source system, a type (``salesforce``) or anything else.
        instance: a configured source's name or its instance id; else taken literally.
        source_key: the record's id there, or its whole key.
        instances: the configured sources.
    """
    source_key = source_key.strip()
    if not source_key:
        return []
    known = _configured(system.strip(), instance.strip(), instances)
    kind, tail = key_ending(system, instance, instances)
    if source_key.lower().endswith(tail.lower()):
        return [source_key[: -len(tail)] + tail]
    ids = (
        [*spelled(kind, entity_type, source_key)]
        if known
        else [source_key, *spelled(kind, entity_type, source_key)]
    )
    return list(dict.fromkeys(one + tail for one in ids))


def key_ending(system: str, instance: str, instances: Iterable[Instance]) -> tuple[str, str]:
    """The source type that a system's name means, and what its keys end with."""
    system, instance = system.strip(), instance.strip()
    known = _configured(system, instance, instances)
    kind = known.system if known else SYSTEMS.get(system.lower(), system)
    return kind, f"@{(known.instance if known else None) or instance}.{kind}"


def _configured(system: str, instance: str, instances: Iterable[Instance]) -> Instance | None:
    system, named = system.casefold(), instance.casefold()
    for known in instances:
        ours = (known.name.casefold(), (known.instance or "").casefold())
        if known.system.casefold() == system and named in ours:
            return known
        # Some say the source's name as the system, and no instance.
        if known.name.casefold() == system and named in ("", *ours):
            return known
    return None


def spelled(kind: str, entity_type: str, source_id: str) -> list[str]:
    """The forms that a record's id has in keys of this source type, the likeliest first."""
    whole = _WHOLE.fullmatch(source_id)
    plain = whole[1] if whole else source_id
    if kind == "Salesforce":
        return list(dict.fromkeys([long_id(plain), plain]))
    if kind == "Marketo":
        number = plain.lstrip("0") or plain
        forms = list(dict.fromkeys([number, plain]))
        if entity_type == "account" and not number.endswith(_SUFFIXES):
            return [form + suffix for suffix in (COMPANY, NAMED_ACCOUNT) for form in forms] + forms
        return forms
    if kind == "Dynamics" or _GUID.fullmatch(plain.strip("{}")):
        bare = plain.strip("{}")
        if _GUID.fullmatch(bare):
            digits = bare.replace("-", "").lower()
            guid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
            return list(dict.fromkeys([guid, guid.upper(), f"{{{guid}}}", f"{{{guid.upper()}}}", plain]))
    return list(dict.fromkeys([plain, plain.lstrip("0") or plain])) if plain.isdigit() else [plain]


def long_id(source_id: str) -> str:
    """A Salesforce id in its 18 character form; other texts stay as they are.

    >>> long_id("001A0000006Vm9r")
    '001A0000006Vm9rIAC'
    """
    if not _SHORT.fullmatch(source_id):
        return source_id
    tail = ""
    for start in (0, 5, 10):
        bits = sum(
            1 << place for place, letter in enumerate(source_id[start : start + 5]) if "A" <= letter <= "Z"
        )
        tail += _LETTERS[bits]
    return source_id + tail
