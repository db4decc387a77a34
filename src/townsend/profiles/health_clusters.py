"""Clusters that may be wrong: held together by one link, with two of what there is one of, too large."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from townsend.identity.health import Weak, weak_links
from townsend.profiles.concern import SHOWN, Concern, Item, counted
from townsend.profiles.health_values import Case
from townsend.profiles.names import called, identities_of, spelled
from townsend.profiles.parents import disagreements, rings, upward
from townsend.profiles.values import instant, shown
from townsend.store.facts_schema import identifier

__all__ = ["clusters_of"]

# More identities than this are more than one person has.
IDENTITIES_MANY = 50

# What tells kinds of records of one instance apart: the first three characters of a Salesforce id (a lead
# that became a contact is no duplicate), the end of a Marketo id (nor is a company that is a named account).
_KIND = """CASE WHEN ends_with(d.value, '.Salesforce')
    THEN regexp_extract(d.value, '^(\\w{3})\\w{12}(\\w{3})?@', 1)
    ELSE regexp_extract(d.value, '(\\.mkto_[a-z]+)@', 1) END"""


def clusters_of(case: Case) -> Iterator[Concern]:
    """What is to be said about the clusters of a class."""
    yield from _bridges(case)
    yield from _instances(case)
    yield from _removed(case)
    yield from _parents(case)
    yield from _largest(case)


def _bridges(case: Case) -> Iterator[Concern]:
    weak, left = weak_links(case.graph)
    if not weak:
        return
    names = spelled(case.moment.con, (n for one in weak[:SHOWN] for n in (one.first, one.second)))
    more = f" ({left:,} more clusters were not looked at)" if left else ""
    yield Concern(
        "bridges",
        case.name,
        "warning",
        len(weak),
        f"{case.name}: {counted(len(weak), 'link holds', 'links hold')} two parts of several records "
        f"together alone{more}",
        "see with `townsend graph show` who says so; mend a wrong one at its source, or block its value",
        tuple(_bridge(case, one, names) for one in weak[:SHOWN]),
    )


def _bridge(case: Case, weak: Weak, names: dict[int, str]) -> Item:
    a, b = sorted((names[weak.first], names[weak.second]))
    source = _source(case, weak)
    says = f", said by {source} alone" if source else ""
    return Item(
        f"{case.name} {weak.entity}: {a} – {b} between {weak.near:,} and {weak.far:,} records{says}",
        {"id": weak.entity, "a": a, "b": b, "records": [weak.near, weak.far], "source": source},
    )


def _source(case: Case, weak: Weak) -> str | None:
    """Whose record makes the link; None if it is no record."""
    graph = case.graph
    for key, value in ((weak.first, weak.second), (weak.second, weak.first)):
        if ((graph.owner == key) & (graph.value == value)).any():
            rows = case.moment.rows(
                f"SELECT source FROM {case.unified.name}.source WHERE class = $cls AND n = $n",
                {"cls": case.name, "n": key},
            )
            return str(rows[0][0]) if rows else None
    return None


def _instances(case: Case) -> Iterator[Concern]:
    source = f"{case.unified.name}.source"
    case.moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE same_instance AS
        WITH record AS (
            SELECT s.id, s.n FROM {source} s
            SEMI JOIN {case.unified.name}.{identifier(case.name)} e ON e.id = s.id WHERE s.class = $cls),
        several AS (SELECT id FROM record GROUP BY id HAVING count(*) > 1)
        SELECT r.id, split_part(d.value, '@', -1) AS instance, {_KIND} AS kind, count(*) AS many
        FROM record r SEMI JOIN several USING (id) JOIN facts.number d USING (n)
        WHERE contains(d.value, '@') GROUP BY ALL HAVING count(*) > 1
        """,
        {"cls": case.name},
    )
    count = case.moment.number("SELECT count(*) FROM same_instance")
    if not count:
        return
    rows = case.moment.rows(
        f"""
        SELECT i.id, i.instance, i.many, list(d.value ORDER BY d.value)[:5]
        FROM (FROM same_instance ORDER BY many DESC, id, instance, kind LIMIT {SHOWN}) i
        JOIN {source} s ON s.id = i.id AND s.class = $cls JOIN facts.number d USING (n)
        WHERE split_part(d.value, '@', -1) = i.instance AND {_KIND} = i.kind
        GROUP BY i.id, i.instance, i.kind, i.many ORDER BY i.many DESC, i.id, i.instance, i.kind
        """,
        {"cls": case.name},
    )
    yield Concern(
        "instances",
        case.name,
        "warning",
        count,
        f"{case.name}: {counted(count, 'entity has', 'entities have')} several records of one "
        "kind and instance: duplicates there, or a wrong merge",
        "merge true duplicates in that system; otherwise find with `townsend graph show` what joins "
        "them, and block it or make its namespace unique",
        tuple(
            Item(
                f"{case.name} {one}: {many:,} records of {instance} ({', '.join(keys)})",
                {"id": one, "instance": instance, "records": many, "keys": keys},
            )
            for one, instance, many, keys in rows
        ),
    )


