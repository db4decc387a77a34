"""The identity graph of one entity: its identities, the links between them, why, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from townsend.identity import IdentityRules
from townsend.identity.links import blocked_numbers, event_links, merges, record_links
from townsend.identity.moment import Ints, Moment, distinct
from townsend.identity.versions import read_versions
from townsend.identity.xref import golden_names, read_golden
from townsend.model import EntityClass
from townsend.profiles.build import moment_of
from townsend.profiles.find import candidates, find
from townsend.profiles.making import acting_class
from townsend.profiles.values import instant, shown
from townsend.store.facts import Facts

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["GraphLink", "GraphView", "graph_view"]

UNIQUE = "a namespace would have two values that must have one"
CROWDED = "the value joins too many records"

# Two numbers, the reason, the source, when.
_Row = tuple[int, int, str, str | None, int]


@dataclass(frozen=True, order=True)
class GraphLink:
    """Two identities said to belong together.

    Args:
        first: one of them, ``namespace:value``.
        second: the other.
        reason: ``record``, ``event``, ``merge`` or ``master data``; for a link left out, why.
        source: who says so, if one source does.
        at: when it was said last.
    """

    first: str
    second: str
    reason: str
    source: str | None
    at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "a": self.first,
            "b": self.second,
            "reason": self.reason,
            "source": self.source,
            "at": self.at,
        }


@dataclass(frozen=True)
class GraphView:
    """The graph of one entity; everything in it is sorted."""

    cls: str
    id: int
    identities: tuple[str, ...]
    links: tuple[GraphLink, ...]
    removed: tuple[GraphLink, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "class": self.cls,
            "identities": list(self.identities),
            "links": [one.to_json() for one in self.links],
            "removed": [one.to_json() for one in self.removed],
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        found = [f"{self.cls} {self.id}: {len(self.identities)} identities, {len(self.links)} links"]
        found += [f"  {one}" for one in self.identities]
        found += [f"{one.first} – {one.second}  {_why(one)}" for one in self.links]
        found += [f"left out: {one.first} – {one.second}  {_why(one)}" for one in self.removed]
        return found


def _why(link: GraphLink) -> str:
    source = f" from {link.source}" if link.source else ""
    return f"({link.reason}{source}, {shown(link.at)})"


def graph_view(unified: Unified, facts: Facts, identity: IdentityRules, who: str) -> GraphView:
    """The graph of whoever is meant: a person, else an entity of the first class that knows the name.

    Raises:
        Invalid: ``who.unknown``, ``who.several``.
    """
    acting = acting_class(unified.schema) or "person"
    others = [name for name, one in unified.schema.classes.items() if not one.is_event and name != acting]
    cls = next((name for name in (acting, *others) if candidates(unified, name, who)), acting)
    entity = find(unified, cls, who)
    con = facts.con.cursor()
    try:
        moment = moment_of(facts, con, unified.schema, unified.now_ms, unified.as_of_ms)
        return _Graph(unified, moment, identity, unified.schema.classes[cls], entity).view()
    finally:
        con.close()


class _Graph:
    """Gathers what touches one entity's numbers."""

    def __init__(
        self, unified: Unified, moment: Moment, rules: IdentityRules, cls: EntityClass, entity: int
    ) -> None:
        self.unified, self.moment, self.rules, self.cls, self.entity = unified, moment, rules, cls, entity
        node = f'{unified.name}."node_{cls.name}"'
        self.own = moment.arrays(f"SELECT n FROM {node} WHERE id = $id ORDER BY n", {"id": entity})[0]
        self.left_out = {
            (int(a), int(b)): int(at)
            for a, b, at in moment.rows(
                f"SELECT a, b, at_ms FROM {unified.name}.removed WHERE class = $cls", {"cls": cls.name}
            )
        }
        self.links: list[_Row] = []

    def view(self) -> GraphView:
        blocked = blocked_numbers(self.moment, self.rules)
        self._records(blocked)
        if self.cls.name == acting_class(self.unified.schema):
            self._events(blocked)
        self._merges()
        self._golden()
        own = set(self.own.tolist())
        pairs = {tuple(sorted(pair)) for pair in self.left_out}
        kept = {one for one in self.links if one[0] in own and one[1] in own}
        kept = {one for one in kept if tuple(sorted(one[:2])) not in pairs}
        crowded = {(a, b, CROWDED, source, at) for a, b, _, source, at in self.links if not {a, b} <= own}
        removed: set[_Row] = {
            (a, b, UNIQUE, None, at) for (a, b), at in self.left_out.items() if {a, b} & own
        }
        gone = {tuple(sorted(one[:2])) for one in removed}
        removed |= {one for one in crowded if tuple(sorted(one[:2])) not in gone}
        names = self._names({n for one in (*kept, *removed) for n in one[:2]} | own)
        return GraphView(
            self.cls.name,
            self.entity,
            tuple(sorted(names[n] for n in own)),
            _sorted(kept, names),
            _sorted(removed, names),
        )

    def _records(self, blocked: Ints) -> None:
        if not self.moment.columns.get(self.cls.name):
            return
        versions = read_versions(self.moment, self.cls, self.own.tolist())
        found = record_links(self.moment, self.rules, versions, blocked)
        said = {
            int(key): (str(source), int(at))
            for key, source, at in self.moment.rows(f'SELECT key, source, "@t" FROM {versions.now}')
        }
        for owner, named in zip(found.owner.tolist(), found.named.tolist(), strict=True):
            source, at = said[owner]
            self.links.append((owner, named, "record", source, at))

    def _events(self, blocked: Ints) -> None:
        found = event_links(self.moment, blocked)
        mine = np.isin(found.first, self.own) | np.isin(found.second, self.own)
        for first, second, at in zip(
            found.first[mine].tolist(), found.second[mine].tolist(), found.seen_ms[mine].tolist(), strict=True
        ):
            self.links.append((first, second, "event", None, at))

    def _merges(self) -> None:
        found = merges(self.moment, self.cls)
        mine = np.isin(found.kept, self.own) & np.isin(found.lost, self.own)
        for kept, lost, at in zip(
            found.kept[mine].tolist(), found.lost[mine].tolist(), found.seen_ms[mine].tolist(), strict=True
        ):
            self.links.append((kept, lost, "merge", None, at))

    def _golden(self) -> None:
        golden = read_golden(self.moment, self.rules)[0].get(self.cls.name)
        if golden is None:
            return
        mine = np.isin(golden.n, self.own)
        names = golden_names(self.moment, distinct(golden.group[mine]))
        hubs: dict[int, int] = {}
        for group, n, at in zip(
            golden.group[mine].tolist(), golden.n[mine].tolist(), golden.seen_ms[mine].tolist(), strict=True
        ):
            hub = hubs.setdefault(group, n)
            if hub != n:
                self.links.append((hub, n, f"master data {names[group]}", None, at))

    def _names(self, numbers: set[int]) -> dict[int, str]:
        rows = self.moment.rows(
            "SELECT n, space || ':' || value FROM facts.number WHERE n IN (SELECT unnest($n))",
            {"n": sorted(numbers)},
        )
        return {int(n): str(name) for n, name in rows}


def _sorted(links: set[_Row], names: dict[int, str]) -> tuple[GraphLink, ...]:
    found = []
    for a, b, reason, source, at in links:
        first, second = sorted((names[a], names[b]))
        found.append(GraphLink(first, second, reason, source, instant(at)))
    return tuple(sorted(found, key=lambda one: (one.first, one.second, one.reason, one.source or "", one.at)))
