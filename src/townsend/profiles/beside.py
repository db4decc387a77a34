"""The small world: the entities that new rows may touch, made beside the stored one by what makes them all.

Ids of others that they refer to are lent from the stored world. Nothing in it is changed here.
"""

from __future__ import annotations

import numpy as np

from townsend.identity.entities import resolve
from townsend.identity.gathered import Evidence
from townsend.identity.links import (
    EventLinks,
    Merges,
    RecordLinks,
    blocked_numbers,
    event_links,
    merges,
    record_links,
)
from townsend.identity.moment import Ints, distinct, text_literal
from townsend.identity.versions import read_versions
from townsend.identity.xref import Golden
from townsend.model import EntityClass
from townsend.profiles.entities import make_tables, write_class
from townsend.profiles.making import Making, acting_class, reference_column
from townsend.profiles.region import Region, widened
from townsend.profiles.since import News
from townsend.profiles.traces import write_buried
from townsend.profiles.views import write_records
from townsend.store.facts_schema import identifier

__all__ = ["NUMBERS_MOST", "Beside"]

# Numbers that may be touched in one class; above, to make everything anew is hardly slower.
NUMBERS_MOST = 200_000
_NONE = np.zeros(0, np.int64)
_NO_EVENTS = EventLinks(_NONE, _NONE, _NONE, _NONE, _NONE)


