"""What decides whether two records are matched: thresholds, weights, guards. Plain values.

Everything is open: what a field is worth stands in ``model.json`` beside this file, as Splink reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal

from townsend.problem import Invalid

__all__ = ["ACCEPT_ACCOUNTS_AT", "ACCEPT_LEADS_AT", "FIELDS", "MatchRules", "engine"]

# A lead at the wrong account is mended by a click, two companies as one are not: so accounts ask for more.
ACCEPT_LEADS_AT = 0.85
ACCEPT_ACCOUNTS_AT = 0.95
# What is compared, in the order in which reasons are given. An address only ever supports.
FIELDS = ("duns", "domain", "name", "phone", "address")
RELATED = ("parent", "domain", "name")


@dataclass(frozen=True)
class MatchRules:
    """By which rules one kind of match is looked for.

    Args:
        accept_at: a candidate with this score or more counts as a match, 0 to 1.
        review_at: one with this score or more is proposed to a person; less is not kept.
        engine: ``exact`` for equal values alone, ``splink`` for scores, ``auto`` for scores if Splink
            is installed.
        weights: field to a factor of what it is worth: 0 leaves it out, 1 is as it comes.
        public_domains: further mail domains that tell no company.
        records_per_value: a value that more accounts hold than this proposes no pair.
        candidates: how many are kept for one lead, the best ones.
        related_by: what makes accounts related: ``parent``, ``domain``, ``name``.
    """

    accept_at: float = ACCEPT_LEADS_AT
    review_at: float = 0.5
    engine: Literal["auto", "exact", "splink"] = "auto"
    weights: Mapping[str, float] = field(default_factory=dict)
    public_domains: frozenset[str] = frozenset()
    records_per_value: int = 50
    candidates: int = 5
    related_by: tuple[str, ...] = RELATED

    def __post_init__(self) -> None:
        if not 0 < self.review_at <= self.accept_at <= 1:
            raise Invalid(
                "matching.thresholds",
                "matching: expected 0 < review_at ≤ accept_at ≤ 1, "
                f"got review_at {self.review_at:g} and accept_at {self.accept_at:g}",
                review_at=self.review_at,
                accept_at=self.accept_at,
            )
        for name, factor in self.weights.items():
            if name not in FIELDS or not 0 <= factor <= 10:
                raise Invalid(
                    "matching.weights",
                    f"matching.weights: expected {', '.join(FIELDS)} with a factor from 0 to 10, "
                    f"got {name}: {factor:g}",
                    field=name,
                    factor=factor,
                )
        if unknown := set(self.related_by) - set(RELATED):
            raise Invalid(
                "matching.related",
                f"matching.related.by: expected {', '.join(RELATED)}, got {min(unknown)!r}",
                got=min(unknown),
            )

    def factor(self, name: str) -> float:
        """What a field's weight is multiplied with."""
        return self.weights.get(name, 1.0)


def engine(rules: MatchRules) -> Literal["exact", "splink"]:
    """Which engine answers under these rules, here.

    Raises:
        Invalid: Splink is asked for and not installed.
    """
    if rules.engine == "exact":
        return "exact"
    # Looked for, not imported: that would take a good part of a second.
    if find_spec("splink") is not None:
        return "splink"
    if rules.engine == "splink":
        raise Invalid(
            "matching.engine",
            "matching.engine: splink is not installed; run pip install 'townsend[matching]' "
            "or write engine: exact",
        )
    return "exact"
