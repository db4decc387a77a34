"""Deciding on matches: a pair is confirmed or rejected for good, until somebody says the opposite.

A decision is stored for every pair of records that was found or decided between the two sides, so that it
holds for whatever part of them is left after a split.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.identity.matchlinks import companies
from townsend.intake.rules import epoch_ms
from townsend.problem import Invalid
from townsend.profiles.build import moment_of
from townsend.profiles.find import candidates, find
from townsend.store.facts_matches import (
    FOUND,
    KINDS,
    Decision,
    Kind,
    Verdict,
    add_decisions,
    decided,
)

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["Decided", "decide"]

_ID = re.compile(rf"({'|'.join(KINDS)})-(\d{{1,9}})-(\d{{1,9}})")


@dataclass(frozen=True)
class Decided:
    """What was stored.

    Args:
        id: of the pair.
        kind: ``lead``, ``account`` or ``related``.
        verdict: ``confirmed`` or ``rejected``.
        pairs: pairs of records that it was stored for.
        notes: what somebody should know besides.
    """

    id: str
    kind: Kind
    verdict: Verdict
    pairs: int
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "of": self.kind,
            "verdict": self.verdict,
            "pairs": self.pairs,
            "notes": list(self.notes),
        }


def decide(
    project: Project,
    verdict: Verdict,
    left: str,
    right: str | None = None,
    *,
    kind: Kind | None = None,
    who: str | None = None,
    note: str | None = None,
    now: datetime | None = None,
) -> Decided:
    """Confirm or reject a pair.

    Args:
        left: the id of a match; or, with ``right``, a person or an account by any of their names.
        right: an account by any of its names.
        kind: what the two names mean if it is not plain: ``lead`` if ``left`` is a person, else ``account``.
        who: who decides.
        note: why.
        now: the instant at which names are looked up; the clock if None.

    Raises:
        Invalid: ``match.unknown``, ``match.same``, ``who.unknown``, ``who.several``.
    """
    unified = project.unified(now)
    found, pair = _pair_of_id(project, left) if right is None else _pair_of(unified, left, right, kind)
    if pair[0] == pair[1]:
        raise Invalid("match.same", "both names are one record's; name two of them by their source keys")
    notes: tuple[str, ...] = ()
    if found == "account":
        sides, apart = _companies(project, unified, pair)
        if not apart and verdict == "rejected":
            notes = ("other facts say that these are one company; see `townsend graph show`",)
    else:
        sides = (
            _entity(unified, "person" if found == "lead" else "account", pair[0]),
            _entity(unified, "account", pair[1]),
        )
    pairs = _pairs(project, found, pair, *sides)
    names = _names(project, {n for one in pairs for n in one})
    at_ms = epoch_ms(project.clock.now())
    add_decisions(
        project.facts,
        [Decision(found, names[a], names[b], verdict, at_ms, who, note) for a, b in pairs],
    )
    return Decided(f"{found}-{pair[0]}-{pair[1]}", found, verdict, len(pairs), notes)


def _pair_of_id(project: Project, text: str) -> tuple[Kind, tuple[int, int]]:
    parts = _ID.fullmatch(text.strip())
    if parts is not None:
        kind = next(one for one in KINDS if one == parts[1])
        pair = int(parts[2]), int(parts[3])
        spaces = {name: project.schema.entity_class(name).namespace for name in ("person", "account")}
        known = _names(project, set(pair))
        if pair[1] in known and known[pair[1]][0] == spaces["account"] and pair[0] in known:
            # Whoever is known by no record is still named by an identity.
            is_account = known[pair[0]][0] == spaces["account"]
            if is_account == (kind != "lead"):
                return kind, pair
    raise Invalid(
        "match.unknown",
        "there is no match of that id; take one from `townsend match ls`, such as lead-17-204, "
        "or give two names",
    )


def _pair_of(unified: Unified, left: str, right: str, kind: Kind | None) -> tuple[Kind, tuple[int, int]]:
    if kind is None:
        kind = "lead" if candidates(unified, "person", left) else "account"
    if kind == "account":
        first, second = sorted((_record(unified, left), _record(unified, right)))
        return kind, (first, second)
    cls = "person" if kind == "lead" else "account"
    a = find(unified, cls, left)
    b = find(unified, "account", right)
    if kind == "related":
        a, b = min(a, b), max(a, b)
    known = unified.con.execute(
        f"SELECT a_n, b_n FROM {unified.name}.match WHERE kind = ? AND a = ? AND b = ? ORDER BY ALL LIMIT 1",
        [kind, a, b],
    ).fetchall()
    if known:
        return kind, (int(known[0][0]), int(known[0][1]))
    return kind, (_first(unified, cls, a), _first(unified, "account", b))


def _record(unified: Unified, who: str) -> int:
    """The record of an account that has this key; else the first of the account that is meant."""
    rows = unified.con.execute(
        f"SELECT s.n FROM {unified.name}.source s JOIN facts.number d USING (n) "
        "WHERE s.class = 'account' AND $who IN (d.value, d.space || ':' || d.value)",
        {"who": who.strip()},
    ).fetchall()
    return int(rows[0][0]) if rows else _first(unified, "account", find(unified, "account", who))


def _first(unified: Unified, cls: str, entity: int) -> int:
    """The record of an entity with the smallest number; of somebody known by events alone an identity."""
    rows = unified.con.execute(
        f"SELECT min(n) FROM {unified.name}.source WHERE class = $cls AND id = $id "
        f'UNION ALL SELECT min(n) FROM {unified.name}."node_{cls}" WHERE id = $id',
        {"cls": cls, "id": entity},
    ).fetchall()
    return int(next(n for (n,) in rows if n is not None))


def _entity(unified: Unified, cls: str, number: int) -> list[int]:
    """All numbers of the entity that holds this one."""
    node = f'{unified.name}."node_{cls}"'
    rows = unified.con.execute(
        f"SELECT o.n FROM {node} o JOIN {node} m USING (id) WHERE m.n = ?", [number]
    ).fetchall()
    return [int(n) for (n,) in rows] or [number]


def _companies(
    project: Project, unified: Unified, pair: tuple[int, int]
) -> tuple[tuple[list[int], list[int]], bool]:
    """The records of the two companies as they are without matches, and whether they are two."""
    con = project.facts.con.cursor()
    try:
        moment = moment_of(project.facts, con, project.schema, unified.now_ms, None)
        numbers, ids = companies(moment, project.rules.identity, project.schema.entity_class("account"))
    finally:
        con.close()
    of = dict(zip(numbers.tolist(), ids.tolist(), strict=True))
    first, second = (of.get(one) for one in pair)
    sides = tuple(numbers[ids == (-1 if one is None else one)].tolist() for one in (first, second))
    return (sides[0] or [pair[0]], sides[1] or [pair[1]]), first is None or first != second


def _pairs(
    project: Project, kind: Kind, pair: tuple[int, int], left: Sequence[int], right: Sequence[int]
) -> list[tuple[int, int]]:
    """The pair that is named, and all that were found or decided between the two sides."""
    rows = project.facts.con.execute(
        f"""
        WITH known AS (
            SELECT a, b FROM {FOUND}.candidate WHERE rules = $rules AND kind = $kind
            UNION SELECT a, b FROM ({decided(kind)}))
        SELECT a, b FROM known
        WHERE list_contains($left::INTEGER[], a) AND list_contains($right::INTEGER[], b)
            OR $kind <> 'lead'
            AND list_contains($left::INTEGER[], b) AND list_contains($right::INTEGER[], a)
        """,
        {
            "rules": project.rules.identity.matching.key(),
            "kind": kind,
            "left": list(left),
            "right": list(right),
        },
    ).fetchall()
    return sorted({pair, *((int(a), int(b)) for a, b in rows)})


def _names(project: Project, numbers: set[int]) -> dict[int, tuple[str, str]]:
    """Namespace and value of each number."""
    rows = project.facts.con.execute(
        "SELECT n, space, value FROM facts.number WHERE list_contains($numbers::INTEGER[], n)",
        {"numbers": sorted(numbers)},
    ).fetchall()
    return {int(n): (str(space), str(value)) for n, space, value in rows}
