"""Marketo Engage as a source: leads, companies, opportunities, programs, lists, activities, deletions.

Ids are unique within an instance; its Munchkin id is part of every key. What a stream reads and what its
cursor means stands in the files beside this one; what becomes of each field, in ``mappings/marketo*.yaml``.
Only reads: nothing is changed at the vendor but the queue of its extracts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from townsend.clock import Clock
from townsend.problem import Invalid
from townsend.sources.contract import Budget, Cursor, Estimate, Page, check_settings, since_of
from townsend.sources.instance import Instance
from townsend.sources.marketo_activities import pull_activities
from townsend.sources.marketo_assets import (
    pull_list_members,
    pull_lists,
    pull_program_members,
    pull_programs,
)
from townsend.sources.marketo_context import SINCE, Context
from townsend.sources.marketo_exports import Exports
from townsend.sources.marketo_objects import custom_objects, pull_custom_object, pull_named_accounts
from townsend.sources.marketo_people import pull_deletions, pull_people
from townsend.sources.marketo_sales import pull_companies, pull_opportunities
from townsend.sources.marketo_size import count, estimate
from townsend.vendors.keys import SOURCES
from townsend.vendors.marketo import Access, Marketo

__all__ = ["MarketoSource"]

KEYS = SOURCES["marketo"]
# From this share of the day's calls on, a pull says so.
QUOTA_TOLD = 0.8
CRM_TYPES = {"salesforce": "Salesforce", "dynamics": "Dynamics"}

Pull = Callable[[Context, Cursor | None, datetime], Iterator[Page]]
STREAMS: Mapping[str, Pull] = {
    "people": pull_people,
    "programs": pull_programs,
    "program_members": pull_program_members,
    "lists": pull_lists,
    "list_members": pull_list_members,
    "activities": pull_activities,
    # These are found through the people read before.
    "companies": pull_companies,
    "opportunities": pull_opportunities,
    "named_accounts": pull_named_accounts,
    "deletions": pull_deletions,
}


class MarketoSource:
    """One instance.

    Args:
        name: what the project calls it.
        settings: ``base_url``, ``munchkin_id``, ``client_id``, ``client_secret``; ``since``, an ISO date or a
            span; ``crm_type`` and ``crm_org_id`` of the CRM it is synced with, to join both by record id;
            ``custom_fields``: true, false, or a list of names; ``calls_per_day``.
        clock: the time in which it waits.
        transport: how to reach it, for tests.

    Raises:
        Invalid: ``settings.key``, ``settings.missing``, ``settings.choice``, ``settings.type``,
            ``settings.url``, ``source.since``.
    """

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        check_settings(name, settings, KEYS)
        since_of(name, settings, SINCE, clock.now())
        _check_custom(name, settings.get("custom_fields", True))
        self.name = name
        self._marketo = Marketo(name, Access.of(settings), clock, "source", transport)
        munchkin_id = self._marketo.munchkin_id
        self._context = Context(
            name=name,
            marketo=self._marketo,
            exports=Exports(self._marketo, clock),
            clock=clock,
            instance=Instance(munchkin_id, "Marketo"),
            others=_crm(name, settings),
            settings=settings,
        )
        self._custom = custom_objects(settings)
        self._asked = False

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self._marketo.calls

    def streams(self) -> Sequence[str]:
        """Those that every instance may have, then the custom objects that the project maps."""
        return (*STREAMS, *self._custom)

    def pull(self, stream: str, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
        """Pages of what is new since ``cursor``, or of everything since the setting ``since``.

        Raises:
            Invalid: ``source.credentials``, ``source.rights``, ``source.request``, ``source.address``.
            Unavailable: ``source.unreachable``, ``source.busy``, ``source.export``, ``vendor.quota``.
        """
        self._context.remarks.pop(stream, None)
        if not self._asked:
            self._marketo.ask_usage()
            self._asked = True
        if stream in STREAMS:
            yield from STREAMS[stream](self._context, cursor, now)
        else:
            yield from pull_custom_object(self._context, stream, cursor, now)
        used, most = self._marketo.used_today, self._marketo.calls_per_day
        if used >= most * QUOTA_TOLD:
            self._context.note(
                stream,
                f"{used:,} of the day's {most:,} calls are used, by all integrations together; when they are "
                "spent, a pull stops, keeps what came and goes on after midnight US Central",
            )

    def budget(self) -> Budget | None:
        """The day's calls: of all integrations once the first pull began, before that only ours."""
        return Budget(self._marketo.used_today, self._marketo.calls_per_day)

    def estimate(self, stream: str, cursor: Cursor | None, now: datetime) -> Estimate:
        """What a pull would cost, without a call."""
        return estimate(self._context, stream, cursor, now)

    def count(self, stream: str) -> Mapping[str, int]:
        """Records of programs and lists, 200 a call; Marketo counts nothing else."""
        return count(self._context, stream)

    def notes(self, stream: str) -> Sequence[str]:
        return list(self._context.remarks.get(stream, ()))

    def close(self) -> None:
        self._marketo.close()


def _check_custom(name: str, wanted: Any) -> None:
    if not isinstance(wanted, bool) and not (
        isinstance(wanted, list) and all(type(one) is str for one in wanted)
    ):
        raise Invalid(
            "settings.type",
            f"sources.{name}: custom_fields: expected true, false or a list of names, got {wanted!r}",
            source=name,
        )


def _crm(name: str, settings: Mapping[str, Any]) -> dict[str, Instance]:
    kind = str(settings.get("crm_type", "salesforce"))
    if kind not in CRM_TYPES:
        raise Invalid(
            "settings.choice",
            f"sources.{name}: crm_type: expected {' or '.join(CRM_TYPES)}, got {kind!r}",
            source=name,
            got=kind,
        )
    org_id = str(settings.get("crm_org_id") or "").strip()
    return {"crm": Instance(org_id, CRM_TYPES[kind])} if org_id else {}
