"""The worlds of one open store that somebody may still hold, and room in memory for more of them."""

from __future__ import annotations

import itertools
import weakref
from typing import TYPE_CHECKING

from townsend.store.facts import Facts

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["Worlds", "is_stored"]


# The databases in memory are the process's, whichever connection attached them.
_numbers = itertools.count(1)


def is_stored(name: str) -> bool:
    """Whether the tables of that prefix stand in the facts' file; those in memory name a database."""
    return "." not in name


class Worlds:
    """The worlds of one open store: those that somebody may still hold, and the last one made in memory."""

    def __init__(self) -> None:
        self._held: weakref.WeakSet[Unified] = weakref.WeakSet()
        self._attached: set[str] = set()
        self._last: Unified | None = None

    def hold(self, world: Unified) -> Unified:
        self._held.add(world)
        if not is_stored(world.name):
            self._last = world
        return world

    def holds(self, name: str) -> bool:
        return any(one.name == name for one in self._held)

    def fitting(self, revision: int, rules: str, now_ms: int, as_of_ms: int | None) -> Unified | None:
        """A world in memory that answers the question."""
        for world in self._held:
            if not is_stored(world.name) and world.stamp.fits(revision, rules, now_ms, as_of_ms):
                return world
        return None

    def attach(self, facts: Facts) -> str:
        """Make room in memory for one more world, and let go of those that nobody holds."""
        self._last = None
        needed = {one.name for one in self._held}
        for name in sorted(self._attached - needed):
            self.detach(facts, name)
        database = f"townsend_world_{next(_numbers)}"
        # By a connection of its own: that of the store may be in a transaction.
        with facts.con.cursor() as con:
            con.execute(f"ATTACH ':memory:' AS {database} (READ_WRITE)")
        self._attached.add(f"{database}.main")
        return f"{database}.main"

    def detach(self, facts: Facts, name: str) -> None:
        """Let go of such a place."""
        with facts.con.cursor() as con:
            con.execute(f"DETACH {name.partition('.')[0]}")
        self._attached.discard(name)
