"""How a file is read, as far as its source says so and not the file itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["AS_IT_IS", "Reading"]


@dataclass(frozen=True)
class Reading:
    """What is said of a file.

    Args:
        encoding: its encoding, by a name that Python knows; None if it is to be found.
        delimiter: what parts the cells of a CSV file; None if it is to be found.
        make: a row as it stands in the file, nested, to rows of the class; None if it is one already.
        name: what messages call the file; None for its path.
        rows: how many rows it must have; None if nobody says.
    """

    encoding: str | None = None
    delimiter: str | None = None
    make: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]] | None = None
    name: str | None = None
    rows: int | None = None


AS_IT_IS = Reading()
