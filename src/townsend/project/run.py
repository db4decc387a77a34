"""``townsend run``: pull, unify, evaluate, deliver; each step complete before the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.activation import DeliveryReport, record_membership
from townsend.activation.membership import holders
from townsend.audiences.evaluate import evaluate_many
from townsend.problem import Invalid, Problem
from townsend.project.causes import Causes
from townsend.project.deliveries import deliver_answers
from townsend.project.listaudience import lists_in
from townsend.project.project import answer_of
from townsend.project.pull import StreamReport, failures, pull_sources
from townsend.project.rules import RULES_WAIT, rules_pending

if TYPE_CHECKING:
    from townsend.activation.membership import Moved
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
    undecided: int = 0
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "audience": self.name,
            "of": self.of,
            "members": self.members,
            "entered": self.entered,
            "left": self.left,
            "undecided": self.undecided,
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
    with project.facts.turn():
        # Who was in, who is in now and what is recorded of it belong together.
        answers = evaluate_audiences(project, at, report, progress)
    progress("Delivering …")
    report.deliveries = deliver_answers(project, answers, at, progress=progress)
    # A source that is down makes facts older, not wrong: windows still end and lists are still kept.
    report.failed += failures(report.streams)
    report.failed += [one.problem for one in report.deliveries if one.problem is not None]
    if rules_pending(project.settings, project.facts):
        report.notes.append(RULES_WAIT)
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
    causes = Causes(project, unified)
    why = {audience.name: causes.of(audience) for audience in audiences.values() if audience.name in found}
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
            cause=why[audience.name],
            held=holders(unified, audience.of),
        )
        answers[audience.name] = answer
        told = _told(audience, answer, moved, why[audience.name])
        report.audiences.append(told)
        report.notes += [f"{audience.name}: {note}" for note in told.notes]
    causes.note()
    if any(one.undecided for one in report.audiences):
        report.notes += unified.report.lacking()
    return answers


def _told(audience: AudienceFile, answer: Answer, moved: Moved, why: str) -> AudienceReport:
    notes = [*answer.notes]
    if why == "definition" and (moved.entered or moved.left):
        notes.append(f"the definition changed: {moved.entered:,} entered, {moved.left:,} left")
    undecided = len(answer.undecided)
    if undecided:
        notes.append(f"undecided: {undecided}, for want of a rate of exchange")
    counts = len(answer.ids), moved.entered, moved.left, undecided
    return AudienceReport(audience.name, audience.of, *counts, tuple(notes))


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
                unified.under(audience.policy)  # so does a merge policy that is not in effect
                sound.append(audience)
        except Invalid as problem:
            text = problem.text
            where = "" if text.startswith(audience.file.name) else f"{audience.file.name}: "
            report.failed.append(Invalid(problem.code, where + text, **problem.facts))
    return listed | _members_of_all(project, sound, unified)


def _members_of_all(
    project: Project, audiences: Iterable[AudienceFile], unified: Unified
) -> dict[str, Answer]:
    """Who is in each of several audiences that have a definition; what they share is asked once a policy."""
    found: dict[str, Answer] = {}
    together: dict[str | None, list[AudienceFile]] = defaultdict(list)
    for audience in audiences:
        together[audience.policy].append(audience)
    for policy, wanted in together.items():
        world = unified.under(policy)
        asked = [project.resolve(one.pql or "", one.of, strict=False, name=one.name) for one in wanted]
        results = evaluate_many([one.definition for one in asked], world)
        for audience, one, result in zip(wanted, asked, results, strict=True):
            found[audience.name] = answer_of(one, world, result)
    return found
