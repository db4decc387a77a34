"""Sequences of events, by the times at which each step can end.

Only times matter. A step that begins at any later time asks but for the earliest end of the step before: the
greedy choice is exact. A step with GAP asks for the end that suits it best: the latest one before it where
the gap may not be long (an ASOF join), the earliest where it may not be short, and for an exact distance the
one at that distance. So no pairs of events are ever formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlglot import exp

from townsend.audiences.batch.conditions import member
from townsend.audiences.batch.frame import EntityRow, Env, Frame, Lowering, Rows, ValueRow, as_source
from townsend.audiences.batch.sql import FALSE, Sql, all_of, any_of, column, compare, function, number
from townsend.audiences.batch.times import earliest, shifted_by
from townsend.audiences.core import DATETIME, Chain, Gap, InstantOf, Item, Step, Window
from townsend.audiences.walk import chain_uses

__all__ = ["chain"]

# A variable that no definition has: the end of the step before.
END = -2


class _Passing(NamedTuple):
    """The events that pass a step's own conditions, of all owners."""

    rows: Rows
    time: Sql


def chain(low: Lowering, node: Chain, env: Env, _: bool) -> Sql:
    """Whether all steps can be met in order; never null."""
    wheres = [low.condition(step.where, env, True) for step in node.steps if step.where is not None]
    uses = chain_uses(node)
    followers: Sequence[Step | None] = (*node.steps[1:], None)
    before: exp.Select | None = None
    owner: EntityRow | None = None
    for at, (step, follower) in enumerate(zip(node.steps, followers, strict=True)):
        found = _passing(low, node, at, env, uses)
        if found is None or (found.rows.link is None and (step.gap or (follower and follower.gap))):
            return FALSE()  # nothing is stored; a chain with GAP that looks outside is declared as a gap
        owner = found.rows.owner
        if before is not None and step.gap is not None and at > 0:
            found = _after_gap(low, found, before, step.gap)
            if step.count > 1:
                found = _from_first(low, found, _passing(low, node, at, env, uses))
        elif before is not None:
            _after(low, found, before)
        before = _ends(low, found, step.count, follower)
    assert before is not None
    if owner is None:
        return all_of([*wheres, exp.Exists(this=before)])
    return all_of([*wheres, member(owner, before)])


def _passing(low: Lowering, node: Chain, at: int, env: Env, uses: frozenset[int]) -> _Passing | None:
    """None if no event can have the chain's time."""
    step = node.steps[at]
    rows = low.rows(node.base, env, uses, exact=step.count > 1)
    time = rows.row.field(node.time) if isinstance(rows.row, EntityRow) else None
    if time is None:
        return None
    inner = rows.bind(node.var)
    if step.when is not None:
        rows.frame.require(low.within(time.copy(), step.when, inner))
    # What comes later than an event of a window comes later than the window's start.
    since = [earliest(low, one.when) for one in node.steps[:at] if one.when is not None]
    bounds = [one for one in since if one is not None]
    if bounds:
        rows.frame.require(compare(">", time.copy(), number(max(bounds))))
    rows.frame.require(low.condition(step.what, inner))
    return _Passing(rows, time)


# ---------------------------------------------------------------- from one step to the next


def _after(low: Lowering, found: _Passing, before: exp.Select) -> None:
    """Keep the events later than the earliest end of the step before."""
    rows = found.rows
    if rows.link is None:
        rows.frame.require(compare(">", found.time.copy(), exp.Paren(this=before)))
        return
    alias = low.names.new()
    later = compare(">", found.time.copy(), column(alias, "t"))
    rows.frame.join(
        as_source(before, alias), all_of([compare("=", column(alias, "k"), rows.link.copy()), later])
    )


