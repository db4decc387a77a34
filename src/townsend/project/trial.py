"""A project under rules that are not in effect yet: both unified worlds, and what stands differently in them.

What is compared lies on one connection. Where the rules change to whom events belong, facts themselves
change; then everything happens on a copy of the store, which is gone afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from townsend.intake import number_identities, reassign_events, reassigned
from townsend.project.load import intake_rules
from townsend.project.worlds import world_of
from townsend.store.facts_copy import copied
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project
    from townsend.project.rules import Rules
    from townsend.store.facts import Facts

__all__ = ["Trial", "events_move", "tried"]


@dataclass
class Trial:
    """Two worlds of the same facts, under the rules in effect and under others.

    Args:
        project: to ask of; where events move, it is the project on a copy of its store.
        old: under the rules in effect …
        make_new: … and how the other one is made, once nothing more is asked of the old one's events.
        before: class of events to a table ``(r, who)``: whose identity each was, where that changes.
    """

    project: Project
    old: Unified
    make_new: Callable[[], Unified]
    before: Mapping[str, str] = field(default_factory=dict)


def events_move(project: Project, wanted: Rules) -> bool:
    """Whether these rules find other identities in events, or another one that they belong to."""
    now, then = intake_rules(project), intake_rules(project, wanted)
    if (now.priority, now.blocked, now.identity_fields) == (
        then.priority,
        then.blocked,
        then.identity_fields,
    ):
        return False
    return reassigned(project.facts, then)


@contextmanager
def tried(project: Project, wanted: Rules, now: datetime) -> Iterator[Trial]:
    """Try rules on a project's facts; nobody's identity changes by it.

    Values of fields that would become identities get their numbers; nobody has those until ``apply``.
    """
    rules = intake_rules(project, wanted)
    number_identities(project.facts, rules)
    if not events_move(project, wanted):
        yield Trial(project, project.unified(now), lambda: world_of(project, wanted, now, None, None))
        return
    in_effect = project.rules
    with copied(project.facts) as facts:
        other = copy.copy(project)
        other.__dict__["facts"] = facts

        def make_new() -> Unified:
            reassign_events(facts, rules)
            return world_of(other, wanted, now, None, None)

        old = world_of(other, in_effect, now, None, None)
        yield Trial(other, old, make_new, _remember(facts, other))


def _remember(facts: Facts, project: Project) -> dict[str, str]:
    """Note whose each event is now."""
    found = {}
    for name, cls in project.schema.classes.items():
        if cls.is_event and "who" in facts.columns(name):
            found[name] = identifier(f"townsend_was_{name}")
            facts.con.execute(
                f"CREATE TEMP TABLE {found[name]} AS SELECT rowid AS r, who FROM facts.{identifier(name)}"
            )
    return found
