"""``townsend.yaml``: what a project says about itself, every key checked.

Reading never touches the network or the store. Secrets stay ``${NAME}`` until a source or destination
is opened, so that commands which need none work without them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from townsend.problem import Invalid
from townsend.project.schedule import check_schedule, seconds_of
from townsend.project.yamlfile import YamlFile, read_yaml
from townsend.sources.kinds import keys_of_kind, names_of_kinds
from townsend.vendors.keys import COMMON, DESTINATIONS

__all__ = ["FILE", "Limits", "Settings", "read_settings"]

FILE = "townsend.yaml"
KEYS = {
    "name",
    "schema",
    "sources",
    "identity",
    "matching",
    "merge",
    "computed",
    "consent",
    "currency",
    "rates",
    "destinations",
    "limits",
    "exclude",
    "rehearsal",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Limits:
    """Named bounds that a project may move.

    Args:
        future_ms: how far ahead of acceptance an event may lie.
        links_per_value: a value that joins more distinct records than this loses all its links.
    """

    future_ms: int = 86_400_000
    links_per_value: int = 50


@dataclass(frozen=True)
class Settings:
    """A project's settings, as written."""

    folder: Path
    file: YamlFile
    name: str
    open: bool
    sources: Mapping[str, Mapping[str, Any]]
    destinations: Mapping[str, Mapping[str, Any]]
    identity: Mapping[str, Any]
    matching: Mapping[str, Any]
    merge: Mapping[str, Any]
    computed: Mapping[str, Any]
    consent_unknown: Literal["allow", "deny"] | None
    currency: str
    rates: tuple[Mapping[str, Any], ...]
    limits: Limits
    exclude: tuple[str, ...]
    rehearsal: Mapping[str, Any] | None

    def connection(
        self, kind: Literal["sources", "destinations"], name: str, variables: Mapping[str, str]
    ) -> dict[str, Any]:
        """The settings of one source or destination with its secrets filled in.

        Raises:
            Invalid: ``settings.environment`` for a variable that is not set; ``settings.unknown``.
        """
        known = getattr(self, kind)
        if name not in known:
            names = ", ".join(known) or "none"
            raise Invalid("settings.unknown", f"{self.file.name} has no {kind[:-1]} {name!r}; it has {names}")
        filled: dict[str, Any] = self.file.with_variables(known[name], variables, kind, name)
        return filled


def read_settings(folder: Path) -> Settings:
    """The settings of the project in that folder.

    Raises:
        Invalid: ``project.missing`` if there is no project; ``settings.*`` with file and line.
    """
    path = folder / FILE
    if not path.exists():
        raise Invalid(
            "project.missing",
            f"{folder} holds no {FILE}; go to a project's folder, name it with --project, "
            "or make one with `townsend init DIR`",
        )
    file = read_yaml(path, FILE)
    file.only(file.content, KEYS)
    destinations = _connections(file, "destinations")
    return Settings(
        folder=folder,
        file=file,
        name=_name(file, folder),
        open=_choice(file, "schema", ("open", "closed"), "open") == "open",
        sources=_connections(file, "sources"),
        destinations=destinations,
        identity=file.section("identity", dict, {}),
        matching=file.section("matching", dict, {}),
        merge=file.section("merge", dict, {}),
        computed=file.section("computed", dict, {}),
        consent_unknown=_consent(file, bool(destinations)),
        currency=_currency(file),
        rates=tuple(file.section("rates", list, [])),
        limits=_limits(file),
        exclude=tuple(file.section("exclude", list, [])),
        rehearsal=_rehearsal(file),
    )


def _name(file: YamlFile, folder: Path) -> str:
    name: str = file.section("name", str, folder.resolve().name)
    return name


def _choice(file: YamlFile, key: str, allowed: tuple[str, ...], default: str) -> str:
    value = file.content.get(key, default)
    if value not in allowed:
        raise file.wrong(
            "settings.choice", f"{key}: expected {' or '.join(allowed)}, got {value!r}", key, got=str(value)
        )
    return str(value)


