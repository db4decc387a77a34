"""Privacy requests: what a project holds about a person, and taking it away.

An erasure goes outward: first the removals from delivered lists are stored, then the facts go and the
identities are barred, then both files are written anew, then the removals are sent. Whatever interrupts
it, saying the same again goes on from there; saying it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.activation.erasures import Removal, forget_deliveries, send_erasures
from townsend.governance.access import facts_about, iso
from townsend.governance.erase import Erased, erase_facts, was_erased
from townsend.governance.footprint import PERSON, Footprint, footprint_of
from townsend.governance.remains import Remains, files_that_name
from townsend.intake.rules import epoch_ms
from townsend.problem import Invalid, Problem
from townsend.profiles.view import find
from townsend.project.deliveries import opened_destinations
from townsend.project.folder import FACTS, STORE
from townsend.store.facts_rewrite import rewrite
from townsend.store.facts_values import EMAIL, normal_value

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["ErasureReport", "access_person", "erase_person"]

REHEARSAL = "rehearsal"  # what rehearsal servers keep is the vendors', not the project's
Progress = Callable[[str], None]


@dataclass
class ErasureReport:
    """The proof of an erasure. It names nobody.

    Args:
        entity: the id the person had; None if the erasure was done before.
        erased: what went from the facts.
        state: what went from memberships and deliveries.
        removals: what became of the removals from delivered lists.
        shared: identities that somebody else has too: unlinked from this person, not barred.
        remains: files of the project that still name the person.
        open_deliveries: removals that no destination has confirmed yet.
        trouble: what could not be done, in words.
    """

    entity: int | None
    erased: Erased | None = None
    state: dict[str, int] = field(default_factory=dict)
    removals: list[Removal] = field(default_factory=list)
    shared: int = 0
    remains: list[Remains] = field(default_factory=list)
    open_deliveries: int = 0
    trouble: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The proof for a machine."""
        return {
            "entity": self.entity,
            "already_erased": self.entity is None,
            "facts": self.erased.rows if self.erased else {},
            "barred_identities": self.erased.tombstones if self.erased else 0,
            "shared_identities": self.shared,
            "kept": self.erased.kept if self.erased else {},
            "state": self.state,
            "deliveries": [
                {
                    "destination": one.destination,
                    "audience": one.audience,
                    "removed": one.removed,
                    "waiting": one.waiting,
                    "words": one.words,
                }
                for one in self.removals
            ],
            "open_deliveries": self.open_deliveries,
            "remains": [
                {"file": str(one.path), "why": "packed, not searched" if one.packed else "names the person"}
                for one in self.remains
            ],
            "trouble": self.trouble,
        }

    def lines(self) -> list[str]:
        """The proof for a terminal."""
        if self.erased is None:
            found = ["This person was erased before; nothing was left to erase."]
        else:
            found = [f"Person {self.entity} is erased."]
            found += [
                f"  facts: {count:,} {_rows(count)} of {table}" for table, count in self.erased.rows.items()
            ]
            found.append(f"  barred: {self.erased.tombstones:,} identities, kept as keyed digests only")
            found += [
                f"  kept: {count:,} {_rows(count)} of {cls}, as before"
                for cls, count in self.erased.kept.items()
            ]
        found += [f"  state: {count:,} {what}" for what, count in self.state.items() if count]
        if self.shared:
            found.append(f"  shared: {self.shared:,} identities also name somebody else; they are not barred")
        for one in self.removals:
            waits = f", {one.waiting:,} waiting: {one.words or 'no answer yet'}" if one.waiting else ""
            found.append(f"  {one.audience} → {one.destination}: {one.removed:,} removed{waits}")
        for left in self.remains:
            why = "is packed and was not searched" if left.packed else "still names the person"
            found.append(f"  remains: {left.path} {why}; it is yours to change")
        return found + [f"  not done: {words}" for words in self.trouble]


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"


def erase_person(project: Project, who: str, now: datetime | None, *, progress: Progress) -> ErasureReport:
    """Erase a person everywhere, and prove it.

    Args:
        who: an id, an e-mail, ``namespace:value`` or a source key.
        now: the instant at which ``who`` is looked up; the clock if None.

    Raises:
        Invalid: ``who.unknown``, ``who.several``.
    """
    at = now or project.clock.now()
    foot = _footprint(project, who, at, erased_too=True)
    report = ErasureReport(foot.entity if foot else None)
    names = [] if foot else [who]
    if foot is not None:
        progress("Erasing facts …")
        now_ms = epoch_ms(project.clock.now())
        report.state = _forget(project, foot, now_ms)
        report.erased = erase_facts(project.facts, project.schema, foot, now_ms)
        report.shared = len(foot.shared)
        names = [value for _, value in foot.identities]
    progress("Writing the files anew …")
    _rewrite(project, report)
    _send(project, report, progress)
    progress("Looking for what remains …")
    skipped = [project.folder / STORE / REHEARSAL]
    project.state.rewrite()
    report.remains = files_that_name(project.folder, names, skipped, _longer(project, names))
    report.open_deliveries = project.state.outbox.count_open(erasure=True)
    return report


