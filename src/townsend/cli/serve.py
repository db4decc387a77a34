"""The server: it owns the project's store until it is stopped, and everything else works through it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townsend.cli.options import AsJson, ProjectFolder
from townsend.cli.output import Output
from townsend.problem import Invalid, Unavailable

if TYPE_CHECKING:
    import uvicorn

    from townsend.api.feed import Bell
    from townsend.api.raw import ASGI
    from townsend.project.project import Project
    from townsend.project.serving.owner import Owner

__all__ = ["register"]

PARTS = ("pulls", "deliveries", "live", "self-check")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PORT = 8420
LOOK_S = 0.2
STOP_S = 60.0  # a delivery or pull in flight may take so long to end


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")] = PORT,
    without: Annotated[
        str, typer.Option("--without", metavar="PARTS", help=f"Parts to leave out: {', '.join(PARTS)}.")
    ] = "",
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Serve the project: HTTP, live audiences, pulls and deliveries, until stopped."""
    from townsend.project.project import Project
    from townsend.project.serving.lockfile import serving_of

    left_out = _parts(without)
    if host not in LOOPBACK:
        raise Invalid(
            "serve.open",
            f"--host {host}: the server asks for no token, so it listens on this machine only; "
            "put a proxy that asks who is there in front of it",
        )
    opened = Project(project)
    running = serving_of(project)
    if running is not None and running.pid != os.getpid():
        raise Unavailable(
            "serve.running",
            f"{project.resolve()} is served by process {running.pid} at {running.address} already",
            address=running.address,
            pid=running.pid,
        )
    _log_to_stderr(as_json)
    try:
        # Takes the file, or says who has it.
        _ = opened.facts
        _serve(opened, Output(as_json), host, port, left_out)
    finally:
        opened.close()


def _serve(opened: Project, out: Output, host: str, port: int, left_out: set[str]) -> None:
    from townsend.api.app import app_of
    from townsend.api.feed import Bell
    from townsend.api.inlets import inlets_app
    from townsend.cli.main import main
    from townsend.cli.served import executing, installed
    from townsend.project.accepting import Acceptance
    from townsend.project.serving.background import Deliveries, Pulls
    from townsend.project.serving.lockfile import Serving, forget_serving, note_serving
    from townsend.project.serving.owner import Owner

    bell = Bell()
    acceptance = Acceptance(opened)
    owner = Owner(opened, acceptance, live="live" not in left_out, self_check="self-check" not in left_out)
    acceptance.on_durable = owner.wake
    owner.moved.append(bell.ring)
    background: list[Any] = [] if "pulls" in left_out else [Pulls(owner)]
    background += [] if "deliveries" in left_out else [Deliveries(owner)]
    listening = _listening(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    token = secrets.token_urlsafe(32)
    hosts = frozenset({host, "127.0.0.1", "localhost", "::1"})
    app = app_of(owner, bell, executing(owner, main), token=token, hosts=hosts, inlets=inlets_app(acceptance))
    server = _server(app)
    with installed(), _stopped_by_signals(server, bell):
        owner.start()
        try:
            if not _became_ready(owner, server):
                return
            for one in background:
                one.start()
            note_serving(opened.folder, Serving(address, token, os.getpid(), str(Path.cwd())))
            if out.as_json:
                out.row({"address": address, "pid": os.getpid()})
            else:
                out.line(f"{opened.settings.name} is served at {address}; Ctrl-C stops it")
            sys.stdout.flush()
            server.run(sockets=[listening])
        finally:
            forget_serving(opened.folder)
            for one in background:
                one.stop(STOP_S)
            owner.stop()
            acceptance.close()


def _became_ready(owner: Owner, server: uvicorn.Server) -> bool:
    """Wait for the owner's first step, or for somebody to stop a server that cannot make one."""
    while not owner.ready.wait(LOOK_S):
        if server.should_exit:
            return False
    return True


def _server(app: ASGI) -> uvicorn.Server:
    """Uvicorn, its signals left to us."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            # Signals are ours: after the last answer the store is still to be brought to rest.
            yield

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        loop="uvloop",
        http="httptools",
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    return Server(config)


@contextlib.contextmanager
def _stopped_by_signals(server: uvicorn.Server, bell: Bell) -> Iterator[None]:
    """Ctrl-C and SIGTERM stop the server and let what was begun end; a second one does not wait for that."""

    def stop(sig: int, _: Any) -> None:
        if server.should_exit:
            # Nothing that was accepted is lost by it.
            os._exit(128 + sig)
        server.should_exit = True
        bell.close()

    kept = {sig: signal.signal(sig, stop) for sig in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for sig, handler in kept.items():
            signal.signal(sig, handler)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise Unavailable(
            "serve.address",
            f"{host}:{port} cannot be listened on: {error.strerror}; name another one with --port, "
            "or 0 for any",
        ) from None
    return found


def _parts(text: str) -> set[str]:
    found = {one.strip() for one in text.split(",") if one.strip()}
    if unknown := sorted(found - set(PARTS)):
        raise Invalid("option.parts", f"--without: {', '.join(unknown)}: the parts are {', '.join(PARTS)}")
    return found


class _Lines(logging.Formatter):
    """One line a record: JSON for machines; else time, level, words and facts."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        usual = logging.LogRecord("", 0, "", 0, "", None, None).__dict__
        usual |= {"message": "", "color_message": ""}
        facts = {name: value for name, value in record.__dict__.items() if name not in usual}
        at = self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")
        text = record.getMessage()
        trace = self.formatException(record.exc_info) if record.exc_info else None
        if self._as_json:
            row = {"at": at, "level": record.levelname.lower(), "text": text, **facts}
            return json.dumps(row | ({"trace": trace} if trace else {}), ensure_ascii=False, default=str)
        said = " ".join(f"{name}={value}" for name, value in facts.items())
        return f"{at} {record.levelname.lower()} {text} {said}".rstrip() + (f"\n{trace}" if trace else "")


def _log_to_stderr(as_json: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for quiet in ("httpx", "uvicorn.error", "httpcore"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
