"""What a command shows: tables and words for people, JSON lines for machines.

Answers go to stdout, everything else (notes, progress, problems) to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Output"]


class Output:
    """Where a command's words go."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def row(self, value: Mapping[str, Any]) -> None:
        """One JSON object on a line of its own, on stdout."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")

    def rows(self, values: Iterable[Mapping[str, Any]]) -> None:
        """One JSON line each."""
        for value in values:
            self.row(value)

    def line(self, text: str = "", style: str | None = None) -> None:
        """A line for people, on stdout; nothing with ``--json``."""
        if not self.as_json:
            self.console().print(text, style=style, highlight=False, markup=False)

    def note(self, text: str) -> None:
        """A remark beside the answer, on stderr."""
        sys.stderr.write(text + "\n")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
        """A table that fits the terminal; numbers to the right. Nothing with ``--json``."""
        if self.as_json:
            return
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
        cells = [list(row) for row in rows]
        for at, column in enumerate(columns):
            numeric = bool(cells) and all(isinstance(row[at], int | float | Decimal | None) for row in cells)
            table.add_column(column, justify="right" if numeric else "left", overflow="fold")
        for row in cells:
            table.add_row(*(Text(_cell(value)) for value in row))
        self.console().print(table)

    def console(self) -> Console:
        """Rich's console on stdout: plain when it is not a terminal."""
        from rich.console import Console

        return Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 160)

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that long work goes on: a spinner on a terminal, else nothing. Yields a way to update it."""
        if self.as_json or not sys.stderr.isatty():
            yield lambda _: None
            return
        from rich.console import Console

        with Console(stderr=True).status(text) as status:
            yield lambda newer: status.update(newer)


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


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form")