def _after_gap(low: Lowering, found: _Passing, before: exp.Select, gap: Gap) -> _Passing:
    """The events that lie at that distance from some end of the step before."""
    here, there = low.names.new(), low.names.new()
    inner = found.rows.frame.select(*found.rows.linked(), found.time.copy().as_("t", quoted=True))
    frame = Frame(as_source(inner, here))
    moment, end = column(here, "t"), column(there, "t")
    same = compare("=", column(there, "k"), column(here, "k"))
    ends = as_source(before, there)
    if gap.op == "=":
        exact = compare("=", shifted_by(end, gap.number, gap.unit), moment.copy())
        frame.join(ends, all_of([same, exact]))
        frame.require(compare("<", end.copy(), moment.copy()))
    elif gap.op in (">", ">="):
        frame.join(ends, same)
        frame.require(all_of([compare("<", end, moment.copy()), _apart(low, moment, end.copy(), gap)]))
    else:
        frame.join_asof(ends, same, compare("<", end, moment.copy()))
        suits = [_apart(low, moment, end.copy(), gap)]
        if gap.op == "!=":
            suits.append(_apart(low, moment, column(there, "first"), gap))
        frame.require(any_of(suits))
    rows = Rows(frame, found.rows.row, {}, found.rows.owner, column(here, "k"))
    return _Passing(rows, moment)


def _apart(low: Lowering, moment: Sql, end: Sql, gap: Gap) -> Sql:
    """That a moment lies at that distance after an end."""
    window = Window(gap.op, gap.number, gap.unit, "after", InstantOf(Item(END, DATETIME)))
    return low.within(moment.copy(), window, {END: ValueRow(end, DATETIME)})


def _from_first(low: Lowering, begins: _Passing, found: _Passing | None) -> _Passing:
    """All events of a step from the first on at which it can begin; more than one event is needed of them."""
    assert found is not None
    alias = low.names.new()
    query = begins.rows.frame.select(
        *begins.rows.linked(), function("min", begins.time.copy()).as_("t", quoted=True)
    )
    _group(query, begins.rows)
    link = found.rows.link
    assert link is not None
    since = compare(">=", found.time.copy(), column(alias, "t"))
    found.rows.frame.join(
        as_source(query, alias), all_of([compare("=", column(alias, "k"), link.copy()), since])
    )
    return found


# ---------------------------------------------------------------- where steps end


def _ends(low: Lowering, found: _Passing, count: int, follower: Step | None) -> exp.Select:
    """The owners who meet a step in ``k``, and in ``t`` the ends that the next step needs to know."""
    rows, time = found
    if follower is None and count == 1:
        return rows.frame.select(*(rows.linked() or [number(1)]))
    if follower is not None and follower.gap is not None and follower.gap.op in ("<", "<=", "=", "!="):
        return _all_ends(low, found, count, first=follower.gap.op == "!=")
    end: Sql = function("min", time.copy())
    if count > 1:
        end = function("list_extract", function("min", time.copy(), number(count)), number(count))
    named = [] if follower is None else [end.as_("t", quoted=True)]
    query = rows.frame.select(*rows.linked(), *(named or ([] if rows.link is not None else [number(1)])))
    _group(query, rows)
    enough = compare(">=", function("count", exp.Star()), number(count))
    query.set("having", exp.Having(this=enough))
    return query


def _all_ends(low: Lowering, found: _Passing, count: int, first: bool) -> exp.Select:
    """Every time at which a step can end: from the last event that it needs on; ``first`` is the earliest."""
    rows, time = found
    if count == 1 and not first:
        return rows.frame.select(*rows.linked(), time.copy().as_("t", quoted=True))
    alias = low.names.new()
    link = rows.link
    assert link is not None
    place = _over(function("row_number"), link, time).as_("place", quoted=True)
    inner = rows.frame.select(*rows.linked(), time.copy().as_("t", quoted=True), place)
    frame = Frame(as_source(inner, alias))
    frame.require(compare(">=", column(alias, "place"), number(count)))
    columns: list[Sql] = [column(alias, "k"), column(alias, "t")]
    if first:
        columns.append(
            _over(function("min", column(alias, "t")), column(alias, "k")).as_("first", quoted=True)
        )
    return frame.select(*columns)


def _over(value: Sql, link: Sql, time: Sql | None = None) -> Sql:
    order = None if time is None else exp.Order(expressions=[exp.Ordered(this=time.copy())])
    return exp.Window(this=value, partition_by=[link.copy()], order=order)


def _group(query: exp.Select, rows: Rows) -> None:
    if rows.link is not None:
        query.set("group", exp.Group(expressions=[rows.link.copy()]))
