"""What evaluators need of the unified world that they read."""

from __future__ import annotations

from typing import Protocol

import duckdb
import numpy as np
import numpy.typing as npt

from townsend.model import Schema

__all__ = ["UnifiedTables"]


class UnifiedTables(Protocol):
    """What is needed of ``townsend.profiles.Unified``."""

    @property
    def con(self) -> duckdb.DuckDBPyConnection: ...

    @property
    def schema(self) -> Schema: ...

    @property
    def name(self) -> str:
        """Prefix of the unified tables, quoted."""
        ...

    @property
    def now_ms(self) -> int: ...

    @property
    def policy(self) -> str | None:
        """The named merge policy that the tables were made under; None for each class's own."""
        ...

    def under(self, policy: str | None) -> UnifiedTables:
        """The same facts at the same instant under another merge policy."""
        ...

    def ids_listed(self, name: str) -> npt.NDArray[np.int32]:
        """The ids that a list audience names, ascending."""
        ...
