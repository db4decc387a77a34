"""How plans and deliveries are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from townsend.cli.output import Output

__all__ = ["show_deliveries", "show_plans"]


def show_plans(out: Output, plans: Sequence[Any]) -> None:
    """What would be sent where, and who is left out for which reason."""
    if out.as_json:
        out.rows(plan.to_json() for plan in plans)
        return
    if not plans:
        out.line("No audience has an activation.")
        return
    out.table(
        ["audience → destination", "wanted", "add", "remove", "there", "excluded", "calls", "seconds", ""],
        [
            [
                f"{plan.audience} → {plan.destination}",
                plan.wanted,
                len(plan.adds),
                len(plan.removes),
                plan.unchanged,
                len(plan.excluded),
                plan.forecast.calls,
                round(plan.forecast.seconds, 1),
                "paused" if plan.paused else "",
            ]
            for plan in plans
        ],
    )
    for plan in plans:
        for reason, count in sorted(plan.excluded_by_reason().items()):
            out.line(f"{plan.audience} → {plan.destination}: {count:,} left out: {reason}")
        for flag in plan.flags:
            out.line(f"{plan.audience} → {plan.destination}: {flag}")


def show_deliveries(out: Output, deliveries: Sequence[Any]) -> None:
    """What was sent, what the destination confirmed, and what it said no to."""
    if out.as_json:
        out.rows(one.to_json() for one in deliveries)
        return
    if not deliveries:
        out.line("Nothing to deliver: no activation is written in the audience files asked for.")
    else:
        out.table(
            ["audience → destination", "added", "removed", "there", "excluded", "refused", ""],
            [
                [
                    f"{one.audience} → {one.destination}",
                    one.added,
                    one.removed,
                    one.unchanged,
                    one.excluded,
                    one.refused,
                    one.state,
                ]
                for one in deliveries
            ],
        )
    for one in deliveries:
        for flag in one.flags:
            out.note(f"note: {one.audience} → {one.destination}: {flag}")
