"""What all streams of one Marketo instance share: its calls, its keys, its settings, and its pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from townsend.clock import Clock
from townsend.model import LeafType
from townsend.sources.columns import Columns, joined
from townsend.sources.contract import Cursor, Page, since_of
from townsend.sources.instance import Instance
from townsend.sources.mapping import Mapper, Table, load_tables
from townsend.sources.marketo_exports import Exports, instant
from townsend.sources.marketo_leads import Leads
from townsend.vendors.marketo import Marketo

__all__ = ["NOT_HERE", "NOT_SHOWN", "ROWS_PER_PAGE", "SINCE", "UNDER", "Context", "at", "chunks", "gone"]
__all__ += ["paged", "paged_columns"]

SINCE = "25 months"
ROWS_LEAST = 5_000  # smaller pages wait for more: each page is one transaction
ROWS_PER_PAGE = 20_000
ROWS_AS_COLUMNS = 61_440  # half of a group of rows as the store keeps them: a page that is dear to begin
UNDER = "marketo"  # where fields are kept that have no place in XDM
# The instance does not offer this: a native CRM integration, or a feature that was not bought.
NOT_HERE = {"616", "703", "1018"}
# The same for all that may be missing: the role may not see it, or there is no such call.
NOT_SHOWN = {*NOT_HERE, "603", "610"}
_PAGING_TOKEN = "/rest/v1/activities/pagingtoken.json"  # noqa: S105  an address

KINDS: Mapping[str, LeafType] = {
    "integer": "integer", "score": "number", "float": "number", "currency": "number", "percent": "number",
    "boolean": "boolean", "datetime": "datetime", "date": "date",
}  # fmt: skip


@dataclass
class Context:
    """One instance while it is pulled.

    Args:
        name: what the project calls the source.
        settings: its settings, checked.
        others: ``crm``, if the settings name the CRM's organisation.
        leads: ids of leads that were read since the source was opened, with their companies' ids.
        leads_are_all: whether these are all leads since the setting ``since``.
        reading: which fields of leads are read, and what becomes of them, once that is known.
        activity_types: the types of activity of the instance, once they were asked for.
    """

    name: str
    marketo: Marketo
    exports: Exports
    clock: Clock
    instance: Instance
    others: Mapping[str, Instance]
    settings: Mapping[str, Any] = field(repr=False)
    remarks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    leads: Leads = field(default_factory=Leads)
    leads_are_all: bool = False
    reading: tuple[list[str], Mapper] | None = None
    activity_types: Sequence[Mapping[str, Any]] | None = None

    def since(self, now: datetime, stream: str | None = None) -> datetime:
        """The instant from which a stream is read the first time."""
        return since_of(self.name, self.settings, SINCE, now, stream)

    def table(self, name: str) -> Table:
        return load_tables("marketo", self.settings.get("mapping"))[name]

    def mapper(
        self, table: Table, also: Mapping[str, str] | None = None, kinds: Mapping[str, LeafType] | None = None
    ) -> Mapper:
        """What turns this instance's rows into ours."""
        return Mapper(table, self.instance, self.others, also, kinds)

    def custom(self, names: Iterable[str]) -> dict[str, str]:
        """Target paths of the custom fields that the settings want, by field name."""
        wanted = self.settings.get("custom_fields", True)
        if isinstance(wanted, bool):
            return {name: f"{UNDER}.{name}" for name in names if wanted}
        return {name: f"{UNDER}.{name}" for name in names if name in wanted}

    def paging_token(self, since: datetime) -> str:
        """The position in the stream of activities at an instant."""
        answer = self.marketo.call("GET", _PAGING_TOKEN, params={"sinceDatetime": instant(since)})
        return answer.token or ""

    def note(self, stream: str, text: str) -> None:
        """Say something about a stream, once."""
        if text not in self.remarks[stream]:
            self.remarks[stream].append(text)


def at(text: str) -> datetime:
    """The instant that a cursor holds."""
    return datetime.fromisoformat(text)


def chunks(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The values in order, at most ``size`` at a time."""
    for first in range(0, len(values), size):
        yield values[first : first + size]


def gone(
    context: Context, stream: str, mapper: Mapper, before: Iterable[Any], here: Collection[Any], now: datetime
) -> list[dict[str, Any]]:
    """Retired rows for what was listed before and is not listed any more.

    A list that is suddenly empty means a role that lost a right, or a workspace, more often than that all was
    deleted: then nothing is retired, and a note says so.

    Args:
        before: ids at the last look.
        here: ids now.
    """
    missing = [one for one in before if one not in here]
    if missing and not here:
        context.note(
            stream,
            f"Marketo shows none of the {len(missing)} it had before; they are kept until it shows some. "
            "Check the role of the API user and its workspaces",
        )
        return []
    return [mapper.row({"id": one, "updatedAt": instant(now), "isDeleted": True}) for one in missing]


def paged(cls: str, parts: Iterable[tuple[Iterable[Mapping[str, Any]], Cursor]]) -> Iterator[Page]:
    """Pages of the parts' rows; a part's cursor is handed out no earlier than all of its rows.

    Args:
        parts: rows, and where to go on behind them. The last cursor comes even without rows.
    """
    rows: list[Mapping[str, Any]] = []
    cursor: Cursor = None
    for part, behind in parts:
        for row in part:
            rows.append(row)
            if len(rows) >= ROWS_PER_PAGE:
                yield Page(cls, rows, cursor)
                rows, cursor = [], None
        cursor = behind
        if len(rows) >= ROWS_LEAST:
            yield Page(cls, rows, cursor)
            rows, cursor = [], None
    if rows or cursor is not None:
        yield Page(cls, rows, cursor)


def paged_columns(cls: str, parts: Iterable[tuple[Iterable[Columns], Cursor]]) -> Iterator[Page]:
    """The same of rows that come as columns."""
    waiting: list[Columns] = []
    cursor: Cursor = None
    for part, behind in parts:
        for columns in part:
            waiting.append(columns)
            if sum(map(len, waiting)) >= ROWS_AS_COLUMNS:
                yield Page(cls, joined(waiting), cursor)
                waiting, cursor = [], None
        cursor = behind
    if waiting or cursor is not None:
        yield Page(cls, joined(waiting) if waiting else [], cursor)
