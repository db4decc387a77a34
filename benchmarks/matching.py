"""Matching measured: what is found of what is there, how much of it is right, and how long it takes.

Everything is reported on the world of ``SEED``; the weights come from another one (``matching_weights``).
Right means that the best candidate of a lead is an account of the lead's company; a lead whose company has no
account is right only without one. Recall is of the leads whose company has an account.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import matching_world
from benchmarks.matching_world import World
from benchmarks.measure import Line, alone, seconds
from townsend.identity.matching import MatchIndex, MatchRules, match_accounts
from townsend.identity.matching.keys import in_memory
from townsend.identity.matching.rules import ACCEPT_ACCOUNTS_AT, ACCEPT_LEADS_AT

__all__ = ["lines"]

SEED = 2
THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.8, ACCEPT_LEADS_AT, 0.9, ACCEPT_ACCOUNTS_AT, 0.99)
PRECISION_MIN = 0.99
ONE_BY_ONE = 100
# What one would write without us: domains that are equal, the best known public ones left out; where none
# is, names that are equal but for case and the commonest legal forms. Of several accounts the first.
PEER = r"""
WITH l AS (
    SELECT id, email_domain AS domain,
        trim(regexp_replace(lower(name), '[ ,]+(inc|ltd|llc|gmbh|corp|sa|ag)\.?$', '')) AS name FROM leads
), a AS (
    SELECT id, regexp_replace(regexp_replace(lower(website), '^https?://', ''), '^www\.', '') AS domain,
        trim(regexp_replace(lower(name), '[ ,]+(inc|ltd|llc|gmbh|corp|sa|ag)\.?$', '')) AS name FROM accounts
), found AS (
    SELECT l.id AS "left", a.id AS "right", 2 AS strength FROM l JOIN a USING (domain)
    WHERE domain NOT IN ('gmail.com', 'yahoo.com', 'hotmail.com', 'outlook.com', 'icloud.com', 'aol.com')
    UNION ALL SELECT l.id, a.id, 1 FROM l JOIN a USING (name) WHERE {names}
)
SELECT "left", "right", 1.0 AS score,
    row_number() OVER (PARTITION BY "left" ORDER BY strength DESC, "right") AS rank
