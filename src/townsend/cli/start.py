"""Getting started: the demonstration, a new project, the vendors' rehearsal servers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townsend.cli.options import AsJson
from townsend.cli.output import Output

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(demo)
    app.command()(init)
    app.command()(rehearse)


def demo(
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="Leave the project in this folder to go on with.", metavar="DIR"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another believable background.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Tell the story end to end against rehearsal servers of Marketo, Salesforce and LinkedIn."""
    from townsend.cli.demo import tell

    raise typer.Exit(tell(keep, seed, Output(as_json)))


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    example: Annotated[str | None, typer.Option("--example", help="Copy an example: bodea.")] = None,
    project: Annotated[Path | None, typer.Option("--project", "-p", hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Make a project folder: townsend.yaml, audiences/*.yaml, schema/*.yaml."""
    from townsend.clock import SystemClock
    from townsend.project.folder import create

    out = Output(as_json)
    target = folder if project is None else project / folder
    written = create(target, example, SystemClock().now())
    if as_json:
        out.row({"folder": str(target.resolve()), "files": [path.as_posix() for path in written]})
        return
    out.line(f"Made a project in {target}: {len(written)} files.")
    if example:
        out.line(f"Next:  cd {target} && townsend run && townsend audience members high-value-visitors")
    else:
        out.line(
            f"Next:  cd {target} && townsend load person PEOPLE.ndjson && townsend audience members first"
        )


def rehearse(
    vendors: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VENDOR]...", help="marketo, salesforce, linkedin; all if none."),
    ] = None,
    size: Annotated[int, typer.Option("--size", help="People in the generated company.", min=0)] = 3_000,
    seed: Annotated[int, typer.Option("--seed", help="Another generated company.")] = 7,
    chaos: Annotated[
        int | None, typer.Option("--chaos", help="Seeded faults in the servers' answers.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the vendors' interfaces on this machine, with their real limits, until stopped."""
    from townsend.clock import SystemClock
    from townsend.rehearsal import VENDORS, json_line, start

    out = Output(as_json)
    servers = start(vendors or list(VENDORS), clock=SystemClock(), seed=seed, size=size, chaos=chaos)
    try:
        for server in servers:
            if as_json:
                out.row(json_line(server))
            else:
                out.line(
                    f"{server.name:<10} {server.vendor:<11} {server.base_url}   client_id {server.client_id}"
                )
        if not as_json:
            out.line("Ready. Stop with Ctrl-C.")
        _wait()
    except KeyboardInterrupt:
        out.note("stopped")
    finally:
        for server in servers:
            server.stop()


def _wait() -> None:
    import signal
    import sys
    import threading

    sys.stdout.flush()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
