"""A project's activations: planned or delivered, one after another, each with its own report.

What one destination does wrong stops that activation only. Settings that are wrong stop everything
before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Literal

from townsend.activation import ActivationPlan, DeliveryReport, record_membership
from townsend.activation.contract import Destination
from townsend.activation.deliver import deliver_order
from townsend.activation.erasures import send_erasures
from townsend.activation.membership import holders
from townsend.activation.order import Order, Suppression, order_for
from townsend.activation.plan import plan_order
from townsend.activation.sending import Guard
from townsend.governance.consent import refusals
from townsend.governance.tombstones import Tombstones
from townsend.intake.rules import epoch_ms
from townsend.problem import Invalid
from townsend.project import definitions
from townsend.project.causes import Causes

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.audiencefile import Activation, AudienceFile
    from townsend.project.project import Answer, Project

__all__ = ["deliver_answers", "deliver_audiences", "opened_destinations", "plan_answers", "plan_audiences"]

Progress = Callable[[str], None]


def plan_audiences(project: Project, names: Sequence[str], at: datetime | None) -> list[ActivationPlan]:
    """What delivering these audiences would do, all that go somewhere if none is named."""
    when = at or project.clock.now()
    return plan_answers(project, _answers(project, names, when), when, only=names)


def deliver_audiences(
    project: Project, names: Sequence[str], at: datetime | None, *, progress: Progress
) -> list[DeliveryReport]:
    """Evaluate these audiences, record who moved, and deliver; all that go somewhere if none is named."""
    when = at or project.clock.now()
    with project.facts.turn():
        answers = _answers(project, names, when)
        _record(project, answers, when)
    return deliver_answers(project, answers, when, progress=progress, only=names)


def _record(project: Project, answers: Mapping[str, Answer], when: datetime) -> None:
    audiences = project.audiences()
    causes = Causes(project, project.unified(when))
    why = {name: causes.of(audiences[name]) for name in answers}
    for name, answer in answers.items():
        record_membership(
            project.facts,
            project.state,
            name,
            answer.ids,
            now=when,
            version=audiences[name].version,
            cause=why[name],
            held=holders(answer.unified, answer.of),
        )


def plan_answers(
    project: Project, answers: Mapping[str, Answer], at: datetime, *, only: Sequence[str] = ()
) -> list[ActivationPlan]:
    """What delivering these answers would do; calls nobody.

    Args:
        answers: members by the audience's name.
        at: the instant they are from.
        only: leave alone what audiences of other names have delivered; all if empty.
    """
    now_ms = epoch_ms(project.clock.now())
    with opened_destinations(project) as opened:
        return [
            plan_order(order, opened(order.destination), project.state, now_ms)
            for order in _Orders(project, answers, at, opened).all(only)
            if order.destination in project.settings.destinations
        ]


def deliver_answers(
    project: Project,
    answers: Mapping[str, Answer],
    at: datetime,
    *,
    progress: Progress,
    only: Sequence[str] = (),
) -> list[DeliveryReport]:
    """Deliver these answers, and empty what audiences that no longer go somewhere left there.

    Args:
        answers: members by the audience's name.
        at: the instant they are from.
        only: leave alone what audiences of other names have delivered; all if empty.

    Returns:
        One report an activation. A destination's problems are in its report.

    Raises:
        Invalid: ``audience.destination``, ``audience.twice``, ``audience.same_list``, ``audience.unknown``,
            ``settings.*``: nothing was sent.
    """
    state, clock = project.state, project.clock
    reports = []
    with opened_destinations(project) as opened:
        orders = _Orders(project, answers, at, opened)
        waiting = orders.all(only)
        for name, audience in state.outbox.erasures():
            if name in project.settings.destinations:
                send_erasures(state, opened(name), audience, clock, progress)
        check = cache(lambda name: opened(name).check())
        for order in waiting:
            if order.destination not in project.settings.destinations:
                reports.append(_left_behind(order))
                continue
            reports.append(
                deliver_order(
                    order,
                    opened(order.destination),
                    state,
                    clock,
                    guard=orders.guard(order),
                    preflight=partial(check, order.destination),
                    progress=progress,
                )
            )
    return reports


@contextmanager
def opened_destinations(project: Project) -> Iterator[Callable[[str], Destination]]:
    """Open a project's destinations, each once and when it is needed, and close them at the end."""
    from townsend.activation.destinations import open_destination

    opened: dict[str, Destination] = {}

    def open_one(name: str) -> Destination:
        if name not in opened:
            opened[name] = open_destination(name, project.connection("destinations", name), project.clock)
        return opened[name]

    try:
        yield open_one
    finally:
        for one in opened.values():
            one.close()


