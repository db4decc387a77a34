"""The attributes of one activity, from its columns: what the interface tells beside who and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from townsend.rehearsal import times
from townsend.rehearsal.bodea import SITES
from townsend.rehearsal.marketo.pages import (
    BROWSERS,
    FORMS,
    LINKS,
    MAILS,
    MOMENTS,
    PAGES,
    QUERIES,
    REFERRERS,
    SCORES,
    address,
)

if TYPE_CHECKING:
    from townsend.rehearsal.company import Company

__all__ = ["Details", "Told"]

# Ids of assets: pages, forms, mails, lists, programs.
PAGE_ID, FORM_ID, MAIL_ID, LINK_ID, LIST_ID, PROGRAM_ID = 300, 400, 500, 700, 1_001, 1_101


class Told(NamedTuple):
    """The primary attribute and the others; empty attributes are left out."""

    primary_id: int | None
    primary: str | None
    attributes: dict[str, Any]
    campaign: int = 0


class Details:
    """Tells activities of instance ``i``."""

    def __init__(self, company: Company, i: int) -> None:
        self.company = company
        self.site = SITES[i]
        self._of: dict[int, Callable[[int, int, int, int], Told]] = {
            1: self._visit, 2: self._form, 3: self._link, 6: self._mail, 7: self._mail, 8: self._bounce,
            9: self._left, 10: self._open, 11: self._click, 12: self._new, 13: self._data, 22: self._score,
            24: self._list, 32: self._merge, 46: self._moment, 104: self._status,
        }  # fmt: skip

    def tell(self, kind: int, lead: int, at_ms: int, draw: int, page: int) -> Told:
        """The details of one activity of the generated history."""
        return self._of[kind](lead, at_ms, draw, page)

    def _visitor(self, lead: int, draw: int) -> dict[str, Any]:
        found = {"Client IP Address": address(lead)}
        if query := QUERIES[draw // 7 % len(QUERIES)]:
            found["Query Parameters"] = query
        if referrer := REFERRERS[draw // 11 % len(REFERRERS)]:
            found["Referrer URL"] = referrer
        found["User Agent"] = BROWSERS[(lead + draw // 13 % 2) % len(BROWSERS)][0]
        return found

    def _visit(self, lead: int, _at: int, draw: int, page: int) -> Told:
        path = PAGES[page]
        found = self._visitor(lead, draw)
        found["Webpage URL"] = path
        return Told(PAGE_ID + page, self.site + path, found)

    def _form(self, lead: int, _at: int, draw: int, _page: int) -> Told:
        n = draw % len(FORMS)
        found = self._visitor(lead, draw)
        found |= {"Webpage ID": PAGE_ID + PAGES.index("/contact"), "Form Fields": "Email;FirstName;LastName"}
        return Told(FORM_ID + n, FORMS[n], found)

    def _link(self, lead: int, _at: int, draw: int, _page: int) -> Told:
        n = draw % len(LINKS)
        found = self._visitor(lead, draw)
        found["Webpage ID"] = PAGE_ID
        return Told(LINK_ID + n, f"https://{self.site}{LINKS[n]}", found)

    def _mailing(self, draw: int) -> tuple[int, dict[str, Any], int]:
        n = draw % len(MAILS)
        steps = {"Campaign Run ID": 40 + n, "Choice Number": 0, "Step ID": 60 + n, "Test Variant": 0}
        return n, steps, 20 + n

    def _mail(self, _lead: int, _at: int, draw: int, _page: int) -> Told:
        n, steps, campaign = self._mailing(draw)
        return Told(MAIL_ID + n, MAILS[n], steps, campaign)

    def _bounce(self, _lead: int, _at: int, draw: int, _page: int) -> Told:
        n, steps, campaign = self._mailing(draw)
        steps |= {"Category": "2", "Details": "550 mailbox unavailable", "Subcategory": "2003"}
        return Told(MAIL_ID + n, MAILS[n], steps, campaign)

    def _left(self, lead: int, _at: int, draw: int, _page: int) -> Told:
        n, steps, campaign = self._mailing(draw)
        return Told(MAIL_ID + n, MAILS[n], steps | {"Client IP Address": address(lead)}, campaign)

    def _device(self, lead: int, draw: int) -> dict[str, Any]:
        agent, platform, device, phone = BROWSERS[(lead + draw // 17 % 2) % len(BROWSERS)]
        return {"Device": device, "Is Mobile Device": phone, "Platform": platform, "User Agent": agent}

    def _open(self, lead: int, _at: int, draw: int, _page: int) -> Told:
        n, steps, campaign = self._mailing(draw)
        return Told(MAIL_ID + n, MAILS[n], steps | self._device(lead, draw), campaign)

    def _click(self, lead: int, _at: int, draw: int, _page: int) -> Told:
        n, steps, campaign = self._mailing(draw)
        link = LINKS[draw // 5 % len(LINKS)]
        more = {"Link": f"https://{self.site}{link}", "Link ID": str(LINK_ID + LINKS.index(link))}
        return Told(MAIL_ID + n, MAILS[n], steps | self._device(lead, draw) | more, campaign)

    def _new(self, _lead: int, at: int, _draw: int, _page: int) -> Told:
        return Told(None, None, {"Created Date": times.day(at), "Source Type": "Sync or form"})

    def _data(self, _lead: int, _at: int, draw: int, _page: int) -> Told:
        old, new = ("Open", "Working") if draw % 2 else ("Working", "Recycled")
        found = {"New Value": new, "Old Value": old, "Reason": "Sales changed it", "Source": "Sync"}
        return Told(641, "leadStatus", found)

    def _score(self, _lead: int, _at: int, draw: int, _page: int) -> Told:
        n = draw % len(SCORES)
        old, change = draw // 3 % 90, 1 + draw % 15
        found = {"Change Value": change, "New Value": old + change, "Old Value": old, "Reason": "Visited"}
        return Told(801 + n, SCORES[n], found, 31)

    def _list(self, _lead: int, _at: int, draw: int, _page: int) -> Told:
        names = [one.name for one in self.company.lists if one.n == draw]
        return Told(LIST_ID + draw, names[0], {"Source": "Marketo Flow"})

    def _merge(self, lead: int, _at: int, draw: int, _page: int) -> Told:
        found = {"Master Updated": True, "Merge IDs": f"[{draw}]", "Merge Source": "Web service API"}
        return Told(lead, None, found | {"Merged in Sales": False})

    def _moment(self, _lead: int, at: int, draw: int, _page: int) -> Told:
        kind, text = MOMENTS[draw % len(MOMENTS)]
        return Told(901, kind, {"Date": times.text(at), "Description": text, "Source": "Campaign"})

    def _status(self, _lead: int, _at: int, draw: int, _page: int) -> Told:
        member = self.company.program_members[draw]
        name = next(
            p.name for p in self.company.programs if p.n == member.program and p.marketo == member.marketo
        )
        found = {"New Status": member.status, "Success": member.success, "Program Member ID": draw + 1}
        return Told(PROGRAM_ID + member.program, name, found | {"Acquired By": False})
