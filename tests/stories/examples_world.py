"""A market in a marketer's words, told through files and asked through the command line.

Whoever is asked about an example is asked three ways: both evaluators and the explanation must agree.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stories.bodea import NOW, Answer, Bodea, key, xref

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "audiences"
PRICING = "https://www.bodea.example/pricing"
NEW_PRODUCT = "https://www.bodea.example/new-product"
OPEN = {"isClosed": False, "isWon": False}
WON = {"isClosed": True, "isWon": True}
LOST = {"isClosed": True, "isWon": False}
GONE = {"isDeleted": True}
RATES = "rates: [{from: EUR, to: USD, rate: 1.08, on: 2020-01-01}]\n"

Rows = list[dict[str, Any]]


@dataclass
class Market:
    """What exists, by class; ``crm1`` is where it is kept unless another system is named."""

    bodea: Bodea
    rows: dict[tuple[str, str], Rows] = field(default_factory=lambda: defaultdict(list))
    people: list[str] = field(default_factory=list)
    companies: list[str] = field(default_factory=list)
    xrefs: list[Any] = field(default_factory=list)
    _numbers: int = 0

    # ------------------------------------------------------------ what exists

    def company(self, name: str, system: str = "crm1", **more: Any) -> str:
        self._add("account", {"accountKey": key(name, system), "accountName": name} | more, system)
        self.companies.append(name)
        return name

    def person(
        self,
        name: str,
        *companies: str,
        system: str = "crm1",
        title: str | None = None,
        departments: tuple[str, ...] = (),
        **more: Any,
    ) -> str:
        own = key(name, system)
        row: dict[str, Any] = {
            "b2b": {"personKey": own, **more.pop("b2b", {})},
            "personComponents": [
                {"sourcePersonKey": own, "sourceAccountKey": key(one, system)} for one in companies
            ],
            "workEmail": {"address": f"{name}@bodea.example"},
        }
        work = {"jobTitle": title} if title else {}
        if work or departments:
            row["extendedWorkDetails"] = work | ({"departments": list(departments)} if departments else {})
        self._add("person", row | more, system)
        if name not in self.people:
            self.people.append(name)
        return name

    def deal(
        self,
        company: str,
        amount: float | None = 10_000,
        currency: str = "USD",
        system: str = "crm1",
        **more: Any,
    ) -> str:
        name = self._number("deal")
        row: dict[str, Any] = {"opportunityKey": key(name, system), "accountKey": key(company, system)}
        if amount is not None:
            row["opportunityAmount"] = {"amount": amount, "currencyCode": currency}
        self._add("opportunity", row | more, system)
        return name

    def role(self, person: str, deal: str, role: str | None = "Decision Maker", **more: Any) -> None:
        row: dict[str, Any] = {"opportunityPersonKey": key(self._number("role"), "crm1")}
        row |= {"opportunityKey": key(deal, "crm1"), "personKey": key(person, "crm1")}
        self._add("opportunity_person", row | ({"personRole": role} if role else {}) | more)

    def contact(self, person: str, company: str, **more: Any) -> None:
        row = {"accountPersonKey": key(self._number("contact"), "crm1")}
        self._add(
            "account_person",
            row | {"accountKey": key(company, "crm1"), "personKey": key(person, "crm1")} | more,
        )

    def campaign(self, name: str, **more: Any) -> str:
        self._add("campaign", {"campaignKey": key(name, "crm1"), "campaignName": name} | more)
        return name

    def joins(self, person: str, campaign: str, **more: Any) -> None:
        row = {"campaignMemberKey": key(self._number("member"), "crm1")}
        self._add(
            "campaign_member",
            row | {"campaignKey": key(campaign, "crm1"), "personKey": key(person, "crm1")} | more,
        )

    def list(self, name: str, sid: str, **more: Any) -> str:
        self._add("list", {"marketingListKey": key(sid, "crm1"), "marketingListName": name} | more)
        return sid

    def listed(self, person: str, listing: str, **more: Any) -> None:
        row = {"marketingListMemberKey": key(self._number("listed"), "crm1")}
        self._add(
            "list_member",
            row | {"marketingListKey": key(listing, "crm1"), "personKey": key(person, "crm1")} | more,
        )

    def visit(self, person: str, *times: str, url: str = PRICING) -> None:
        for at in times:
            row = {"_id": self._number("visit"), "timestamp": at, "personKey": key(person, "crm1")}
            page = {"eventType": "web.webpagedetails.pageViews", "web": {"webPageDetails": {"URL": url}}}
            self._add("event", row | page)

    def purchase(self, at: str, *skus: str, event_type: str = "commerce.purchases", **more: Any) -> None:
        row = {"_id": self._number("purchase"), "timestamp": at, "eventType": event_type}
        self._add("event", row | {"productListItems": [{"SKU": sku, "quantity": 1} for sku in skus]} | more)

    def intent(self, company: str, topic: str, score: int | None, **more: Any) -> None:
        row: dict[str, Any] = {"accountIntentKey": key(self._number("intent"), "crm1"), "topicName": topic}
        row |= {"accountKey": key(company, "crm1")} | ({"score": score} if score is not None else {})
        self._add("account_intent", row | more)

    # ------------------------------------------------------------ what is asked

    def settle(self, *audiences: str) -> None:
        """Write the files, the settings that name them and the audiences, and take everything in."""
        folder = self.bodea.folder
        sources: dict[str, Any] = {}
        for (system, cls), rows in self.rows.items():
            path = folder / "data" / f"{system}-{cls}.ndjson"
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
            source = sources.setdefault(system, {"type": "files", "classes": {}})
            source["classes"][cls] = f"data/{path.name}"
        if self.xrefs:
            (folder / "data" / "master.csv").write_text(xref(*self.xrefs), "utf-8")
            sources["master"] = {"type": "files", "class": "account_xref", "path": "data/master.csv"}
        text = f"name: market\ncurrency: USD\n{RATES}sources: {json.dumps(sources)}\n"
        (folder / "townsend.yaml").write_text(text, "utf-8")
        shutil.copytree(EXAMPLES / "schema", folder / "schema", dirs_exist_ok=True)
        for name in audiences:
            shutil.copy(EXAMPLES / f"{name}.yaml", folder / "audiences")
        taken = self.bodea("sync")
        assert taken.code == 0, taken.err

    def members(self, name: str, now: str = NOW) -> list[str]:
        """Who is in an example: checked, by both evaluators, and as explained for everybody.

        Names of people or companies, sorted.
        """
        if not (self.bodea.folder / "audiences" / f"{name}.yaml").exists():
            self.settle(name)
        checked = self("check", name)
        assert (checked.code, True, []) == (0, checked.rows[0]["ok"], checked.rows[0]["findings"]), (
            checked.out
        )
        by_batch = called(self("members", name, "--engine", "batch", "--now", now))
        by_reference = called(self("members", name, "--engine", "reference", "--now", now))
        assert by_reference == by_batch
        of_people = "of: person\n" in (EXAMPLES / f"{name}.yaml").read_text("utf-8")
        explained = [
            one
            for one in (self.people if of_people else self.companies)
            if self.explained(name, one, now, of_people)["member"]
        ]
        assert sorted(explained) == by_batch
        return by_batch

    def explained(self, name: str, who: str, now: str, of_people: bool = True) -> dict[str, Any]:
        known_as = f"{who}@bodea.example" if of_people else f"b2b_account:{who}@crm1.Salesforce"
        answer = self("explain", name, known_as, "--now", now)
        if "who.unknown" in answer.err:
            return {"member": False}  # nobody goes by that name: its records are all deleted
        assert answer.code == 0, answer.err
        return answer.rows[0]

    def define(self, name: str, pql: str, of: str = "person") -> Path:
        """An audience of this test's own."""
        path = self.bodea.folder / "audiences" / f"{name}.yaml"
        path.write_text(f"name: {name}\nof: {of}\npql: |\n  {pql}\n", "utf-8")
        return path

    def __call__(self, *words: str) -> Answer:
        return self.bodea("audience", *words, "--json")

    # ------------------------------------------------------------ inside

    def _add(self, cls: str, row: dict[str, Any], system: str = "crm1") -> None:
        self.rows[system, cls].append(row)

    def _number(self, word: str) -> str:
        self._numbers += 1
        return f"{word}-{self._numbers}"


def called(answer: Answer) -> list[str]:
    """The names of an answer's entities, sorted."""
    assert answer.code == 0, answer.err
    found = []
    for row in answer.rows:
        space = "Email" if row["class"] == "person" else "b2b_account"
        found.append(row["identities"][space][0].split("@")[0])
    return sorted(found)
