"""What our functions are called in SQL: those of each connection by names of their own.

DuckDB keeps functions by the file, not by the connection, and several connections of a process may read rows
into the same file.
"""

from __future__ import annotations

import itertools
import weakref
from contextvars import ContextVar

from townsend.store.facts import Facts

__all__ = ["function", "own_functions"]

_count = itertools.count(1)
_numbers: weakref.WeakKeyDictionary[Facts, int] = weakref.WeakKeyDictionary()
_connection: ContextVar[int] = ContextVar("townsend_connection", default=0)


def own_functions(facts: Facts) -> None:
    """From now on this thread means the functions of that connection."""
    _connection.set(_numbers.setdefault(facts, next(_count)))


def function(name: str) -> str:
    """What a function is called in SQL."""
    return f"townsend_{name}_{_connection.get()}"
