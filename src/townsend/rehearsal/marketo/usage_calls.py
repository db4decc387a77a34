"""Calls about the interface's use: how many calls and which errors, today and in the last seven days."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from townsend.rehearsal.marketo.envelope import success
from townsend.rehearsal.marketo.gate import central_day
from townsend.rehearsal.web import Answer, Request, Route

if TYPE_CHECKING:
    from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["ROUTES"]


def _usage(home: Marketo, request: Request) -> Answer:
    return _calls(home, request, 1)


def _usage_week(home: Marketo, request: Request) -> Answer:
    return _calls(home, request, 7)


def _calls(home: Marketo, request: Request, days: int) -> Answer:
    today = central_day(request.now_ms)
    found = []
    for back in range(days):
        date = today - timedelta(days=back)
        total = home.gate.days[date]
        users = [{"userId": home.gate.user, "count": total}]
        found.append({"date": date.isoformat(), "total": total, "users": users})
    return success(home.request_id(request), found)


def _errors(home: Marketo, request: Request) -> Answer:
    return _failed(home, request, 1)


def _errors_week(home: Marketo, request: Request) -> Answer:
    return _failed(home, request, 7)


def _failed(home: Marketo, request: Request, days: int) -> Answer:
    today = central_day(request.now_ms)
    found = []
    for back in range(days):
        date = today - timedelta(days=back)
        codes = {code: n for (at, code), n in home.gate.errors.items() if at == date}
        errors = [{"errorCode": code, "count": n} for code, n in sorted(codes.items())]
        found.append({"date": date.isoformat(), "total": sum(codes.values()), "errors": errors})
    return success(home.request_id(request), found)


ROUTES = [
    Route("GET", "/rest/v1/stats/usage.json", _usage),
    Route("GET", "/rest/v1/stats/usage/last7days.json", _usage_week),
    Route("GET", "/rest/v1/stats/errors.json", _errors),
    Route("GET", "/rest/v1/stats/errors/last7days.json", _errors_week),
]
