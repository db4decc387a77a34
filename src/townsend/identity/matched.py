"""Found matches kept up to date with the facts: what changed is matched again, the rest stays as it was
found.

What is stored is a function of the facts and the rules: after any changes in any order it is what one
matching of everything would find. A lead that comes is matched with all accounts at once; where accounts
changed in what is compared, everything is matched anew, since how telling a value is depends on how many
accounts have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from townsend.identity.matching.rules import MatchRules
from townsend.identity.matchrules import Matching
from townsend.identity.moment import Moment
from townsend.identity.sides import ACCOUNT, PERSON, account_side, lead_side, parents
from townsend.store.facts import Facts
from townsend.store.facts_matches import FOUND, FoundRun, Kind, found_run, number_relations, put_found
from townsend.store.facts_schema import identifier

__all__ = ["keep_matches"]

# Records of one account each count as a candidate of a lead, until it is known which are one.
RECORDS_PER_ACCOUNT = 4
# What is less likely than this alone takes nothing from the others.
COMPETITOR = 0.1
# More records than this that changed at once are quicker matched together with all others.
CHANGED_MAX = 20_000


def keep_matches(facts: Facts, moment: Moment, matching: Matching) -> None:
    """Match what changed since the last time; nothing is done if nothing did.

    Args:
        facts: the store; not inside a transaction of it, and written only if it may be.
        moment: reads the same store; its instant does not matter.
        matching: by which rules.
    """
    if facts.read_only:
        return
    rules = matching.key()
    if matching.kinds:
        _keep(facts, moment, matching, rules)
    number_relations(facts, rules, matching.leads.accept_at if matching.leads else 1.0)


def _keep(facts: Facts, moment: Moment, matching: Matching, rules: str) -> None:
    revision = facts.revision()
    before = found_run(facts, rules)
    if before is not None and before.revision == revision:
        return
    run = FoundRun(revision, moment.number("SELECT max(id) FROM facts.take"), matching.engine)
    changed = None if before is None else _changed(moment, rules, before.take)
    if changed is None:
        _find_all(facts, moment, matching, run)
    else:
        _find_again(facts, moment, matching, run, changed)


def _changed(moment: Moment, rules: str, take: int) -> list[int] | None:
    """The records of people that came anew since a take; None if everything is to be matched again."""
    came = {cls: _came(moment, cls, take) for cls in (PERSON, ACCOUNT)}
    if max(map(len, came.values())) > CHANGED_MAX:
        return None
    if came[ACCOUNT]:
        side = account_side(moment, came[ACCOUNT])
        now = dict(zip(side["id"].to_pylist(), side["hash"].to_pylist(), strict=True))
        if now != _matched(moment, rules, ACCOUNT, came[ACCOUNT]):
            return None
    return came[PERSON]


def _came(moment: Moment, cls: str, take: int) -> list[int]:
    if "take" not in moment.columns.get(cls, frozenset()):
        return []
    table = f"facts.{identifier(cls)}"
    found = moment.arrays(f"SELECT DISTINCT key FROM {table} WHERE take > $take ORDER BY key", {"take": take})
    return [int(key) for key in found[0]]


def _matched(moment: Moment, rules: str, cls: str, keys: Sequence[int]) -> dict[int, int]:
    """What of these records was compared when they were matched last, as a hash."""
    rows = moment.rows(
        f"SELECT n, hash FROM {FOUND}.record "
        "WHERE rules = $rules AND class = $cls AND list_contains($keys::INTEGER[], n)",
        {"rules": rules, "cls": cls, "keys": list(keys)},
    )
    return {int(n): int(known) for n, known in rows}


def _find_all(facts: Facts, moment: Moment, matching: Matching, run: FoundRun) -> None:
    from townsend.identity.matching import match_accounts, related_groups

    accounts = account_side(moment)
    leads = lead_side(moment) if matching.leads else lead_side(moment, [])
    above = parents(moment, accounts)
    found: list[tuple[Kind, pa.Table]] = []
    if matching.leads is not None:
        found.append(("lead", _candidates(leads, accounts, matching.leads)))
    if matching.accounts is not None:
        found.append(("account", match_accounts(accounts, matching.accounts)))
    if matching.related is not None:
        found.append(("related", _groups(related_groups(accounts, above, matching.related))))
    put_found(facts, matching.key(), run, found, [(ACCOUNT, accounts), (PERSON, leads)], again=None)


def _find_again(
    facts: Facts, moment: Moment, matching: Matching, run: FoundRun, people: Sequence[int]
) -> None:
    """Match these records of people; nothing else changed."""
    leads = lead_side(moment, people) if matching.leads else lead_side(moment, [])
    known = _matched(moment, matching.key(), PERSON, people)
    now = dict(zip(leads["id"].to_pylist(), leads["hash"].to_pylist(), strict=True))
    again = sorted(n for n in {*known, *now} if known.get(n) != now.get(n))
    fresh = leads.filter(pc.is_in(leads["id"], pa.array(again, pa.int64())))
    found: list[tuple[Kind, pa.Table]] = []
    if matching.leads is not None and fresh.num_rows:
        found.append(("lead", _candidates(fresh, account_side(moment), matching.leads)))
    put_found(facts, matching.key(), run, found, [(PERSON, fresh)], again)


def _candidates(leads: pa.Table, accounts: pa.Table, rules: MatchRules) -> pa.Table:
    """What records of accounts each lead may belong to, each with the score that it has alone."""
    from townsend.identity.matching import match_leads

    wider = replace(
        rules,
        review_at=min(rules.review_at, COMPETITOR),
        candidates=rules.candidates * RECORDS_PER_ACCOUNT,
    )
    return match_leads(leads, accounts, wider, competing=False)


def _groups(pairs: pa.Table) -> pa.Table:
    """Pairs of related accounts as candidates: they are or they are not, so each is certain."""
    count = pairs.num_rows
    return pa.table(
        {
            "left": pairs["left"],
            "right": pairs["right"],
            "score": pa.array(np.ones(count)),
            "rule": pairs["reason"],
            "reasons": pa.array(["[]"] * count, pa.string()),
        }
    )
