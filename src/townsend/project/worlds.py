"""The unified worlds of a project: at an instant, under rules, and under each named merge policy.

A world knows the project's list audiences and its other merge policies, so that whoever evaluates one
audience can ask for another.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from townsend.profiles import Unified, unify
from townsend.profiles.held import is_stored
from townsend.project.listaudience import ids_listed
from townsend.project.rules import Rules

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["world_of"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def world_of(
    project: Project, rules: Rules, now: datetime | None, as_of: datetime | None, policy: str | None
) -> Unified:
    """The world of a project's facts.

    Args:
        rules: how facts become entities and views.
        now: the instant; the clock's if None.
        as_of: take of each record the version that was current then; it is ``now`` as well.
        policy: the named merge policy; None for each class's own.

    Raises:
        Invalid: ``policy.unknown``.
    """
    merge = rules.merge_under(policy)
    # Who only reads a moment changes nothing, and must not wait for those who do.
    with nullcontext() if project.facts.read_only else project.facts.turn():
        made = unify(
            project.facts,
            project.schema,
            rules.identity,
            merge,
            rules.money,
            now=as_of or now or project.clock.now(),
            as_of=as_of,
            policy=policy,
        )
    if project.facts.read_only and not is_stored(made.name):
        project.facts.renew()
    made.lists = partial(ids_listed, project.folder)
    made.policies = partial(_under, project, rules)
    return made


def _under(project: Project, rules: Rules, world: Unified, policy: str | None) -> Unified:
    """The world of another policy at the same instant."""
    at = EPOCH + timedelta(milliseconds=world.now_ms)
    return world_of(project, rules, at, None if world.as_of_ms is None else at, policy)
