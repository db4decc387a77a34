"""A small Bodea to tell stories about, driven through the command line as a user would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from townsend.cli.main import main

NOW = "2026-11-22T12:00:00Z"

SEED = """\
accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000
and chain(xEvent, timestamp, [
  V: WHAT(web.webPageDetails.URL.contains("/new-product")) WHEN(<= 1 month before now)
])
"""
MONEY = "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000"
VISIT = (
    'chain(xEvent, timestamp, [V: WHAT(web.webPageDetails.URL.contains("/new-product")) '
    "WHEN(<= 1 month before now)])"
)


def key(sid: str, instance: str, kind: str = "Salesforce") -> dict[str, str]:
    return {
        "sourceType": kind,
        "sourceInstanceID": instance,
        "sourceID": sid,
        "sourceKey": f"{sid}@{instance}.{kind}",
    }


def account(sid: str, instance: str, name: str = "Townsend", **more: Any) -> dict[str, Any]:
    return {"accountKey": key(sid, instance), "accountName": name} | more


def person(
    sid: str,
    instance: str,
    email: str | None,
    accounts: Sequence[dict[str, str]] = (),
    **more: Any,
) -> dict[str, Any]:
    own = key(sid, instance)
    row: dict[str, Any] = {
        "b2b": {"personKey": own},
        "personComponents": [{"sourcePersonKey": own, "sourceAccountKey": one} for one in accounts],
    }
    if email is not None:
        row["workEmail"] = {"address": email}
    return row | more


def opportunity(
    sid: str, instance: str, of: dict[str, str], amount: float, won: bool = True, **more: Any
) -> dict[str, Any]:
    return {
        "opportunityKey": key(sid, instance),
        "accountKey": of,
        "opportunityName": f"Opportunity {sid}",
        "opportunityAmount": {"amount": amount, "currencyCode": "USD"},
        "isClosed": True,
        "isWon": won,
    } | more


def visit(
    sid: str, who: dict[str, str], at: str, url: str = "https://www.bodea.example/new-product"
) -> dict[str, Any]:
    return {
        "_id": sid,
        "timestamp": at,
        "eventType": "web.webpagedetails.pageViews",
        "personKey": who,
        "web": {"webPageDetails": {"URL": url}},
    }


def xref(*rows: tuple[str, str, str] | tuple[str, str, str, dict[str, str]]) -> str:
    head = (
        "entity_type,golden_id,source_system,source_instance,source_key,valid_from,valid_to,status,"
        "match_confidence,match_rule,survivor_rank,updated_at"
    )
    lines = [head]
    for row in rows:
        golden, instance, sid = row[:3]
        more = {"valid_from": "2024-01-01T00:00:00Z", "valid_to": "", "status": "active"}
        more |= row[3] if len(row) > 3 else {}  # type: ignore[misc]
        updated = more.get("updated_at", "2026-10-01T00:00:00Z")
        lines.append(
            f"account,{golden},salesforce,{instance},{sid},{more['valid_from']},{more['valid_to']},"
            f"{more['status']},1.00,manual,1,{updated}"
        )
    return "\n".join(lines) + "\n"


@dataclass
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    @property
    def emails(self) -> list[str]:
        found = [value for row in self.rows for value in row["identities"].get("Email", [])]
        return sorted(found)


@dataclass
class Bodea:
    """A project folder and the commands on it."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    files: int = field(default=0)

    def __call__(self, *words: str) -> Answer:
        self.capsys.readouterr()
        code = main([*words, "--project", str(self.folder)])
        captured = self.capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    def load(
        self, cls: str, rows: list[dict[str, Any]] | str, source: str = "crm_1", expect: int = 0
    ) -> Answer:
        self.files += 1
        folder = self.folder / "incoming"
        folder.mkdir(exist_ok=True)
        suffix = "csv" if isinstance(rows, str) else "ndjson"
        path = folder / f"{self.files:03d}-{cls}.{suffix}"
        text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(text, "utf-8")
        answer = self("load", cls, str(path), "--source", source)
        assert expect == answer.code, answer.err
        return answer

    def query(self, pql: str, *more: str, now: str = NOW) -> list[str]:
        answer = self("query", pql, "--json", "--now", now, *more)
        assert answer.code == 0, answer.err
        return answer.emails

    def tell_the_story(self, master_data: bool = True) -> None:
        one, two = key("1", "crm1"), key("2", "crm2")
        self.load("account", [account("1", "crm1")], "crm_1")
        self.load("account", [account("2", "crm2", "Townsend Inc.")], "crm_2")
        self.load(
            "person",
            [person("p1", "crm1", "p1@townsend.com", [one]), person("p2", "crm1", "p2@townsend.com", [one])],
        )
        self.load(
            "person",
            [person("p2", "crm2", "P2@Townsend.com ", [two]), person("p3", "crm2", "p3@townsend.com", [two])],
            "crm_2",
        )
        self.load("opportunity", [opportunity("o1", "crm1", one, 200_000)])
        self.load("opportunity", [opportunity("o2", "crm2", two, 900_000)], "crm_2")
        lead = key("12", "mkto1", "Marketo")
        self.load(
            "person", [{"b2b": {"personKey": lead}, "workEmail": {"address": "p2@townsend.com"}}], "marketo_1"
        )
        self.load("event", [visit("v1", lead, "2026-11-03T09:00:00Z")], "marketo_1")
        if master_data:
            self.load("account_xref", xref(("G-1", "crm1", "1"), ("G-1", "crm2", "2")), "mdm")
