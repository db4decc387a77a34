"""The rules by which facts become entities and views: read from settings, in effect once applied.

Identity and merge rules change who is whom, so a change waits for ``townsend apply``. While nothing has
been accepted yet, settings hold at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from townsend.identity import IdentityRules, Instance, Namespace
from townsend.model import Schema, schema_from
from townsend.model.schema import builtin_document
from townsend.profiles import MergePolicy, MoneyRules, Rate
from townsend.profiles.stored import drop_stored
from townsend.project.matchsettings import matching_of
from townsend.project.merging import merge_policies, named_in, named_policies, unknown_policy
from townsend.project.settings import Settings
from townsend.project.yamlfile import YamlFile, read_yaml
from townsend.store.facts import Facts
from townsend.store.facts_matches import forget_found

__all__ = [
    "RULES_WAIT",
    "Rules",
    "apply_rules",
    "effective_rules",
    "rules_of",
    "rules_pending",
    "schema_of",
    "wanted_rules",
]

APPLIED = "applied_rules"
RULES_WAIT = "identity, matching or merge settings changed; see `townsend plan`, then `townsend apply`"
SYSTEMS = {"marketo": "Marketo", "salesforce": "Salesforce"}
DEFAULT_NAMESPACES = ("b2b_person", "Email", "ECID")


@dataclass(frozen=True)
class Rules:
    """What turns facts into the unified world, besides the instant.

    Args:
        merge: class to its own merge policy …
        policies: … and to others, by the policy's name.
        waiting: names of policies that are written, but not applied yet.
    """

    identity: IdentityRules
    merge: Mapping[str, MergePolicy]
    money: MoneyRules
    policies: Mapping[str, Mapping[str, MergePolicy]] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()

    def merge_under(self, policy: str | None) -> Mapping[str, MergePolicy]:
        """Class to merge policy, under a named one; a class that has none of that name by its own.

        Raises:
            Invalid: ``policy.unknown``.
        """
        if policy is None:
            return self.merge
        if policy not in self.policies:
            raise unknown_policy(policy, self.policies, self.waiting)
        return {**self.merge, **self.policies[policy]}


def schema_of(folder: Path) -> Schema:
    """The built-in classes and those of ``schema/*.yaml``."""
    documents: list[tuple[str, Mapping[str, Any]]] = [("xdm.yaml", builtin_document())]
    for path in sorted((folder / "schema").glob("*.y*ml")):
        name = f"schema/{path.name}"
        documents.append((name, read_yaml(path, name).content))
    return schema_from(documents)


def effective_rules(settings: Settings, schema: Schema, facts: Facts) -> Rules:
    """The rules in effect: those applied last; the settings' own while there are no facts."""
    applied = facts.meta(APPLIED)
    if applied is None or facts.revision() == 0:
        if not facts.read_only and (applied is None or json.loads(applied) != _written(settings)):
            # What facts are first accepted under stays in effect until the next `apply`.
            apply_rules(settings, facts)
        return wanted_rules(settings, schema)
    stored = json.loads(applied)
    # What was applied before there was matching says nothing of it.
    return rules_of(settings, schema, stored["identity"], stored["merge"], stored.get("matching", {}))


def wanted_rules(settings: Settings, schema: Schema) -> Rules:
    """The settings' own rules, in effect or not."""
    return rules_of(settings, schema, settings.identity, settings.merge, settings.matching)


def rules_pending(settings: Settings, facts: Facts) -> bool:
    """Whether the settings' rules differ from those in effect."""
    applied = facts.meta(APPLIED)
    return applied is not None and facts.revision() > 0 and json.loads(applied) != _written(settings)


def apply_rules(settings: Settings, facts: Facts) -> None:
    """Take the settings' rules into effect."""
    facts.set_meta(APPLIED, json.dumps(_written(settings), sort_keys=True))
    drop_stored(facts.con, {None, *named_in(settings.merge)})
    # What was found by rules that are gone waits for nobody.
    forget_found(facts, keep=matching_of(settings.file, settings.matching).key())


def _written(settings: Settings) -> dict[str, Any]:
    # Through JSON, so that what is compared later has the same types.
    sections: dict[str, Any] = {"identity": settings.identity, "merge": settings.merge}
    if settings.matching:
        sections["matching"] = settings.matching
    written: dict[str, Any] = json.loads(json.dumps(sections, default=str))
    return written


def rules_of(
    settings: Settings,
    schema: Schema,
    identity: Mapping[str, Any],
    merge: Mapping[str, Any],
    matching: Mapping[str, Any],
) -> Rules:
    """Typed rules out of the three sections of a settings file.

    Raises:
        Invalid: ``settings.*`` with file and line.
    """
    file = settings.file
    policies = named_policies(file, schema, merge, settings.sources)
    return Rules(
        identity=replace(_identity(file, settings, schema, identity), matching=matching_of(file, matching)),
        merge=merge_policies(file, schema, merge, settings.sources),
        money=_money(file, settings),
        policies=policies,
        waiting=frozenset(named_in(settings.merge)) - policies.keys(),
    )


def _identity(
    file: YamlFile, settings: Settings, schema: Schema, identity: Mapping[str, Any]
) -> IdentityRules:
    file.only(identity, {*schema.classes, "min_confidence"}, "identity")
    person = identity.get("person", {})
    file.only(person, {"namespaces", "blocked", "keys"}, "identity", "person")
    fields: dict[str, tuple[str, ...]] = {}
    blocked: dict[str, frozenset[str]] = {}
    for cls, body in identity.items():
        if cls == "min_confidence":
            continue
        file.expect(body, dict, "identity", cls)
        allowed = {"namespaces", "blocked", "keys"} if cls == "person" else {"blocked", "keys"}
        file.only(body, allowed, "identity", cls)
        file.expect(body.get("keys", []), list, "identity", cls, "keys")
        file.expect(body.get("blocked", {}), dict, "identity", cls, "blocked")
        fields[cls] = tuple(_known_field(file, schema, cls, path) for path in body.get("keys", []))
        for space, values in body.get("blocked", {}).items():
            file.expect(values, list, "identity", cls, "blocked", space)
            blocked[space] = frozenset(map(str, values)) | blocked.get(space, frozenset())
    return IdentityRules(
        person=_namespaces(file, person),
        fields=fields,
        blocked=blocked,
        links_per_value=settings.limits.links_per_value,
        instances=_instances(settings),
        min_confidence=_confidence(file, identity.get("min_confidence", 0)),
    )


def _confidence(file: YamlFile, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise file.wrong(
            "settings.type",
            f"identity.min_confidence: expected a number from 0 to 1, got {value!r}",
            "identity",
            "min_confidence",
        )
    return float(value)


def _namespaces(file: YamlFile, person: Mapping[str, Any]) -> tuple[Namespace, ...]:
    if "namespaces" not in person:
        return tuple(Namespace(code) for code in DEFAULT_NAMESPACES)
    found: list[Namespace] = []
    file.expect(person["namespaces"], list, "identity", "person", "namespaces")
    for at, body in enumerate(person["namespaces"]):
        file.expect(body, dict, "identity", "person", "namespaces", at)
        file.only(body, {"code", "unique"}, "identity", "person", "namespaces", at)
        file.expect(body.get("code"), str, "identity", "person", "namespaces", at, "code")
        file.expect(body.get("unique", False), bool, "identity", "person", "namespaces", at, "unique")
        if body["code"] in [one.code for one in found]:
            raise file.wrong(
                "settings.choice",
                f"identity.person.namespaces: {body['code']!r} stands there twice; it has one priority",
                "identity",
                "person",
                "namespaces",
                at,
            )
        found.append(Namespace(body["code"], body.get("unique", False)))
    return tuple(found)


def _known_field(file: YamlFile, schema: Schema, cls: str, path: Any) -> str:
    shape = schema.entity_class(cls).shape
    if path not in shape.leaves:
        raise file.wrong(
            "settings.field",
            f"identity.{cls}.keys: {path!r} is not a field of {cls}",
            "identity",
            cls,
            "keys",
        )
    return str(path)


def _instances(settings: Settings) -> tuple[Instance, ...]:
    found = []
    for name, body in settings.sources.items():
        system = SYSTEMS.get(body["type"])
        if body["type"] in ("files", "sql") and "system" in body:
            # Its rows have ids of a system that only the settings tell.
            found.append(Instance(name, str(body["system"]), str(body.get("instance") or name)))
        elif system is not None:
            ids = [str(body[key]) for key in ("munchkin_id", "org_id") if key in body]
            found.append(Instance(name, system, ids[0] if ids else None))
    return tuple(found)


def _money(file: YamlFile, settings: Settings) -> MoneyRules:
    rates = []
    for at, body in enumerate(settings.rates):
        file.expect(body, dict, "rates", at)
        file.only(body, {"from", "to", "rate", "on"}, "rates", at)
        try:
            rates.append(Rate.on(body["from"], body["to"], Decimal(str(body["rate"])), str(body["on"])))
        except (KeyError, InvalidOperation, ValueError):
            raise file.wrong(
                "settings.rate",
                "rates: expected {from: EUR, to: USD, rate: 1.08, on: 2026-01-01}",
                "rates",
                at,
            ) from None
    currencies = {name: body["currency"] for name, body in settings.sources.items() if "currency" in body}
    return MoneyRules(currency=settings.currency, sources=currencies, rates=tuple(rates))
