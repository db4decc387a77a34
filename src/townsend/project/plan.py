"""``townsend plan`` and ``apply``: what changed identity and merge rules would do, then doing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.activation import ActivationPlan
from townsend.activation.membership import holders
from townsend.intake import number_identities, reassign_events
from townsend.profiles.changes import ClusterChanges, cluster_changes
from townsend.project.deliveries import plan_answers
from townsend.project.pull import intake_rules
from townsend.project.rules import Rules, apply_rules, rules_of, rules_pending

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["Changes", "MemberChanges", "apply_changes", "plan_changes"]


@dataclass(frozen=True)
class MemberChanges:
    """Who would enter and leave one audience, following each entity through the change of its id."""

    audience: str
    before: int
    after: int
    enter: int
    leave: int

    def to_json(self) -> dict[str, Any]:
        return {
            "audience": self.audience,
            "before": self.before,
            "after": self.after,
            "enter": self.enter,
            "leave": self.leave,
        }


@dataclass
class Changes:
    """What taking the settings' rules into effect does, and what waits to be delivered."""

    pending: bool
    clusters: list[ClusterChanges] = field(default_factory=list)
    members: list[MemberChanges] = field(default_factory=list)
    deliveries: list[ActivationPlan] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "rules_changed": self.pending,
            "clusters": [one.to_json() for one in self.clusters],
            "audiences": [one.to_json() for one in self.members],
            "deliveries": [one.to_json() for one in self.deliveries],
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        if not self.pending:
            return ["The settings' identity and merge rules are in effect; nothing changes."]
        found = ["Identity or merge rules changed. Taking them into effect would:"]
        found += [
            f"  {one.cls}: join {one.joined:,} and split {one.split:,} entities"
            for one in self.clusters
            if one.joined or one.split
        ]
        found += [
            f"  {one.audience}: {one.enter:,} enter, {one.leave:,} leave ({one.before:,} → {one.after:,})"
            for one in self.members
            if one.enter or one.leave
        ]
        if len(found) == 1:
            found.append("  move no entity and no member")
        return found


def plan_changes(project: Project, now: datetime | None) -> Changes:
    """What would change, without changing it.

    Values of fields that would become identities get their numbers here; nobody has those until ``apply``.
    """
    at = now or project.clock.now()
    pending = rules_pending(project.settings, project.facts)
    changes = Changes(pending)
    if pending:
        wanted = _wanted(project)
        number_identities(project.facts, intake_rules(project, wanted))
        with_old, with_new = project.unified(at), project.unified_by(wanted, at)
        changes.clusters = cluster_changes(with_old, with_new)
        changes.members = _members(project, with_old, with_new)
    else:
        unified = project.unified(at)
        audiences = project.audiences().values()
        answers = {one.name: project.members_in(one, unified) for one in audiences if one.activate}
        changes.deliveries = plan_answers(project, answers, at)
    return changes


def apply_changes(project: Project, now: datetime | None) -> Changes:
    """Take the settings' rules into effect; returns what that changed. Asks no destination."""
    if not rules_pending(project.settings, project.facts):
        return Changes(pending=False)
    changes = plan_changes(project, now)
    if changes.pending:
        before, after = intake_rules(project), intake_rules(project, _wanted(project))
        moved = (before.priority, before.blocked, before.identity_fields) != (
            after.priority,
            after.blocked,
            after.identity_fields,
        )
        with project.facts.transaction():
            apply_rules(project.settings, project.facts)
            if moved:
                reassign_events(project.facts, after)
        project.unified(now)
    return changes


def _wanted(project: Project) -> Rules:
    settings = project.settings
    return rules_of(settings, project.schema, settings.identity, settings.merge)


def _members(project: Project, old: Unified, new: Unified) -> list[MemberChanges]:
    found = []
    for audience in project.audiences().values():
        before = {int(one) for one in project.members_in(audience, old).ids}
        after = {int(one) for one in project.members_in(audience, new).ids}
        # An entity's id is one of its numbers, so the new node table says where each old member is now.
        now_in = holders(new, audience.of)(before)
        stay = {now_in.get(one) for one in before} & after
        leave = sum(now_in.get(one) not in after for one in before)
        found.append(MemberChanges(audience.name, len(before), len(after), len(after - stay), leave))
    return found
