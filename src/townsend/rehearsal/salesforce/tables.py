"""The rows of an org with what callers changed since, and how a query reaches them."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

from townsend.rehearsal.company import Company
from townsend.rehearsal.ids import salesforce_id, to18
from townsend.rehearsal.journal import Journal
from townsend.rehearsal.salesforce.faults import Fault
from townsend.rehearsal.salesforce.keys import Keys, Row
from townsend.rehearsal.salesforce.records import records
from townsend.rehearsal.salesforce.schema import SObject, sobjects
from townsend.rehearsal.salesforce.soql import Query
from townsend.rehearsal.salesforce.soql_parts import Path
from townsend.rehearsal.times import parse

__all__ = ["Tables", "kind_of"]

# Ids of records that callers make start here, far from the generated ones.
FIRST_NEW = 900_000_000


class Tables:
    """Rows by object, ordered by SystemModstamp and Id."""

    def __init__(self, company: Company, crm: int, state: File | None) -> None:
        self.keys = Keys(crm)
        self._tables: dict[str, list[Row]] = {name: [] for name in sobjects()} | records(company, crm)
        self._by_id = {row["Id"]: (name, row) for name, rows in self._tables.items() for row in rows}
        self._made = 0
        self._journal = Journal(state, {"upsert": self._upsert, "delete": self._delete, "purge": self._purge})
        self._journal.replay()

    def select(self, query: Query, deleted: bool) -> list[Row]:
        """The rows of a query; deleted ones only if asked for."""
        table = self._tables[query.sobject.name]
        if not deleted:
            table = [row for row in table if not row.get("IsDeleted")]
        return query.rows(table, self.look)

    def rows(self, sobject: str) -> list[Row]:
        """All rows of an object, deleted ones too."""
        return self._tables[sobject]

    def find(self, record_id: str, sobject: str | None = None) -> Row:
        """A live record.

        Raises:
            Fault: 404 NOT_FOUND, or ENTITY_IS_DELETED.
        """
        name, row = self._by_id.get(to18(record_id[:15]), ("", {}))
        if not row or (sobject is not None and name != sobject):
            raise Fault(404, "NOT_FOUND", "The requested resource does not exist")
        if row.get("IsDeleted"):
            raise Fault(404, "ENTITY_IS_DELETED", "entity is deleted")
        return row

    def look(self, row: Row, path: Path) -> Any:
        """The value of a field, over its parents; a boolean is never null."""
        for step in path.via:
            _, row = self._by_id.get(row.get(step.name) or "", ("", {}))
            if not row:
                return None
        value = row.get(path.field.name)
        return False if value is None and path.field.type == "boolean" else value

    def upsert(self, sobject: str, fields: Mapping[str, Any], at_ms: int, record_id: str | None) -> str:
        """Create a record, or change one; its id.

        Raises:
            Fault: an unknown field, a value of the wrong kind, or no such record.
        """
        values = _checked(sobjects()[sobject], fields)
        if record_id is not None:
            record_id = str(self.find(record_id, sobject)["Id"])
        made: str = self._journal.do(
            "upsert", sobject=sobject, values=values, at_ms=at_ms - at_ms % 1_000, record_id=record_id
        )
        return made

    def delete(self, record_id: str, at_ms: int, sobject: str | None = None) -> None:
        """Mark a live record as deleted."""
        found = str(self.find(record_id, sobject)["Id"])
        self._journal.do("delete", record_id=found, at_ms=at_ms - at_ms % 1_000)

    def purge(self) -> None:
        """Forget every deleted record."""
        self._journal.do("purge")

    def _purge(self) -> None:
        for name, rows in self._tables.items():
            self._tables[name] = [row for row in rows if not row.get("IsDeleted")]
        self._by_id = {row["Id"]: (name, row) for name, rows in self._tables.items() for row in rows}

    def named(self, sobject: str, field: str, value: str) -> list[Row]:
        """Live records that hold a value in an external id."""
        rows = [row for row in self._tables[sobject] if not row.get("IsDeleted")]
        return [row for row in rows if str(row.get(field, "")).lower() == value.lower()]

    def _upsert(self, sobject: str, values: dict[str, Any], at_ms: int, record_id: str | None) -> str:
        if record_id is None:
            self._made += 1
            record_id = salesforce_id(sobject, self.keys.pod, FIRST_NEW + self._made)
            row: Row = {"Id": record_id, "IsDeleted": False, "CreatedDate": at_ms, "OwnerId": self.keys.user}
            row |= {"CreatedById": self.keys.user}
        else:
            _, row = self._by_id[record_id]
            self._tables[sobject].remove(row)
        row = {**row, **values, "LastModifiedById": self.keys.user}
        self._put(sobject, row, at_ms)
        return record_id

    def _delete(self, record_id: str, at_ms: int) -> None:
        sobject, row = self._by_id[record_id]
        self._tables[sobject].remove(row)
        self._put(sobject, {**row, "IsDeleted": True}, at_ms)

    def _put(self, sobject: str, row: Row, at_ms: int) -> None:
        row |= {"LastModifiedDate": at_ms, "SystemModstamp": at_ms}
        insort(self._tables[sobject], row, key=lambda one: (one["SystemModstamp"], one["Id"]))
        self._by_id[row["Id"]] = (sobject, row)


def kind_of(name: str) -> SObject:
    """An object by its name in any letter case; Fault NOT_FOUND if there is none."""
    for sobject in sobjects().values():
        if sobject.name.lower() == name.lower():
            return sobject
    raise Fault(404, "NOT_FOUND", "The requested resource does not exist")


def _checked(sobject: SObject, fields: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for name, value in fields.items():
        field = sobject.find(name)
        if field is None:
            raise Fault(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        if field.type == "datetime" and isinstance(value, str):
            try:
                value = parse(value)
            except ValueError as error:
                raise Fault(400, "JSON_PARSER_ERROR", f"{name}: not a datetime", [name]) from error
        if field.type == "boolean" and not isinstance(value, bool):
            raise Fault(400, "JSON_PARSER_ERROR", f"{name}: not a boolean", [name])
        values[field.name] = value
    return values
