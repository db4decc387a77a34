"""Marketo's log of activities by paging token: the cheap way to learn what changed since the last look.

A token stands for a place in the order of arrival, so nothing that arrives late is missed. One that Marketo
no longer takes is replaced by one from before the last look: a little is read twice then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from townsend.sources.marketo_context import Context
from townsend.vendors.marketo import PAGE_MAX, Answer

__all__ = ["ACTIVITIES", "OVERLAP", "activity_types", "read_log", "types_here"]

ACTIVITIES = "/rest/v1/activities.json"
OVERLAP = timedelta(hours=1)
# Among others: a paging token that is too old.
_NOT_TAKEN = "1003"


def activity_types(context: Context) -> Sequence[Mapping[str, Any]]:
    """The types of activity that the instance has; asked once."""
    if context.activity_types is None:
        context.activity_types = context.marketo.call("GET", "/rest/v1/activities/types.json").result
    return context.activity_types


def types_here(context: Context, wanted: Sequence[int]) -> list[int]:
    """Those of the wanted types that the instance has; it refuses calls that name others."""
    known = {int(kind["id"]) for kind in activity_types(context)}
    return [number for number in wanted if number in known]


def read_log(
    context: Context, types: Sequence[int], token: str | None, last: datetime, path: str = ACTIVITIES
) -> Iterator[Answer]:
    """Pages of activities behind a token; each tells the token behind it, the last one also if it is empty.

    Args:
        types: at most ten; empty for a log that has only one.
        token: None to begin a little before ``last``.
        last: the instant of the last look, from which to go on if the token is not taken any more.
    """
    fresh = not token
    token = token or context.paging_token(last - OVERLAP)
    query: dict[str, Any] = {"batchSize": PAGE_MAX}
    if types:
        query["activityTypeIds"] = ",".join(map(str, types))
    more = True
    while more:
        expect = () if fresh else (_NOT_TAKEN,)
        answer = context.marketo.call("GET", path, params={**query, "nextPageToken": token}, expect=expect)
        fresh = True
        if answer.said:
            token = context.paging_token(last - OVERLAP)
            continue
        token, more = answer.token or token, answer.more
        yield replace(answer, token=token)
