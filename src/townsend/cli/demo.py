"""``townsend demo``: the story end to end, on the real parts, verified at every step.

The rehearsal servers, the connectors and their pacing share one accelerated clock, so every limit and wait
of the vendors is kept in the vendors' time. Nothing is printed as done that was not read back.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townsend.activation.destinations import open_destination
from townsend.activation.destinations.linkedin import hashed_email
from townsend.audiences.evaluate import sizes
from townsend.cli.deliveries import show_deliveries
from townsend.cli.demo_project import AUDIENCE, write_project
from townsend.clock import SystemClock
from townsend.problem import Invalid
from townsend.project.deliveries import deliver_answers, plan_answers
from townsend.project.folder import STORE
from townsend.project.project import Project
from townsend.project.pull import failures, pull_sources
from townsend.project.rehearsing import Rehearsal, serving
from townsend.project.run import RunReport, evaluate_audiences
from townsend.rehearsal import master_data_csv

if TYPE_CHECKING:
    from townsend.cli.output import Output
    from townsend.rehearsal import Server
    from townsend.store.state_ledger import LedgerRow

__all__ = ["tell"]

FACTOR = 240.0
PEOPLE = 3_000
WANTED = ["p2@townsend.com"]
_MILLISECOND = timedelta(milliseconds=1)


@dataclass
class Story:
    """What the demonstration has at hand, and what it has verified so far."""

    out: Output
    project: Project
    servers: dict[str, Server]
    now: datetime
    update: Any
    checks: list[tuple[str, bool, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def verify(self, claim: str, expected: Any, found: Any) -> None:
        """Note whether a claim held."""
        held = expected == found
        self.checks.append((claim, held, _said(found) if held else f"{_said(found)}, not {_said(expected)}"))


def tell(keep: Path | None, seed: int, out: Output) -> int:
    """Tell the story; 0 only if everything was verified.

    Args:
        keep: leave the project there, in a new or empty folder.
    """
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise Invalid("project.exists", f"{keep} is not an empty folder; name a new one")
    folder = keep or Path(tempfile.mkdtemp(prefix="townsend-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = SystemClock().now()
    rehearsal = Rehearsal(seed, PEOPLE, began, FACTOR)
    try:
        with ExitStack() as stack:
            update = stack.enter_context(
                out.progress("Starting Marketo 1 and 2, Salesforce 1 and 2, LinkedIn …")
            )
            clock, servers, variables = stack.enter_context(serving(rehearsal, folder, began))
            write_project(
                folder,
                servers,
                master_data_csv(seed=seed, size=PEOPLE, anchor=began),
                rehearsal.to_settings(),
            )
            project = stack.enter_context(Project(folder, clock))
            project.variables = variables
            story = Story(out, project, {server.name: server for server in servers}, began, update)
            for chapter in (_pull, _ask, _company, _explain, _deliver, _read_back):
                chapter(story)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return _end(story, keep, (SystemClock().now() - began).total_seconds())


def _pull(story: Story) -> None:
    out = story.out
    out.line(f"Five rehearsal servers on this machine; their time runs {FACTOR:,.0f} times as fast as yours.")
    streams = pull_sources(story.project, [], progress=story.update)
    for problem in failures(streams):
        raise problem
    by_source: dict[str, dict[str, int]] = {}
    for stream in streams:
        counts = by_source.setdefault(stream.source, {})
        counts[stream.cls] = counts.get(stream.cls, 0) + stream.accepted.rows
    out.line()
    out.line("1  Pulled through the connectors, over HTTP, with tokens, pages and limits", "bold")
    classes = ["person", "account", "opportunity", "event", "account_xref"]
    out.table(
        ["source", *classes, "others"],
        [_counts_row(name, counts, classes) for name, counts in by_source.items()],
    )
    quarantined = sum(stream.accepted.quarantined for stream in streams)
    story.facts["rows"] = by_source
    story.now = story.project.clock.now()
    story.verify("every row was taken", 0, quarantined)


def _counts_row(name: str, counts: dict[str, int], classes: list[str]) -> list[Any]:
    others = sum(count for cls, count in counts.items() if cls not in classes)
    return [name, *(counts.get(cls, 0) or None for cls in classes), others or None]


def _ask(story: Story) -> None:
    story.update("Unifying and evaluating …")
    project, out = story.project, story.out
    audience = project.audience(AUDIENCE)
    unified = project.unified(story.now)
    report = RunReport()
    answers = evaluate_audiences(project, story.now, report, story.update)
    definition = project.resolve(audience.pql or "", audience.of, strict=True).definition
    out.line()
    out.line("2  Who belongs to accounts that together bought for over a million,", "bold")
    out.line("   and visited the new product page in the last month?", "bold")
    rows = [[" ".join(one.text.split()), one.size] for one in sizes(definition, unified)]
    out.table(["condition", "people"], rows)
    members = sorted(
        value for row in answers[AUDIENCE].rows() for value in row["identities"].get("Email", [])
    )
    out.line(f"   → {', '.join(members) or 'nobody'}")
    story.facts["sizes"] = [{"condition": text, "size": size} for text, size in rows]
    story.facts["members"] = members
    story.verify("the audience is p2 and nobody else", WANTED, members)


def _company(story: Story) -> None:
    project, out = story.project, story.out
    out.line()
    out.line("3  Townsend, as one company", "bold")
    accounts = project.ask('accountName.startsWith("Townsend")', "account", now=story.now)
    story.verify("two accounts are one company", 1, len(accounts.ids))
    people = project.ask('accounts.exists(accountName.startsWith("Townsend"))', now=story.now)
    emails = sorted(value for row in people.rows() for value in row["identities"].get("Email", []))
    deals = project.ask('account.accountName.startsWith("Townsend") and isWon', "opportunity", now=story.now)
    rows = []
    for row in deals.rows():
        (key, *_) = row["identities"]["b2b_opportunity"]
        shown = project.show("opportunity", f"b2b_opportunity:{key}", now=story.now).value
        rows.append(
            [
                shown("opportunityName"),
                ", ".join(row["identities"]["b2b_opportunity"]),
                shown("opportunityAmount.amount"),
            ]
        )
    keys = [key for row in accounts.rows() for key in row["identities"]["b2b_account"]]
    out.line(f"   known as   {', '.join(keys)}")
    out.line(f"   people     {', '.join(emails)}")
    out.table(
        ["   opportunity", "key", "won, USD"],
        [[f"   {name}", key, f"{amount:>9,.0f}"] for name, key, amount in rows],
    )
    total = sum(amount for _, _, amount in rows)
    out.line(f"   together   {total:,.0f} USD")
    story.facts["company"] = {"keys": keys, "people": emails, "won": float(total)}
    story.verify("its people are p1, p2 and p3", [f"p{n}@townsend.com" for n in (1, 2, 3)], emails)
    story.verify("its won opportunities add up to 1,100,000", 1_100_000, total)


def _explain(story: Story) -> None:
    out = story.out
    out.line()
    out.line("4  Why p2, why not p1, and until when", "bold")
    inside = story.project.explain(AUDIENCE, "p2@townsend.com", now=story.now)
    outside = story.project.explain(AUDIENCE, "p1@townsend.com", now=story.now)
    for explanation in (inside, outside):
        for line in explanation.lines():
            out.line(f"   {line}")
        out.line()
    story.facts["explanations"] = {"p2": inside.to_json(), "p1": outside.to_json()}
    story.verify("p2 is in", True, inside.holds)
    story.verify("p1 is not", False, outside.holds)
    leaves = inside.changes_at
    story.verify("it is known when p2 leaves", True, leaves is not None)
    if leaves is not None:
        before = story.project.members(AUDIENCE, now=leaves - _MILLISECOND).ids
        after = story.project.members(AUDIENCE, now=leaves).ids
        story.verify("p2 is in until that instant and not after", (1, 0), (len(before), len(after)))


def _deliver(story: Story) -> None:
    project, out = story.project, story.out
    answers = {AUDIENCE: project.members(AUDIENCE, now=story.now)}
    story.update("Planning deliveries …")
    plans = plan_answers(project, answers, story.now)
    calls = sum(plan.forecast.calls for plan in plans)
    out.line(f"5  Delivered: {len(plans)} destinations, {calls} calls foreseen", "bold")
    deliveries = deliver_answers(project, answers, story.now, progress=story.update)
    show_deliveries(out, deliveries)
    story.facts["deliveries"] = [one.to_json() for one in deliveries]
    story.verify("nothing was refused", 0, sum(one.refused for one in deliveries))


def _read_back(story: Story) -> None:
    """Compare what we believe with what Marketo answers, and with what lies in the servers."""
    story.update("Reading back …")
    project, ledger = story.project, story.project.state.ledger
    target = project.state.targets.get("marketo_1_list", AUDIENCE)
    with closing(
        open_destination(
            "marketo_1_list", project.connection("destinations", "marketo_1_list"), project.clock
        )
    ) as marketo:
        leads = sorted(marketo.read_back(target)) if target is not None else []
    confirmed = _confirmed(ledger.of("marketo_1_list", AUDIENCE))
    story.verify("the list read back from Marketo is what the ledger says", confirmed, leads)
    story.verify("the Marketo list holds p2", WANTED, story.servers["marketo_1"].list_emails(AUDIENCE))
    hashes = story.servers["linkedin"].segment_hashes(AUDIENCE)
    confirmed = _confirmed(ledger.of("linkedin", AUDIENCE))
    story.verify("LinkedIn received what the ledger says", confirmed, hashes)
    story.verify("which is p2's hash and nothing else", [hashed_email(one) for one in WANTED], hashes)


def _confirmed(rows: Mapping[str, LedgerRow]) -> list[str]:
    return sorted(identifier for identifier, row in rows.items() if row.confirmed)


def _end(story: Story, keep: Path | None, seconds: float) -> int:
    out = story.out
    right = all(held for _, held, _ in story.checks)
    if out.as_json:
        checks = [{"claim": claim, "held": held, "found": found} for claim, held, found in story.checks]
        out.row(
            {
                **story.facts,
                "checks": checks,
                "verified": right,
                "seconds": seconds,
                "project": str(keep) if keep else None,
            }
        )
        return 0 if right else 1
    out.line()
    out.table(
        ["", "verified", "found"],
        [["✓" if held else "✗", claim, found] for claim, held, found in story.checks],
    )
    out.line()
    out.line(
        f"{'Everything' if right else 'NOT everything'} was verified, in {seconds:.1f} s.",
        "bold green" if right else "bold red",
    )
    if keep is None:
        out.line("Go on with it:  townsend demo --keep bodea   then   cd bodea")
    else:
        out.line(f"The project lies in {keep} (store in {keep / STORE}). Try:  cd {keep}")
        out.line("  townsend run")
        out.line(f"  townsend audience explain {AUDIENCE} p3@townsend.com")
        out.line("  townsend query 'accounts.opportunities.count() > 1' --count")
        out.line("  townsend show person p2@townsend.com")
    return 0 if right else 1


def _said(value: Any) -> str:
    """A value as the table shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value)) or "nobody"
    if isinstance(value, int | Decimal):
        return f"{value:,.0f}"
    return str(value)
