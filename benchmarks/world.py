"""Made-up worlds as Parquet files that ``townsend load`` takes, with the truth about them.

The same size gives the same files: every value is a hash of its row's number. Events are skewed as real ones
are (Zipf-Mandelbrot, s = 1, q = 50: the busiest of a million records has 0.2 % of the events) and lie in the
thirteen months before ``NOW_MS``. Records of one human share an e-mail address; accounts of one company share
a golden id in the master data. Two CRMs and the two Marketo instances that they feed hold the records.

The truth: record ``r`` below ``humans`` is human ``r``, a later one is a copy of a human by hash; account
``a`` below ``companies`` is company ``a``, a later one a copy by hash (``truth/*.parquet``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

__all__ = ["NOW", "NOW_MS", "SIZES", "Size", "make"]

NOW = "2026-03-18T12:00:00Z"
NOW_MS = 1_773_835_200_000
SPAN_MS = 395 * 86_400_000  # thirteen months
INSTANCES = ["crm_1.Salesforce", "crm_2.Salesforce", "mkto_1.Marketo", "mkto_2.Marketo"]
EVENT_TYPES = [
    "web.webpagedetails.pageViews",
    "web.webinteraction.linkClicks",
    "directMarketing.emailSent",
    "directMarketing.emailDelivered",
    "directMarketing.emailOpened",
    "directMarketing.emailClicked",
    "web.formFilledOut",
    "leadOperation.scoreChanged",
    "leadOperation.interestingMoment",
    "listOperation.addToList",
    "leadOperation.statusInCampaignProgressionChanged",
    "opportunityEvent.opportunityUpdated",
]
PAGES = 400
PRODUCT_PAGE = 8  # the sixth in favour: one page view in ninety


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows of each kind."""

    people: int
    humans: int
    accounts: int
    companies: int
    account_people: int
    opportunities: int
    campaigns: int
    campaign_members: int
    events: int


SIZES = {
    "XS": Size(1_000, 620, 400, 220, 870, 400, 20, 2_000, 20_000),
    "S": Size(10_000, 6_200, 4_000, 2_200, 8_700, 4_000, 50, 20_000, 1_000_000),
    "M": Size(1_000_000, 620_000, 200_000, 110_000, 868_000, 200_000, 500, 2_000_000, 20_000_000),
    "L": Size(2_000_000, 1_240_000, 400_000, 220_000, 1_740_000, 400_000, 500, 4_000_000, 100_000_000),
}


def make(folder: Path, name: str) -> Path:
    """The files of that size in ``folder/<name>``, made if they are not there.

    Returns:
        The folder, with one file ``<class>.parquet`` a class, ``account_xref.csv`` and ``truth/``.
    """
    made = folder / name
    if (made / "done").exists():
        return made
    (made / "truth").mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false; SET preserve_insertion_order = true")
    for file, query in _queries(SIZES[name]).items():
        kind = "FORMAT csv, HEADER" if file.endswith(".csv") else "FORMAT parquet, COMPRESSION zstd"
        con.execute(f"COPY ({query}) TO '{made / file}' ({kind})")
    con.close()
    (made / "done").write_text("")
    return made


def _queries(size: Size) -> dict[str, str]:
    return {
        "account.parquet": _accounts(size),
        "person.parquet": _people(size),
        "account_person.parquet": _account_people(size),
        "opportunity.parquet": _opportunities(size),
        "campaign.parquet": _campaigns(size),
        "campaign_member.parquet": _campaign_members(size),
        "event.parquet": _events(size),
        "account_xref.csv": _master_data(size),
        "truth/person.parquet": f"SELECT r AS record, {_human(size)} AS human FROM range({size.people}) t(r)",
        "truth/account.parquet": (
            f"SELECT a AS record, {_company(size)} AS company FROM range({size.accounts}) t(a)"
        ),
    }


def _hash(number: str, salt: int, below: int | str) -> str:
    """A number below a bound that looks random, and unlike that of another salt."""
    # hash(number, salt) would not do: of one number, the hashes of two salts differ by a constant.
    return f"(hash(({number})::BIGINT * 1009 + {salt}) % {below})::BIGINT"


def _instance(number: str) -> str:
    listed = ", ".join(f"'{one}'" for one in INSTANCES)
    return f"([{listed}])[({number} % {len(INSTANCES)}) + 1]"


def _key(kind: str, number: str, instance_of: str | None = None) -> str:
    """The key of a record; the instance follows from its number."""
    return f"'{kind}' || ({number}) || '@' || {_instance(instance_of or number)}"


def _human(size: Size) -> str:
    return f"CASE WHEN r < {size.humans} THEN r ELSE {_hash('r', 1, size.humans)} END"


def _company(size: Size) -> str:
    return f"CASE WHEN a < {size.companies} THEN a ELSE {_hash('a', 2, size.companies)} END"


def _people(size: Size) -> str:
    human = f"({_human(size)})"
    return f"""
        SELECT {_key("p", "r")} AS "b2b.personKey.sourceKey",
               'person' || {human} || '@example.com' AS "workEmail.address",
               'First' || {_hash(human, 3, 5_000)} AS "person.name.firstName",
               'Last' || {_hash(human, 4, 50_000)} AS "person.name.lastName",
               (['Engineer', 'VP Sales', 'CMO', 'CIO', 'Buyer', 'Analyst'])[{_hash("r", 5, 6)} + 1]
                   AS "extendedWorkDetails.jobTitle",
               {_hash("r", 6, 100)}::DECIMAL(9, 2) AS "b2b.personScore",
               (['DE', 'US', 'CA', 'FR', 'IN', 'BR'])[{_hash(human, 7, 6)} + 1] AS "workAddress.countryCode"
        FROM range({size.people}) t(r)"""


