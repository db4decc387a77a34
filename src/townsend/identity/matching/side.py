"""One side of a match: many records, as they came and as they are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import pyarrow as pa

from townsend.identity.matching.domains import domain_label, mail_domain, owner_letters, site_domain
from townsend.identity.matching.names import initials, name_forms
from townsend.identity.matching.places import country, digits, phone, place, postal

__all__ = ["COLUMNS", "Side"]

COLUMNS = (
    "name",
    "website",
    "domain",
    "email_domain",
    "country",
    "city",
    "street",
    "postal",
    "phone",
    "duns",
)
T = TypeVar("T")

_COMPARED: dict[str, Callable[[str | None], str | None]] = {
    "phone": phone,
    "duns": digits,
    "country": country,
    "city": place,
    "street": place,
    "postal": postal,
}


@dataclass(frozen=True)
class Side:
    """Leads or accounts.

    Args:
        records: ``id`` (whole numbers, each once) and any of ``COLUMNS`` (text or null).
        public_domains: further mail domains that tell no company.
    """

    records: pa.Table
    public_domains: frozenset[str] = frozenset()

    @cached_property
    def compared(self) -> pa.Table:
        """The records as they are compared: the same rows, in the same order.

        Columns ``id``; ``name``, ``initials``, ``phone``, ``duns``, ``country``, ``city``, ``street``,
        ``postal`` (text or null); lists of text: ``letters`` (the name in one), ``domains`` (registered
        ones), ``labels`` (the part of a domain that its owner chose, in one).
        """
        columns: dict[str, pa.Array] = {"id": self.records["id"].cast(pa.int64()).combine_chunks()}
        unnamed: tuple[str | None, str | None] = (None, None)
        forms = _each(name_forms, self._texts("name"), unnamed)
        names = [name for name, _ in forms]
        columns["name"] = pa.array(names, pa.string())
        missing: str | None = None
        columns["initials"] = pa.array(_each(initials, names, missing), pa.string())
        for name, by in _COMPARED.items():
            columns[name] = pa.array(_each(by, self._texts(name), missing), pa.string())
        lists = {"letters": [_some(letters, name and name.replace(" ", "")) for name, letters in forms]}
        lists["domains"] = [_some(*found) for found in zip(*self._domains(), strict=True)]
        lists["labels"] = [_some(*map(_label, found)) for found in lists["domains"]]
        return pa.table(
            columns | {name: pa.array(found, pa.list_(pa.string())) for name, found in lists.items()}
        )

    def _texts(self, name: str) -> list[str | None]:
        if name not in self.records.column_names:
            return [None] * self.records.num_rows
        found: list[str | None] = self.records[name].cast(pa.string()).to_pylist()
        return found

    def _domains(self) -> Iterable[list[str | None]]:
        yield _each(site_domain, self._texts("website"), None)
        yield _each(site_domain, self._texts("domain"), None)
        yield _each(lambda text: mail_domain(text, self.public_domains), self._texts("email_domain"), None)


def _label(domain: str) -> str:
    return owner_letters(domain_label(domain))


def _some(*texts: str | None) -> list[str]:
    """Those that are there, each once, ascending."""
    return sorted({text for text in texts if text})


def _each(by: Callable[[str], T], texts: Sequence[str | None], missing: T) -> list[T]:
    """What a function makes of each text, asked once for texts that come again."""
    known: dict[str | None, T] = {None: missing}
    for text in texts:
        if text is not None and text not in known:
            known[text] = by(text)
    return [known[text] for text in texts]
