"""Accounts made ready to be asked, in memory: many leads at once, or one lead the moment it comes.

The answer for a lead does not depend on what it is asked with: one by one gives what all together give.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from townsend.identity.matching.candidate import CANDIDATES, no_candidates
from townsend.identity.matching.exact import score_exact
from townsend.identity.matching.keys import in_memory, index_keys, propose, skipped_keys
from townsend.identity.matching.pairs import compare_names, index_words, propose_pairs
from townsend.identity.matching.rules import MatchRules, engine
from townsend.identity.matching.scores import index_terms, pair_sides, score_splink, splink_sql
from townsend.identity.matching.side import COLUMNS, Side

__all__ = ["MatchIndex"]


class MatchIndex:
    """The accounts that leads are matched with.

    Args:
        accounts: ``id`` and any of ``COLUMNS``, as ``Side`` takes them.
        rules: thresholds, weights and guards; they hold as long as the index does.
    """

    def __init__(self, accounts: pa.Table, rules: MatchRules) -> None:
        self.rules = rules
        self.engine = engine(rules)
        self._con = in_memory()
        self._take("account", accounts)
        index_keys(self._con, rules.records_per_value)
        if self.engine == "splink":
            self._names = index_words(self._con)
            index_terms(self._con)
            self.scoring = splink_sql(self._con)

    @property
    def skipped(self) -> list[tuple[str, str, int]]:
        """The values that propose no pair, since too many accounts hold them: kind, value, accounts."""
        return skipped_keys(self._con)

    def leads(self, leads: pa.Table, *, competing: bool = True) -> pa.Table:
        """The candidates of each lead, best first; see ``CANDIDATES``.

        Args:
            leads: ``id`` and any of ``COLUMNS``.
            competing: what speaks for one account speaks against the others; without it each has the score
                that it has alone, for whoever knows better which accounts are one.
        """
        if not leads.num_rows:
            return no_candidates()
        self.compare(leads)
        self._score("lead")
        return self._answer("lead", competing=competing)

    def duplicates(self) -> pa.Table:
        """Pairs of accounts that may be one company, ``left`` < ``right``."""
        self._propose("account")
        self._con.execute('DELETE FROM pair WHERE "left" >= "right"')
        self._compare("account")
        self._score("account")
        return self._answer("account", competing=False)

    def compare(self, leads: pa.Table) -> duckdb.DuckDBPyConnection:
        """Make ``lead``, ``pair`` and what scores are made of; the connection that has them.

        For those who measure: ``leads`` gives the answer.
        """
        self._take("lead", leads)
        self._propose("lead")
        self._compare("lead")
        return self._con

    def _propose(self, side: str) -> None:
        if self.engine == "splink":
            propose_pairs(self._con, side, self._names)
        else:
            self._con.execute(f"CREATE OR REPLACE TEMP TABLE pair AS {propose(side)}")

    def _compare(self, side: str) -> None:
        # Of one lead only few accounts are near: what follows should not read all.
        self._con.execute(
            'CREATE OR REPLACE TEMP TABLE near AS FROM account SEMI JOIN pair ON account.id = pair."right"'
        )
        if self.engine == "splink":
            compare_names(self._con, side)
            pair_sides(self._con, side)

    def _score(self, side: str) -> None:
        if self.engine == "splink":
            score_splink(self._con, self.scoring, self.rules)
        else:
            score_exact(self._con, side, self.rules)

    def _take(self, side: str, records: pa.Table) -> None:
        """Keep the records as they are compared, and what they said for the reasons."""
        given = Side(records, self.rules.public_domains)
        compared = given.compared
        self._con.register("given", compared)
        self._con.execute(f"CREATE OR REPLACE TABLE {side} AS SELECT * FROM given")
        self._con.unregister("given")
        said = {"id": compared["id"]}
        for column in COLUMNS:
            have = column in records.column_names
            said[column] = records[column] if have else pa.nulls(records.num_rows)
            said[column] = said[column].cast(pa.string())
        self._con.register("given", pa.table(said))
        self._con.execute(f"CREATE OR REPLACE TABLE {side}_said AS SELECT * FROM given")
        self._con.unregister("given")

    def _answer(self, side: str, *, competing: bool) -> pa.Table:
        """Candidates out of ``scored``: what competes shares the odds, the best are ranked and explained."""
        self._con.execute(_COMPETED.format(side=side) if competing else _ALONE)
        limits = {"least": self.rules.review_at, "most": self.rules.candidates}
        return self._con.sql(_KEPT.format(side=side), params=limits).to_arrow_table().cast(CANDIDATES)


# A company has one account, or several that are twins (the same name and domains). So the candidates of
# a lead compete: what speaks for one speaks against the others, and twins stand together.
_COMPETED = """
CREATE OR REPLACE TEMP TABLE final AS
WITH odds AS (
    SELECT s.*, least(score, 1 - 1e-9) / (1 - least(score, 1 - 1e-9)) AS odds,
        hash(coalesce(a.name, a.id::VARCHAR), a.domains) AS twins
    FROM scored s JOIN near a ON a.id = s."right"
), twin AS (SELECT "left", twins, max(odds) AS odds FROM odds GROUP BY ALL),
total AS (SELECT "left", sum(odds) AS odds FROM twin GROUP BY "left")
SELECT o.* EXCLUDE (score, odds, twins), o.odds / (1 + t.odds) AS score
FROM odds o JOIN total t USING ("left")
"""
_ALONE = "CREATE OR REPLACE TEMP TABLE final AS SELECT * FROM scored"

_KEPT = """
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY "left" ORDER BY score DESC, "right") AS rank
    FROM final WHERE score >= $least
)
SELECT k."left", k."right", round(k.score, 6) AS score, k.rule,
    to_json(list_filter([
        {{'field': 'duns', 'weight': round(w_duns, 2), 'left_value': l.duns, 'right_value': r.duns}},
        {{'field': 'domain', 'weight': round(w_domain, 2),
          'left_value': coalesce(l.website, l.domain, l.email_domain),
          'right_value': coalesce(r.website, r.domain, r.email_domain)}},
        {{'field': 'name', 'weight': round(w_name, 2), 'left_value': l.name, 'right_value': r.name}},
        {{'field': 'phone', 'weight': round(w_phone, 2), 'left_value': l.phone, 'right_value': r.phone}},
        {{'field': 'address', 'weight': round(w_address, 2),
          'left_value': nullif(concat_ws(', ', l.street, l.postal, l.city, l.country), ''),
          'right_value': nullif(concat_ws(', ', r.street, r.postal, r.city, r.country), '')}}
    ], lambda one: one.weight <> 0))::VARCHAR AS reasons, k.rank
FROM ranked k JOIN {side}_said l ON l.id = k."left" JOIN account_said r ON r.id = k."right"
WHERE k.rank <= $most ORDER BY k."left", k.rank
"""
