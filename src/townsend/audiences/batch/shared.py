"""Members of many definitions at once: what they have in common is asked for once.

Equal conditions are computed once, as one bit an entity. Fields of the entities are read in one pass; events
once for each kind, whatever the windows and numbers; a total once, whatever it is compared with; everything
else by a query of its own. Putting them together costs next to nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlglot import exp

from townsend.audiences.batch.conditions import nothing_passes, total_and_number
from townsend.audiences.batch.counted import Counted, Kind, counted, holding
from townsend.audiences.batch.formula import Bits, Leaves, bits_of
from townsend.audiences.batch.frame import EntityRow, Frame, as_source
from townsend.audiences.batch.lower import Lower
from townsend.audiences.batch.narrowed import narrowed, stays, table_of
from townsend.audiences.batch.sql import FALSE, Sql, column, compare, function, is_null, number, written
from townsend.audiences.batch.tables import Tables, UnifiedTables
from townsend.audiences.batch.totals import measured
from townsend.audiences.core import (
    BOOLEAN,
    Aggregate,
    Compare,
    Const,
    Count,
    Definition,
    EntityType,
    Expr,
    Follow,
    InSegment,
    Listed,
    ListOf,
    LoadedSegment,
    ScalarType,
)
from townsend.audiences.walk import everything
from townsend.model import Inverse

__all__ = ["members_of_many"]

Ids = npt.NDArray[np.int32]
Places = npt.NDArray[np.int32]
Against = tuple[int, str, Const]
LEADING_ON = (Follow, InSegment, Listed, LoadedSegment)
FIELDS_AT_ONCE = 64  # conditions on fields in one query


def members_of_many(
    definitions: Sequence[Definition], unified: UnifiedTables, among: Ids | None = None
) -> list[Ids]:
    """The members of each definition, ascending; all definitions can be lowered, and ask for no events.

    Args:
        among: nobody else is looked at; whoever is not there now, is no member.

    Raises:
        Broken: ``batch.*`` for a definition with gaps; ask ``lowered`` first.
    """
    found: dict[int, Ids] = {}
    classes: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(definitions):
        classes[one.of].append(at)
    for cls, places in classes.items():
        conditions = [definitions[at].condition for at in places]
        with _World.of(Tables(unified), cls, among) as world:
            found |= zip(places, world.members(conditions), strict=True)
    return [found[at] for at in range(len(definitions))]


class _World:
    """The entities of one class that are there now, numbered from 0 by ascending id.

    Args:
        among: a table of all that matter, in its column ``id``; None if everybody does.
    """

    @classmethod
    @contextmanager
    def of(cls, tables: Tables, of: str, among: Ids | None) -> Iterator[_World]:
        """Of everybody, or of some."""
        if among is None:
            yield cls(tables, of)
            return
        with table_of(tables, among) as asked:
            row = Lower(tables).anyone(of) if tables.exists(of) else None
            there = among[:0]
            if row is not None:
                row.frame.only(row.id(), asked)
                query = written(row.frame.select(row.id().as_("id", quoted=True)))
                there = np.ma.getdata(tables.con.execute(query).fetchnumpy()["id"])
        with table_of(tables, there) as some:
            yield cls(tables, of, np.sort(there.astype(np.int32)), some)

    def __init__(self, tables: Tables, cls: str, ids: Ids | None = None, among: str | None = None) -> None:
        self.tables = tables
        self.cls = cls
        self.among = among
        if ids is None:
            everyone = Lower(tables).members(Definition(cls, Const(True, BOOLEAN), ""))
            ids = np.sort(self._read(everyone)["id"].astype(np.int32))
        self.ids: Ids = ids
        # Where each id is in ``ids``; one place more for all others.
        self.places: Places = np.full(int(self.ids.max(initial=0)) + 2, len(self.ids), np.int32)
        self.places[self.ids] = np.arange(len(self.ids), dtype=np.int32)
        self._numbers: Places | None = None

    def members(self, conditions: Sequence[Expr]) -> Iterator[Ids]:
        """For each condition, who meets it."""
        leaves = Leaves(self.tables.policy)
        formulas = [leaves.formula(one) for one in conditions]
        known = self._leaves(list(leaves.numbers))
        for formula in formulas:
            bits = np.unpackbits(bits_of(formula, known), count=len(self.ids))
            yield self.ids[bits.astype(np.bool_)]

    def _leaves(self, leaves: list[Expr]) -> list[Bits]:
        """Who meets each leaf, every family of leaves at once."""
        found: dict[int, Bits] = {}
        fields: list[tuple[int, Expr]] = []
        events: dict[Kind, list[tuple[int, Counted]]] = defaultdict(list)
        totals: dict[Count | Aggregate, list[Against]] = defaultdict(list)
        for at, leaf in enumerate(leaves):
            count = counted(Lower(self.tables), leaf)
            against = total_and_number(leaf) if isinstance(leaf, Compare) else None
            if _of_fields(leaf):
                fields.append((at, leaf))
            elif count is not None:
                events[count.kind].append((at, count))
            elif against is not None and against[2].value is not None:
                totals[against[0]].append((at, *against[1:]))
            else:
                found[at] = self._alone(leaf)
        for start in range(0, len(fields), FIELDS_AT_ONCE):
            found |= self._fields(fields[start : start + FIELDS_AT_ONCE])
        with self._few_events(events) as tables:
            for kind, asked in events.items():
                found |= self._events(kind, asked, tables.get(kind, self.tables))
        for total, compared in totals.items():
            found |= self._total(total, compared, leaves)
        return [found[at] for at in range(len(leaves))]

    # -------------------------------------------------------- families

    def _alone(self, leaf: Expr) -> Bits:
        """A leaf by a query of its own."""
        query = Lower(self.tables).members(Definition(self.cls, leaf, ""), among=self.among)
        ids = self._read(query)["id"]
        held = np.zeros(len(self.ids) + 1, np.bool_)
        held[self._place(ids)] = True
        return self._bits(held)

    def _fields(self, leaves: list[tuple[int, Expr]]) -> dict[int, Bits]:
        """Conditions on the entities' own fields, in one pass."""
        low = Lower(self.tables)
        row = self._anyone(low)
        holds = [
            function("coalesce", low.condition(leaf, {0: row}), FALSE()).as_(f"c{at}", quoted=True)
            for at, leaf in leaves
        ]
        read = self._read(row.frame.select(row.id().as_("id", quoted=True), *holds))
        return self._spread(read, {at: False for at, _ in leaves})

    @contextmanager
    def _few_events(self, events: Mapping[Kind, list[tuple[int, Counted]]]) -> Iterator[dict[Kind, Tables]]:
        """Where only some entities matter: tables with nothing but their events, by kind of event."""
        together: dict[tuple[str, str], list[Kind]] = defaultdict(list)
        for kind in events if self.among is not None else ():
            plan, far = kind.follow.relationship.plan, kind.follow.relationship.far
            assert isinstance(plan, Inverse)
            pointer = self.tables.pointer(far, plan.reference) if self.tables.exists(far) else None
            if pointer is not None and all(map(stays, kind.conditions)):
                together[far, pointer].append(kind)
        found: dict[Kind, Tables] = {}
        with ExitStack() as stack:
            for (far, pointer), kinds in together.items():
                since = min(one.since for kind in kinds for _, one in events[kind])
                numbers = Frame(as_source(self._nodes(), "n"))
                conditions = [one for kind in kinds for one in kind.conditions]
                few = narrowed(self.tables, far, pointer, numbers, since, conditions)
                found |= dict.fromkeys(kinds, stack.enter_context(few))
            yield found

    def _events(self, kind: Kind, asked: list[tuple[int, Counted]], tables: Tables) -> dict[int, Bits]:
        """Counts of events of one kind, which are read once."""
        counts = [one for _, one in asked]
        places, times = self._read_events(kind, counts, tables)
        held = holding(counts, places, times, len(self.ids))
        return {at: self._bits(one) for (at, _), one in zip(asked, held, strict=True)}

    def _read_events(
        self, kind: Kind, asked: list[Counted], tables: Tables
    ) -> tuple[Places, npt.NDArray[np.int64]]:
        """Whose the events of a kind are and when they were, as far as the counts need to know."""
        low = Lower(tables)
        relationship = kind.follow.relationship
        plan, far = relationship.plan, low.tables.schema.classes[relationship.far]
        assert isinstance(plan, Inverse)
        assert far.time_field is not None
        pointer = low.tables.pointer(far.name, plan.reference) if low.tables.exists(far.name) else None
        if pointer is None:
            return np.zeros(0, np.int32), np.zeros(0, np.int64)
        row = low.anyone(far.name)
        moment, holder = column(row.source(), far.time_field), column(row.source(), pointer)
        for one in kind.conditions:
            row.frame.require(low.condition(one, {kind.var: row}))
        row.frame.require(is_null(holder, negated=True))
        if self.among is not None and tables is self.tables:
            node = low.names.new()
            row.frame.join(as_source(self._nodes(), node), compare("=", column(node, "n"), holder.copy()))
        row.frame.require(compare(">=", moment.copy(), number(min(one.since for one in asked))))
        row.frame.require(compare("<", moment.copy(), number(max(one.until for one in asked))))
        query = row.frame.select(holder.copy().as_("n", quoted=True), moment.as_("t", quoted=True))
        read = self._read(query)
        return self._number_places(read["n"]), read["t"].astype(np.int64, copy=False)

    def _total(
        self, total: Count | Aggregate, compared: list[Against], leaves: Sequence[Expr]
    ) -> dict[int, Bits]:
        """One total of every entity, against several numbers."""
        low = Lower(self.tables)
        row = self._anyone(low)
        found = measured(low, total, {0: row})
        if found is None or found.rows.owner is not row or found.rows.link is None:
            return {at: self._alone(leaves[at]) for at, _, _ in compared}
        passes = [
            function("coalesce", compare(op, found.result.copy(), low.value(const, {0: row})), FALSE()).as_(
                f"c{at}", quoted=True
            )
            for at, op, const in compared
        ]
        link = found.rows.link
        query = found.rows.frame.select(link.copy().as_("id", quoted=True), *passes)
        query.set("group", exp.Group(expressions=[link.copy()]))
        nothing = {at: nothing_passes(found.nothing, op, const) for at, op, const in compared}
        return self._spread(self._read(query), nothing)

    # -------------------------------------------------------- rows and bits

    def _spread(self, read: dict[str, npt.NDArray[Any]], otherwise: dict[int, bool]) -> dict[int, Bits]:
        """Truth values by id as bits; ``otherwise`` for whoever is not among the ids."""
        places = self._place(read["id"])
        found = {}
        for at, other in otherwise.items():
            held = np.full(len(self.ids) + 1, other, np.bool_)
            held[places] = read[f"c{at}"]
            found[at] = self._bits(held)
        return found

    def _bits(self, held: npt.NDArray[np.bool_]) -> Bits:
        return np.packbits(held[: len(self.ids)])

    def _place(self, ids: npt.NDArray[Any]) -> Places:
        places: Places = self.places[np.minimum(ids, len(self.places) - 1)]
        return places

    def _number_places(self, who: npt.NDArray[Any]) -> Places:
        """The places of the entities that hold some numbers."""
        if self._numbers is None:
            read = self._read(self._nodes())
            self._numbers = np.full(int(read["n"].max(initial=0)) + 2, len(self.ids), np.int32)
            self._numbers[read["n"]] = self._place(read["id"])
        places: Places = self._numbers[np.minimum(who, len(self._numbers) - 1)]
        return places

    def _nodes(self) -> exp.Select:
        frame = Frame(self.tables.node(self.cls, "n"))
        frame.only(column("n", "id"), self.among)
        return frame.select(column("n", "n"), column("n", "id"))

    def _anyone(self, low: Lower) -> EntityRow:
        row = low.anyone(self.cls)
        row.among = self.among
        row.frame.only(row.id(), self.among)
        return row

    def _read(self, query: Sql) -> dict[str, npt.NDArray[Any]]:
        found = self.tables.con.execute(written(query)).fetchnumpy()
        return {name: np.ma.getdata(values) for name, values in found.items()}


def _of_fields(leaf: Expr) -> bool:
    """Whether a condition looks at nothing but single values of the entity itself."""
    return all(
        isinstance(one, ListOf)
        or (isinstance(one.type, ScalarType | EntityType) and not isinstance(one, LEADING_ON))
        for one in everything(leaf)
    )
