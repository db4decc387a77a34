"""The ``computed`` section of the settings: fields that are worked out from others, by class.

    computed:
      account:
        engagementScore: people.xEvent[eventType = "web.webpagedetails.pageViews"].count() * 2

They are usable wherever a field of the class is. A change takes effect at once, as one of an audience does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from townsend.audiences.core import Expr, ScalarType
from townsend.audiences.pql import parse, resolve_field
from townsend.audiences.pql.computed import operands
from townsend.audiences.pql.names import is_variable
from townsend.audiences.reference import Entity, StoreWorld, Undecided, World, value
from townsend.model import EntityClass, Schema
from townsend.problem import Invalid, Problem
from townsend.profiles.values import instant
from townsend.profiles.viewed import Computed
from townsend.project.settings import Settings

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["computed_fields", "computed_of", "wrong_fields"]

NEARBY_ROWS = 2_000  # a class with more rows is asked only for those around the entity shown


def computed_fields(settings: Settings, schema: Schema) -> dict[str, dict[str, str]]:
    """Class to name to text; the texts are not read yet.

    Raises:
        Invalid: ``class.unknown``; ``settings.type``; ``settings.computed`` for a name that cannot be one or
            is taken.
    """
    file, found = settings.file, {}
    for cls, body in settings.computed.items():
        known = schema.entity_class(str(cls))
        file.expect(body, dict, "computed", cls)
        for name, text in body.items():
            file.expect(text, str, "computed", cls, str(name))
            taken = _taken(schema, known, str(name))
            if taken is not None:
                place = ("computed", cls, str(name))
                raise file.wrong("settings.computed", f"{'.'.join(place)}: {taken}", *place)
        found[known.name] = dict(body)
    return found


def _taken(schema: Schema, cls: EntityClass, name: str) -> str | None:
    """Why a name cannot be a computed field's."""
    if not is_variable(name):
        return f"{name!r} cannot name a field; use letters, digits and '_', a letter first"
    if schema.relationship(cls.name, name) is not None:
        return f"{name} is a relationship of {cls.name}; choose another name"
    if any(path.partition(".")[0] == name for path in cls.shape.names()):
        return f"{name} is a declared field of {cls.name}; choose another name"
    return None


def wrong_fields(project: Project) -> Iterator[tuple[str, Problem]]:
    """``class.name`` of each computed field with what is wrong about it, names nobody ever used included."""
    for cls, fields in project.computed.items():
        for name in fields:
            try:
                _resolved(project, cls, name, strict=True)
            except Problem as problem:
                yield f"{cls}.{name}", problem


def computed_of(project: Project, unified: Unified, cls: str, entity: int) -> dict[str, Computed]:
    """What each computed field of an entity is worth at the world's instant."""
    fields = project.computed.get(cls, {})
    if not fields:
        return {}
    world = StoreWorld(unified, NEARBY_ROWS)
    return {name: _worth(project, world, cls, name, text, entity) for name, text in fields.items()}


def _worth(project: Project, world: World, cls: str, name: str, text: str, entity: int) -> Computed:
    bound = {0: Entity(cls, entity)}
    try:
        expr = _resolved(project, cls, name, strict=False)
        parts = [(text[one.at.start : one.at.end], _plain(one, world, bound)) for one in operands(expr)]
        return Computed(text, _plain(expr, world, bound), tuple(parts) if len(parts) > 1 else ())
    except Invalid as problem:
        return Computed(text, None, wrong=problem.text)
    except Undecided as undecided:
        return Computed(text, None, wrong=f"no rate of exchange is known for {undecided.mark}")


def _plain(expr: Expr, world: World, bound: Mapping[int, Entity]) -> Any:
    found = value(expr, world, bound)
    is_instant = expr.type in (ScalarType("datetime"), ScalarType("date"))
    return instant(found) if is_instant and isinstance(found, int) else found


def _resolved(project: Project, cls: str, name: str, *, strict: bool) -> Expr:
    """A computed field's own text, about ``Item(0)``."""
    from townsend.project.definitions import company

    return resolve_field(
        parse(project.computed[cls][name]), project.schema, cls, name, strict=strict, **company(project)
    )
