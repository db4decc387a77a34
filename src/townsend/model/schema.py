"""Classes, their identities and relationships, read from data: XDM's own and a project's.

Each many-to-one reference has a name in both directions. Everything a query can walk is a
``Relationship``, and each says how it is stored, so that every evaluator walks it the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from townsend.model.shape import Shape, shape_of
from townsend.model.written import check_form
from townsend.problem import Invalid

__all__ = [
    "Edge",
    "EntityClass",
    "IdentityField",
    "Inverse",
    "Reference",
    "Relationship",
    "Schema",
    "Steps",
    "ToOne",
    "builtin_schema",
    "schema_from",
    "unknown_class",
]


@dataclass(frozen=True, slots=True)
class IdentityField:
    """A field whose value is an identity: a key object (its ``sourceKey`` counts) or a string."""

    path: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A many-to-one field: ``field`` holds the key of a ``to``; None for an event's person."""

    name: str
    field: str | None
    to: str
    inverse: str | None


@dataclass(frozen=True, slots=True)
class ToOne:
    """The near row's column ``@reference`` holds the far entity's id, or null."""

    reference: str


@dataclass(frozen=True, slots=True)
class Inverse:
    """The far row's column ``@reference`` holds the near entity's id."""

    reference: str


@dataclass(frozen=True, slots=True)
class Edge:
    """Pairs in the table ``u.edge_<table>(near, far)``; ``backward`` swaps the two columns.

    With ``via`` the table also has ``via``, ``start_ms`` and ``end_ms``: a pair counts while
    ``start_ms <= now < end_ms``, a null bound being open, and only for the chosen ways.
    """

    table: str
    backward: bool = False
    via: tuple[str, ...] = ()
    default: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Steps:
    """Other relationships one after another, without repeats at the end."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relationship:
    """A name by which entities of ``near`` reach entities of ``far``."""

    name: str
    near: str
    far: str
    many: bool
    plan: ToOne | Inverse | Edge | Steps
    other_ways: Mapping[str, Steps] = field(default_factory=dict)

    def ways(self) -> tuple[str, ...]:
        """What may stand after ``via:``."""
        own = self.plan.via if isinstance(self.plan, Edge) else ()
        return (*own, *self.other_ways)


@dataclass(frozen=True)
class EntityClass:
    """One class of records, or the class of events."""

    name: str
    namespace: str
    key: str | None
    id_field: str | None
    time_field: str | None
    shape: Shape
    identities: tuple[IdentityField, ...]
    references: Mapping[str, Reference]

    @property
    def is_event(self) -> bool:
        return self.time_field is not None


@dataclass(frozen=True)
class Schema:
    """Every class and relationship a project knows."""

    classes: Mapping[str, EntityClass]
    relationships: Mapping[tuple[str, str], Relationship]

    def entity_class(self, name: str) -> EntityClass:
        """The class of that name.

        Raises:
            Invalid: ``class.unknown``.
        """
        try:
            return self.classes[name]
        except KeyError:
            raise unknown_class(name, self.classes) from None

    def relationship(self, near: str, name: str) -> Relationship | None:
        return self.relationships.get((near, name))

    def relationships_of(self, near: str) -> list[Relationship]:
        return [found for (cls, _), found in self.relationships.items() if cls == near]


def unknown_class(name: str, known: Iterable[str]) -> Invalid:
    """That no class has the name, with the nearest one there is."""
    from difflib import get_close_matches

    names = list(known)
    near = get_close_matches(name.lower().replace("-", "_"), names, 1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return Invalid(
        "class.unknown", f"there is no class {name!r}{hint}; the classes are {', '.join(names)}", got=name
    )


def schema_from(documents: Iterable[tuple[str, Mapping[str, Any]]]) -> Schema:
    """One schema out of several documents in the form of ``xdm.yaml``; later ones add to earlier ones.

    Args:
        documents: place (for messages) and content.

    Raises:
        Invalid: ``schema.*`` with the place and what to write.
    """
    blocks: dict[str, Mapping[str, Any]] = {}
    raw: dict[str, dict[str, Any]] = {}
    links: list[Mapping[str, Any]] = []
    for place, document in documents:
        check_form(place, document)
        blocks |= document.get("blocks") or {}
        links += document.get("links") or []
        for name, body in (document.get("classes") or {}).items():
            _add_class(raw, name, body or {}, place)
    classes = {name: _entity_class(name, body, blocks) for name, body in raw.items()}
    return Schema(classes, _relationships(classes, links))


@cache
def builtin_schema() -> Schema:
    """XDM's B2B classes as shipped."""
    return schema_from([("xdm.yaml", builtin_document())])


