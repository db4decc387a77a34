"""``townsend run``: pull, unify, evaluate, deliver; each step complete before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.activation import DeliveryReport, record_membership
from townsend.activation.membership import holders
from townsend.problem import Invalid, Problem
from townsend.project.deliveries import deliver_answers
from townsend.project.listaudience import lists_in
from townsend.project.pull import StreamReport, failures, pull_sources
from townsend.project.rules import rules_pending

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.audiencefile import AudienceFile
    from townsend.project.project import Answer, Project

__all__ = ["AudienceReport", "RunReport", "evaluate_audiences", "run_once"]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class AudienceReport:
    """What a run found of one audience."""

    name: str
    of: str
    members: int
    entered: int
    left: int
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "audience": self.name,
            "of": self.of,
            "members": self.members,
            "entered": self.entered,
            "left": self.left,
            "notes": list(self.notes),
        }


@dataclass
class RunReport:
    """What a whole run did."""

    streams: list[StreamReport] = field(default_factory=list)
    audiences: list[AudienceReport] = field(default_factory=list)
    deliveries: list[DeliveryReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)

    @property
    def refusals(self) -> int:
        """Rows quarantined and deliveries refused."""
        rows = sum(stream.accepted.quarantined for stream in self.streams)
        return rows + sum(delivery.refused for delivery in self.deliveries)

    def to_json(self) -> dict[str, Any]:
        return {
            "streams": [one.to_json() for one in self.streams],
            "audiences": [one.to_json() for one in self.audiences],
            "deliveries": [one.to_json() for one in self.deliveries],
            "notes": self.notes,
        }


def run_once(project: Project, now: datetime | None, *, progress: Progress) -> RunReport:
    """Pull every source, evaluate every audience, deliver every activation.

    Args:
        now: the evaluation instant; the clock after pulling if None.
    """
    report = RunReport()
    report.streams = pull_sources(project, [], progress=progress)
    at = now or project.clock.now()
    progress("Unifying …")
    answers = evaluate_audiences(project, at, report, progress)
    progress("Delivering …")
    report.deliveries = deliver_answers(project, answers, at, progress=progress)
    # A source that is down makes facts older, not wrong: windows still end and lists are still kept.
    report.failed += failures(report.streams)
    report.failed += [one.problem for one in report.deliveries if one.problem is not None]
    if rules_pending(project.settings, project.facts):
        report.notes.append("identity or merge settings changed; see `townsend plan`, then `townsend apply`")
    return report


def evaluate_audiences(
    project: Project, now: datetime, report: RunReport, progress: Progress
) -> dict[str, Answer]:
    """Every audience's members at that instant, recorded; entrants and leavers are counted.

    One that is wrong is in ``report.failed``: its members and its lists stay as they were, the others go on.
    """
    unified = project.unified(now)
    answers: dict[str, Answer] = {}
    audiences = project.audiences()
    progress(f"Evaluating {len(audiences)} audiences …")
    found = _members(project, audiences.values(), unified, report)
    for audience in audiences.values():
        if audience.name not in found:
            continue
        answer = found[audience.name]
        moved = record_membership(
            project.facts,
            project.state,
            audience.name,
            answer.ids,
            now=now,
            version=audience.version,
            cause="run",
            held=holders(unified, audience.of),
        )
        answers[audience.name] = answer
        report.audiences.append(
            AudienceReport(
                audience.name, audience.of, len(answer.ids), moved.entered, moved.left, tuple(answer.notes)
            )
        )
        report.notes += [f"{audience.name}: {note}" for note in answer.notes]
    return answers


def _members(
    project: Project, audiences: Iterable[AudienceFile], unified: Unified, report: RunReport
) -> dict[str, Answer]:
    sound: list[AudienceFile] = []
    listed: dict[str, Answer] = {}
    for audience in audiences:
        try:
            if audience.pql is None:
                listed[audience.name] = project.members_in(audience, unified)
            else:
                found = project.resolve(audience.pql, audience.of, strict=False, name=audience.name)
                for name in lists_in(found.definition.condition):
                    unified.ids_listed(name)  # a file that cannot be read fails this audience alone
                sound.append(audience)
        except Invalid as problem:
            text = problem.text
            where = "" if text.startswith(audience.file.name) else f"{audience.file.name}: "
            report.failed.append(Invalid(problem.code, where + text, **problem.facts))
    return listed | project.members_of_all(sound, unified)
