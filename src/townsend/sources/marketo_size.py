"""What reading a Marketo instance costs, told before, and how many records it has, where it says so.

Extracts take about four calls a window of 31 days: create, enqueue, ask for the status, fetch. Marketo has no
call that counts leads, members or activities; programs and lists are counted by listing them, 200 a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from townsend.sources.contract import Cursor, Estimate
from townsend.sources.marketo_context import Context
from townsend.sources.marketo_exports import windows

__all__ = ["count", "estimate"]

CALLS_PER_WINDOW = 4
# Streams whose first reading is by extracts, with the calls made besides.
BY_WINDOWS: Mapping[str, int] = {"people": 4, "activities": 3}
LISTED = {
    "programs": ("campaign", "/rest/asset/v1/programs.json"),
    "lists": ("list", "/rest/asset/v1/staticLists.json"),
}


def estimate(context: Context, stream: str, cursor: Cursor | None, now: datetime) -> Estimate:
    """What is known without a call: the windows of a first reading."""
    if stream not in BY_WINDOWS or cursor is not None:
        return Estimate()
    since = context.since(now, stream)
    spans = len(windows(since, now))
    extracts = "1 extract" if spans == 1 else f"{spans:,} extracts"
    return Estimate(
        calls=spans * CALLS_PER_WINDOW + BY_WINDOWS[stream],
        since=since,
        note=f"{extracts} of at most 31 days; their files count against the day's 500 MB",
    )


def count(context: Context, stream: str) -> dict[str, int]:
    """Records by class; empty where Marketo does not tell."""
    if stream not in LISTED:
        return {}
    cls, path = LISTED[stream]
    return {cls: _length(answer.result for answer in context.marketo.assets(path))}


def _length(pages: Iterable[Sequence[object]]) -> int:
    return sum(len(page) for page in pages)
