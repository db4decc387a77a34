"""Matches of a project: what was found, what waits for somebody, what was decided, each with its reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.identity.sides import account_side
from townsend.profiles.build import find_matches, moment_of
from townsend.profiles.stored import STORED
from townsend.profiles.values import instant
from townsend.store.facts_matches import FOUND, KINDS, Kind, decided

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["Match", "counts", "engine_of", "find_new", "matches", "skipped"]

PERSON_NAMES = ("workEmail.address", "person.name.fullName", "b2b.companyName")


@dataclass(frozen=True)
class Match:
    """A pair, whether it holds, and why it was proposed.

    Args:
        id: by which it is confirmed or rejected; it lasts as long as its two records do.
        kind: ``lead``, ``account`` or ``related``.
        state: ``confirmed``, ``accepted``, ``review``, ``rejected`` or ``outranked``.
        score: 0 to 1; None if only somebody said so.
        rank: among the candidates of the same lead or record; 1 is the best.
        rule: what found it; None if nothing did.
        at: when the newer of its two records said what matches.
        left: the one: ``class``, ``id`` of the entity, ``key`` of the record, ``name``.
        right: the other.
        reasons: what each field says, as the engine gives it.
        decision: what somebody said: ``verdict``, ``at``, ``by``, ``note``; None if nobody did.
    """

    id: str
    kind: str
    state: str
    score: float | None
    rank: int
    rule: str | None
    at: datetime | None
    left: Mapping[str, Any]
    right: Mapping[str, Any]
    reasons: tuple[Mapping[str, Any], ...] = ()
    decision: Mapping[str, Any] | None = field(default=None)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "of": self.kind,
            "state": self.state,
            "score": self.score,
            "rank": self.rank,
            "rule": self.rule,
            "at": self.at,
            "left": dict(self.left),
            "right": dict(self.right),
            "reasons": [dict(one) for one in self.reasons],
            "decision": self.decision and dict(self.decision),
        }

    def why(self) -> str:
        """The reasons in one line: each field with what it weighs."""
        found = [f"{one['field']} {float(one['weight']):+.1f}" for one in self.reasons]
        if self.decision is not None:
            said = self.decision
            by = f" by {said['by']}" if said["by"] else ""
            note = f": {said['note']}" if said["note"] else ""
            found.append(f"{said['verdict']}{by}{note}")
        return ", ".join(found) or self.rule or ""


def find_new(project: Project) -> None:
    """Match what was just taken with all that is there, by the rules in effect."""
    find_matches(project.facts, project.schema, project.rules.identity)


def engine_of(project: Project) -> str:
    """Which engine finds matches, in words; empty if the project looks for none."""
    return {
        "": "",
        "exact": "exact rules (pip install 'townsend[matching]' for scores)",
        "splink": "scores by Splink",
    }[project.rules.identity.matching.engine]


def counts(project: Project) -> dict[str, dict[str, int]]:
    """How many pairs of each kind were in each state when the world was last unified; none are left out."""
    found: dict[str, dict[str, int]] = {}
    if not project.facts.has_table(STORED, "match"):
        return found
    for kind, state, count in project.facts.con.execute(
        f"SELECT kind, state, count(*) FROM {STORED}.match GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        found.setdefault(str(kind), {})[str(state)] = int(count)
    return {kind: found[kind] for kind in KINDS if kind in found}


def skipped(project: Project) -> list[tuple[str, str, int]]:
    """The values that propose nobody, since too many accounts hold them: what it is, the value, accounts."""
    from townsend.identity.matching import MatchIndex

    rules = next(iter(project.rules.identity.matching.kinds.values()), None)
    if rules is None:
        return []
    con = project.facts.con.cursor()
    try:
        side = account_side(moment_of(project.facts, con, project.schema, 0, None))
        # To know which values are too common takes no scores.
        return MatchIndex(side, replace(rules, engine="exact")).skipped
    finally:
        con.close()


def matches(
    project: Project,
    unified: Unified,
    state: str | None = None,
    kind: Kind | None = None,
    most: int | None = None,
) -> list[Match]:
    """The pairs of a world, the likeliest first, all candidates of one lead beside each other.

    Args:
        unified: the world, made by the rules in effect.
        state: of this state only.
        kind: of this kind only.
        most: the first so many; all if None.
    """
    limit = "" if most is None else "LIMIT $most"
    rows = unified.con.execute(
        _ROWS.format(found=FOUND, world=unified.name, decided=decided(*KINDS), limit=limit),
        {
            "rules": project.rules.identity.matching.key(),
            "state": state,
            "kind": kind,
            **({} if most is None else {"most": most}),
        },
    ).fetchall()
    people = _people(unified, {int(row[2]) for row in rows if row[0] == "lead"})
    accounts = _accounts(project, {int(n) for row in rows for n in (row[7], row[8])})
    return [_match(row, people, accounts) for row in rows]


def _match(row: tuple[Any, ...], people: Mapping[int, str], accounts: Mapping[int, str]) -> Match:
    kind, state, a, b, score, rule, rank, a_n, b_n, at_ms, reasons, a_key, b_key, *said = row
    left = {"class": "account", "id": a, "key": a_key, "name": accounts.get(a_n)}
    if kind == "lead":
        left = {"class": "person", "id": a, "key": a_key, "name": people.get(a)}
    verdict, decided_ms, who, note = said
    return Match(
        f"{kind}-{a_n}-{b_n}",
        kind,
        state,
        score,
        rank,
        rule,
        None if at_ms is None else instant(at_ms),
        left,
        {"class": "account", "id": b, "key": b_key, "name": accounts.get(b_n)},
        tuple(json.loads(reasons or "[]")),
        None if verdict is None else {"verdict": verdict, "at": instant(decided_ms), "by": who, "note": note},
    )


def _people(unified: Unified, ids: set[int]) -> dict[int, str]:
    """What the people are called: mail address, else name, and their company."""
    known = [name for name in PERSON_NAMES if name in unified.columns.get("person", frozenset())]
    if not known or not ids:
        return {}
    columns = ", ".join(f'"{name}"' for name in known)
    rows = unified.con.execute(
        f'SELECT id, {columns} FROM {unified.name}."person" WHERE list_contains($ids::INTEGER[], id)',
        {"ids": sorted(ids)},
    ).fetchall()
    found = {}
    for one, *values in rows:
        said = dict(zip(known, values, strict=True))
        name = said.get(PERSON_NAMES[0]) or said.get(PERSON_NAMES[1])
        company = said.get(PERSON_NAMES[2])
        found[int(one)] = ", ".join(filter(None, (name, company)))
    return found


def _accounts(project: Project, numbers: set[int]) -> dict[int, str]:
    """What records of accounts call themselves: of two that are one company each its own name."""
    if "accountName" not in project.facts.columns("account") or not numbers:
        return {}
    rows = project.facts.con.execute(
        'SELECT key, arg_max("accountName", coalesce(own_ms, accepted_ms)) FROM facts.account '
        "WHERE list_contains($numbers::INTEGER[], key) GROUP BY key",
        {"numbers": sorted(numbers)},
    ).fetchall()
    return {int(key): str(name) for key, name in rows if name is not None}


_ROWS = """
SELECT m.kind, m.state, m.a, m.b, m.score, m.rule, m.rank, m.a_n, m.b_n, m.at_ms, c.reasons, x.value, y.value,
       d.verdict, d.at_ms, d.who, d.note
FROM {world}.match m
LEFT JOIN (SELECT * FROM {found}.candidate WHERE rules = $rules) c
    ON c.kind = m.kind AND c.a = m.a_n AND c.b = m.b_n
LEFT JOIN ({decided}) d ON d.kind = m.kind AND d.a = m.a_n AND d.b = m.b_n
JOIN facts.number x ON x.n = m.a_n JOIN facts.number y ON y.n = m.b_n
WHERE m.state = coalesce($state, m.state) AND m.kind = coalesce($kind, m.kind)
ORDER BY list_position(['lead', 'account', 'related'], m.kind),
    max(m.score) OVER (PARTITION BY m.kind, m.a) DESC NULLS LAST, m.a, m.rank, m.a_n, m.b_n {limit}
"""
