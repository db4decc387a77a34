"""Accounts that matching joins: links between records found to be one company, or said to be.

A decision is about the companies that its two records belong to without any match: a rejected pair keeps all
their records from being matched with each other, whichever come later. Other facts still link them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from townsend.identity.entities import Evidence, resolve
from townsend.identity.links import Merges, blocked_numbers, merges, record_links
from townsend.identity.moment import Ints, Moment
from townsend.identity.rules import IdentityRules
from townsend.identity.sides import ACCOUNT
from townsend.identity.versions import Versions, read_versions
from townsend.identity.xref import read_golden
from townsend.model import EntityClass
from townsend.store.facts_matches import FOUND, decided

__all__ = ["companies", "match_links", "match_reasons", "with_matches"]


def with_matches(
    moment: Moment, rules: IdentityRules, cls: EntityClass, versions: Versions | None, evidence: Evidence
) -> Evidence:
    """The evidence of a class and the links that matches make in it."""
    if cls.name != ACCOUNT or versions is None:
        return evidence
    first, second, seen, found = match_links(moment, rules, versions)
    if not len(first):
        return evidence
    rejected = _rejected(moment)
    if len(rejected[0]):
        kept = ~_barred(moment, rules, cls, evidence, (first, second), rejected) | ~found
        first, second, seen = first[kept], second[kept], seen[kept]
    known = evidence.merges or Merges(*(np.zeros(0, np.int64) for _ in range(4)))
    joined = Merges(
        np.concatenate([known.kept, first]),
        np.concatenate([known.lost, second]),
        np.concatenate([known.seen_ms, seen]),
        np.concatenate([known.retires, np.zeros(len(first), np.int64)]),
    )
    return replace(evidence, merges=joined)


def match_links(
    moment: Moment, rules: IdentityRules, versions: Versions
) -> tuple[Ints, Ints, Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Pairs of live records of accounts found or confirmed to be one company, the smaller number first.

    Returns:
        The pairs, the time of the newer of their two versions, and whether the pair was found alone: such a
        link yields to a rejection of the companies, a confirmed one stands for itself.
    """
    accounts = rules.matching.accounts
    found = "SELECT a, b, true AS found FROM said WHERE false"
    if accounts is not None:
        found = (
            f"SELECT c.a, c.b, true AS found FROM {FOUND}.candidate c ANTI JOIN said USING (a, b) "
            f"WHERE c.rules = '{rules.matching.key()}' AND c.kind = 'account' "
            f"AND c.score >= {accounts.accept_at}"
        )
    first, second, seen, alone = moment.arrays(
        f"""
        WITH said AS ({decided("account")}),
        pair AS ({found} UNION ALL SELECT a, b, false FROM said WHERE verdict = 'confirmed')
        SELECT p.a, p.b, greatest(x."@t", y."@t"), p.found FROM pair p
        JOIN {versions.now} x ON x.key = p.a JOIN {versions.now} y ON y.key = p.b
        WHERE NOT x.deleted AND NOT y.deleted ORDER BY ALL
        """
    )
    return first, second, seen, alone == 1


def companies(moment: Moment, rules: IdentityRules, cls: EntityClass) -> tuple[Ints, Ints]:
    """The numbers of live accounts, and which company each is of as long as nothing is matched."""
    versions = read_versions(moment, cls)
    records = record_links(moment, rules, versions, blocked_numbers(moment, rules))
    golden = read_golden(moment, rules)[0].get(cls.name)
    found = resolve(moment, rules, cls, Evidence(records, None, merges(moment, cls), golden))
    return found.n, found.id


def match_reasons(moment: Moment, rules: IdentityRules, records: Ints) -> dict[tuple[int, int], str]:
    """Why these records are linked with each other by matching, by their two numbers, in a few words."""
    rows = moment.rows(
        f"""
        SELECT coalesce(c.a, d.a), coalesce(c.b, d.b), c.rule, c.score, d.verdict = 'confirmed', d.who
        FROM (SELECT * FROM {FOUND}.candidate WHERE rules = $rules AND kind = 'account') c
        FULL JOIN ({decided("account")}) d USING (a, b)
        WHERE list_contains($records::INTEGER[], coalesce(c.a, d.a))
            AND list_contains($records::INTEGER[], coalesce(c.b, d.b))
        """,
        {"rules": rules.matching.key(), "records": records.tolist()},
    )
    found = {}
    for a, b, rule, score, confirmed, who in rows:
        parts = [f"{rule} {score:.3f}"] if rule is not None else []
        parts += [f"confirmed by {who}" if who else "confirmed"] if confirmed else []
        found[int(a), int(b)] = f"matching: {', '.join(parts)}"
    return found


def _rejected(moment: Moment) -> tuple[Ints, Ints]:
    first, second = moment.arrays(f"SELECT a, b FROM ({decided('account')}) WHERE verdict = 'rejected'")
    return first, second


def _barred(
    moment: Moment,
    rules: IdentityRules,
    cls: EntityClass,
    evidence: Evidence,
    pairs: tuple[Ints, Ints],
    rejected: tuple[Ints, Ints],
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the companies of each pair, as they are without any match, were rejected as one."""
    entities = resolve(moment, rules, cls, evidence)

    def ends(first: Ints, second: Ints) -> Ints:
        a, b = entities.of(first), entities.of(second)
        return (np.minimum(a, b) << 32) | np.maximum(a, b)

    return np.isin(ends(*pairs), ends(*rejected))
