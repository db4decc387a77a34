"""The rules by which facts become entities and views: read from settings, in effect once applied.

Identity and merge rules change who is whom, so a change waits for ``townsend apply``. While nothing has
been accepted yet, settings hold at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from townsend.identity import IdentityRules, Instance, Namespace
from townsend.model import Schema, schema_from
from townsend.model.schema import builtin_document
from townsend.profiles import MergePolicy, MoneyRules, Rate
from townsend.project.settings import Settings
from townsend.project.yamlfile import YamlFile, read_yaml
from townsend.store.facts import Facts

__all__ = ["Rules", "apply_rules", "effective_rules", "rules_of", "rules_pending", "schema_of"]

APPLIED = "applied_rules"
SYSTEMS = {"marketo": "Marketo", "salesforce": "Salesforce"}
DEFAULT_NAMESPACES = ("b2b_person", "Email", "ECID")


@dataclass(frozen=True)
class Rules:
    """What turns facts into the unified world, besides the instant."""

    identity: IdentityRules
    merge: Mapping[str, MergePolicy]
    money: MoneyRules


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
        return rules_of(settings, schema, settings.identity, settings.merge)
    stored = json.loads(applied)
    return rules_of(settings, schema, stored["identity"], stored["merge"])


def rules_pending(settings: Settings, facts: Facts) -> bool:
    """Whether the settings' rules differ from those in effect."""
    applied = facts.meta(APPLIED)
    return applied is not None and facts.revision() > 0 and json.loads(applied) != _written(settings)


def apply_rules(settings: Settings, facts: Facts) -> None:
    """Take the settings' rules into effect."""
    facts.set_meta(APPLIED, json.dumps(_written(settings), sort_keys=True))


def _written(settings: Settings) -> dict[str, Any]:
    # Through JSON, so that what is compared later has the same types.
    written: dict[str, Any] = json.loads(
        json.dumps({"identity": settings.identity, "merge": settings.merge}, default=str)
    )
    return written


def rules_of(
    settings: Settings, schema: Schema, identity: Mapping[str, Any], merge: Mapping[str, Any]
) -> Rules:
    """Typed rules out of the two sections of a settings file.

    Raises:
        Invalid: ``settings.*`` with file and line.
    """
    file = settings.file
    return Rules(
        identity=_identity(file, settings, schema, identity),
        merge={cls: _policy(file, schema, cls, body) for cls, body in merge.items()},
        money=_money(file, settings),
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
        if system is not None:
            ids = [str(body[key]) for key in ("munchkin_id", "org_id") if key in body]
            found.append(Instance(name, system, ids[0] if ids else None))
    return tuple(found)


def _policy(file: YamlFile, schema: Schema, cls: str, body: Any) -> MergePolicy:
    schema.entity_class(cls)
    file.expect(body, dict, "merge", cls)
    file.only(body, {"by", "order", "fields"}, "merge", cls)
    by = body.get("by", "time")
    if by not in ("time", "changed", "source"):
        raise file.wrong(
            "settings.choice",
            f"merge.{cls}.by: expected time, changed or source, got {by!r}",
            "merge",
            cls,
            "by",
        )
    file.expect(body.get("order", []), list, "merge", cls, "order")
    file.expect(body.get("fields", {}), dict, "merge", cls, "fields")
    order = tuple(map(str, body.get("order", [])))
    fields = {}
    for path, inner in body.get("fields", {}).items():
        file.expect(inner, dict, "merge", cls, "fields", path)
        fields[_merged_field(file, schema, cls, path)] = _policy(
            file, schema, cls, {"order": list(order), **inner}
        )
    return MergePolicy(by=by, order=order, fields=fields)


def _merged_field(file: YamlFile, schema: Schema, cls: str, path: Any) -> str:
    """A field or an object, for which a policy of its own is written."""
    shape = schema.entity_class(cls).shape
    if path not in shape.objects and path not in set(shape.names()):
        raise file.wrong(
            "settings.field",
            f"merge.{cls}.fields: {path!r} is not a field of {cls}",
            "merge",
            cls,
            "fields",
            str(path),
        )
    return str(path)


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
