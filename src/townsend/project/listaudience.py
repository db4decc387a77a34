"""Audiences that are lists: a file of domains, e-mails or keys, matched against the unified world."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from townsend.problem import Invalid
from townsend.project.audiencefile import AudienceFile

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["listed"]

VALUES_MAX = 5_000_000


def listed(folder: Path, audience: AudienceFile, unified: Unified) -> tuple[np.ndarray, list[str]]:
    """The ids that a list audience names, ascending, and how many of its values named nobody.

    The file's first column counts; a first line that reads ``domain``, ``email`` or ``key`` is a header.

    Raises:
        Invalid: ``audience.file`` if the file is missing or unreadable.
    """
    assert audience.members is not None
    values = _values(folder / audience.members.file, audience)
    table = pa.table({"value": pa.array(values, pa.string())})
    by = audience.members.by
    if by == "domain":
        found = _by_domain(unified, audience.of, table)
    else:
        space = "Email" if by == "email" else None
        found = _by_identity(unified, audience.of, table, space)
    known = {value for value, _ in found}
    notes = [] if len(known) == len(set(values)) else [_unknown(len(set(values)) - len(known))]
    return np.unique(np.array([number for _, number in found], dtype=np.int32)), notes


def _values(path: Path, audience: AudienceFile) -> list[str]:
    by = audience.members.by if audience.members else ""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            found = [row[0].strip() for row in csv.reader(lines) if row and row[0].strip()]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"not UTF-8 text at byte {error.start}"
        raise Invalid("audience.file", f"{audience.file.name}: {path} cannot be read: {why}") from None
    if found and found[0].lower() in ("domain", "email", "key"):
        found = found[1:]
    if len(found) > VALUES_MAX:
        raise Invalid("audience.file", f"{audience.file.name}: {path} has more than {VALUES_MAX:,} values")
    return [value.lower() for value in found] if by in ("domain", "email") else found


def _by_identity(unified: Unified, cls: str, values: pa.Table, space: str | None) -> list[tuple[str, int]]:
    cursor = unified.con.cursor()
    cursor.register("listed", values)
    return cursor.execute(
        f"""SELECT l.value, i.id FROM listed l JOIN {unified.name}.identity i ON i.value = l.value
            WHERE i.class = $cls AND ($space IS NULL OR i.space = $space)""",
        {"cls": cls, "space": space},
    ).fetchall()


def _by_domain(unified: Unified, cls: str, values: pa.Table) -> list[tuple[str, int]]:
    """Accounts by their domain; people by the domain of any of their e-mail addresses."""
    cursor = unified.con.cursor()
    cursor.register("listed", values)
    if cls == "account":
        if "accountOrganization.domain" not in unified.columns.get("account", frozenset()):
            return []
        return cursor.execute(
            f"""SELECT l.value, a.id FROM listed l
                JOIN {unified.name}.account a ON lower(a."accountOrganization.domain") = l.value"""
        ).fetchall()
    return cursor.execute(
        f"""SELECT l.value, i.id FROM listed l
            JOIN {unified.name}.identity i ON split_part(i.value, '@', 2) = l.value
            WHERE i.class = $cls AND i.space = 'Email'""",
        {"cls": cls},
    ).fetchall()


def _unknown(count: int) -> str:
    return "1 value names nobody" if count == 1 else f"{count:,} values name nobody"
