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

    def ids_listed(self, name: str) -> npt.NDArray[np.int32]:
        """The ids that a list audience names, ascending."""
        ...
