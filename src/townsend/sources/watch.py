"""Looking on while rows are mapped: which tables a pull uses, and a vendor's row beside ours.

Whoever previews a source, or wants to know which mapping its rows were made by, watches; the connectors
know nothing of it. Nobody watches in the usual case, and then a row costs nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from townsend.sources.tables import Table

__all__ = ["Watch", "watched", "watching"]


class Watch(Protocol):
    """Who looks on.

    Attributes:
        rows: whether each row is told; else only the tables are.
    """

    rows: bool

    def uses(self, table: Table, own: Mapping[str, str]) -> None:
        """A table is about to be used; ``own`` are vendor fields without a place in it, to their targets."""
        ...

    def saw(self, table: Table, row: Mapping[str, Any], mapped: Mapping[str, Any]) -> None:
        """A vendor's row became this row of ours; empty if nothing was there."""
        ...


_WATCH: ContextVar[Watch | None] = ContextVar("townsend_watch", default=None)


def watched() -> Watch | None:
    """Who looks on here; a connector reads every field the vendor offers while rows are watched."""
    return _WATCH.get()


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Mappers made inside, in this thread, tell what they do."""
    token = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(token)