class Beside:
    """The small world of some news.

    Args:
        stored: the stored world, as something to read from.
        small: where the small world goes.
        news: what is new.

    Attributes:
        regions: classes to whom the news may touch.
        crowds: classes to values that join too many records, and how many that is, where it is another
            number than before.
    """

    def __init__(self, stored: Making, small: Making, news: News) -> None:
        self.stored, self.small, self.news = stored, small, news
        self.regions: dict[str, Region] = {}
        self.crowds: dict[str, tuple[Ints, Ints]] = {}
        self._acting = acting_class(stored.schema)
        self._blocked = blocked_numbers(stored.moment, stored.identity)

    def make(self) -> bool:
        """Make it; False if too much is touched, or something that only a making from the ground settles."""
        small, moment = self.small, self.small.moment
        make_tables(small)
        moment.run(f"CREATE TABLE {small.table('survivor')} AS FROM {self.stored.table('survivor')}")
        self._write_events()
        for cls in small.schema.classes.values():
            if not cls.is_event and self._has_news(cls) and not self._resolve(cls):
                return False
        self._lend()
        write_records(small)
        return True

    def _has_news(self, cls: EntityClass) -> bool:
        events = any(one.name in self.news.rows for one in self.small.moment.events())
        said = self.news.linked or (events and cls.name == self._acting)
        return cls.name in self.news.rows or (said and cls.name in self.stored.others)

    def _write_events(self) -> None:
        """``new_acted(n, ms)`` and ``new_met(a, b, ms)`` of new events."""
        moment, events = self.small.moment, _NO_EVENTS
        if any(one.name in self.news.rows for one in moment.events()):
            events = event_links(moment, self._blocked, self.news.take)
        moment.table("new_acted", {"n": events.who, "ms": events.since_ms})
        moment.table("new_met", {"a": events.first, "b": events.second, "ms": events.seen_ms})

    def _resolve(self, cls: EntityClass) -> bool:
        """Find out who is whom in what the news touch of one class."""
        small, moment = self.small, self.small.moment
        changed = _NONE
        if cls.name in self.news.rows:
            (changed,) = moment.arrays(
                f"SELECT DISTINCT key FROM facts.{identifier(cls.name)} WHERE take > {self.news.take}"
            )
        merged = merges(moment, cls)
        says = self._links(cls, changed)
        seeds = [changed, says.named, self._acts(cls), self._linked(cls)]
        acts = cls.name == self._acting
        region = widened(moment, self.stored.name, cls, np.concatenate(seeds), merged, acts, NUMBERS_MOST)
        if region is None or not self._weigh(cls, changed, says, merged):
            return False
        if not len(region.n):
            return True
        self.regions[cls.name] = region
        evidence = self._evidence(cls, region, merged)
        found = resolve(moment, small.identity, cls, evidence)
        write_buried(small, cls, evidence, found)
        write_class(small, cls, found)
        known = np.isin(found.crowded, evidence.crowded)
        new, counts = self.crowds[cls.name]
        self.crowds[cls.name] = (
            np.concatenate([new, found.crowded[~known]]),
            np.concatenate([counts, found.crowd[~known]]),
        )
        return True

    # ------------------------------------------------------------ where to begin

    def _links(self, cls: EntityClass, keys: Ints, before: bool = False) -> RecordLinks:
        """What the current versions of these records name; or what those before the news did."""
        if not len(keys):
            return RecordLinks(_NONE, _NONE, _NONE, _NONE, _NONE)
        take = self.news.take if before else None
        versions = read_versions(self.small.moment, cls, keys.tolist(), take)
        return record_links(self.small.moment, self.small.identity, versions, self._blocked)

    def _acts(self, cls: EntityClass) -> Ints:
        """Numbers that new events may make somebody's, or somebody else's."""
        if cls.name != self._acting:
            return _NONE
        world = self.stored.name
        (found,) = self.small.moment.arrays(
            f"""
            SELECT a.n FROM new_acted a
            LEFT JOIN {world}.{identifier(f"node_{cls.name}")} e USING (n)
            LEFT JOIN {world}.{identifier(cls.name)} p ON p.id = e.id
            LEFT JOIN (SELECT n FROM {world}.shown WHERE class = {text_literal(cls.name)}) s ON s.n = a.n
            WHERE s.n IS NULL OR p.id IS NULL OR p.first_ms > a.ms
            UNION
            SELECT unnest([m.a, m.b]) FROM new_met m LEFT JOIN {world}.trace_met t USING (a, b)
            WHERE t.a IS NULL OR t.ms < m.ms
            """
        )
        return found

    def _linked(self, cls: EntityClass) -> Ints:
        """Ends of new links between records."""
        if not self.news.linked:
            return _NONE
        (found,) = self.small.moment.arrays(
            f"""
            SELECT DISTINCT d.n FROM facts.link l JOIN facts.number d
            ON (d.space = l.space_a AND d.value = l.value_a) OR (d.space = l.space_b AND d.value = l.value_b)
            WHERE l.rowid >= {self.news.links} AND d.space = {text_literal(cls.namespace)}
            """
        )
        return found

    # ------------------------------------------------------------ values that join too many records

    def _weigh(self, cls: EntityClass, changed: Ints, says: RecordLinks, merged: Merges) -> bool:
        """Count values that join too many records anew, as far as the news touch them; False if in doubt."""
        values, counts = self.small.moment.arrays(
            f"SELECT n, records FROM {self.stored.table('trace_crowded')} "
            f"WHERE class = {text_literal(cls.name)}"
        )
        self.crowds[cls.name] = (_NONE, _NONE)
        if not len(values):
            return True
        now, was = _named(says), _named(self._links(cls, changed, before=True))
        touched = distinct(np.concatenate([now[np.isin(now, values)], was[np.isin(was, values)]]))
        if (len(touched) and len(merged.kept)) or (cls.name == self._acting and self._meet(values, changed)):
            return False
        order = np.argsort(values)
        place = order[np.searchsorted(values[order], touched)]
        more = [int((now == value).sum() - (was == value).sum()) for value in touched.tolist()]
        anew = counts[place] + np.array(more, np.int64)
        self.crowds[cls.name] = (touched, anew)
        # What no longer joins too many gets links back from records that are nowhere near.
        return bool((anew > self.small.identity.links_per_value).all())

    def _meet(self, values: Ints, changed: Ints) -> bool:
        """Whether new events have some of these values, or events at all have them beside changed records."""
        moment = self.small.moment
        moment.table("crowd_n", {"n": values})
        moment.table("changed_n", {"n": changed})
        one, other = "IN (FROM crowd_n)", "IN (FROM changed_n)"
        return bool(
            moment.number(f"SELECT count(*) FROM new_met WHERE a {one} OR b {one}")
            or moment.number(
                f"SELECT count(*) FROM {self.stored.table('trace_met')} "
                f"WHERE (a {one} AND b {other}) OR (b {one} AND a {other})"
            )
        )

    # ------------------------------------------------------------ what is known

    def _evidence(self, cls: EntityClass, region: Region, merged: Merges) -> Evidence:
        moment, world, name = self.small.moment, self.stored.name, text_literal(cls.name)
        records = RecordLinks(_NONE, _NONE, _NONE, _NONE, _NONE)
        if moment.columns.get(cls.name):
            versions = read_versions(moment, cls, region.keys.tolist())
            self.small.versions[cls.name] = versions
            records = record_links(moment, self.small.identity, versions, self._blocked)
        moment.table("region_n", {"n": region.n})
        events: EventLinks | None = None
        if cls.name == self._acting:
            who, since = moment.arrays(
                f"SELECT n, min(ms) FROM (FROM {world}.trace_acted UNION ALL FROM new_acted) "
                "SEMI JOIN region_n USING (n) GROUP BY n"
            )
            first, second, seen = moment.arrays(
                f"SELECT a, b, max(ms) FROM (FROM {world}.trace_met UNION ALL FROM new_met) "
                "WHERE a IN (FROM region_n) OR b IN (FROM region_n) GROUP BY a, b"
            )
            events = EventLinks(first, second, seen, who, since)
        inside = np.isin(merged.kept, region.n) & np.isin(merged.lost, region.n)
        merged = Merges(
            merged.kept[inside], merged.lost[inside], merged.seen_ms[inside], merged.retires[inside]
        )
        golden = Golden(
            *moment.arrays(
                f"SELECT g.place, g.n, g.ms FROM {world}.trace_golden g SEMI JOIN region_n USING (n) "
                f"JOIN facts.number d USING (n) WHERE g.class = {name} ORDER BY g.place, d.value"
            )
        )
        (crowded,) = moment.arrays(f"SELECT n FROM {world}.trace_crowded WHERE class = {name}")
        return Evidence(records, events, merged, golden, crowded)

    def _lend(self) -> None:
        """Give the small world the ids of others that its records refer to."""
        moment, schema = self.small.moment, self.small.schema
        wanted: dict[str, list[str]] = {}
        for name in self.regions:
            cls, versions = schema.classes[name], self.small.versions.get(name)
            for reference in cls.references.values():
                if versions is None or reference.field is None:
                    continue
                key = reference_column(cls, reference)
                if key in versions.paths:
                    rows = f"facts.{identifier(name)} WHERE key IN ({_listed(self.regions[name].keys)})"
                    wanted.setdefault(reference.to, []).append(
                        f"SELECT {identifier(key)} AS value FROM {rows}"
                    )
        lent = set()
        for name, parts in sorted(wanted.items()):
            node = identifier(f"node_{name}")
            if name not in self.stored.others:
                continue
            there = name in self.small.entities
            inside = f"AND n NOT IN ({_listed(self.regions[name].n)})" if name in self.regions else ""
            query = (
                f"SELECT n, id FROM {self.stored.name}.{node} WHERE n IN (SELECT d.n FROM facts.number d "
                f"WHERE d.space = {text_literal(schema.classes[name].namespace)} "
                f"AND d.value IN ({' UNION '.join(parts)})) {inside}"
            )
            table = f"{self.small.name}.{node}"
            moment.run(f"INSERT INTO {table} {query}" if there else f"CREATE TABLE {table} AS {query}")
            lent.add(name)
        self.small.others = frozenset(lent)


def _named(links: RecordLinks) -> Ints:
    """What records that are not retired name, their own keys among it."""
    live = links.key[links.deleted == 0]
    return np.concatenate([live, links.named[np.isin(links.owner, live)]])


def _listed(numbers: Ints) -> str:
    return ", ".join(map(str, numbers.tolist())) or "NULL"
