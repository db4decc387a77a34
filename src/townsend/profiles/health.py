"""The health of identities in a unified world: every concern, class by class, then master data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from townsend.identity import IdentityRules
from townsend.identity.health import class_graph
from townsend.identity.moment import Moment
from townsend.identity.versions import read_versions
from townsend.identity.xref import XrefReport, read_golden, unknown_systems
from townsend.profiles.build import moment_of
from townsend.profiles.concern import SHOWN, Concern, Item, counted
from townsend.profiles.health_clusters import clusters_of
from townsend.profiles.health_values import Case, values_of
from townsend.profiles.making import acting_class
from townsend.profiles.memory import within_bounds
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["health_of"]


def health_of(unified: Unified, facts: Facts, rules: IdentityRules) -> list[Concern]:
    """Everything to be said about identities: in each class warnings first, then notes.

    Args:
        unified: the world.
        facts: its store.
        rules: the rules that the world was made by.
    """
    records = [cls.name for cls in unified.schema.classes.values() if not cls.is_event]
    return within_bounds(facts, records, lambda: _examined(unified, facts, rules))


def _examined(unified: Unified, facts: Facts, rules: IdentityRules) -> list[Concern]:
    con = facts.con.cursor()
    try:
        moment = moment_of(facts, con, unified.schema, unified.now_ms, unified.as_of_ms)
        golden, said = read_golden(moment, rules)
        found: list[Concern] = []
        for cls in unified.schema.classes.values():
            if cls.is_event or cls.name not in unified.columns:
                continue
            versions = read_versions(moment, cls) if moment.columns.get(cls.name) else None
            node, live = (f"{unified.name}.{identifier(one)}" for one in (f"node_{cls.name}", cls.name))
            n, ids = moment.arrays(f"SELECT n, id FROM {node} SEMI JOIN {live} USING (id) ORDER BY n")
            acting = cls.name == acting_class(unified.schema)
            graph = class_graph(moment, rules, cls, versions, golden.get(cls.name), (n, ids), acting)
            case = Case(unified, moment, rules, cls, versions, graph)
            of_class = [*values_of(case), *clusters_of(case)]
            found += sorted(of_class, key=lambda one: one.level != "warning")
        return found + list(_master_data(moment, rules, said))
    finally:
        con.close()


def _master_data(moment: Moment, rules: IdentityRules, said: XrefReport) -> Iterator[Concern]:
    if said.conflicts:
        yield Concern(
            "golden",
            None,
            "warning",
            len(said.conflicts),
            f"master data: {counted(len(said.conflicts), 'key belongs', 'keys belong')} to several golden "
            "records at once; none of them links it",
            "withdraw all but one row of the key in the master data system",
            tuple(
                Item(
                    f"{cls} {key}: {', '.join(golden[:SHOWN])}",
                    {"class": cls, "key": key, "golden": golden[:SHOWN]},
                )
                for cls, key, golden in said.conflicts[:SHOWN]
            ),
        )
    systems = unknown_systems(moment) if said.unknown else []
    if systems:
        known = ", ".join(one.name for one in rules.instances) or "none"
        yield Concern(
            "systems",
            None,
            "warning",
            len(systems),
            f"master data: {counted(len(systems), 'system is', 'systems are')} named of which no record came",
            f"write a source's name or instance id there; the configured sources are: {known}",
            tuple(
                Item(
                    f"{cls} {system} {instance}: {rows:,} rows",
                    {"class": cls, "system": system, "instance": instance, "rows": rows},
                )
                for cls, system, instance, rows in systems[:SHOWN]
            ),
        )
    if said.unknown:
        yield Concern(
            "late",
            None,
            "warning",
            said.unknown,
            f"master data: {counted(said.unknown, 'row is', 'rows are')} about records that never came",
            "load those records, or correct the keys; the rows take effect as soon as the records are there",
            tuple(Item(key, {"key": key}) for key in said.unknown_keys[:SHOWN]),
        )
