"""What a command shows: tables and words for people, JSON lines for machines.

Answers go to stdout, everything else (notes, progress, problems) to stderr.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from townsend.project.plain import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

__all__ = ["Output"]

PIPED = 160  # columns where there is no terminal
WORD = 24  # a column keeps words up to this length whole, longer ones may be broken


class Output:
    """Where a command's words go."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._spinner: Status | None = None

    def row(self, value: Mapping[str, Any], indent: int | None = None) -> None:
        """One JSON object on stdout, on a line of its own if it is not indented."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, default=plain, indent=indent) + "\n")

    def rows(self, values: Iterable[Mapping[str, Any]]) -> None:
        """One JSON line each."""
        for value in values:
            self.row(value)

    def line(self, text: str = "", style: str | None = None) -> None:
        """A line for people, on stdout; nothing with ``--json``."""
        if not self.as_json:
            console = self.console()
            shown = _fitting(text, console.width) if sys.stdout.isatty() else text
            with self._undisturbed():
                console.print(shown, style=style, highlight=False, markup=False)

    def note(self, text: str) -> None:
        """A remark beside the answer, on stderr."""
        width = _columns()
        with self._undisturbed():
            sys.stderr.write((_fitting(text, width) if sys.stderr.isatty() else text) + "\n")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
        """A table that fits the terminal; numbers to the right. Nothing with ``--json``."""
        if self.as_json:
            return
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
        cells = [list(row) for row in rows]
        numeric = [
            bool(cells) and all(isinstance(row[at], int | float | Decimal | None) for row in cells)
            for at in range(len(columns))
        ]
        whole = [
            max([_longest(name), *(_longest(_cell(row[at])) for row in cells)])
            for at, name in enumerate(columns)
        ]
        fits = sum(whole) + 2 * len(whole) <= self.console().width
        for at, column in enumerate(columns):
            table.add_column(
                column,
                justify="right" if numeric[at] else "left",
                overflow="fold",
                min_width=whole[at] if fits else None,
            )
        for row in cells:
            table.add_row(*(Text(_cell(value)) for value in row))
        with self._undisturbed():
            self.console().print(table)

    def console(self) -> Console:
        """Rich's console on stdout: plain when it is not a terminal."""
        from rich.console import Console

        terminal = sys.stdout.isatty()
        return Console(file=sys.stdout, soft_wrap=not terminal, width=_columns() if terminal else PIPED)

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that long work goes on: a spinner on a terminal, else nothing. Yields a way to update it."""
        # What a command says through a server has no cursor to move, and gets none.
        if self.as_json or not sys.stderr.isatty() or hasattr(sys.stderr, "columns"):
            yield lambda _: None
            return
        from rich.console import Console

        with Console(stderr=True).status(text) as self._spinner:
            spinner = self._spinner
            try:
                yield lambda newer: spinner.update(newer)
            finally:
                self._spinner = None

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """The spinner is gone from its line while something is written there."""
        if self._spinner is None:
            yield
            return
        self._spinner.stop()
        try:
            yield
        finally:
            self._spinner.start()


def _columns() -> int:
    """The width of the terminal: that of whoever asked, where a server answers."""
    asked = getattr(sys.stdout, "columns", None)
    return asked if isinstance(asked, int) else shutil.get_terminal_size().columns


def _longest(text: str) -> int:
    """The length of the longest word that is not too long to be kept whole."""
    return max((len(word) for word in text.split() if len(word) <= WORD), default=0)


def _fitting(text: str, width: int) -> str:
    """Lines no longer than that; what follows in the next line stands a little further in than its first."""
    lines = []
    for line in text.split("\n"):
        if len(line) <= width:
            lines.append(line)
            continue
        indent = line[: len(line) - len(line.lstrip())]
        hanging = indent + ("    " if indent else "  ")
        body = textwrap.TextWrapper(
            width, initial_indent=indent, subsequent_indent=hanging, break_on_hyphens=False
        )
        lines += body.wrap(line.strip())
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)
