"""A running rehearsal server: its address, its credentials, a look inside, and its end."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from townsend.problem import Invalid, Unavailable
from townsend.rehearsal.edge import Edge

__all__ = ["Server", "json_line", "serve"]

READY_S_MAX = 10.0
STOP_S_MAX = 5.0
GRACE_S_MAX = 0.5


@dataclass
class Server:
    """One vendor instance on this machine.

    Args:
        vendor: ``marketo``, ``salesforce`` or ``linkedin``.
        name: ``marketo_1``, ``crm_1``, … ``linkedin``; also the instance's name in the master data.
        extra: what else a connection needs, by setting name: ``munchkin_id`` and ``folder``; ``org_id``,
            ``username`` and ``refresh_token``; ``refresh_token``, ``account`` and ``source_platform``.
        state: the instance from inside, for tests and demonstrations.
    """

    vendor: str
    name: str
    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    state: Any = field(default=None, repr=False)
    edge: Edge | None = field(default=None, repr=False)
    running: _Running | None = field(default=None, repr=False)

    def stop(self) -> None:
        """Close the port and end the thread; stopping twice is stopping once."""
        if self.running is not None:
            self.running.stop()
            self.running = None

    def list_emails(self, name: str) -> list[str]:
        """E-mail addresses of the members of a Marketo static list, sorted; Invalid if there is none."""
        if self.vendor != "marketo":
            raise Invalid(
                "rehearsal.no_lists", f"{self.name}: {self.vendor} has no static lists", server=self.name
            )
        found: list[str] = self.state.list_emails(name)
        return found

    def segment_hashes(self, name: str) -> list[str]:
        """SHA-256 of the e-mails in a LinkedIn segment, sorted; by the segment's name or sourceSegmentId."""
        if self.vendor != "linkedin":
            raise Invalid(
                "rehearsal.no_segments", f"{self.name}: {self.vendor} has no segments", server=self.name
            )
        found: list[str] = self.state.segment_hashes(name)
        return found


def json_line(server: Server) -> dict[str, str]:
    """What ``townsend rehearse`` prints of a server: vendor, name, address, credentials, extras.

    An org's line also has the ``private_key`` (PEM) that signs in as ``username``.
    """
    # A key takes a moment to make, so nobody has one who does not ask.
    key = {"private_key": server.state.private_key} if server.vendor == "salesforce" else {}
    return {
        "vendor": server.vendor,
        "name": server.name,
        "base_url": server.base_url,
        "client_id": server.client_id,
        "client_secret": server.client_secret,
        **server.extra,
        **key,
    }


class _Uvicorn(uvicorn.Server):
    """A server that ends at once when told, where the original looks ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._leaving.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for port in sockets or []:
            port.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(GRACE_S_MAX):
                while self.server_state.connections or self.server_state.tasks:
                    await asyncio.sleep(0.002)
        except TimeoutError:
            for task in list(self.server_state.tasks):
                task.cancel()

    def leave(self) -> None:
        """End from another thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leaving.set)


class _Running:
    def __init__(self, server: _Uvicorn, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread

    def stop(self) -> None:
        self._server.leave()
        self._thread.join(STOP_S_MAX)


def open_port() -> tuple[socket.socket, str]:
    """A free loopback port, already taken, and its base URL."""
    # Said to be TCP, it sends small answers at once; else each waits 40 ms for the acknowledgement before.
    port = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port.bind(("127.0.0.1", 0))
    return port, f"http://127.0.0.1:{port.getsockname()[1]}"


def _quiet(record: logging.LogRecord) -> bool:
    # A dropped connection is meant here; other servers of this process keep their say.
    return not (record.threadName or "").startswith("rehearsal-")


def serve(edge: Edge, port: socket.socket, name: str) -> _Running:
    """Answer calls on a port in a thread of its own; returns when ready."""
    config = uvicorn.Config(
        edge, loop="asyncio", http="h11", ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, date_header=False,
    )  # fmt: skip
    logging.getLogger("uvicorn.error").addFilter(_quiet)
    server = _Uvicorn(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[port])), name=f"rehearsal-{name}", daemon=True
    )
    thread.start()
    if not server.ready.wait(READY_S_MAX):
        raise Unavailable(
            "rehearsal.start", f"{name}: the rehearsal server did not start in {READY_S_MAX:.0f} s"
        )
    return _Running(server, thread)
