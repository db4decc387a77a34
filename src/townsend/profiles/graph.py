"""The identity graph of one entity: its identities, the links between them, why, and what links nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from townsend.identity import IdentityRules
from townsend.identity.health import class_graph
from townsend.identity.links import RecordLinks, blocked_numbers, merges, record_links
from townsend.identity.matchlinks import match_links, match_reasons
from townsend.identity.moment import Moment, distinct
from townsend.identity.sides import ACCOUNT
from townsend.identity.versions import Versions, read_versions
from townsend.identity.xref import golden_names, read_golden
from townsend.model import EntityClass
from townsend.profiles.build import moment_of
from townsend.profiles.concern import counted
from townsend.profiles.find import candidates, find
from townsend.profiles.making import acting_class
from townsend.profiles.names import spelled
from townsend.profiles.values import instant, shown
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["GraphLink", "GraphView", "graph_view"]

UNIQUE = "a namespace would have two values that must have one"
CROWDED = "the value joins too many records"

# Two numbers, the reason, the source, when last, how many facts say so.
_Row = tuple[int, int, str, str | None, int, int]


@dataclass(frozen=True, order=True)
class GraphLink:
    """Two identities said to belong together.

    Args:
        first: one of them, ``namespace:value``.
        second: the other.
        reason: ``record``, ``event``, ``merge``, ``master data …``, ``matching: …``; if left out, why.
        source: who says so; several sources of events with commas between, None if it is not known.
        at: when it was said last.
        facts: how many records or events say so.
    """

    first: str
    second: str
    reason: str
    source: str | None
    at: datetime
    facts: int = 1

    def to_json(self) -> dict[str, Any]:
        return {
            "a": self.first,
            "b": self.second,
            "reason": self.reason,
            "source": self.source,
            "at": self.at,
            "facts": self.facts,
        }

    def text(self) -> str:
        """For a terminal."""
        many = f" {self.facts:,} times" if self.facts > 1 else ""
        source = f" from {self.source}" if self.source else ""
        return f"{self.first} – {self.second}  ({self.reason}{many}{source}, {shown(self.at)})"


@dataclass(frozen=True)
class GraphView:
    """The graph of one entity; everything in it is sorted.

    Args:
        crowded: values that its records name and that join too many records, with how many these are.
        blocked: values that its records or events name and that the rules block.
        limit: how many records a value may join.
    """

    cls: str
    id: int
    identities: tuple[str, ...]
    links: tuple[GraphLink, ...]
    removed: tuple[GraphLink, ...]
    crowded: tuple[tuple[str, int], ...] = ()
    blocked: tuple[str, ...] = ()
    limit: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "class": self.cls,
            "identities": list(self.identities),
            "links": [one.to_json() for one in self.links],
            "removed": [one.to_json() for one in self.removed],
            "crowded": [{"identity": name, "records": records} for name, records in self.crowded],
            "blocked": list(self.blocked),
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        sizes = (
            counted(len(self.identities), "identity", "identities"),
            counted(len(self.links), "link", "links"),
        )
        found = [f"{self.cls} {self.id}: {', '.join(sizes)}"]
        sections = (
            ("identities", self.identities),
            ("links", [one.text() for one in self.links]),
            ("left out", [one.text() for one in self.removed]),
            (
                f"values that join more than {self.limit:,} records, and so nobody",
                [f"{name} ({records:,} records)" for name, records in self.crowded],
            ),
            ("blocked values", self.blocked),
        )
        for title, rows in sections:
            found += ["", title, *(f"  {row}" for row in rows)] if rows else []
        return found


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
        barred = blocked_numbers(self.moment, self.rules)
        self._records()
        if self.cls.name == acting_class(self.unified.schema):
            self._events()
        self._merges()
        self._golden()
        blocked = {n for one in self.links for n in one[:2]} & set(barred.tolist())
        links = {one for one in self.links if not {*one[:2]} & blocked}
        own = set(self.own.tolist())
        gone = {tuple(sorted(pair)) for pair in self.left_out}
        kept = {one for one in links if {*one[:2]} <= own and tuple(sorted(one[:2])) not in gone}
        astray = {one for one in links if not {*one[:2]} <= own and tuple(sorted(one[:2])) not in gone}
        removed: set[_Row] = {(a, b, CROWDED, source, at, many) for a, b, _, source, at, many in astray}
        removed |= {(a, b, UNIQUE, None, at, 1) for (a, b), at in self.left_out.items() if {a, b} & own}
        crowds = self._crowds({n for one in astray for n in one[:2]} - own)
        names = spelled(self.moment.con, {n for one in (*kept, *removed) for n in one[:2]} | own | blocked)
        return GraphView(
            self.cls.name,
            self.entity,
            tuple(sorted(names[n] for n in own)),
            _sorted(kept, names),
            _sorted(removed, names),
            tuple(sorted((names[n], records) for n, records in crowds.items())),
            tuple(sorted(names[n] for n in blocked)),
            self.rules.links_per_value,
        )

    def _records(self) -> None:
        if not self.moment.columns.get(self.cls.name):
            return
        versions = read_versions(self.moment, self.cls, self.own.tolist())
        found: RecordLinks = record_links(self.moment, self.rules, versions, np.zeros(0, np.int64))
        said = {
            int(key): (str(source), int(at))
            for key, source, at in self.moment.rows(f'SELECT key, source, "@t" FROM {versions.now}')
        }
        for owner, named in zip(found.owner.tolist(), found.named.tolist(), strict=True):
            source, at = said[owner]
            self.links.append((owner, named, "record", source, at, 1))
        if self.cls.name == ACCOUNT:
            first, second, seen, _ = match_links(self.moment, self.rules, versions)
            why = match_reasons(self.moment, self.rules, self.own)
            for one, other, at in zip(first.tolist(), second.tolist(), seen.tolist(), strict=True):
                self.links.append((one, other, why[one, other], "matching", at, 1))

    def _events(self) -> None:
        """What events say of the entity's identities: only events that name one of them are looked at."""
        own = {"own": self.own.tolist(), "now": self.moment.now_ms}
        for cls in self.moment.events():
            if "idents" in self.moment.columns[cls.name]:
                time = identifier(cls.time_field or "")
                rows = self.moment.rows(
                    f"""
                    SELECT a, b, list(DISTINCT source ORDER BY source), max(ms), count(*) FROM (
                        SELECT a, unnest(idents) AS b, source, ms FROM (
                            SELECT unnest(idents) AS a, idents, source, {time} AS ms
                            FROM facts.{identifier(cls.name)}
                            WHERE idents IS NOT NULL AND list_has_any(idents, $own) AND {time} <= $now))
                    WHERE a < b AND (list_contains($own, a) OR list_contains($own, b)) GROUP BY a, b
                    """,
                    own,
                )
                self.links += [
                    (int(a), int(b), "event", ", ".join(sources), int(at), int(many))
                    for a, b, sources, at, many in rows
                ]

    def _crowds(self, numbers: set[int]) -> dict[int, int]:
        """Which of these values join too many records, and how many that is."""
        if not numbers or not self.moment.columns.get(self.cls.name):
            return {}
        versions: Versions = read_versions(self.moment, self.cls)
        is_acting = self.cls.name == acting_class(self.unified.schema)
        node, live = (
            f"{self.unified.name}.{identifier(one)}" for one in (f"node_{self.cls.name}", self.cls.name)
        )
        n, ids = self.moment.arrays(f"SELECT n, id FROM {node} SEMI JOIN {live} USING (id) ORDER BY n")
        graph = class_graph(self.moment, self.rules, self.cls, versions, None, (n, ids), is_acting)
        values, records = graph.joined()
        found = np.isin(values, sorted(numbers)) & (records > self.rules.links_per_value)
        return dict(zip(values[found].tolist(), records[found].tolist(), strict=True))

    def _merges(self) -> None:
        found = merges(self.moment, self.cls)
        mine = np.isin(found.kept, self.own) & np.isin(found.lost, self.own)
        for kept, lost, at in zip(
            found.kept[mine].tolist(), found.lost[mine].tolist(), found.seen_ms[mine].tolist(), strict=True
        ):
            self.links.append((kept, lost, "merge", None, at, 1))

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
                self.links.append((hub, n, f"master data {names[group]}", None, at, 1))


def _sorted(links: set[_Row], names: dict[int, str]) -> tuple[GraphLink, ...]:
    found = []
    for a, b, reason, source, at, many in links:
        first, second = sorted((names[a], names[b]))
        found.append(GraphLink(first, second, reason, source, instant(at), many))
    return tuple(sorted(found, key=lambda one: (one.first, one.second, one.reason, one.source or "", one.at)))
