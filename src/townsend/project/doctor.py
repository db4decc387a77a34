"""``townsend doctor``: does the store open whole, do the settings hold, do both evaluators agree?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from townsend.problem import Problem
from townsend.project.computed import wrong_fields
from townsend.project.freshness import alarms, freshness_of, problems
from townsend.project.rules import rules_pending

if TYPE_CHECKING:
    import duckdb

    from townsend.activation.contract import Destination
    from townsend.model import Reference
    from townsend.profiles import Unified
    from townsend.profiles.concern import Concern
    from townsend.project.project import Project

__all__ = ["Finding", "examine", "health"]

Level = Literal["ok", "warning", "error"]
MARKS: dict[Level, str] = {"ok": "✓", "warning": "!", "error": "✗"}
# What unifying reports by itself.
REPORTED = frozenset({"crowded", "removed", "golden", "late"})
SHOWN = 5  # keys told of those that lead nowhere
SAMPLE = 2_000  # entities whose membership the reference evaluator repeats


@dataclass(frozen=True)
class Finding:
    """One check and what it found."""

    level: Level
    check: str
    text: str

    @property
    def mark(self) -> str:
        return MARKS[self.level]

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level, "check": self.check, "text": self.text}


def examine(project: Project, progress: Callable[[str], None]) -> list[Finding]:
    """Every check, in the order in which one would mend things."""
    found: list[Finding] = []
    facts = (_store, _settings, _rules, _freshness, _quarantine, _dangling)
    for check in (*facts, _identity, _money, _matching, _computed, _audiences):
        progress(check.__doc__ or check.__name__)
        try:
            found += check(project)
        except Problem as problem:
            # What several checks stumble over is told once.
            if all(problem.text != one.text for one in found):
                found.append(Finding("error", check.__name__.strip("_"), problem.text))
    return found


def health(project: Project, now: datetime | None = None) -> list[Concern]:
    """What there is to say about identities, with examples and what to do."""
    from townsend.profiles.health import health_of

    return health_of(project.unified(now), project.facts, project.rules.identity)


def _store(project: Project) -> Iterator[Finding]:
    """Reading every table of the store …"""
    con = project.facts.con.cursor()
    tables = con.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema = 'facts' OR table_schema ~ '^u(_.*)?$'"
    ).fetchall()
    rows = 0
    for schema, table in tables:
        rows += _count(con, f'SELECT count(*) FROM {schema}."{table}"')
    twice = _count(
        con, "SELECT count(*) FROM (SELECT space, value FROM facts.number GROUP BY ALL HAVING count(*) > 1)"
    )
    if twice:
        yield Finding(
            "error", "store", f"{twice:,} identities have two numbers; keep the file and report this"
        )
    else:
        yield Finding("ok", "store", f"{len(tables)} tables, {rows:,} rows, every identity has one number")


def _settings(project: Project) -> Iterator[Finding]:
    """Reading the settings of each source and destination …"""
    from townsend.project.pull import opened_source

    _ = project.rules
    trouble = []
    with project.connected():
        for name, body in project.settings.sources.items():
            if body["type"] != "inlet":
                trouble += _opening(partial(opened_source, project, name))
        for name in project.settings.destinations:
            trouble += _opening(partial(_opened_destination, project, name))
    yield from trouble
    if not trouble:
        yield Finding("ok", "settings", "every source and destination is described as its kind needs")


def _opened_destination(project: Project, name: str) -> Destination:
    from townsend.activation.destinations import open_destination

    return open_destination(name, project.connection("destinations", name), project.clock)


def _opening(open_one: Callable[[], Any]) -> list[Finding]:
    """What is wrong with the settings of a connection; opening it calls nobody."""
    try:
        open_one().close()
    except Problem as problem:
        # A secret that only the machine has that runs the project is not a mistake in it.
        level: Level = "warning" if problem.code == "settings.environment" else "error"
        return [Finding(level, "settings", problem.text)]
    return []


def _rules(project: Project) -> Iterator[Finding]:
    """Comparing settings with the rules in effect …"""
    if rules_pending(project.settings, project.facts):
        yield Finding("warning", "rules", "identity, matching or merge settings changed; see `townsend plan`")
    else:
        yield Finding("ok", "rules", "the settings' rules are in effect")


def _freshness(project: Project) -> Iterator[Finding]:
    """Looking how fresh each stream is …"""
    fresh = freshness_of(project, project.clock.now())
    lines = [*alarms(fresh), *problems(fresh)]
    yield from (Finding("warning", "freshness", line) for line in lines)
    if not lines:
        yield Finding("ok", "freshness", f"{_counted(len(fresh), 'stream')}, none gives cause to worry")


def _quarantine(project: Project) -> Iterator[Finding]:
    """Counting what could not be taken …"""
    rows = project.facts.con.execute(
        "SELECT code, count(*) FROM facts.quarantine WHERE replayed_ms IS NULL GROUP BY 1 ORDER BY 2 DESC"
    ).fetchall()
    for code, count in rows:
        text = f"{_counted(count, 'row')}: {code}; see `townsend quarantine ls`"
        yield Finding("warning", "quarantine", text)
    if not rows:
        yield Finding("ok", "quarantine", "nothing waits")


def _dangling(project: Project) -> Iterator[Finding]:
    """Looking for keys that lead nowhere …"""
    unified = project.unified()
    found = False
    for cls in project.schema.classes.values():
        for reference in cls.references.values():
            column = f"{reference.field}.sourceKey"
            if cls.is_event or column not in unified.columns.get(cls.name, frozenset()):
                continue
            space = project.schema.entity_class(reference.to).namespace
            lost = _lost(unified, cls.name, reference, space)
            count = _count(unified.con, f"SELECT count(*) {lost}")
            if count:
                found = True
                keys = unified.con.execute(
                    f'SELECT DISTINCT "{column}" {lost} ORDER BY 1 LIMIT {SHOWN}'
                ).fetchall()
                text = (
                    f"{count:,} {cls.name} rows name in {reference.field} a record of {reference.to} that is "
                    f"not known (such as {', '.join(str(key) for (key,) in keys)})"
                )
                yield Finding("warning", "references", text)
    if not found:
        yield Finding("ok", "references", "every key leads to a live record")


def _lost(unified: Unified, cls: str, reference: Reference, space: str) -> str:
    """SQL: the rows of a class whose key of that reference nobody has."""
    column, node = f'"{reference.field}.sourceKey"', f"node_{reference.to}"
    lost = f'FROM {unified.name}."{cls}" WHERE {column} IS NOT NULL AND "@{reference.name}" IS NULL'
    if unified.con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", [unified.name, node]
    ).fetchall():
        # Who names themselves has no reference either, but is known, and told by the identity check.
        lost += (
            f' AND {column} NOT IN (SELECT d.value FROM {unified.name}."{node}" '
            f"JOIN facts.number d USING (n) WHERE d.space = '{space}')"
        )
    return lost


def _identity(project: Project) -> Iterator[Finding]:
    """Asking the identity graph for what it had to report …"""
    lines = project.unified().report.lines()
    for line in lines:
        yield Finding("warning", "identity", line)
    concerns = [one for one in health(project) if one.level == "warning"]
    for concern in concerns:
        if concern.check not in REPORTED:
            yield Finding("warning", "identity", f"{concern.text}; see `townsend graph health`")
    if not lines and not concerns:
        yield Finding("ok", "identity", "no value links too much, no master data contradicts itself")


def _money(project: Project) -> Iterator[Finding]:
    """Looking for amounts that nobody can say …"""
    lines = project.unified().report.money()
    yield from (Finding("warning", "money", line) for line in lines)
    if not lines:
        yield Finding("ok", "money", f"every amount is known in {project.rules.money.currency}")


def _computed(project: Project) -> Iterator[Finding]:
    """Reading each computed field …"""
    count = sum(map(len, project.computed.values()))
    wrong = list(wrong_fields(project))
    for name, problem in wrong:
        yield Finding("error", f"computed {name}", problem.text)
    if count and not wrong:
        yield Finding("ok", "computed", f"{_counted(count, 'computed field')} can be worked out")


def _matching(project: Project) -> Iterator[Finding]:
    """Looking for what matching leaves out …"""
    from townsend.project.matching import counts, engine_of, skipped

    if not project.rules.identity.matching.kinds:
        yield Finding("ok", "matching", "off; `matching:` in the settings turns it on")
        return
    for what, value, accounts in skipped(project)[:SHOWN]:
        text = (
            f"{accounts:,} accounts have the {what} {value!r}, so it proposes none of them; "
            "clear it if it is a placeholder, or raise matching.records_per_value"
        )
        yield Finding("warning", "matching", text)
    project.unified()
    waiting = sum(states.get("review", 0) for states in counts(project).values())
    wait = f"{_counted(waiting, 'match waits', 'matches wait')} for somebody, see `townsend match ls`"
    yield Finding("ok", "matching", f"found by {engine_of(project)}; {wait if waiting else 'nothing waits'}")


def _audiences(project: Project) -> Iterator[Finding]:
    """Evaluating each audience a second time …"""
    unified = project.unified()
    for name, audience in project.audiences().items():
        wrong = [one for one in project.check(name) if one["level"] == "error"]
        for one in wrong:
            yield Finding("error", f"audience {name}", one["message"])
        if not wrong and audience.pql is not None:
            yield _parity(project, unified, name)


def _parity(project: Project, unified: Unified, name: str) -> Finding:
    """Both evaluators on all entities, or on an evenly spread sample of them."""
    from townsend.audiences.reference import Entity, StoreWorld, holds

    audience = project.audience(name)
    assert audience.pql is not None
    definition = project.resolve(audience.pql, audience.of, strict=False, name=name).definition
    members = {int(one) for one in project.members_in(audience, unified).ids}
    everybody = np.asarray(project.members_of("true", audience.of, unified).ids)
    step = max(1, len(everybody) // SAMPLE)
    sample = np.unique(
        np.concatenate([everybody[::step], np.array(sorted(members)[:SAMPLE], dtype=everybody.dtype)])
    )
    world = StoreWorld(unified)
    differ = [
        int(one)
        for one in sample
        if holds(definition, world, Entity(audience.of, int(one))) != (int(one) in members)
    ]
    if differ:
        text = (
            f"the evaluators differ on {len(differ):,} of {len(sample):,} entities, such as id {differ[0]}; "
            "please report this"
        )
        return Finding("error", f"audience {name}", text)
    return Finding(
        "ok",
        f"audience {name}",
        f"{_counted(len(members), 'member')}; both evaluators agree on "
        f"{_counted(len(sample), 'entity', 'entities')}",
    )


def _counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    # Read to the end: an open result would block the connection for everybody else.
    return sum(int(count) for (count,) in con.execute(sql).fetchall())
