"""The section ``matching`` of the settings: which matches are looked for, every key checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from townsend.identity.matching.rules import ACCEPT_ACCOUNTS_AT, ACCEPT_LEADS_AT, MatchRules, engine
from townsend.identity.matchrules import Matching
from townsend.problem import Invalid
from townsend.project.yamlfile import YamlFile

__all__ = ["matching_of"]

SECTION = "matching"
SHARED = {"engine", "public_domains", "weights", "records_per_value"}
KINDS: Mapping[str, frozenset[str]] = {
    "leads": frozenset({"accept_at", "review_at", "candidates"}),
    "accounts": frozenset({"accept_at", "review_at"}),
    "related": frozenset({"by"}),
}
# Two accounts joined by mistake are worse than a lead at the wrong one.
DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "leads": {"accept_at": ACCEPT_LEADS_AT},
    "accounts": {"accept_at": ACCEPT_ACCOUNTS_AT},
}
ENGINES = ("auto", "exact", "splink")


def matching_of(file: YamlFile, section: Mapping[str, Any]) -> Matching:
    """The rules of each kind that is written there; a kind that is not written is not looked for.

    Args:
        file: for the places that complaints name.
        section: the section's content, which may be an older one than the file's.

    Raises:
        Invalid: ``settings.*`` or ``matching.*`` with file and line.
    """
    file.only(section, {*SHARED, *KINDS}, SECTION)
    shared = _shared(file, section)
    found: dict[str, MatchRules] = {}
    for kind, keys in KINDS.items():
        if kind not in section:
            continue
        body = {} if section[kind] is None else section[kind]
        file.expect(body, dict, SECTION, kind)
        file.only(body, set(keys), SECTION, kind)
        written = {**DEFAULTS.get(kind, {}), **shared, **_own(file, kind, body)}
        try:
            rules = MatchRules(**written)
            # Which engine answers is part of the rules: with another one other matches are found.
            found[kind] = replace(rules, engine=engine(rules))
        except Invalid as problem:
            raise file.wrong(problem.code, problem.text, SECTION, kind, **problem.facts) from None
    return Matching(**found)


def _shared(file: YamlFile, section: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "engine" in section:
        if section["engine"] not in ENGINES:
            raise file.wrong(
                "settings.choice",
                f"matching.engine: expected {', '.join(ENGINES)}, got {section['engine']!r}",
                SECTION,
                "engine",
            )
        found["engine"] = section["engine"]
    if "public_domains" in section:
        file.expect(section["public_domains"], list, SECTION, "public_domains")
        for at, domain in enumerate(section["public_domains"]):
            file.expect(domain, str, SECTION, "public_domains", at)
        found["public_domains"] = frozenset(one.strip().lower() for one in section["public_domains"])
    if "weights" in section:
        file.expect(section["weights"], dict, SECTION, "weights")
        found["weights"] = {
            str(name): _number(file, factor, 0, 10, "weights", str(name))
            for name, factor in section["weights"].items()
        }
    if "records_per_value" in section:
        found["records_per_value"] = _whole(file, section["records_per_value"], "records_per_value")
    return found


def _own(file: YamlFile, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: _number(file, body[key], 0, 1, kind, key) for key in ("accept_at", "review_at") if key in body
    }
    if "candidates" in body:
        found["candidates"] = _whole(file, body["candidates"], kind, "candidates")
    if "by" in body:
        file.expect(body["by"], list, SECTION, kind, "by")
        found["related_by"] = tuple(map(str, body["by"]))
    return found


def _number(file: YamlFile, value: Any, low: float, high: float, *path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise file.wrong(
            "settings.type",
            f"{'.'.join((SECTION, *path))}: expected a number from {low} to {high}, got {value!r}",
            SECTION,
            *path,
        )
    return float(value)


def _whole(file: YamlFile, value: Any, *path: str) -> int:
    file.expect(value, int, SECTION, *path)
    if value < 1:
        raise file.wrong(
            "settings.type",
            f"{'.'.join((SECTION, *path))}: expected a whole number from 1 on, got {value}",
            SECTION,
            *path,
        )
    return int(value)