def _removed(case: Case) -> Iterator[Concern]:
    rows = case.moment.rows(
        f"SELECT a, b, at_ms FROM {case.unified.name}.removed WHERE class = $cls ORDER BY at_ms DESC, a, b",
        {"cls": case.name},
    )
    if rows:
        names = spelled(case.moment.con, (n for a, b, _ in rows[:SHOWN] for n in (a, b)))
        yield Concern(
            "removed",
            case.name,
            "warning",
            len(rows),
            f"{case.name}: {counted(len(rows), 'link was', 'links were')} left out so that a unique "
            "namespace stays unique",
            "nothing, if these are shared devices; block a value that many share",
            tuple(
                Item(
                    f"{names[a]} – {names[b]}, {shown(instant(at))}",
                    {"a": names[a], "b": names[b], "at": instant(at)},
                )
                for a, b, at in rows[:SHOWN]
            ),
        )


def _largest(case: Case) -> Iterator[Concern]:
    ids, records = np.unique(case.graph.entity(case.graph.records), return_counts=True)
    held, identities = np.unique(case.graph.id, return_counts=True)
    width = dict(zip(held.tolist(), identities.tolist(), strict=True))
    order = np.argsort(-records, kind="stable")[:SHOWN]
    top = [
        (one, many)
        for one, many in zip(ids[order].tolist(), records[order].tolist(), strict=True)
        if many > 1
    ]
    wide = int((identities > IDENTITIES_MANY).sum())
    if not top:
        return
    names = identities_of(case.unified, case.name, (one for one, _ in top))
    yield Concern(
        "largest",
        case.name,
        "warning" if wide else "note",
        int((records > 1).sum()),
        f"{case.name}: {counted(int((records > 1).sum()), 'entity has', 'entities have')} several records"
        + (f"; {wide:,} more than {IDENTITIES_MANY} identities" if wide else ""),
        "see with `townsend graph show` whether one really has so many" if wide else "",
        tuple(
            Item(
                f"{case.name} {one}: {many:,} records, {width[one]:,} identities ({called(names[one])})",
                {"id": one, "records": many, "identities": width[one]},
            )
            for one, many in top
        ),
    )


def _parents(case: Case) -> Iterator[Concern]:
    for reference in upward(case.cls) if case.versions is not None else ():
        assert case.versions is not None
        word = f"{case.name}.{reference.name}"
        several = disagreements(case.unified, case.moment, case.versions, reference)
        if several:
            yield Concern(
                "parents",
                case.name,
                "warning",
                len(several),
                f"{word}: the records of {counted(len(several), 'entity name', 'entities name')} different "
                "ones; the merge policy decides",
                f"mend it at the sources, or say in `merge.{case.name}` whose word counts",
                tuple(
                    Item(
                        f"{case.name} {one.id}: {', '.join(map(str, one.parents))}; "
                        f"{one.chosen or 'none'} holds",
                        {"id": one.id, "parents": list(one.parents), "chosen": one.chosen},
                    )
                    for one in several[:SHOWN]
                ),
            )
        circles = rings(case.unified, case.moment, case.cls, reference)
        if circles:
            yield Concern(
                "rings",
                case.name,
                "warning",
                len(circles),
                f"{word}: {counted(len(circles), 'ring', 'rings')} of entities above themselves",
                "mend one of them at its source; nobody counts as their own ancestor meanwhile",
                tuple(
                    Item(f"{case.name} {' → '.join(map(str, ring[:SHOWN]))}", {"ids": ring[:SHOWN]})
                    for ring in circles[:SHOWN]
                ),
            )
