"""What settings of destinations have in common: choices and addresses, checked before anything is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from townsend.problem import Invalid

__all__ = ["choice", "switch", "whole_url"]

Word = TypeVar("Word", bound=str)


def choice(where: str, settings: Mapping[str, Any], key: str, *allowed: Word) -> Word:
    """The setting's value, the first of ``allowed`` if it is not written.

    Raises:
        Invalid: ``settings.choice``.
    """
    value = settings.get(key, allowed[0])
    for word in allowed:
        if value == word:
            return word
    raise Invalid(
        "settings.choice",
        f"{where}: {key}: expected {' or '.join(allowed)}, got {value!r}",
        where=where,
        key=key,
    )


def switch(where: str, settings: Mapping[str, Any], key: str) -> bool:
    """The setting's ``true`` or ``false``, false if it is not written.

    Raises:
        Invalid: ``settings.choice``.
    """
    value = settings.get(key, False)
    if isinstance(value, bool):
        return value
    raise Invalid(
        "settings.choice",
        f"{where}: {key}: expected true or false, got {value!r}",
        where=where,
        key=key,
    )


def whole_url(where: str, settings: Mapping[str, Any], default: str) -> str:
    """``base_url`` with scheme and host.

    Raises:
        Invalid: ``settings.url``.
    """
    url = str(settings.get("base_url", default)).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid(
            "settings.url",
            f"{where}: base_url: expected an address such as {default}, got {url!r}",
            where=where,
        )
    return url
