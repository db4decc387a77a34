"""Leads that were read, with their companies: sixteen bytes a lead, so that millions need no memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["Ids", "Leads"]

Ids = np.ndarray[Any, np.dtype[np.int64]]
_NOBODY = -1


class Leads(Mapping[int, int | None]):
    """A lead's id to its company's, None if it has none.

    >>> leads = Leads()
    >>> leads.add(np.array([7, 5]), np.array([70, -1]))
    >>> leads[7], leads[5], 6 in leads, list(leads)
    (70, None, False, [5, 7])
    """

    def __init__(self) -> None:
        self._ids: Ids = np.empty(0, np.int64)
        self._companies: Ids = np.empty(0, np.int64)
        self._coming: list[tuple[Ids, Ids]] = []
        self._single: dict[int, int] = {}

    def add(self, ids: Ids, companies: Ids) -> None:
        """Many at once; the company of one that has none is -1."""
        self._settle_single()
        self._coming.append((ids, companies))

    def unknown(self, ids: Ids) -> Ids:
        """Those that were not read, in their order, each once."""
        self._settle()
        _, first = np.unique(ids, return_index=True)
        ids = ids[np.sort(first)]
        return ids[~np.isin(ids, self._ids)]

    def _settle_single(self) -> None:
        if self._single:
            count = len(self._single)
            ids = np.fromiter(self._single.keys(), np.int64, count)
            self._coming.append((ids, np.fromiter(self._single.values(), np.int64, count)))
            self._single = {}

    def _settle(self) -> None:
        self._settle_single()
        if self._coming:
            ids = np.concatenate([self._ids, *(one for one, _ in self._coming)])
            companies = np.concatenate([self._companies, *(one for _, one in self._coming)])
            # The last word on a lead counts.
            self._ids, last = np.unique(ids[::-1], return_index=True)
            self._companies = companies[::-1][last]
            self._coming = []

    def __getitem__(self, lead: int) -> int | None:
        company = self._single.get(lead)
        if company is None:
            if self._coming:
                self._settle()
            at = int(np.searchsorted(self._ids, lead))
            if at == len(self._ids) or self._ids[at] != lead:
                raise KeyError(lead)
            company = int(self._companies[at])
        return None if company == _NOBODY else company

    def __setitem__(self, lead: int, company: int | None) -> None:
        self._single[lead] = _NOBODY if company is None else company

    def __iter__(self) -> Iterator[int]:
        self._settle()
        return iter(self._ids.tolist())

    def __len__(self) -> int:
        self._settle()
        return len(self._ids)
