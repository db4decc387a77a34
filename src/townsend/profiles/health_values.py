"""Values that join too much, or nothing at all: concerns of one class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from townsend.identity import IdentityRules
from townsend.identity.health import ClassGraph, role_mailboxes
from townsend.identity.moment import Ints, Moment
from townsend.identity.numbers import Mask
from townsend.identity.unlinked import unlinked
from townsend.identity.versions import Versions
from townsend.model import EntityClass
from townsend.profiles.concern import SHOWN, Concern, Item, counted
from townsend.profiles.names import spelled
from townsend.store.facts_values import EMAIL

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["Case", "values_of"]

# A value is near the limit from this share of it on.
NEAR = 0.5


@dataclass(frozen=True)
class Case:
    """The graph of one class, and all that is needed to look at it."""

    unified: Unified
    moment: Moment
    rules: IdentityRules
    cls: EntityClass
    versions: Versions | None
    graph: ClassGraph

    @property
    def name(self) -> str:
        return self.cls.name

    @cached_property
    def joins(self) -> tuple[Ints, Ints]:
        """Every value that somebody names, ascending, and how many records it joins."""
        return self.graph.joined()


def values_of(case: Case) -> Iterator[Concern]:
    """What is to be said about the values of a class."""
    name, bound = case.name, case.rules.links_per_value
    values, records = case.joins
    over = records > bound
    near = (records >= max(2, bound * NEAR)) & ~over
    if over.any():
        yield Concern(
            "crowded",
            name,
            "warning",
            int(over.sum()),
            f"{name}: {counted(int(over.sum()), 'value joins', 'values join')} more than {bound:,} records, "
            "and so links nobody",
            f"block it in `identity.{name}.blocked` if several share it; raise `limits.links_per_value` "
            "only if one really has so many records",
            _listed(case, over),
        )
    if near.any():
        yield Concern(
            "near_limit",
            name,
            "warning",
            int(near.sum()),
            f"{name}: {counted(int(near.sum()), 'value is', 'values are')} near the limit of {bound:,} "
            "records, beyond which all links of a value go",
            f"see with `townsend graph show` whom it joins; block it in `identity.{name}.blocked` "
            "if several share it",
            _listed(case, near),
        )
    yield from _mailboxes(case, values[~over], records[~over])
    several = records > 1
    if several.any():
        yield Concern(
            "values",
            name,
            "note",
            int(several.sum()),
            f"{name}: {counted(int(several.sum()), 'value joins', 'values join')} several records",
            items=_listed(case, several),
        )
    yield from _unlinked(case)


def _mailboxes(case: Case, values: Ints, records: Ints) -> Iterator[Concern]:
    found = role_mailboxes(case.moment, values, records, EMAIL)
    if found:
        first = ", ".join(value for value, _ in found[:SHOWN])
        yield Concern(
            "mailboxes",
            case.name,
            "warning",
            len(found),
            f"{case.name}: {counted(len(found), 'mailbox joins', 'mailboxes join')} several records and "
            "looks like one of a role, not of a person",
            f"block it: `identity: {{{case.name}: {{blocked: {{{EMAIL}: [{first}]}}}}}}`",
            tuple(
                Item(
                    f"{EMAIL}:{value} joins {many:,} records",
                    {"identity": f"{EMAIL}:{value}", "records": many},
                )
                for value, many in found[:SHOWN]
            ),
        )


def _listed(case: Case, chosen: Mask) -> tuple[Item, ...]:
    """The chosen values that join most records."""
    values, records = (one[chosen] for one in case.joins)
    top = np.argsort(-records, kind="stable")[:SHOWN]
    names = spelled(case.moment.con, values[top])
    return tuple(
        Item(
            f"{names[value]} joins {many:,} records",
            {"identity": names[value], "records": many, "limit": case.rules.links_per_value},
        )
        for value, many in zip(values[top].tolist(), records[top].tolist(), strict=True)
    )


def _unlinked(case: Case) -> Iterator[Concern]:
    found = unlinked(case.moment, case.rules, case.cls, case.versions, case.graph, case.joins)
    if found:
        total = sum(one.total for one in found)
        yield Concern(
            "unlinked",
            case.name,
            "note",
            total,
            f"{case.name}: {counted(total, 'identity joins nothing', 'identities join nothing')}",
            items=tuple(Item(one.text(), one.to_json()) for one in found),
        )