def _accounts(size: Size) -> str:
    company = f"({_company(size)})"
    return f"""
        SELECT {_key("a", "a")} AS "accountKey.sourceKey",
               'Company ' || {company} AS "accountName",
               (['Finance', 'Technology', 'Retail', 'Health', 'Energy', 'Media', 'Public'])
                   [{_hash(company, 8, 7)} + 1] AS "accountOrganization.industry",
               (10 + {_hash(company, 9, 50_000)})::BIGINT AS "accountOrganization.numberOfEmployees",
               (100_000 * (1 + {_hash(company, 10, 5_000)}))::DECIMAL(18, 2)
                   AS "accountOrganization.annualRevenue.amount"
        FROM range({size.accounts}) t(a)"""


def _account_people(size: Size) -> str:
    """Most people work at an account of their own system; some at two."""
    return f"""
        SELECT {_key("ap", "i", "r")} AS "accountPersonKey.sourceKey",
               {_key("p", "r")} AS "personKey.sourceKey",
               {_key("a", "a")} AS "accountKey.sourceKey",
               (['Manager', 'Decision Maker', 'User', 'Influencer'])[{_hash("i", 12, 4)} + 1] AS "personRole",
               {_hash("i", 13, 20)} <> 0 AS "isActive"
        FROM (SELECT i, r, least({size.accounts} - 4 + r % 4,
                                 {_skewed("i", 14, size.accounts // 4)} * 4 + r % 4) AS a
              FROM (SELECT i, {_hash("i", 11, size.people)} AS r FROM range({size.account_people}) t(i)))"""


def _opportunities(size: Size) -> str:
    """Amounts from 1,000 to 2 million, small ones more often; four of ten are won."""
    return f"""
        SELECT {_key("o", "o", "a")} AS "opportunityKey.sourceKey",
               {_key("a", "a")} AS "accountKey.sourceKey",
               'Deal ' || o AS "opportunityName",
               {_hash("o", 16, 10)} < 7 AS "isClosed",
               {_hash("o", 16, 10)} < 4 AS "isWon",
               (1_000 + 2_000_000 * power({_hash("o", 17, 1_000_000)} / 1e6, 3))::DECIMAL(18, 2)
                   AS "opportunityAmount.amount",
               make_timestamp_ms({NOW_MS} - {_hash("o", 18, 730)} * 86_400_000)::DATE AS "expectedCloseDate"
        FROM (SELECT o, {_hash("o", 15, size.accounts)} AS a FROM range({size.opportunities}) t(o))"""


def _campaigns(size: Size) -> str:
    return f"""
        SELECT {_key("c", "c")} AS "campaignKey.sourceKey", 'Campaign ' || c AS "campaignName",
               {_hash("c", 19, 50_000)}::DECIMAL(18, 2) AS "actualCost.amount",
               {_hash("c", 20, 50_000)}::DECIMAL(18, 2) AS "budgetedCost.amount"
        FROM range({size.campaigns}) t(c)"""


def _campaign_members(size: Size) -> str:
    return f"""
        SELECT {_key("cm", "i")} AS "campaignMemberKey.sourceKey",
               {_key("c", _hash("i", 21, size.campaigns))} AS "campaignKey.sourceKey",
               {_key("p", _hash("i", 22, size.people))} AS "personKey.sourceKey",
               (['Sent', 'Opened', 'Responded', 'Attended'])[{_hash("i", 23, 4)} + 1] AS "memberStatus",
               {_hash("i", 24, 10)} = 0 AS "hasResponded"
        FROM range({size.campaign_members}) t(i)"""


def _events(size: Size) -> str:
    """In order of time; of ``PAGES`` pages some are more in favour than others."""
    kinds = ", ".join(f"'{one}'" for one in EVENT_TYPES)
    return f"""
        SELECT 'e' || i AS "_id",
               make_timestamp_ms({NOW_MS} - {SPAN_MS} + (i::HUGEINT * {SPAN_MS} // {size.events})::BIGINT)
                   AS "timestamp",
               ([{kinds}])[kind + 1] AS "eventType",
               {_key("p", "r")} AS "personKey.sourceKey",
               CASE WHEN kind < 2 THEN 'https://www.bodea.example/' ||
                   CASE page WHEN {PRODUCT_PAGE} THEN 'new-product' ELSE 'page-' || page END END
                   AS "web.webPageDetails.URL",
               CASE WHEN kind = 7 THEN {_hash("i", 28, 100)} END AS "leadOperation.changeScore.newValue"
        FROM (SELECT i, {_skewed("i", 25, size.people)} AS r, {_skewed("i", 26, len(EVENT_TYPES), 4)} AS kind,
                     {_skewed("i", 27, PAGES, 20)} AS page
              FROM range({size.events}) t(i))"""


def _skewed(number: str, salt: int, below: int, flat: int = 50) -> str:
    """Zipf-Mandelbrot with s = 1, over numbers in an order of their own."""
    part = f"{_hash(number, salt, 1 << 30)} / {float(1 << 30)!r}"
    rank = f"({flat} * power({(below + flat) / flat!r}, {part}) - {flat})"
    step = 7_919 if below % 7_919 else 7_907
    return f"((least({below - 1}, floor({rank}))::BIGINT * {step} + 13) % {below})"


def _master_data(size: Size) -> str:
    return f"""
        SELECT 'account' AS entity_type, 'G' || ({_company(size)}) AS golden_id,
               split_part({_instance("a")}, '.', 2) AS source_system,
               split_part({_instance("a")}, '.', 1) AS source_instance,
               'a' || a AS source_key, 'active' AS status
        FROM range({size.accounts}) t(a)"""
