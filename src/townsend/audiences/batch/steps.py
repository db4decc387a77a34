"""One step along a relationship, as joins.

A relationship that is stored at its many side (``Inverse``) gives each far entity one near one, so lists stay
without repeats; any other may lead to one entity twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from townsend.audiences.batch.frame import EntityRow, Frame, Lowering, Rows
from townsend.audiences.batch.sql import Sql, all_of, column, compare, is_null
from townsend.audiences.core import Follow
from townsend.model import Edge, Inverse, Relationship, Schema, Steps, ToOne

__all__ = ["Step", "extended", "simple_steps", "started"]


@dataclass(frozen=True, slots=True)
class Step:
    """A relationship that is stored as such; ``via`` is one of an edge's own ways."""

    relationship: Relationship
    via: str | None

    @property
    def near(self) -> str:
        return self.relationship.near

    @property
    def far(self) -> str:
        return self.relationship.far

    @property
    def many(self) -> bool:
        return not isinstance(self.relationship.plan, ToOne)

    @property
    def reference(self) -> str:
        plan = self.relationship.plan
        assert isinstance(plan, ToOne | Inverse)
        return plan.reference

    @property
    def functional(self) -> bool:
        """Whether each far entity belongs to one near entity."""
        return isinstance(self.relationship.plan, Inverse)


def simple_steps(schema: Schema, follow: Follow) -> list[Step]:
    """What a relationship consists of."""
    return _steps(schema, follow.relationship, follow.via)


def _steps(schema: Schema, relationship: Relationship, via: str | None) -> list[Step]:
    plan = relationship.plan
    if via is not None and via in relationship.other_ways:
        plan, via = relationship.other_ways[via], None
    if not isinstance(plan, Steps):
        return [Step(relationship, via)]
    found: list[Step] = []
    near = relationship.near
    for name in plan.names:
        step = schema.relationships[near, name]
        found += _steps(schema, step, None)
        near = step.far
    return found


def started(
    low: Lowering, step: Step, retired: bool, among: str | None = None, from_retired: bool = False
) -> Rows | None:
    """The far side of a to-many step for all near entities; None if nothing is stored.

    Args:
        among: a table of the ids of the near entities that matter; None if all do.
        from_retired: whether a near entity may be retired.
    """
    plan = step.relationship.plan
    if not low.tables.exists(step.far):
        return None
    if isinstance(plan, Inverse):
        return _inverse(low, step, plan, retired, among)
    assert isinstance(plan, Edge)
    pairs = low.names.new()
    source = low.tables.edge(plan, pairs, retired or from_retired)
    if source is None:
        return None
    near_name, far_name = ("far", "near") if plan.backward else ("near", "far")
    link = column(pairs, near_name)
    frame = Frame(source)
    frame.only(link.copy(), among)
    frame.require(low.tables.edge_counts(plan, step.via, pairs))
    row = _paired(low, frame, step.far, column(pairs, far_name), retired, retired or from_retired)
    return Rows(frame, row, {}, None, link, exact=False)


def _inverse(low: Lowering, step: Step, plan: Inverse, retired: bool, among: str | None) -> Rows | None:
    pointer = low.tables.pointer(step.far, plan.reference)
    if pointer is None:
        return None
    far = low.names.new()
    key = column(far, low.tables.id_name(step.far))
    frame = Frame(low.tables.entities(step.far, far, retired))
    frame.require(low.tables.born(step.far, far))
    if not low.tables.is_event(step.far):
        frame.only(column(far, pointer), among)
        frame.require(is_null(column(far, pointer), negated=True))
        row = EntityRow(low.tables, frame, low.names, step.far, key, far, retired=retired)
        return Rows(frame, row, {}, None, column(far, pointer), exact=True)
    node = low.names.new()
    numbers = low.tables.node(step.near, node)
    if among is not None:
        few = Frame(numbers)
        few.only(column(node, "id"), among)
        numbers = few.source(column(node, "n"), column(node, "id"), alias=node)
    frame.join(numbers, compare("=", column(node, "n"), column(far, pointer)))
    row = EntityRow(low.tables, frame, low.names, step.far, key, far, retired=retired)
    return Rows(frame, row, {}, None, column(node, "id"), exact=True)


def extended(low: Lowering, rows: Rows, step: Step, retired: bool) -> bool:
    """Go one step further from every row; false if nothing is stored, so that nothing is there."""
    assert isinstance(rows.row, EntityRow)
    if not low.tables.exists(step.far):
        return False
    plan = step.relationship.plan
    if isinstance(plan, ToOne):
        found = rows.row.one(plan.reference, step.far, retired)
        if found is None:
            return False
        rows.frame.require(is_null(found.id(), negated=True))
        rows.row, rows.exact = found, False
        return True
    far = low.names.new()
    if isinstance(plan, Inverse):
        if not _extended_inverse(low, rows, step, plan, far, retired):
            return False
    else:
        assert isinstance(plan, Edge)
        pairs = low.names.new()
        unsure = retired or rows.row.retired
        source = low.tables.edge(plan, pairs, unsure)
        if source is None:
            return False
        near_name, far_name = ("far", "near") if plan.backward else ("near", "far")
        counts = low.tables.edge_counts(plan, step.via, pairs)
        on = [compare("=", column(pairs, near_name), rows.row.id())]
        rows.frame.join(source, all_of(on if counts is None else [*on, counts]))
        rows.row = _paired(low, rows.frame, step.far, column(pairs, far_name), retired, unsure)
        rows.exact = False
        rows.hops += 1
        return True
    rows.hops += 1
    key = column(far, low.tables.id_name(step.far))
    rows.row = EntityRow(low.tables, rows.frame, low.names, step.far, key, far, retired=retired)
    return True


def _extended_inverse(low: Lowering, rows: Rows, step: Step, plan: Inverse, far: str, retired: bool) -> bool:
    assert isinstance(rows.row, EntityRow)
    pointer = low.tables.pointer(step.far, plan.reference)
    if pointer is None:
        return False
    near = rows.row.id()
    if low.tables.is_event(step.far):
        node = low.names.new()
        rows.frame.join(low.tables.node(step.near, node), compare("=", column(node, "id"), near))
        near = column(node, "n")
    born = low.tables.born(step.far, far)
    on = [compare("=", column(far, pointer), near)]
    source = low.tables.entities(step.far, far, retired)
    rows.frame.join(source, all_of(on if born is None else [*on, born]))
    return True


def _paired(low: Lowering, frame: Frame, cls: str, key: Sql, retired: bool, unsure: bool) -> EntityRow:
    """The far end of a pair. Both ends are live, so its table is only joined for what it says.

    Not so among pairs with retired ends (``unsure``): there the table tells who is there.
    """
    row = EntityRow(low.tables, frame, low.names, cls, key, retired=retired, sure=True)
    if low.tables.born(cls, "") is not None:
        frame.require(low.tables.born(cls, row.source()))
    elif unsure:
        row.source()
    return row