class _Orders:
    """What is to be delivered where, out of answers and audience files."""

    def __init__(
        self,
        project: Project,
        answers: Mapping[str, Answer],
        at: datetime,
        opened: Callable[[str], Destination],
    ) -> None:
        self.project = project
        self.answers = dict(answers)
        self.at = at
        self.opened = opened
        self.audiences = project.audiences()
        self.tombstones = Tombstones(project.facts.con)

    def all(self, only: Sequence[str]) -> list[Order]:
        """What is not written any more comes first: another audience may have taken over the list."""
        mapped = self._mapped()
        state = self.project.state
        left = sorted({*state.ledger.activations(), *state.outbox.waiting()} - mapped)
        found = []
        for destination, audience in left:
            if not only or audience in only:
                target = state.targets.get(destination, audience)
                found.append(Order(audience, destination, target.name if target else audience, mapped=False))
        return found + [
            self._order(self.audiences[name], activation, answer)
            for name, answer in list(self.answers.items())
            if name in self.audiences
            for activation in self.audiences[name].activate
        ]

    def guard(self, order: Order) -> Guard:
        """Consent, asked again right before people are sent."""
        if not order.members:
            return lambda _: {}
        answer = self.answers[order.audience]
        action = self.opened(order.destination).action
        return lambda ids: refusals(answer.unified, ids, action, _unknown(self.project))

    def _mapped(self) -> set[tuple[str, str]]:
        """Every (destination, audience) that is written, once it is clear that each has a list of its own."""
        found: set[tuple[str, str]] = set()
        lists: dict[tuple[str, str], AudienceFile] = {}
        for audience in self.audiences.values():
            for activation in audience.activate:
                self._check_known(audience, activation.to)
                if (activation.to, audience.name) in found:
                    raise Invalid(
                        "audience.twice",
                        f"{audience.file.name}: activate: {activation.to!r} is named twice; "
                        "an audience goes to a destination once",
                        got=activation.to,
                    )
                found.add((activation.to, audience.name))
                called = (activation.to, activation.name or audience.name)
                if called in lists:
                    raise Invalid(
                        "audience.same_list",
                        f"{audience.file.name}: activate: {lists[called].file.name} already fills a list "
                        f"called {called[1]!r} at {activation.to!r}; give one of them another `name:`",
                        got=called[1],
                    )
                lists[called] = audience
        return found

    def _check_known(self, audience: AudienceFile, destination: str) -> None:
        if destination not in self.project.settings.destinations:
            known = ", ".join(self.project.settings.destinations) or "none yet"
            raise Invalid(
                "audience.destination",
                f"{audience.file.name}: activate: there is no destination {destination!r} in "
                f"{self.project.settings.file.name}; it has {known}",
                got=destination,
            )

    def _order(self, audience: AudienceFile, activation: Activation, answer: Answer) -> Order:
        names = dict.fromkeys([*self.project.settings.exclude, *activation.exclude])
        return order_for(
            answer.unified,
            answer.of,
            answer.ids,
            self.opened(activation.to),
            audience=audience.name,
            name=activation.name or audience.name,
            suppressions=[self._suppression(name, answer.unified) for name in names if name != audience.name],
            unknown=_unknown(self.project),
            tombstones=self.tombstones,
            paused=activation.paused,
        )

    def _suppression(self, name: str, unified: Unified) -> Suppression:
        if name not in self.answers:
            audience = definitions.named(self.audiences, name)
            self.answers[name] = self.project.members_in(audience, unified)
        return Suppression(name, self.answers[name].of, self.answers[name].ids)


def _answers(project: Project, names: Sequence[str], at: datetime) -> dict[str, Answer]:
    known = project.audiences()
    # An audience whose file is gone may still have to be emptied somewhere.
    delivered = {audience for _, audience in project.state.targets.all()}
    wanted = [definitions.named(known, name) for name in names if name in known or name not in delivered]
    if not names:
        wanted = [one for one in known.values() if one.activate]
    if not wanted:
        return {}
    unified = project.unified(at)
    return {one.name: project.members_in(one, unified) for one in wanted}


def _unknown(project: Project) -> Literal["allow", "deny"]:
    # Settings refuse a project that has a destination and does not say.
    return project.settings.consent_unknown or "deny"


def _left_behind(order: Order) -> DeliveryReport:
    flag = "the destination is no longer in the settings; what was delivered stays there until it is put back"
    return DeliveryReport(order.audience, order.destination, order.name, state="kept", flags=[flag])
