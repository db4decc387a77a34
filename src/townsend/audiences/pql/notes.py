"""What a text has besides its tree."""

from __future__ import annotations

from typing import NamedTuple

from townsend.audiences.core import Span

__all__ = ["Comment", "Remark"]


class Comment(NamedTuple):
    """What a comment says, without its marks, and where it begins."""

    text: str
    at: int


class Remark(NamedTuple):
    """Something about the spelling, and where."""

    text: str
    at: Span
