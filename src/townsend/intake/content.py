"""One number for what a row says, the same on every machine and for every kind of file.

The lower 64 bits of the MD5 of a canonical text: every present field in the order of its path, the
paths that came as null, and the undeclared fields. A column that is absent and one that is null
are the same, so a new column in the store changes no hash.
"""

from __future__ import annotations

from collections.abc import Iterable

from townsend.store.facts_schema import identifier

__all__ = ["content_hash"]


def content_hash(paths: Iterable[str], table: str, *, stored: bool = False) -> str:
    """The SQL expression of the hash of a row of ``table``, over the declared fields of these paths.

    The row is a staged one, or a ``stored`` one: what it says is the same, and so is its hash.
    """
    nulls, extra = ("nulls", "extra") if stored else ('"@nulls"', '"@extra"')
    parts = []
    for path in sorted(paths):
        label = path.replace("'", "''")
        parts.append(f"chr(31) || '{label}=' || CAST({table}.{identifier(path)} AS VARCHAR)")
    parts.append(f"chr(30) || array_to_string(list_sort({table}.{nulls}), chr(31))")
    parts.append(f"chr(29) || {table}.{extra}")
    return f"md5_number_lower(concat('', {', '.join(parts)}))"