def access_person(project: Project, who: str, now: datetime | None) -> dict[str, Any]:
    """Everything held about a person, JSON-compatible.

    Raises:
        Invalid: ``who.unknown``, ``who.several``.
    """
    at = now or project.clock.now()
    foot = _footprint(project, who, at, erased_too=False)
    assert foot is not None
    state, numbers = project.state, foot.numbers
    ledger = {
        (row.destination, row.audience, row.identifier): row
        for row in [
            *state.ledger.of_entities(numbers),
            *state.ledger.of_identities(f"{space}:{value}" for space, value in foot.identities),
        ]
    }
    return {
        "id": foot.entity,
        "at": iso(epoch_ms(at)),
        "profile": project.show(PERSON, str(foot.entity), now=at).to_json(),
        "identities": [{"namespace": space, "value": value} for space, value in foot.identities],
        "shared_identities": [{"namespace": space, "value": value} for space, value in foot.shared],
        "facts": facts_about(project.facts, project.schema, foot),
        "memberships": [
            {"audience": one.audience, "since": iso(one.since_ms)} for one in state.members.of(numbers)
        ],
        "history": [
            {"audience": audience, "change": change, "at": iso(at_ms), "version": version, "cause": cause}
            for audience, change, at_ms, version, cause in project.facts.con.execute(
                "SELECT audience, change, at_ms, version, cause FROM facts.transition "
                "WHERE list_contains($numbers::INTEGER[], id) ORDER BY rowid",
                {"numbers": list(numbers)},
            ).fetchall()
        ],
        "deliveries": [
            {
                "destination": row.destination,
                "audience": row.audience,
                "identifier": row.identifier,
                "identity": row.via,
                "wanted": row.wanted,
                "there": row.confirmed,
                "at": iso(row.at_ms),
            }
            for row in ledger.values()
        ],
    }


def _footprint(project: Project, who: str, at: datetime, *, erased_too: bool) -> Footprint | None:
    """What is theirs; None for somebody who was erased before."""
    unified = project.unified(at)
    try:
        entity = find(unified, PERSON, who)
    except Invalid as problem:
        if erased_too and problem.code == "who.unknown" and was_erased(project.facts, who, _spelled(who)):
            return None
        raise
    return footprint_of(project.facts, unified, project.schema, project.rules.identity, entity)


def _spelled(who: str) -> list[tuple[str, str]]:
    """The identities that a WHO may stand for."""
    text = who.strip()
    space, colon, value = text.partition(":")
    found = [(space, normal_value(space, value) or value)] if colon else []
    return [*found, (EMAIL, normal_value(EMAIL, text) or text), ("b2b_person", text)]


def _longer(project: Project, names: list[str]) -> list[str]:
    """Identities of others in which one of these stands, so that they are not taken for it."""
    rows = project.facts.con.execute(
        "SELECT DISTINCT value FROM facts.number, (SELECT lower(unnest($names)) AS name) w "
        "WHERE contains(lower(value), name) AND lower(value) <> name",
        {"names": names},
    ).fetchall()
    return [value for (value,) in rows]


def _forget(project: Project, foot: Footprint, now_ms: int) -> dict[str, int]:
    state = project.state
    identities = [f"{space}:{value}" for space, value in foot.identities]
    with state.transaction():
        counts = forget_deliveries(state, foot.numbers, identities, now_ms)
        return {"memberships": state.members.erase(foot.numbers), **counts}


def _rewrite(project: Project, report: ErasureReport) -> None:
    project.state.rewrite()
    facts = project.__dict__.pop("facts", None)
    if facts is not None:
        facts.close()
    try:
        rewrite(project.folder / STORE / FACTS)
    except Problem as problem:
        report.trouble.append(f"{problem.text} The rows are gone, but the file was not written anew")


def _send(project: Project, report: ErasureReport, progress: Progress) -> None:
    """Send the removals; a destination that cannot be reached leaves its own for later."""
    state = project.state
    with opened_destinations(project) as opened:
        for name, audience in state.outbox.erasures():
            try:
                if name not in project.settings.destinations:
                    raise Invalid(
                        "settings.unknown",
                        f"{name} is no longer in the settings; take them out there by hand",
                    )
                report.removals.append(send_erasures(state, opened(name), audience, project.clock, progress))
            except Problem as problem:
                waiting = len(state.outbox.open(name, audience, erasure=True))
                report.removals.append(Removal(name, audience, 0, waiting, problem.text))
