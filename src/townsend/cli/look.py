"""Looking: one entity, the state of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from townsend.cli.options import AsJson, AsOf, Now, Policy, ProjectFolder, instant
from townsend.cli.output import Output

__all__ = ["register"]

Who = Annotated[str, typer.Argument(metavar="WHO", help="An id, an e-mail or namespace:value.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(show)
    app.command()(status)
    app.command()(doctor)


def show(
    cls: Annotated[str, typer.Argument(metavar="CLASS")],
    who: Who,
    policy: Policy = None,
    now: Now = None,
    as_of: AsOf = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """The unified view of one entity: values with their sources, what it belongs to, its audiences."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        start, fixed = instant(now, "--now"), instant(as_of, "--as-of")
        view = opened.show(cls, who, now=start, as_of=fixed, policy=policy)
    if as_json:
        out.row(view.to_json())
        return
    for line in view.lines():
        out.line(line)


def status(project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """Freshness, sizes, quarantine, deliveries."""
    from townsend.project.project import Project
    from townsend.project.status import status_of

    out = Output(as_json)
    with Project(project) as opened:
        found = status_of(opened, opened.clock.now())
    if as_json:
        out.row(found)
    else:
        _show_status(out, found)
    if found["alarms"]:
        raise typer.Exit(3)


def _show_status(out: Output, found: dict[str, Any]) -> None:
    out.line(f"{found['name']} in {found['folder']}")
    out.table(
        ["class", "rows", "entities"], [[r["class"], r["rows"], r["entities"]] for r in found["classes"]]
    )
    _show_streams(out, found["streams"])
    out.table(
        ["audience", "members", "destination", "confirmed", "waiting", "refused"],
        [
            [r["audience"], r["members"], r["destination"], r["confirmed"], r["waiting"], r["refused"]]
            for r in found["deliveries"]
        ],
    )
    if found["matches"]:
        states = ("review", "accepted", "confirmed", "rejected")
        out.table(
            ["matches", *states],
            [[kind, *(said.get(one, 0) for one in states)] for kind, said in found["matches"].items()],
        )
    out.line(f"quarantine: {found['quarantine']:,} rows; files taken: {found['files']:,}")
    for note in found["notes"]:
        out.note(f"note: {note}")
    for alarm in found["alarms"]:
        out.note(f"alarm: {alarm}")


def _show_streams(out: Output, streams: list[dict[str, Any]]) -> None:
    """How fresh each stream is; lags as spans, since nobody likes to subtract instants."""
    from townsend.project.meter import span_text

    out.table(
        ["source", "stream", "read", "lag", "rows", "new", "deleted", "waiting", "calls", "took", "next", ""],
        [
            [
                r["source"],
                r["stream"],
                r["ended"] and f"{r['ended']:%m-%d %H:%M}",
                None if r["lag_s"] is None else span_text(r["lag_s"]),
                r["rows"],
                r["new"],
                r["deleted"],
                r["waiting"],
                r["calls"],
                None if r["seconds"] is None else span_text(r["seconds"]),
                r["next"] and f"{r['next']:%m-%d %H:%M}",
                (r["problem"] or {}).get("code") or ("alarm" if r["alarm"] else ""),
            ]
            for r in streams
        ],
    )
    # Each stream knows what was used when it ended; the last one's figure is the present one.
    told = sorted((r for r in streams if r["most"] and r["ended"]), key=lambda r: r["ended"])
    for source, last in sorted({r["source"]: r for r in told}.items()):
        out.line(f"{source}: {last['used']:,} of {last['most']:,} calls of the day used")


def doctor(project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """Check the store, the settings and that both evaluators agree on your data."""
    from townsend.project.doctor import examine
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened, out.progress("Examining …") as update:
        findings = examine(opened, update)
    if as_json:
        out.rows(finding.to_json() for finding in findings)
    else:
        out.table(["", "check", "finding"], [[f.mark, f.check, f.text] for f in findings])
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)
