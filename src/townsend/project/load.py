"""Taking rows into a project: files given by hand, and what was mended; how its rows are checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townsend.intake import Accepted, FileReport, IntakeRules, SourceTraits, load_files, replay
from townsend.intake.reading import AS_IT_IS, Reading
from townsend.problem import Invalid
from townsend.store.quarantine import Wanted

if TYPE_CHECKING:
    from townsend.project.project import Project
    from townsend.project.rules import Rules

__all__ = ["intake_rules", "load_into", "replay_rows", "traits_of"]

Progress = Callable[[str], None]


def load_into(
    project: Project,
    cls: str,
    paths: Sequence[Path],
    source: str,
    *,
    again: bool,
    progress: Progress,
    reading: Reading = AS_IT_IS,
) -> list[FileReport]:
    """Load files of one class under a source's name.

    Raises:
        Invalid: ``class.unknown``; ``file.missing`` for a path that does not exist, ``file.unreadable``.
    """
    for path in paths:
        _check_readable(path)
    return load_files(
        project.facts,
        intake_rules(project),
        cls,
        list(paths),
        traits_of(project, source),
        now=project.clock.now(),
        again=again,
        progress=progress,
        reading=reading,
    )


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except (FileNotFoundError, NotADirectoryError):
        raise Invalid("file.missing", f"{path}: there is no such file", path=str(path)) from None
    except OSError as error:
        what = "is a folder, not a file" if path.is_dir() else f"cannot be read: {error.strerror}"
        raise Invalid("file.unreadable", f"{path} {what}", path=str(path)) from None


def replay_rows(
    project: Project, ids: Sequence[int] | None, wanted: Wanted, *, progress: Progress
) -> Accepted:
    """Take quarantined rows again, all that are wanted if no ids are given."""
    now = project.clock.now()
    return replay(project.facts, intake_rules(project), ids, now, wanted, progress)


def intake_rules(project: Project, rules: Rules | None = None) -> IntakeRules:
    """How rows are checked and their identities found, by the rules in effect or by these."""
    identity = (rules or project.rules).identity
    return IntakeRules(
        schema=project.schema,
        priority=tuple(namespace.code for namespace in identity.person),
        identity_fields=identity.fields,
        blocked=identity.blocked_values(),
        open=project.settings.open,
        future_ms=project.settings.limits.future_ms,
    )


def traits_of(project: Project, source: str) -> SourceTraits:
    """What the settings say of a source's rows; a source not configured has the usual traits.

    Raises:
        Invalid: ``settings.choice``, ``settings.currency``.
    """
    body = project.settings.sources.get(source, {})
    currency = body.get("currency")
    if currency is not None and not re.fullmatch(r"[A-Z]{3}", str(currency)):
        raise Invalid(
            "settings.currency",
            f"sources.{source}.currency: expected an ISO 4217 code such as USD, got {currency!r}",
            source=source,
        )
    return SourceTraits(
        name=source,
        currency=currency,
        rows="patch" if _choice(source, body, "rows", ("whole", "patch")) == "patch" else "whole",
        mode="snapshot" if _choice(source, body, "mode", ("delta", "snapshot")) == "snapshot" else "delta",
    )


def _choice(source: str, body: Mapping[str, Any], key: str, choices: tuple[str, str]) -> str:
    """The value of a key, the first choice if there is none."""
    value = body.get(key, choices[0])
    if value not in choices:
        raise Invalid(
            "settings.choice",
            f"sources.{source}.{key}: expected {' or '.join(choices)}, got {value!r}",
            source=source,
            got=str(value),
        )
    return str(value)
