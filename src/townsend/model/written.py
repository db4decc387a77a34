"""Whether a schema document is written as ``xdm.yaml`` is, before anything is made of it.

Only its form is judged: which keys are mappings, lists and texts. What the names mean is ``schema``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from townsend.problem import Invalid

__all__ = ["check_form"]

_CLASS = {"namespace", "key", "id", "event", "fields", "identities", "references"}
_LINK = {"from", "name", "to", "edge", "inverse", "via", "default", "path"}


def check_form(place: str, document: Mapping[str, Any]) -> None:
    """Complain about the first thing in a schema document that is not in its place.

    Raises:
        Invalid: ``schema.key``, ``schema.type`` with the place and what to write.
    """
    _only(document, {"blocks", "classes", "links"}, f"{place}: a schema file", place)
    for name, fields in _mapping(document.get("blocks"), f"{place}: blocks").items():
        _mapping(fields, f"{place}: block {name}")
    for name, body in _mapping(document.get("classes"), f"{place}: classes").items():
        _class(f"{place}: class {name}", body, place)
    for link in _list(document.get("links"), f"{place}: links"):
        _link(f"{place}: links", link, place)


def _class(where: str, body: Any, place: str) -> None:
    _only(_mapping(body, where), _CLASS, where, place)
    for single in ("namespace", "key", "id", "event"):
        if single in body:
            _text(body[single], f"{where}: {single}")
    _mapping(body.get("fields"), f"{where}: fields")
    for identity in _list(body.get("identities"), f"{where}: identities"):
        at = f"{where}: identities"
        _only(_mapping(identity, at), {"field", "namespace"}, at, place)
        for needed in ("field", "namespace"):
            _text(identity.get(needed), f"{at}: {needed}")
    for name, reference in _mapping(body.get("references"), f"{where}: references").items():
        at = f"{where}: references.{name}"
        _only(_mapping(reference, at), {"field", "to", "inverse"}, at, place)
        _text(reference.get("to"), f"{at}.to")
        for optional in ("field", "inverse"):
            if optional in reference:
                _text(reference[optional], f"{at}.{optional}")


def _link(where: str, link: Any, place: str) -> None:
    _only(_mapping(link, where), _LINK, where, place)
    for needed in ("from", "name", "to"):
        _text(link.get(needed), f"{where}: {needed}")
    if "edge" in link:
        _text(link["edge"], f"{where}: edge")
    elif not _list(link.get("path"), f"{where}: {link['name']}.path"):
        raise _wrong(f"{where}: {link['name']}", "a path, such as [opportunityRelations, opportunity]", None)


def _only(mapping: Mapping[str, Any], allowed: set[str], where: str, place: str) -> None:
    for key in mapping:
        if key not in allowed:
            raise Invalid(
                "schema.key",
                f"{where} has the unknown key {key!r}; it may have {', '.join(sorted(allowed))}",
                place=place,
            )


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(where, "a mapping", value)
    for key in value:
        if not isinstance(key, str):
            raise _wrong(where, "names that are text", key)
    return value


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(where, "a list", value)
    return value


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str) or not value:
        raise _wrong(where, "text", value)


def _wrong(where: str, expected: str, got: Any) -> Invalid:
    came = "nothing" if got is None else repr(got)
    return Invalid("schema.type", f"{where}: expected {expected}, got {came}")
