"""What intake needs to know of a source and of the project, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from townsend.model import Schema

__all__ = ["Accepted", "FileReport", "IntakeRules", "SourceTraits", "epoch_ms"]


@dataclass(frozen=True)
class SourceTraits:
    """How a source hands out its rows.

    Args:
        name: the source's name in the project.
        currency: ISO 4217 code meant where a money field names none.
        rows: ``whole``: what a row does not name is absent; ``patch``: it is as before.
        mode: ``snapshot``: master data absent from a newer file is withdrawn.
    """

    name: str
    currency: str | None = None
    rows: Literal["whole", "patch"] = "whole"
    mode: Literal["delta", "snapshot"] = "delta"


@dataclass(frozen=True)
class IntakeRules:
    """How rows are checked and their identities found.

    Args:
        schema: classes and fields.
        priority: person namespaces, highest first; others come after them.
        identity_fields: class to paths of declared identity fields; the last path part is the namespace.
        blocked: namespace to values, spelled as the dictionary keeps them, that stand for nobody.
        open: keep undeclared fields; else a row with one is quarantined.
        future_ms: how far ahead of acceptance an event may lie.
    """

    schema: Schema
    priority: tuple[str, ...] = ()
    identity_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    blocked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    open: bool = True
    future_ms: int = 86_400_000


@dataclass
class Accepted:
    """What became of some rows; ``a + b`` is what became of both.

    Every row is exactly one of accepted, unchanged, quarantined and dropped.

    Args:
        rows: rows read.
        accepted: new facts.
        unchanged: rows that say what is already known.
        quarantined: rows refused, kept with place and reason.
        dropped: rows of somebody who was erased.
        rejected_identities: identity values such as "anonymous", left out of rows that were taken.
        notes: what a person should know.
    """

    rows: int = 0
    accepted: int = 0
    unchanged: int = 0
    quarantined: int = 0
    dropped: int = 0
    rejected_identities: int = 0
    notes: list[str] = field(default_factory=list)

    def __add__(self, other: Accepted) -> Accepted:
        return Accepted(
            self.rows + other.rows,
            self.accepted + other.accepted,
            self.unchanged + other.unchanged,
            self.quarantined + other.quarantined,
            self.dropped + other.dropped,
            self.rejected_identities + other.rejected_identities,
            list(dict.fromkeys([*self.notes, *other.notes])),
        )

    def to_json(self) -> dict[str, Any]:
        """The counts for a machine; notes are apart."""
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "unchanged": self.unchanged,
            "quarantined": self.quarantined,
            "dropped": self.dropped,
            "rejected_identities": self.rejected_identities,
        }

    def sentence(self) -> str:
        """The counts for a person.

        >>> Accepted(rows=3, accepted=2, unchanged=1).sentence()
        '3 rows: 2 new, 1 unchanged'
        """
        parts = [f"{self.accepted:,} new"]
        for count, word in (
            (self.unchanged, "unchanged"),
            (self.quarantined, "quarantined"),
            (self.dropped, "of erased people dropped"),
        ):
            if count:
                parts.append(f"{count:,} {word}")
        if self.rows and self.unchanged == self.rows:
            parts = ["nothing new, all were known"]
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        sentence = f"{rows}: {', '.join(parts)}"
        if self.rejected_identities:
            sentence += f" ({self.rejected_identities:,} unusable identity values left out)"
        return sentence


@dataclass
class FileReport:
    """What became of one file; ``skipped`` if it was already taken."""

    path: str
    skipped: bool
    accepted: Accepted

    def to_json(self) -> dict[str, Any]:
        """The report for a machine."""
        return {
            "path": self.path,
            "skipped": self.skipped,
            **self.accepted.to_json(),
            "notes": self.accepted.notes,
        }


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ms(instant: datetime) -> int:
    """Whole milliseconds since 1970, floored."""
    assert instant.tzinfo is not None, "an instant has a time zone"
    return (instant - EPOCH) // timedelta(milliseconds=1)