@cache
def builtin_document() -> Mapping[str, Any]:
    """The shipped schema file, parsed."""
    import yaml

    text = resources.files("townsend.model").joinpath("xdm.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: Mapping[str, Any] = yaml.load(text, loader)  # noqa: S506 - a safe loader either way
    return document


def _add_class(raw: dict[str, dict[str, Any]], name: str, body: Mapping[str, Any], place: str) -> None:
    known = raw.setdefault(name, {"fields": {}, "identities": [], "references": {}, "place": place})
    known["fields"] |= body.get("fields") or {}
    known["references"] |= body.get("references") or {}
    known["identities"] += body.get("identities") or []
    for single in ("namespace", "key", "id", "event"):
        if single in body:
            known[single] = body[single]


def _entity_class(name: str, body: Mapping[str, Any], blocks: Mapping[str, Mapping[str, Any]]) -> EntityClass:
    references = {
        ref: Reference(ref, spec.get("field"), spec["to"], spec.get("inverse"))
        for ref, spec in body["references"].items()
    }
    identities = tuple(IdentityField(i["field"], i["namespace"]) for i in body["identities"])
    key = body.get("key")
    if key is None and body.get("id") is None:
        raise Invalid(
            "schema.key_missing",
            f"{body['place']}: class {name} names neither `key` (a key object) nor `id` (a string field)",
            place=body["place"],
        )
    shape = shape_of(body["fields"], blocks, f"{body['place']}: {name}")
    _check_named(name, body, shape)
    return EntityClass(
        name=name,
        namespace=body.get("namespace", name),
        key=key,
        id_field=body.get("id"),
        time_field=body.get("event"),
        shape=shape,
        identities=identities,
        references=references,
    )


def _check_named(name: str, body: Mapping[str, Any], shape: Shape) -> None:
    """What the keys of a class name has to be among its fields."""
    wanted = [("key", body.get("key"), shape.keys, "a field of type key")]
    wanted += [(one, body.get(one), frozenset(shape.leaves), "one of its fields") for one in ("id", "event")]
    known = frozenset(shape.leaves) | shape.keys
    wanted += [
        (f"references.{ref}", spec.get("field"), known, "one of its fields")
        for ref, spec in body["references"].items()
    ]
    wanted += [("identities", one["field"], known, "one of its fields") for one in body["identities"]]
    for what, field_name, allowed, expected in wanted:
        if field_name is not None and field_name not in allowed:
            raise Invalid(
                "schema.field_name",
                f"{body['place']}: class {name}: {what}: expected {expected}, got {field_name!r}",
                place=body["place"],
            )


def _relationships(
    classes: Mapping[str, EntityClass], links: Iterable[Mapping[str, Any]]
) -> dict[tuple[str, str], Relationship]:
    found: dict[tuple[str, str], Relationship] = {}
    for cls in classes.values():
        for ref in cls.references.values():
            if ref.to not in classes:
                raise Invalid(
                    "schema.reference", f"class {cls.name}: {ref.name} refers to the unknown class {ref.to!r}"
                )
            found[cls.name, ref.name] = Relationship(ref.name, cls.name, ref.to, False, ToOne(ref.name))
            if ref.inverse:
                found[ref.to, ref.inverse] = Relationship(
                    ref.inverse, ref.to, cls.name, True, Inverse(ref.name)
                )
    for link in links:
        found[link["from"], link["name"]] = _link(link)
    return found


def _link(link: Mapping[str, Any]) -> Relationship:
    plan: Edge | Steps
    other_ways: dict[str, Steps] = {}
    if "edge" in link:
        plan = Edge(
            link["edge"],
            bool(link.get("inverse", False)),
            tuple(link.get("via", ())),
            tuple(link.get("default", ())),
        )
    else:
        plan = Steps(tuple(link["path"]))
        other_ways = {way: Steps(tuple(path)) for way, path in link.get("via", {}).items()}
    return Relationship(link["name"], link["from"], link["to"], True, plan, other_ways)
