"""How sound the identity graph of a class is, by numbers: what links much, what hangs by one link.

Reads facts and the entities that were made of them; changes nothing. What is large is arrays; only the
clusters in which a lost link would tear much apart are walked through, and no more than a bound of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from townsend.identity.bridges import bridges
from townsend.identity.links import blocked_numbers, event_links, merges, record_links
from townsend.identity.matchlinks import match_links
from townsend.identity.moment import Ints, Moment, distinct
from townsend.identity.numbers import look_up
from townsend.identity.rules import IdentityRules
from townsend.identity.sides import ACCOUNT
from townsend.identity.versions import Versions
from townsend.identity.xref import Golden
from townsend.model import EntityClass

__all__ = ["ROLES", "ClassGraph", "Weak", "class_graph", "role_mailboxes", "weak_links"]

# A link is weak if both parts that it holds together have so many records.
PART_RECORDS = 3
# More links than this are not walked through; the clusters with the most records come first.
LINKS_MOST = 200_000
# Local parts of mailboxes that several people read, or nobody.
_ROLES = """
abuse accounting accounts admin administrator billing careers contact customerservice do-not-reply donotreply
enquiries enquiry events feedback finance hello help helpdesk hostmaster hr info information inquiries it jobs
kontakt legal mail mailer-daemon marketing media newsletter no-reply no.reply no_reply noc noreply office
orders postmaster press privacy purchasing reception recruiting reply root sales security service spam
support team test unsubscribe webmaster
"""
ROLES = frozenset(_ROLES.split())

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class ClassGraph:
    """Who names what in one class.

    Args:
        n: every number that belongs to a live entity, ascending …
        id: … and that entity's id.
        records: keys of the records that make the entities.
        owner: a record's key and a value that it names, or that an event met it with …
        value: … distinct pairs; the values are not blocked.
        first: the links in force, both ends of one entity …
        second: … without regard to what a unique namespace left out.
        acting: identities to which events belong.
        blocked: blocked values that somebody names.
    """

    n: Ints
    id: Ints
    records: Ints
    owner: Ints
    value: Ints
    first: Ints
    second: Ints
    acting: Ints
    blocked: Ints

    def joined(self) -> tuple[Ints, Ints]:
        """Every value that somebody names, ascending, and how many records it joins, its own among them."""
        pairs = distinct(
            (np.concatenate([self.value, self.records]) << 32) | np.concatenate([self.owner, self.records])
        )
        return _counted(pairs >> 32)

    def entity(self, numbers: Ints) -> Ints:
        """The entity of each number, -1 for none."""
        return look_up(self.n, self.id, numbers)


@dataclass(frozen=True)
class Weak:
    """A link that holds two large parts of an entity together: how many records each has."""

    first: int
    second: int
    entity: int
    near: int
    far: int


def class_graph(
    moment: Moment,
    rules: IdentityRules,
    cls: EntityClass,
    versions: Versions | None,
    golden: Golden | None,
    nodes: tuple[Ints, Ints],
    acting: bool,
) -> ClassGraph:
    """Read who names what.

    Args:
        versions: the current versions of the class; None if it has no records.
        golden: its golden records.
        nodes: numbers of live entities, ascending, and the entities.
        acting: whether it is the class of those who act in events.
    """
    n, ids = nodes
    barred = blocked_numbers(moment, rules)
    key = owner = named = _NONE
    if versions is not None:
        found = record_links(moment, rules, versions, _NONE)
        key, owner, named = found.key, found.owner, found.named
    records = key[np.isin(key, n)]
    there = np.isin(owner, records)
    owner, named = owner[there], named[there]
    a = b = who = _NONE
    if acting:
        met = event_links(moment, _NONE)
        a, b, who = met.first, met.second, met.who
    blocked = distinct(np.concatenate([one[np.isin(one, barred)] for one in (named, a, b, who)]))
    clear = ~np.isin(named, barred)
    owner, named = owner[clear], named[clear]
    clear = ~(np.isin(a, barred) | np.isin(b, barred))
    a, b = a[clear], b[clear]
    forth, back = np.isin(a, records), np.isin(b, records)
    joins = merges(moment, cls)
    hubs, spokes = _stars(golden)
    one = two = _NONE
    if cls.name == ACCOUNT and versions is not None:
        one, two, *_ = match_links(moment, rules, versions)
    first = np.concatenate([owner, a, joins.kept, hubs, one])
    second = np.concatenate([named, b, joins.lost, spokes, two])
    near, far = look_up(n, ids, first), look_up(n, ids, second)
    inside = (near == far) & (near >= 0)
    holds, held = np.concatenate([owner, a[forth], b[back]]), np.concatenate([named, b[forth], a[back]])
    pairs = distinct((holds << 32) | held)
    return ClassGraph(
        n, ids, records, pairs >> 32, pairs & 0xFFFFFFFF, first[inside], second[inside], who, blocked
    )


def weak_links(graph: ClassGraph) -> tuple[list[Weak], int]:
    """Links whose loss would split an entity into two parts of several records each.

    Returns:
        The links, those between the largest parts first; and how many entities were too many to look at.
    """
    ids, records = _counted(graph.entity(graph.records))
    large = np.argsort(-records[records >= 2 * PART_RECORDS], kind="stable")
    ids = ids[records >= 2 * PART_RECORDS][large]
    entity = graph.entity(graph.first)
    known, links = _counted(entity[np.isin(entity, ids)])
    size = look_up(known, links, ids)
    # The largest one is always looked at, however large.
    chosen = ids[(np.cumsum(size) <= LINKS_MOST) | (np.arange(len(ids)) == 0)]
    inside = np.isin(entity, chosen)
    first, second, entity = graph.first[inside], graph.second[inside], entity[inside]
    nodes, dense = np.unique(np.concatenate([first, second]), return_inverse=True)
    weight = np.isin(nodes, graph.records).astype(np.int64)
    found = bridges(len(nodes), dense[: len(first)], dense[len(first) :], weight)
    much = found.near >= PART_RECORDS
    weak = [
        Weak(int(first[link]), int(second[link]), int(entity[link]), near, far)
        for link, near, far in zip(
            found.link[much].tolist(), found.near[much].tolist(), found.far[much].tolist(), strict=True
        )
    ]
    weak.sort(key=lambda one: (-one.near, -one.far, one.first, one.second))
    return weak, len(ids) - len(chosen)


def role_mailboxes(moment: Moment, values: Ints, records: Ints, space: str) -> list[tuple[str, int]]:
    """E-mails that look as if several people read them, and join several records; most records first."""
    several = records > 1
    moment.table("joining_value", {"n": values[several], "records": records[several]})
    found = moment.rows(
        """
        SELECT d.value, v.records FROM joining_value v JOIN facts.number d USING (n)
        WHERE d.space = $space
            AND list_contains($roles, regexp_replace(split_part(d.value, '@', 1), '[+].*|[0-9]+$', ''))
        ORDER BY v.records DESC, d.value
        """,
        {"space": space, "roles": sorted(ROLES)},
    )
    return [(str(value), int(count)) for value, count in found]


def _counted(numbers: Ints) -> tuple[Ints, Ints]:
    found, counts = np.unique(numbers[numbers >= 0], return_counts=True)
    return found, counts.astype(np.int64)


def _stars(golden: Golden | None) -> tuple[Ints, Ints]:
    """Each golden record's members linked to the first of them."""
    if golden is None or not len(golden.n):
        return _NONE, _NONE
    starts = np.ones(len(golden.group), bool)
    starts[1:] = golden.group[1:] != golden.group[:-1]
    hub = golden.n[starts][np.cumsum(starts) - 1]
    return hub[~starts], golden.n[~starts]
