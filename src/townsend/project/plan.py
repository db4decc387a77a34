"""``townsend plan`` and ``apply``: what changed rules would do, then doing it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.activation import ActivationPlan
from townsend.activation.membership import holders
from townsend.intake import reassign_events
from townsend.problem import Invalid
from townsend.profiles.changes import ClusterChanges, cluster_changes
from townsend.profiles.moves import EventMoves, ValueChanges, event_moves, value_changes
from townsend.profiles.names import called, identities_of
from townsend.project.deliveries import plan_answers
from townsend.project.load import intake_rules
from townsend.project.rules import apply_rules, rules_pending, wanted_rules
from townsend.project.trial import Trial, events_move, tried

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.audiencefile import AudienceFile
    from townsend.project.project import Answer, Project

__all__ = ["WARN_OVER", "Changes", "MemberChanges", "apply_changes", "plan_changes"]

# A list of which more than so many per cent would move calls for a second look.
WARN_OVER = 10.0
SHOWN = 5

Names = tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True)
class MemberChanges:
    """Who would enter and leave one audience, following each entity through the change of its id.

    Args:
        enter_first: the first who enter, by their id then …
        leave_first: … and who leave, by their id now; each with identities.
        warn_over: per cent of the members that may move before it is called much.
    """

    audience: str
    before: int
    after: int
    enter: int
    leave: int
    enter_first: Names = ()
    leave_first: Names = ()
    warn_over: float = WARN_OVER

    @property
    def moved_percent(self) -> float:
        """How many enter or leave, in per cent of the members before; if there were none, of those after."""
        return 100.0 * (self.enter + self.leave) / max(self.before or self.after, 1)

    @property
    def much(self) -> bool:
        return self.moved_percent > self.warn_over

    def to_json(self) -> dict[str, Any]:
        return {
            "audience": self.audience,
            "before": self.before,
            "after": self.after,
            "enter": self.enter,
            "leave": self.leave,
            "moved_percent": round(self.moved_percent, 1),
            "much": self.much,
            "enter_first": [{"id": one, "identities": list(names)} for one, names in self.enter_first],
            "leave_first": [{"id": one, "identities": list(names)} for one, names in self.leave_first],
        }

    def lines(self) -> list[str]:
        """For a terminal; empty if nobody moves."""
        if not (self.enter or self.leave):
            return []
        found = [
            f"{self.audience}: {self.enter:,} enter, {self.leave:,} leave ({self.before:,} → {self.after:,})"
        ]
        if self.much:
            found.append(
                f"  ! that is {self.moved_percent:.0f} %, more than {self.warn_over:g} %: look twice"
            )
        found += [f"  enters: {one} ({called(list(names))})" for one, names in self.enter_first]
        return found + [f"  leaves: {one} ({called(list(names))})" for one, names in self.leave_first]


@dataclass
class Changes:
    """What taking the settings' rules into effect does, and what waits to be delivered."""

    pending: bool
    clusters: list[ClusterChanges] = field(default_factory=list)
    values: list[ValueChanges] = field(default_factory=list)
    events: list[EventMoves] = field(default_factory=list)
    members: list[MemberChanges] = field(default_factory=list)
    deliveries: list[ActivationPlan] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "rules_changed": self.pending,
            "clusters": [one.to_json() for one in self.clusters],
            "values": [one.to_json() for one in self.values],
            "events": [one.to_json() for one in self.events],
            "audiences": [one.to_json() for one in self.members],
            "deliveries": [one.to_json() for one in self.deliveries],
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        if not self.pending:
            return ["The settings' identity, matching and merge rules are in effect; nothing changes."]
        lines = [one.lines() for one in self.clusters]
        lines += [one.lines() for one in self.values]
        lines += [one.lines() for one in self.events]
        lines += [one.lines() for one in self.members]
        found = [f"  {line}" for part in lines for line in part]
        return [
            "Identity, matching or merge rules changed. Taking them into effect would:",
            *(found or ["  move no entity, no value and no member"]),
        ]


def plan_changes(project: Project, now: datetime | None, warn_over: float = WARN_OVER) -> Changes:
    """What would change, without changing it.

    Args:
        warn_over: per cent of an audience that may move before it is called much.
    """
    at = now or project.clock.now()
    changes = Changes(rules_pending(project.settings, project.facts))
    if changes.pending:
        with tried(project, wanted_rules(project.settings, project.schema), at) as trial:
            _compare(trial, changes, warn_over)
    else:
        unified = project.unified(at)
        audiences = project.audiences().values()
        answers = {one.name: project.members_in(one, unified) for one in audiences if one.activate}
        changes.deliveries = plan_answers(project, answers, at)
    return changes


def apply_changes(project: Project, now: datetime | None, warn_over: float = WARN_OVER) -> Changes:
    """Take the settings' rules into effect; returns what that changed. Asks no destination."""
    if not rules_pending(project.settings, project.facts):
        return Changes(pending=False)
    changes = plan_changes(project, now, warn_over)
    wanted = wanted_rules(project.settings, project.schema)
    moved = events_move(project, wanted)
    with project.facts.transaction():
        apply_rules(project.settings, project.facts)
        if moved:
            reassign_events(project.facts, intake_rules(project, wanted))
    project.unified(now)
    return changes


def _compare(trial: Trial, changes: Changes, warn_over: float) -> None:
    old = trial.old
    audiences = list(trial.project.audiences().values())
    before = {one.name: _members_in(trial.project, one, old) for one in audiences}
    new = trial.make_new()
    changes.clusters = cluster_changes(old, new)
    changes.values = value_changes(old, new)
    changes.events = event_moves(old, new, trial.before)
    for audience in audiences:
        after = _members_in(trial.project, audience, new)
        changes.members.append(_moves(audience, before[audience.name], after, old, new, warn_over))


def _moves(
    audience: AudienceFile, was: Answer, then: Answer, old: Unified, new: Unified, warn_over: float
) -> MemberChanges:
    before, after = {int(one) for one in was.ids}, {int(one) for one in then.ids}
    # An entity's id is one of its numbers, so the new node table says where each old member is now.
    now_in = holders(new, audience.of)(before)
    enter = sorted(after - {now_in.get(one) for one in before})
    leave = sorted(one for one in before if now_in.get(one) not in after)
    return MemberChanges(
        audience.name,
        len(before),
        len(after),
        len(enter),
        len(leave),
        _named(new, audience.of, enter),
        _named(old, audience.of, leave),
        warn_over,
    )


def _named(world: Unified, cls: str, ids: list[int]) -> Names:
    names = identities_of(world, cls, ids[:SHOWN])
    return tuple((one, tuple(names[one])) for one in ids[:SHOWN])


def _members_in(project: Project, audience: AudienceFile, world: Unified) -> Answer:
    """An audience's members; by each class's own policy if the world's rules lack its policy."""
    try:
        return project.members_in(audience, world)
    except Invalid as problem:
        if problem.code != "policy.unknown":
            raise
        return project.members_in(replace(audience, policy=None), world)
