"""What unifying found that somebody should look at: counted, in sentences, without anybody's data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Report"]

SHOWN = 5


@dataclass
class Report:
    """Findings of one unified world.

    Args:
        crowded: class, namespace, how many of its values joined too many records, and the most that
            one joined.
        removed: class to links left out so that a namespace stays unique.
        conflicts: class, key and golden records that claim it at the same time.
        statuses: words in the status of master data that are not understood, with rows.
        classes: classes that master data names and the project does not have, with rows.
        unknown: active rows of master data about records that never came.
        unknown_keys: the first of these, as written.
        own_parents: class to entities that refer to themselves, both ends having been unified.
        undecided: class, money field, entities and events whose amount nobody can say.
        rates: currency for which a rate is missing, the first day on which, amounts that need it; a currency
            without a name stands for amounts that no rate would help.
    """

    crowded: list[tuple[str, str, int, int]] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)
    conflicts: list[tuple[str, str, list[str]]] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    unknown: int = 0
    unknown_keys: list[str] = field(default_factory=list)
    own_parents: dict[str, int] = field(default_factory=dict)
    undecided: list[tuple[str, str, int]] = field(default_factory=list)
    rates: list[tuple[str, str, int]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> Report:
        """The report that ``to_json`` wrote, after a way through JSON."""
        found = cls(**written)
        found.crowded = [(c, s, int(n), int(m)) for c, s, n, m in found.crowded]
        found.conflicts = [(c, key, list(golden)) for c, key, golden in found.conflicts]
        found.undecided = [(c, path, int(n)) for c, path, n in found.undecided]
        found.rates = [(code, day, int(n)) for code, day, n in found.rates]
        return found

    def lines(self) -> list[str]:
        """One sentence a finding about who is who; empty if there is nothing to say."""
        said = [
            f"{cls}: {count:,} values of {space} join too many records (one of them {most:,}) and link nobody"
            "; block them in the settings if they are placeholders"
            for cls, space, count, most in self.crowded
        ]
        said += [
            f"{cls}: {count:,} links were left out so that a unique namespace stays unique"
            for cls, count in self.removed.items()
            if count
        ]
        said += [
            f"master data: {cls} {key} belongs to {len(golden)} golden records at once "
            f"({', '.join(golden[:SHOWN])}); none of them links it"
            for cls, key, golden in self.conflicts[:SHOWN]
        ]
        if len(self.conflicts) > SHOWN:
            said.append(f"master data: {len(self.conflicts) - SHOWN:,} more keys with several golden records")
        said += [
            f"master data: {count:,} rows have the status {word!r}, which is not known; they do not count"
            for word, count in self.statuses.items()
        ]
        said += [
            f"master data: {count:,} rows are about {cls!r}, which is no class of this project"
            for cls, count in self.classes.items()
        ]
        if self.unknown:
            said.append(
                f"master data: {self.unknown:,} rows are about records that never came "
                f"(such as {'; '.join(self.unknown_keys)})"
            )
        said += [
            f"{cls}: {count:,} name themselves as their own parent, which counts as none"
            for cls, count in self.own_parents.items()
            if count
        ]
        return said

    def money(self) -> list[str]:
        """Which amounts nobody can say, and what to do about it."""
        said = [
            f"{cls}: amounts in {path} of which nobody can say what they are worth: {count:,}"
            for cls, path, count in self.undecided
        ]
        return said + self.lacking()

    def lacking(self) -> list[str]:
        """What to do about undecided amounts: one sentence a rate of exchange that is missing."""
        return [
            f"no rate of exchange from {code} holds on {day} (amounts that need one: {count:,}); "
            "add one of that day or before to `rates` in townsend.yaml"
            if code
            else f"too large, or without a known currency or day: {count:,} amounts; mend them in the source"
            for code, day, count in self.rates
        ]
