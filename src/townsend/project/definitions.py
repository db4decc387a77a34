"""From text to a resolved definition, in the company of a project's other audiences and its facts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from townsend.audiences import pql
from townsend.audiences.core import Definition
from townsend.audiences.live.dependencies import reads_of
from townsend.audiences.pql import parse, resolve
from townsend.problem import Invalid, Problem
from townsend.project.audiencefile import AudienceFile

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = [
    "Company",
    "Found",
    "as_row",
    "company",
    "findings",
    "laid_out",
    "named",
    "resolve_text",
    "said",
    "to_json",
]


@dataclass(frozen=True)
class Found:
    """A definition and what should be said beside its answer."""

    definition: Definition
    notes: list[str]


def named(audiences: Mapping[str, AudienceFile], name: str) -> AudienceFile:
    """The audience of that name.

    Raises:
        Invalid: ``audience.unknown`` with the nearest name.
    """
    if name in audiences:
        return audiences[name]
    near = difflib.get_close_matches(name, audiences, 1)
    known = ", ".join(audiences) or "none yet"
    hint = f"did you mean {near[0]!r}?" if near else f"the audiences are: {known}"
    raise Invalid("audience.unknown", f"there is no audience {name!r}; {hint}", got=name)


def resolve_text(project: Project, pql: str, of: str, *, strict: bool, name: str | None = None) -> Found:
    """The definition that a text means in this project.

    Args:
        strict: refuse names neither declared nor ever seen; otherwise they are null.
        name: the saved audience it belongs to, so that a cycle through ``inSegment`` is found.

    Raises:
        Invalid: ``pql.*`` with line and column; ``class.unknown``.
    """
    project.schema.entity_class(of)
    resolved = resolve(parse(pql), project.schema, of, strict=strict, name=name, **company(project))
    return Found(resolved.definition, [warning.text for warning in resolved.warnings])


class Company(TypedDict):
    """What a definition may name besides what the schema declares."""

    seen: Callable[[str, str], bool]
    came: Callable[[str], Iterable[str]]
    audiences: Callable[[str], tuple[str, str | None] | None]
    policies: Callable[[str], str | None]
    computed: Mapping[str, Mapping[str, str]]


def company(project: Project) -> Company:
    """The names that a project's definitions may use: what came, its audiences, its computed fields."""
    saved = project.audiences()
    return Company(
        seen=seen_in(project),
        came=project.facts.seen_paths,
        audiences=others(saved),
        policies=lambda name: saved[name].policy,
        computed=project.computed,
    )


def as_row(audience: AudienceFile) -> dict[str, Any]:
    """What the file says, for a list of audiences."""
    return {
        "name": audience.name,
        "of": audience.of,
        "version": audience.version,
        "members": None,
        "to": [activation.to for activation in audience.activate],
        "policy": audience.policy,
        "owner": audience.owner,
        "description": " ".join(audience.description.split()),
        "pql": audience.pql,
    }


def to_json(audience: AudienceFile) -> dict[str, Any] | None:
    """A definition as ``pql/json``; None for an audience that is a list."""
    return None if audience.pql is None else pql.to_json(parse(audience.pql))


def laid_out(audience: AudienceFile) -> str | None:
    """A definition in its canonical form; None for an audience that is a list."""
    return None if audience.pql is None else pql.formatted(parse(audience.pql))


def said(project: Project, audience: AudienceFile, language: str) -> list[str]:
    """A definition in words; none for an audience that is a list.

    Raises:
        Invalid: ``words.language``, and whatever is wrong with the definition.
    """
    from townsend.audiences.pql.words import in_words

    if audience.pql is None:
        return []
    found = resolve_text(project, audience.pql, audience.of, strict=False, name=audience.name)
    return in_words(found.definition, language)


def seen_in(project: Project) -> Callable[[str, str], bool]:
    """Whether an undeclared path ever came with a class's rows."""

    def seen(cls: str, path: str) -> bool:
        return project.facts.seen(cls, path)

    return seen


def others(audiences: Mapping[str, AudienceFile]) -> Callable[[str], tuple[str, str | None] | None]:
    """Saved audiences by name, as the resolver asks for them; one that is a list has no text."""

    def look_up(name: str) -> tuple[str, str | None] | None:
        found = audiences.get(name)
        return None if found is None else (found.of, found.pql)

    return look_up


def findings(project: Project, audience: AudienceFile) -> list[dict[str, str]]:
    """What is wrong (``error``) or doubtful (``warning``) about a saved audience."""
    found: list[dict[str, str]] = []
    for name in project.settings.exclude if audience.activate else ():
        if name not in project.audiences():
            text = f"exclude: there is no audience {name!r}, which townsend.yaml excludes everywhere"
            found.append({"level": "error", "code": "audience.unknown", "message": text})
    for activation in audience.activate:
        if activation.to not in project.settings.destinations:
            text = f"activate: there is no destination {activation.to!r} in townsend.yaml"
            found.append({"level": "error", "code": "audience.destination", "message": text})
        known = project.audiences()
        for name in activation.exclude:
            if name not in known:
                text = f"exclude: there is no audience {name!r}"
                found.append({"level": "error", "code": "audience.unknown", "message": text})
    try:
        project.rules.merge_under(audience.policy)
    except Problem as problem:
        found.append({"level": "error", "code": problem.code, "message": f"policy: {problem.text}"})
    if audience.pql is None:
        return found
    try:
        resolved = resolve_text(project, audience.pql, audience.of, strict=True, name=audience.name)
    except Problem as problem:
        return [*found, {"level": "error", "code": problem.code, "message": problem.text}]
    from townsend.audiences.pql.doubts import doubts

    notes = [("pql.warning", text) for text in resolved.notes]
    notes += [(doubt.code, doubt.text) for doubt in doubts(resolved.definition)]
    notes += [("money.undecided", text) for text in _rates_lacking(project, audience, resolved.definition)]
    found += [{"level": "warning", "code": code, "message": text} for code, text in notes]
    volatile = reads_of(resolved.definition.condition, audience.of, project.schema).volatile
    return found + [
        {
            "level": "note",
            "code": "audience.volatile",
            "message": f"{why}, so `townsend serve` asks this of everybody whenever time has passed",
        }
        for why in volatile
    ]


def _rates_lacking(project: Project, audience: AudienceFile, definition: Definition) -> list[str]:
    """What keeps the audience undecided about some, if it asks for amounts that nobody can say.

    As far as is known: facts that were not unified yet are not looked at.
    """
    from townsend.audiences.undecided import sides_of
    from townsend.profiles.stored import stored_report

    def amounts(policy: str | None) -> frozenset[tuple[str, str]]:
        report = stored_report(project.facts.con, policy)
        return frozenset((cls, path) for cls, path, _ in report.undecided) if report else frozenset()

    if sides_of(definition, audience.policy, amounts) is None:
        return []
    report = stored_report(project.facts.con, audience.policy)
    return [] if report is None else report.lacking()
