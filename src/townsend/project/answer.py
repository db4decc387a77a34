"""An answer: who meets a condition, and when asked, under which identities and by which records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from townsend.audiences import answers
from townsend.audiences.answers import Because, Reasons
from townsend.audiences.evaluate import Result
from townsend.audiences.patience import UNASKED, spoken
from townsend.problem import Invalid
from townsend.profiles import Unified
from townsend.project.definitions import Found

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Answer", "answer_of"]

SECONDS_EACH = 0.001  # that it takes to tell by which records one member qualifies


@dataclass
class Answer:
    """Who meets a condition, and about whom nobody can say: ids now, identities when asked for.

    Args:
        reasons: tells by which records a member qualifies.
    """

    unified: Unified
    of: str
    ids: Any
    reasons: Reasons
    notes: list[str] = field(default_factory=list)
    undecided: Any = ()

    def rows(self, most: int | None = None, *, because: bool = False) -> list[dict[str, Any]]:
        """``{"id", "class", "identities"}`` per member, by id; the first ``most`` of them.

        Args:
            because: add ``"because"``, the conditions that make it a member with the records behind them, and
                ``"fields"``, the most telling of these by column; see docs/audiences.md.
        """
        ids = self.ids if most is None else self.ids[:most]
        return answers.rows(self.unified, self.of, ids, self.reasons if because else None)

    def table(self, *, because: bool = False) -> pa.Table:
        """The same as an Arrow table; ``because`` adds a column for each field of what qualifies a member."""
        return answers.table(self.unified, self.of, self.ids, self.reasons if because else None)

    def told(self, most: int) -> list[str]:
        """By which records each of the first members qualifies, in a few lines for a terminal."""
        from townsend.audiences.explain.lines import brief

        found = self.reasons.of(self.ids[:most])
        return ["\n".join(brief(one) for one in each.conditions) for each in found]

    def patient(self, slow: bool) -> None:
        """Nothing, if it may take long, or won't, to tell by which records all members qualify.

        Raises:
            Invalid: ``engine.slow`` with the time it would take.
        """
        if slow or len(self.ids) <= UNASKED:
            return
        found = spoken(len(self.ids) * SECONDS_EACH)
        raise Invalid(
            "engine.slow",
            f"this would look at members one by one: about {found} for {len(self.ids):,} of class {self.of}; "
            "repeat with --slow to start it",
            entities=len(self.ids),
        )


def answer_of(found: Found, unified: Unified, result: Result) -> Answer:
    """An evaluator's result as an answer."""
    reasons = Because(found.definition, unified)
    notes = [*found.notes, *result.notes]
    return Answer(unified, found.definition.of, result.ids, reasons, notes, result.undecided)