FROM found
"""


@dataclass(frozen=True)
class Found:
    """What one way of matching found: threshold to precision and recall; seconds, also of processors."""

    curve: dict[float, tuple[float, float]]
    seconds: float
    busy: float
    ceiling: float = 0.0
    one_ms: float = 0.0

    def best(self) -> tuple[float, float, float]:
        """Threshold, precision and recall where most is found with enough of it right; zeros if never."""
        enough = [(r, p, at) for at, (p, r) in self.curve.items() if p >= PRECISION_MIN]
        recall, precision, threshold = max(enough, default=(0.0, 0.0, 0.0))
        return threshold, precision, recall

    def told(self, *, whole: bool = True) -> str:
        """The curve as a reader takes it: precision/recall at threshold."""
        kept = self.curve if whole else {0.0: self.curve[min(self.curve)]}
        return ", ".join(f"{p:.4f}/{r:.3f} at {at:g}" for at, (p, r) in kept.items())


def lines() -> Iterator[Line]:
    """The measurements, each way of matching in a process of its own."""
    scores, most = alone(_leads, "splink")
    exact, _ = alone(_leads, "exact")
    domains, _ = alone(_peer, "false")
    names, _ = alone(_peer, "true")
    threshold, precision, recall = scores.best()
    yield Line(
        "match 100 k leads with 50 k accounts: found at precision 0.99",
        recall,
        "found",
        goal=0.80,
        note=f"precision {precision:.4f} at {threshold:g}; ceiling of what is proposed {scores.ceiling:.3f}",
    )
    yield Line("  by scores, precision/recall", recall, "found", note=scores.told())
    exactly = exact.best()
    yield Line("  by exact rules alone, precision/recall", exactly[2], "found", note=exact.told())
    plain = f"precision {domains.curve[0.3][0]:.4f}"
    yield Line("  plain SQL, equal domains", domains.curve[0.3][1], "found", note=plain)
    plain = f"precision {names.curve[0.3][0]:.4f}"
    yield Line("  plain SQL, equal domains or names", names.curve[0.3][1], "found", note=plain)
    busy = f"processors busy for {scores.busy:.1f} s; exact rules {exact.seconds:.1f} s"
    yield Line("match them: time from records to candidates", scores.seconds, "s", goal=10, note=busy)
    yield Line("peak memory of matching", most, "MB")
    busy = f"median of {ONE_BY_ONE}; exact rules {exact.one_ms:.0f} ms"
    yield Line("match one new lead with 50 k accounts", scores.one_ms, "ms", goal=50, note=busy)
    for engine in ("splink", "exact"):
        found, _ = alone(_twice, engine)
        precision, recall = found.curve[ACCEPT_ACCOUNTS_AT]
        what = f"accounts that stand there twice, {engine}: found at {ACCEPT_ACCOUNTS_AT:g}"
        yield Line(what, recall, "found", note=f"precision {precision:.4f}; {found.told()}")


def _leads(engine: Any) -> Found:
    world = matching_world.make(SEED)
    rules = MatchRules(engine=engine, review_at=0.1)
    # Whoever asks for scores has Splink loaded: that is not matching.
    MatchIndex(world.accounts.slice(0, 10), rules).leads(world.leads.slice(0, 10))
    busy = time.process_time()

    def all_leads() -> tuple[MatchIndex, pa.Table]:
        index = MatchIndex(world.accounts, rules)
        return index, index.leads(world.leads)

    took, (index, found) = seconds(all_leads)
    busy = time.process_time() - busy
    ones = [
        seconds(lambda at=at: index.leads(world.leads.slice(at, 1)))[0] * 1_000 for at in range(ONE_BY_ONE)
    ]
    return Found(_curve(found, world), took, busy, _ceiling(index, world), statistics.median(ones))


def _peer(names: str) -> Found:
    world = matching_world.make(SEED)
    con = _connection(world)
    con.register("leads", world.leads)
    con.register("accounts", world.accounts)
    took, found = seconds(lambda: con.sql(PEER.format(names=names)).to_arrow_table())
    return Found(_curve(found, world), took, 0.0)


def _twice(engine: Any) -> Found:
    world = matching_world.make(SEED)
    rules = MatchRules(engine=engine, review_at=0.01, candidates=1_000)
    took, found = seconds(lambda: match_accounts(world.accounts, rules))
    held = Counter(world.of_account)
    there = sum(number * (number - 1) // 2 for number in held.values())
    con = _connection(world)
    con.register("found", found)
    return Found(_at_thresholds(con, "of_account", there), took, 0.0)


def _curve(found: pa.Table, world: World) -> dict[float, tuple[float, float]]:
    con = _connection(world)
    con.register("found", found.filter(pc.equal(found["rank"], 1)))
    return _at_thresholds(con, "of_lead", _with_account(world))


def _at_thresholds(con: duckdb.DuckDBPyConnection, left: str, there: int) -> dict[float, tuple[float, float]]:
    """Precision and recall of ``found`` at each threshold; ``left`` says whose the left ids are."""
    con.execute(
        "CREATE OR REPLACE TABLE judged AS SELECT score, l.company = r.company AS good "
        f'FROM found JOIN {left} l ON l.id = "left" JOIN of_account r ON r.id = "right"'
    )
    curve = {}
    for at in THRESHOLDS:
        counted = "SELECT count(*), count(*) FILTER (good) FROM judged WHERE score >= $at"
        ((number, good),) = con.execute(counted, {"at": at}).fetchall()
        curve[at] = (good / max(number, 1), good / there)
    return curve


def _ceiling(index: MatchIndex, world: World) -> float:
    """The share of leads whose company was among what was proposed at all."""
    con = index.compare(world.leads)
    con.register("of_lead", _companies(world.leads, world.of_lead))
    con.register("of_account", _companies(world.accounts, world.of_account))
    ((number,),) = con.execute(
        'SELECT count(DISTINCT "left") FROM pair JOIN of_lead l ON l.id = "left" '
        'JOIN of_account a ON a.id = "right" WHERE l.company = a.company'
    ).fetchall()
    return float(number) / _with_account(world)


def _with_account(world: World) -> int:
    return sum(company < world.companies for company in world.of_lead)


def _connection(world: World) -> duckdb.DuckDBPyConnection:
    con = in_memory()
    con.register("of_lead", _companies(world.leads, world.of_lead))
    con.register("of_account", _companies(world.accounts, world.of_account))
    return con


def _companies(records: pa.Table, companies: list[int]) -> pa.Table:
    return pa.table({"id": records["id"], "company": companies})
