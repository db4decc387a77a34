"""How every route answers: JSON as the command line writes it, pages by cursor, one moment of the store."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from litestar import Response
from litestar.datastructures import State

from townsend.audiences import answers
from townsend.problem import Invalid
from townsend.project.plain import plain
from townsend.project.project import Answer, Project

__all__ = ["LIMIT_MAX", "LIMIT_USUAL", "json_of", "page_of", "read", "sliced"]

LIMIT_USUAL, LIMIT_MAX = 100, 10_000
T = TypeVar("T")


def json_of(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """An answer as JSON."""
    body = json.dumps(value, ensure_ascii=False, default=plain).encode()
    return Response(body, status_code=status, media_type="application/json", headers=dict(headers or {}))


def read(state: State, ask: Callable[[Project], T], *, fresh: bool = False) -> T:
    """What somebody reads of the project at one moment; ``fresh`` with all that was accepted until now."""
    with state.owner.readers.project(fresh=fresh) as project:
        return ask(project)


def page_of(answer: Answer, cursor: str | None, limit: int) -> dict[str, Any]:
    """Members by ascending id, ``limit`` at a time: ``{"items", "next"}``.

    A cursor names the last id of the page before it, so who enters or leaves meanwhile moves nobody else.
    """
    after = _decoded(cursor)
    ids = answer.ids if after is None else answer.ids[answer.ids > after]
    shown = ids[:limit]
    items = answers.rows(answer.unified, answer.of, shown)
    more = len(ids) > limit
    return {"items": items, "next": _encoded(int(shown[-1])) if more else None}


def sliced(rows: Sequence[Any], cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of a list that only grows at its end, or is as short as a screen."""
    start = _decoded(cursor) or 0
    more = start + limit < len(rows)
    return {"items": list(rows[start : start + limit]), "next": _encoded(start + limit) if more else None}


def _encoded(value: int) -> str:
    return base64.urlsafe_b64encode(f"1:{value}".encode()).decode().rstrip("=")


def _decoded(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        form, _, value = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        if form == "1":
            return int(value)
    except ValueError:
        pass
    raise Invalid("api.cursor", "cursor: expected one that an earlier page gave as `next`", got=cursor)
