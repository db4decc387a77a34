"""Why members of a saved audience move between two recordings, and how many a changed definition moves.

A recording notes one cause: ``first`` (nothing was recorded before), ``definition`` (its text, or that of an
audience it uses, is another one), ``rules`` (identity, merging or money), ``facts``, or else ``time``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from townsend.activation.membership import holders, members_recorded
from townsend.audiences.core import Definition, InSegment, Listed
from townsend.audiences.walk import everything
from townsend.problem import Problem
from townsend.project.audiencefile import AudienceFile

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["RECORDED", "Cause", "Causes", "moved_by_change"]

Cause = Literal["first", "definition", "rules", "facts", "time"]
RECORDED = "recorded"  # the remark of the store that says what was recorded last


class Causes:
    """The causes of one recording of some audiences.

    Args:
        unified: the world in which their members were found.
    """

    def __init__(self, project: Project, unified: Unified) -> None:
        self._project = project
        self._stamp = unified.stamp
        self._audiences = project.audiences()

    def of(self, audience: AudienceFile) -> Cause:
        """Why its members move, if they do."""
        if self._project.state.members.version(audience.name) is None:
            return "first"
        if any(is_changed(self._project, one) for one in used_by(self._project, audience, self._audiences)):
            return "definition"
        return self._world

    def note(self) -> None:
        """Remember what was recorded, for the next time; after the last of them."""
        with self._project.facts.transaction():
            self._project.facts.set_meta(RECORDED, json.dumps([self._stamp.revision, self._stamp.rules]))

    @cached_property
    def _world(self) -> Cause:
        noted = self._project.facts.meta(RECORDED)
        if noted is None:
            return "facts"
        revision, rules = json.loads(noted)
        if rules != self._stamp.rules:
            return "rules"
        return "time" if revision == self._stamp.revision else "facts"


def used_by(
    project: Project, audience: AudienceFile, audiences: Mapping[str, AudienceFile]
) -> Iterator[AudienceFile]:
    """An audience and those that its definition asks for, at whatever distance."""
    yield audience
    if audience.pql is None:
        return
    definition = project.resolve(audience.pql, audience.of, strict=False, name=audience.name).definition
    for name in dict.fromkeys(_named(definition)):
        if name in audiences:
            yield audiences[name]


def is_changed(project: Project, audience: AudienceFile) -> bool:
    """Whether an audience is defined in another way than when it was last recorded."""
    return project.state.members.version(audience.name) not in (None, audience.version)


def moved_by_change(project: Project, audience: AudienceFile) -> str | None:
    """What a changed definition moves, in a sentence; None if it did not change since the last recording.

    Whoever moves by new facts or by time since then is counted too.
    """
    changed = [one for one in used_by(project, audience, project.audiences()) if is_changed(project, one)]
    if not changed:
        return None
    whose = "its definition" if audience in changed else f"what it uses, {changed[0].name},"
    try:
        answer = project.members_in(audience, project.unified(policy=audience.policy), slow=False)
    except Problem as problem:
        return f"{whose} changed since the last run; whom that moves is not known: {problem.text}"
    before = members_recorded(project.facts, project.state, audience.name)
    held = holders(answer.unified, audience.of)(before)
    is_in = set(answer.ids.tolist())
    entered = len(is_in - set(held.values()))
    left = sum(held.get(was) not in is_in for was in before)
    return (
        f"{whose} changed since the last run: {entered:,} would enter, {left:,} would leave "
        f"({len(before):,} → {len(is_in):,})"
    )


def _named(definition: Definition) -> Iterator[str]:
    for node in everything(definition.condition):
        if isinstance(node, InSegment | Listed):
            yield node.name
        if isinstance(node, InSegment):
            yield from _named(node.definition)
