"""Leads of a Marketo instance by e-mail address, and new ones for addresses it does not know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from townsend.vendors.marketo import IDS_MAX, PAGE_MAX, Answer, Marketo

__all__ = ["Leads", "lowest"]

TOO_MANY = "1003"  # more than 1,000 leads match: ask for fewer addresses at once
LEADS = "/rest/v1/leads.json"


class Leads:
    """Reads and makes leads.

    Args:
        partition: where new leads go; None lets Marketo decide.
    """

    def __init__(self, api: Marketo, partition: Any = None) -> None:
        self._api = api
        self._partition = partition

    def check(self) -> None:
        """See whether people may be read; raises as the call does."""
        self._api.call("GET", LEADS, params={"filterType": "id", "filterValues": "1", "fields": "id"})

    def by_email(self, emails: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Ids of the leads that carry each address, lowest first; addresses nobody carries are left out."""
        # A comma separates addresses in the call, so one that holds a comma cannot be asked for.
        asked = sorted(email for email in emails if "," not in email)
        found: dict[str, tuple[str, ...]] = {}
        for start in range(0, len(asked), IDS_MAX):
            found |= self._some(asked[start : start + IDS_MAX])
        return found

    def make(self, wanted: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
        """New leads; one that somebody made in the meantime is found instead.

        Args:
            wanted: fields of each new lead, by its address.

        Returns:
            Ids by address; addresses that Marketo does not take are left out.
        """
        found: dict[str, tuple[str, ...]] = {}
        emails = sorted(wanted)
        for start in range(0, len(emails), IDS_MAX):
            batch = emails[start : start + IDS_MAX]
            body: dict[str, Any] = {
                "action": "createOnly",
                "lookupField": "email",
                "input": [dict(wanted[email]) for email in batch],
            }
            if self._partition:
                body["partitionName"] = str(self._partition)
            # Two such calls at once can make a lead twice: one that may have been heard is not repeated.
            records = self._api.call("POST", LEADS, json=body, safe=False).result
            made = {
                email: (str(record["id"]),)
                for email, record in zip(batch, records, strict=False)
                if record.get("status") == "created"
            }
            found |= made | self.by_email([email for email in batch if email not in made])
        return found

    def _some(self, emails: Sequence[str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for page in self._pages(emails):
            if page.said == TOO_MANY and len(emails) > 1:
                half = len(emails) // 2
                return self._some(emails[:half]) | self._some(emails[half:])
            if page.said:
                raise self._api.failure(page.said, page.words)
            for one in page.result:
                found.setdefault(str(one.get("email", "")).strip().lower(), set()).add(str(one["id"]))
        return {
            email: tuple(sorted(found[email.lower()], key=int)) for email in emails if email.lower() in found
        }

    def _pages(self, emails: Sequence[str]) -> Iterable[Answer]:
        # As a form: 300 addresses are too long for a query.
        form = {
            "filterType": "email",
            "filterValues": ",".join(emails),
            "fields": "id,email",
            "batchSize": str(PAGE_MAX),
        }
        while True:
            page = self._api.call(
                "POST", LEADS, params={"_method": "GET"}, form=form, safe=True, expect={TOO_MANY}
            )
            yield page
            if not page.token or page.said:
                return
            form["nextPageToken"] = page.token


def lowest(leads: Iterable[str]) -> str:
    """The lead Marketo would keep if it merged these."""
    return min(leads, key=int)
