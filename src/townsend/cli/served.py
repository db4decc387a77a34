"""Commands that a server runs for others: each in a thread, its words going back to whoever asked.

What reads the project sees one moment of the store; what changes it uses a connection of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from townsend.api.command import Call, Said
from townsend.problem import Invalid, Problem
from townsend.store.facts_turns import LENDER

if TYPE_CHECKING:
    from townsend.project.serving.owner import Owner
    from townsend.store.facts import Facts

__all__ = ["executing", "installed"]

# Commands that write facts, and of these the ones that nobody may write beside.
CHANGING = {"load", "sync", "run", "apply", "activate", "erase", "match", "quarantine"}
ALONE = {"apply", "erase", "match"}
LOOKING = {("match", "ls"), ("quarantine", "ls"), ("quarantine", "show")}
LOOKING_OPTIONS = {"--plan", "--dry-run", "--preview", "--check"}

_CLONE_FS = 0x200  # of Linux' unshare: the folder a thread is in becomes its own


class _Told(io.TextIOBase):
    """A stream whose words go to whoever asked."""

    def __init__(self, name: str, said: Said, columns: int) -> None:
        self._name = name
        self._said = said
        self.columns = columns

    encoding = "utf-8"

    def write(self, text: str) -> int:
        if text:
            self._said(self._name, text)
        return len(text)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self.columns > 0


_streams: ContextVar[tuple[_Told, _Told] | None] = ContextVar("townsend_streams", default=None)


class _Directed:
    """Stands where the process's stream stood: a command's words go where they belong."""

    def __init__(self, at: int, own: TextIO) -> None:
        self._at = at
        self._own = own

    def __getattr__(self, name: str) -> Any:
        streams = _streams.get()
        return getattr(self._own if streams is None else streams[self._at], name)


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Inside, the words of commands go back to whoever asked; all others as before."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast(TextIO, _Directed(0, out)), cast(TextIO, _Directed(1, err))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


def executing(owner: Owner, main: Callable[[list[str]], int]) -> Callable[[Call, Said, threading.Event], int]:
    """How a server runs a command.

    Args:
        main: the command line; exit code.
    """

    def execute(call: Call, said: Said, gone: threading.Event) -> int:
        _streams.set((_Told("out", said, call.columns), _Told("err", said, call.err_columns)))
        try:
            _go_to(call.cwd)
            with _store(owner, call.words, gone):
                return main(call.words)
        except Problem as problem:
            said("err", f"townsend: {problem.text}  [{problem.code}]\n")
            return problem.exit_code
        except BrokenPipeError:
            return 1
        except Exception as error:  # noqa: BLE001 - the server goes on, whoever asked is told
            said("err", f"townsend: the command failed: {type(error).__name__}: {error}\n")
            return 1
        finally:
            owner.wake()

    return execute


@contextlib.contextmanager
def _store(owner: Owner, words: list[str], gone: threading.Event) -> Iterator[None]:
    """How the command reaches the store; its reading ends when nobody listens any more."""
    changing = words[0] in CHANGING and tuple(words[:2]) not in LOOKING and not LOOKING_OPTIONS & set(words)
    if changing:
        alone = words[0] in ALONE
        with owner.turn() if alone else contextlib.nullcontext():
            yield
        return
    with owner.readers.lent() as facts:
        token = LENDER.set(lambda: facts)
        ended = threading.Event()
        watch = threading.Thread(target=_interrupt, args=(facts, gone, ended), daemon=True)
        watch.start()
        try:
            yield
        finally:
            LENDER.reset(token)
            ended.set()
            watch.join()


def _interrupt(facts: Facts, gone: threading.Event, ended: threading.Event) -> None:
    while not ended.wait(0.5):
        if gone.is_set():
            facts.con.interrupt()


def _go_to(cwd: str) -> None:
    """Be in the folder that the command is asked from; other threads stay where they are.

    Raises:
        Invalid: ``serve.folder`` where the system has no folder for a thread alone.
    """
    if Path(cwd) == Path.cwd():
        return
    try:
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        if unshare(_CLONE_FS) == 0:
            os.chdir(cwd)
            return
    except (AttributeError, OSError):
        pass
    raise Invalid(
        "serve.folder",
        f"the project's server can run commands only from the folder it was started in, {Path.cwd()}; "
        "go there",
        cwd=str(Path.cwd()),
    )