def _connections(
    file: YamlFile, section: Literal["sources", "destinations"]
) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Any] = file.section(section, dict, {})
    for name, body in found.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise file.wrong(
                "settings.name",
                f"{name!r} cannot name a {section[:-1]}; use letters, digits, '_', '-' and '.'",
                section,
                str(name),
            )
        file.expect(body, dict, section, name)
        kind = str(body.get("type"))
        keys = keys_of_kind(kind) if section == "sources" else DESTINATIONS.get(kind)
        if keys is None:
            types = names_of_kinds() if section == "sources" else sorted(DESTINATIONS)
            raise file.wrong(
                "settings.choice",
                f"{section}.{name}.type: expected one of {', '.join(types)}, got {body.get('type')!r}",
                section,
                name,
                "type",
            )
        file.only(body, {*keys.required, *keys.optional, *COMMON[section]}, section, name)
        if section == "sources":
            check_schedule(file, name, body)
    return found


def _consent(file: YamlFile, has_destination: bool) -> Literal["allow", "deny"] | None:
    consent = file.section("consent", dict, {})
    file.only(consent, {"unknown"}, "consent")
    unknown = consent.get("unknown")
    if unknown is None:
        if has_destination:
            raise Invalid(
                "settings.consent",
                f"{file.name}: a project with a destination must say what to do with people whose consent "
                "is not known; write `consent: {unknown: allow}` or `consent: {unknown: deny}`",
            )
        return None
    if unknown not in ("allow", "deny"):
        raise file.wrong(
            "settings.choice",
            f"consent.unknown: expected allow or deny, got {unknown!r}",
            "consent",
            "unknown",
        )
    return "allow" if unknown == "allow" else "deny"


def _currency(file: YamlFile) -> str:
    currency: str = file.section("currency", str, "USD")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise file.wrong(
            "settings.currency",
            f"currency: expected an ISO 4217 code such as USD, got {currency!r}",
            "currency",
        )
    return currency


def _limits(file: YamlFile) -> Limits:
    section = file.section("limits", dict, {})
    file.only(section, {"future", "links_per_value"}, "limits")
    future_ms = Limits.future_ms
    if "future" in section:
        span_s = seconds_of(section["future"])
        if span_s is None:
            raise file.wrong(
                "settings.span",
                f"limits.future: expected a span such as 1d or 12h, got {section['future']!r}",
                "limits",
                "future",
            )
        future_ms = span_s * 1_000
    links = section.get("links_per_value", Limits.links_per_value)
    file.expect(links, int, "limits", "links_per_value")
    if links < 1:
        raise file.wrong(
            "settings.type",
            f"limits.links_per_value: expected a whole number from 1 on, got {links}",
            "limits",
            "links_per_value",
        )
    return Limits(future_ms, links)


def _rehearsal(file: YamlFile) -> Mapping[str, Any] | None:
    section: Mapping[str, Any] | None = file.section("rehearsal", dict)
    if section is not None:
        file.only(section, {"seed", "size", "anchor", "factor", "chaos"}, "rehearsal")
        missing = {"seed", "size", "anchor", "factor"} - set(section)
        if missing:
            raise file.wrong("settings.rehearsal", f"rehearsal: {min(missing)} is missing", "rehearsal")
        if not _rehearses(section):
            raise file.wrong(
                "settings.rehearsal",
                "rehearsal: expected a whole `seed`, a `size` from 0 on, an instant as `anchor`, a `factor`"
                " above 0, for faults a whole `chaos`, as in "
                "{seed: 7, size: 3000, anchor: '2026-11-22T12:00:00Z', factor: 240}",
                "rehearsal",
            )
    return section


def _rehearses(section: Mapping[str, Any]) -> bool:
    seed, size, factor = section["seed"], section["size"], section["factor"]
    try:
        anchor = datetime.fromisoformat(str(section["anchor"]))
    except ValueError:
        return False
    whole = type(seed) is int and type(size) is int and size >= 0
    whole = whole and type(section.get("chaos", 0)) is int
    return whole and anchor.tzinfo is not None and type(factor) in (int, float) and factor > 0
