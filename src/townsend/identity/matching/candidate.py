"""A proposed pair with its score and its reasons; and many of them as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import pyarrow as pa

__all__ = ["CANDIDATES", "Candidate", "Reason", "candidates", "no_candidates", "reasons_text"]

CANDIDATES = pa.schema(
    [
        ("left", pa.int64()),
        ("right", pa.int64()),
        ("score", pa.float64()),
        ("rule", pa.string()),
        ("reasons", pa.string()),
        ("rank", pa.int32()),
    ]
)


@dataclass(frozen=True, slots=True)
class Reason:
    """What one field said.

    Args:
        field: ``duns``, ``domain``, ``name``, ``phone`` or ``address``.
        weight: in bits: each whole one doubles the odds of a match, a negative one halves them.
        left_value: what the left record says, as it came; None if it says nothing.
        right_value: what the right one says.
    """

    field: str
    weight: float
    left_value: str | None
    right_value: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One proposed pair.

    Args:
        left: id of the lead, or of the account with the smaller id.
        right: id of the account.
        score: 0 to 1, how likely the two are one company.
        rule: what found the pair.
        reasons: by field, the strongest first.
        rank: among the candidates of ``left``; 1 is the best.
    """

    left: int
    right: int
    score: float
    rule: str
    reasons: tuple[Reason, ...]
    rank: int = 1


def candidates(table: pa.Table) -> Iterator[Candidate]:
    """The rows of a table of candidates as objects."""
    for row in table.to_pylist():
        reasons = tuple(Reason(**reason) for reason in json.loads(row.pop("reasons")))
        yield Candidate(**row, reasons=reasons)


def no_candidates() -> pa.Table:
    """A table of candidates without rows."""
    return CANDIDATES.empty_table()


def reasons_text(reasons: Iterable[Reason]) -> str:
    """Reasons as JSON, the strongest first, without those that said nothing."""
    said = [asdict(one) for one in sorted(reasons, key=lambda one: -abs(one.weight)) if one.weight]
    return json.dumps(said, ensure_ascii=False)
