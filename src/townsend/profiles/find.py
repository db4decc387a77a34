"""Whom somebody means: an id, an e-mail, ``namespace:value`` or a key, in one class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townsend.problem import Invalid
from townsend.store.facts_values import EMAIL, normal_value

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["candidates", "find"]

SHOWN = 10
_ID_MAX = 2**31 - 1


def find(unified: Unified, cls: str, who: str) -> int:
    """The one entity that is meant.

    Args:
        unified: the world.
        cls: class name.
        who: an id or any number an entity ever had; an e-mail; ``namespace:value``; a source key. For events
            their ``_id``, or the id that answers show.

    Raises:
        Invalid: ``who.unknown`` if it is nobody; ``who.several`` with the candidates; ``class.unknown``.
    """
    known = unified.schema.entity_class(cls)
    found = candidates(unified, cls, who)
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(str(one) for one in found[:SHOWN]) + (" …" if len(found) > SHOWN else "")
        raise Invalid(
            "who.several",
            f"{len(found)} entities of class {cls} go by that name, with the ids {shown}; "
            "name one of them by its id",
            candidates=found,
        )
    others = [
        name
        for name, other in unified.schema.classes.items()
        if name != cls and not other.is_event and candidates(unified, name, who)
    ]
    hint = f"; there is one in class {' and '.join(others)}" if others else ""
    spelled = (
        "its _id" if known.is_event else f"an id, an e-mail, {known.namespace}:KEY or another namespace:VALUE"
    )
    raise Invalid(
        "who.unknown",
        f"nobody of class {cls} goes by that name at this instant{hint}; write {spelled}",
        of=cls,
    )


def candidates(unified: Unified, cls: str, who: str) -> list[int]:
    """Ids of everybody who may be meant, ascending; live ones before all others."""
    who = who.strip()
    if unified.schema.entity_class(cls).is_event:
        return _events(unified, cls, who)
    if who.isascii() and who.isdigit() and int(who) <= _ID_MAX:
        found = _by_number(unified, cls, int(who))
        if found:
            return found
    spaces, values = [""], [who]
    email = normal_value(EMAIL, who)
    if email is not None and "@" in email:
        spaces.append(EMAIL)
        values.append(email)
    space, colon, value = who.partition(":")
    if colon:
        spaces.append(space)
        known = EMAIL if space.lower() == EMAIL.lower() else space
        values.append(normal_value(known, value) or value)
    return _by_value(unified, cls, spaces, values)


def _events(unified: Unified, cls: str, who: str) -> list[int]:
    if unified.con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'facts' AND table_name = ?", [cls]
    ).fetchall():
        name = unified.schema.classes[cls].id_field or "_id"
        rows = unified.con.execute(
            f'SELECT rowid FROM facts."{cls}" WHERE "{name}" = $who OR CAST(rowid AS VARCHAR) = $who',
            {"who": who},
        ).fetchall()
        return [int(one) for (one,) in rows]
    return []


def _by_number(unified: Unified, cls: str, number: int) -> list[int]:
    if cls not in unified.columns:
        return []
    rows = unified.con.execute(
        f'SELECT DISTINCT id FROM {unified.name}."node_{cls}" WHERE n = ?', [number]
    ).fetchall()
    if not rows:
        # Somebody known by an entity alone whose number no record has any more.
        rows = unified.con.execute(f'SELECT id FROM {unified.name}."{cls}" WHERE id = ?', [number]).fetchall()
    return [int(one) for (one,) in rows]


def _by_value(unified: Unified, cls: str, spaces: list[str], values: list[str]) -> list[int]:
    """By what answers list; where nobody lists it, by a key of a retired or merged record."""
    if cls not in unified.columns:
        return []
    wanted = (
        "(SELECT unnest($spaces) AS space, unnest($values) AS value) w "
        "WHERE x.value = w.value AND (w.space = '' OR lower(x.space) = lower(w.space))"
    )
    parameters = {"spaces": spaces, "values": values}
    rows = unified.con.execute(
        f"SELECT DISTINCT x.id FROM {unified.name}.identity x, {wanted} AND x.class = $cls ORDER BY 1",
        {**parameters, "cls": cls},
    ).fetchall()
    if not rows:
        rows = unified.con.execute(
            f'SELECT DISTINCT e.id FROM facts.number x JOIN {unified.name}."node_{cls}" e ON e.n = x.n, '
            f"{wanted} ORDER BY 1",
            parameters,
        ).fetchall()
    return [int(one) for (one,) in rows]
