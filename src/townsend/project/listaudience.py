"""Audiences that are lists: a file of domains, e-mails or keys, matched against the unified world.

The same match answers for the audience itself, for whoever asks ``inSegment`` about it, and for why somebody
is in it or not.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from townsend.audiences.batch.run import Ids
from townsend.audiences.core import Expr, InSegment, Listed
from townsend.audiences.explain.columns import Column
from townsend.audiences.explain.qualifying import Qualified
from townsend.audiences.explain.tree import Condition, Finding, Wanted
from townsend.audiences.walk import everything
from townsend.problem import Invalid
from townsend.project.audiencefile import AudienceFile, read_audiences
from townsend.project.definitions import named

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["ListReasons", "condition_of", "found_in", "ids_listed", "listed", "lists_in"]

VALUES_MAX = 5_000_000


def listed(folder: Path, audience: AudienceFile, unified: Unified) -> tuple[Ids, list[str]]:
    """The ids that a list audience names, ascending, and how many of its values named nobody.

    The file's first column counts; a first line that reads ``domain``, ``email`` or ``key`` is a header.

    Raises:
        Invalid: ``audience.file`` if the file is missing or unreadable.
    """
    values = _values(folder, audience)
    cursor = unified.con.cursor()
    cursor.register("listed", pa.table({"value": pa.array(values, pa.string())}))
    query = (
        f"SELECT l.value, o.id FROM listed AS l JOIN ({_owned(unified, audience)}) AS o ON o.value = l.value"
    )
    found = cursor.execute(query, {"cls": audience.of}).fetchnumpy()
    ids = np.ma.getdata(found["id"]).astype(np.int32)
    unknown = len(set(values)) - len(set(found["value"].tolist()))
    return np.unique(ids), [_unknown(unknown)] if unknown else []


def ids_listed(folder: Path, unified: Unified, name: str) -> Ids:
    """The ids that the list audience of that name names, ascending.

    Raises:
        Invalid: ``audience.unknown``; ``audience.file``.
    """
    audience = named(read_audiences(folder), name)
    return listed(folder, audience, unified.under(audience.policy))[0]


def found_in(
    folder: Path, audience: AudienceFile, unified: Unified, entity: int
) -> tuple[list[str], list[str]]:
    """The values of an entity that a list might name it by, in order, and those of them in the file.

    Raises:
        Invalid: ``audience.file`` if the file is missing or unreadable.
    """
    values = set(_values(folder, audience))
    query = f"SELECT DISTINCT value FROM ({_owned(unified, audience)}) WHERE id = $id ORDER BY value"
    rows = unified.con.execute(query, {"cls": audience.of, "id": entity}).fetchall()
    theirs = [value for (value,) in rows]
    return theirs, [value for value in theirs if value in values]


class ListReasons:
    """By which values a list names its members; see ``answer.Reasons``.

    Attributes:
        columns: one, ``listed``: the first of the values in the file that is theirs.
    """

    columns = (Column("listed", "string"),)

    def __init__(self, folder: Path, audience: AudienceFile, unified: Unified) -> None:
        self._folder = folder
        self._audience = audience
        self._unified = unified

    def of(self, ids: Iterable[int]) -> Iterator[Qualified]:
        wanted = [int(one) for one in ids]
        values = set(_values(self._folder, self._audience))
        query = (
            f"SELECT DISTINCT id, value FROM ({_owned(self._unified, self._audience)}) "
            "WHERE id IN (SELECT unnest($ids)) ORDER BY id, value"
        )
        theirs: dict[int, list[str]] = {one: [] for one in wanted}
        rows = self._unified.con.execute(query, {"cls": self._audience.of, "ids": wanted}).fetchall()
        for entity, value in rows:
            theirs[entity] += [value] if value in values else []
        for one in wanted:
            found = theirs[one]
            conditions = (condition_of(self._audience, found, found),) if found else ()
            yield Qualified(conditions, {"listed": found[0] if found else None})


def condition_of(audience: AudienceFile, theirs: list[str], in_file: list[str]) -> Condition:
    """The one condition that a list knows: a value of theirs is in its file."""
    assert audience.members is not None
    file, by = audience.members.file, audience.members.by
    return Condition(
        "listed",
        f"members: {{file: {file}, by: {by}}}",
        bool(in_file),
        measured=in_file or theirs,
        wanted=Wanted("in", file),
        missing=() if in_file else (Finding("listed.lacks", {"measured": theirs, "file": file}),),
    )


def lists_in(condition: Expr) -> Iterator[str]:
    """The list audiences that a condition asks for, by name, other audiences' conditions included."""
    for node in everything(condition):
        if isinstance(node, Listed):
            yield node.name
        elif isinstance(node, InSegment):
            yield from lists_in(node.definition.condition)


def _values(folder: Path, audience: AudienceFile) -> list[str]:
    assert audience.members is not None
    path, by = folder / audience.members.file, audience.members.by
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


def _owned(unified: Unified, audience: AudienceFile) -> str:
    """A query of pairs ``value``, ``id``: what each entity of the class ``$cls`` can be listed by.

    Accounts have a domain; people the domains of their e-mail addresses.
    """
    assert audience.members is not None
    by = audience.members.by
    if by == "domain" and audience.of == "account":
        if "accountOrganization.domain" not in unified.columns.get("account", frozenset()):
            return "SELECT NULL::VARCHAR AS value, NULL::INTEGER AS id WHERE $cls IS NULL"
        return f"""SELECT lower("accountOrganization.domain") AS value, id FROM {unified.name}.account
                   WHERE "accountOrganization.domain" IS NOT NULL AND $cls = 'account'"""
    value = "split_part(value, '@', 2)" if by == "domain" else "value"
    spaces = "" if by == "key" else "AND space = 'Email'"
    return f"SELECT {value} AS value, id FROM {unified.name}.identity WHERE class = $cls {spaces}"


def _unknown(count: int) -> str:
    return "1 value names nobody" if count == 1 else f"{count:,} values name nobody"
