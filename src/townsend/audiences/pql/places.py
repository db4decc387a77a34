"""Line, column and a caret for a problem somewhere in a definition."""

from __future__ import annotations

from typing import Any

from townsend.problem import Invalid

__all__ = ["at_place", "line_and_column", "said_at"]

SHOWN = 100  # characters of a long line around the caret


def line_and_column(text: str, at: int) -> tuple[int, int]:
    """Both from 1."""
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def said_at(message: str, text: str, at: int) -> str:
    """A message behind its place."""
    line, column = line_and_column(text, at)
    return f"line {line}, column {column}: {message}"


def at_place(code: str, message: str, text: str, at: int, **facts: Any) -> Invalid:
    """The problem with its place: the message, the line it is about, and a caret below it."""
    line, column = line_and_column(text, at)
    lines = text.split("\n")
    shown = lines[line - 1] if lines else ""
    start = max(0, column - 1 - SHOWN // 2)
    part = shown[start : start + SHOWN].replace("\t", " ")
    caret = " " * (column - 1 - start) + "^"
    return Invalid(
        code,
        f"{said_at(message, text, at)}\n  {part}\n  {caret}",
        line=line,
        column=column,
        **facts,
    )
