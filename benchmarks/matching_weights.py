"""Where the weights in ``identity/matching/model.json`` come from: counted in a generated world.

    python -m benchmarks.matching_weights

For each level of a comparison: m is the share of the true pairs that are at it, u that of all other pairs
of a lead and an account (pairs that were never proposed are at the last level). What a name says depends on
the domains, so its levels are counted apart for domains that are the same, alike, or neither. An address is
compared only where something else proposed the pair, so its u is the share among the others proposed. What
is said of telephones and D-U-N-S numbers is set by hand, more careful than a made-up world can be about
them. The world is that of ``SEED``; the benchmark reports on another one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks import matching_world
from townsend.identity.matching import MatchIndex, MatchRules
from townsend.identity.matching.scores import model

__all__ = ["SEED", "main"]

SEED = 1
MODEL = Path(__file__).parents[1] / "src/townsend/identity/matching/model.json"
SUPPORT = {"address"}
BLOCKS = {"name": 3}
BY_HAND = {"duns", "phone"}
# A made-up world has no business parks and no head offices abroad: an address stays within these odds.
SUPPORT_MAX, SUPPORT_MIN = 2.0**6, 2.0**-4


def main() -> None:
    """Count, and write the file anew."""
    world = matching_world.make(SEED)
    index = MatchIndex(world.accounts, MatchRules(engine="splink"))
    con = index.compare(world.leads)
    con.register("of_lead", pa.table({"id": world.leads["id"], "company": world.of_lead}))
    con.register("of_account", pa.table({"id": world.accounts["id"], "company": world.of_account}))
    settings = model()
    pairs = world.leads.num_rows * world.accounts.num_rows
    for comparison in settings["comparisons"]:
        if comparison["output_column_name"] not in BY_HAND:
            _count(con, index.scoring, comparison, pairs)
    MODEL.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")


def _count(con: Any, table: str, comparison: dict[str, Any], pairs: int) -> None:
    name = comparison["output_column_name"]
    counted = con.execute(
        f"SELECT gamma_{name}, count(*) FILTER (l.company = a.company), "
        "count(*) FILTER (l.company <> a.company) "
        f"FROM ({table}) JOIN of_lead l ON l.id = id_l JOIN of_account a ON a.id = id_r GROUP BY 1"
    ).fetchall()
    true = {level: number + 1 for level, number, _ in counted}
    false = {level: number + 1 for level, _, number in counted}
    levels = [one for one in comparison["comparison_levels"] if not one.get("is_null_level")]
    numbered = list(zip(range(len(levels) - 1, -1, -1), levels, strict=True))
    for start in range(0, len(levels), len(levels) // BLOCKS.get(name, 1)):
        block = numbered[start : start + len(levels) // BLOCKS.get(name, 1)]
        m_all, u_all = (sum(found.get(number, 1) for number, _ in block) for found in (true, false))
        last = block[-1][0] == 0
        if last and name not in SUPPORT:
            u_all = pairs
        for number, level in block:
            level["m_probability"] = float(f"{true.get(number, 1) / m_all:.3g}")
            level["u_probability"] = float(f"{false.get(number, 1) / u_all:.3g}")
            if name in SUPPORT:
                odds = level["m_probability"] / level["u_probability"]
                within = min(max(odds, SUPPORT_MIN), SUPPORT_MAX)
                level["u_probability"] = float(f"{level['m_probability'] / within:.3g}")
        if last and name not in SUPPORT:
            block[-1][1]["u_probability"] = round(1 - sum(one["u_probability"] for _, one in block[:-1]), 6)


if __name__ == "__main__":
    main()
