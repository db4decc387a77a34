"""Reasons to refuse a row, each as one SQL condition, with what to tell whoever sent it.

A row is first judged field by field as it came, then as a whole once its fields are typed and its keys
complete. The first reason that holds is the one that is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from townsend.intake import convert
from townsend.intake.batch import Batch, Column
from townsend.intake.rules import IntakeRules
from townsend.model import XREF, EntityClass
from townsend.store.facts_schema import identifier

__all__ = ["CAME", "TYPED", "Reason", "first_of", "typed_reasons", "whole_reasons"]

CAME: Literal["came"] = "came"
TYPED: Literal["typed"] = "typed"

_SAFE = {("string", "string"), ("text", "string"), ("boolean", "boolean")}
_MEND = "correct the value and load the row again"


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason to refuse a row.

    Args:
        path: the field at fault, None if it is the row as a whole.
        code: stable and dotted.
        expected: what would have been right, in words.
        todo: what to do about it, in words.
        wrong: the condition.
        got: an expression for what came; None if nothing did.
        where: whether ``got`` reads the rows as they came or as they were typed.
    """

    path: str | None
    code: str
    expected: str
    todo: str
    wrong: str
    got: str | None
    where: Literal["came", "typed"] = CAME


def typed_reasons(cls: EntityClass, batch: Batch, *, open_schema: bool) -> list[Reason]:
    """What can be wrong with a field as it came; the typed field is called ``=path`` there."""
    found = [reason for column in batch.columns if (reason := _of_type(cls, column)) is not None]
    if open_schema:
        return found
    if batch.extra:
        found.append(_undeclared(f"{batch.extra} IS NOT NULL", f"json_keys({batch.extra})[1]", CAME))
    for column in batch.columns:
        if column.path in cls.shape.arrays:
            read = convert.undeclared(cls.name, column.path, identifier("=" + column.path))
            got = convert.undeclared(cls.name, column.path, identifier(column.path))
            found.append(_undeclared(f"{read} IS NOT NULL", got, TYPED))
    return found


def _undeclared(wrong: str, got: str, where: Literal["came", "typed"]) -> Reason:
    return Reason(
        None,
        "row.undeclared",
        "only declared fields, as the project says `schema: closed`",
        "declare it in the project's schema folder, or write `schema: open`",
        wrong,
        got,
        where,
    )


def _of_type(cls: EntityClass, column: Column) -> Reason | None:
    leaf = cls.shape.leaves.get(column.path)
    if leaf is not None:
        if (column.kind, leaf.type) in _SAFE:
            return None
        expected = convert.EXPECTED[leaf.type]
    elif column.kind == "document":
        return None
    else:
        expected = "JSON of a list as declared" if column.path in cls.shape.arrays else "JSON of an object"
    wrong = f"{convert.usable(column)} AND {identifier('=' + column.path)} IS NULL"
    return Reason(column.path, "row.type", expected, _MEND, wrong, column.sql)


def whole_reasons(
    rules: IntakeRules, cls: EntityClass, kinds: Mapping[str, str], now_ms: int
) -> list[Reason]:
    """What a typed row can lack.

    Args:
        rules: how far ahead an event may lie, and which fields are identities.
        cls: the rows' class.
        kinds: the fields that came, keys complete.
        now_ms: the instant of acceptance.
    """
    if not cls.is_event:
        expected = (
            "a key with sourceKey, or with sourceID, sourceInstanceID and sourceType" if cls.key else "an id"
        )
        path = cls.key or cls.id_field
        missing = [Reason(path, "row.key_missing", expected, "give the row its key", '"@own" IS NULL', None)]
        return missing + (_unsaid(kinds) if cls.name == XREF else [])
    return [*_unnamed(rules, cls, kinds), _ahead(rules, cls, kinds, now_ms)]


def _unsaid(kinds: Mapping[str, str]) -> list[Reason]:
    """Master data has to say which record of which system it means."""
    found = []
    for path in ("source_system", "source_key"):
        text = identifier(path) if path in kinds else "CAST(NULL AS VARCHAR)"
        found.append(
            Reason(
                path,
                "row.key_missing",
                "the system and the key of the record that the golden record stands for",
                "fill it in and load the row again",
                f"{text} IS NULL OR trim({text}) = ''",
                None,
            )
        )
    return found


def _unnamed(rules: IntakeRules, cls: EntityClass, kinds: Mapping[str, str]) -> list[Reason]:
    """An event needs an id, an instant, and somebody or something that it is about."""
    assert cls.id_field is not None
    name = identifier(cls.id_field) if cls.id_field in kinds else "CAST(NULL AS VARCHAR)"
    nobody = " AND ".join(f"{identifier(path)} IS NULL" for path in _naming(rules, cls, kinds)) or "true"
    return [
        Reason(
            cls.id_field,
            "event.id_missing",
            "an id of the event",
            "give it one that stays the same when the event is sent again",
            f"{name} IS NULL OR trim({name}) = ''",
            None,
        ),
        Reason(
            cls.time_field,
            "event.time_missing",
            convert.EXPECTED["datetime"],
            "say when it happened",
            f"{_time(cls, kinds)} IS NULL",
            None,
        ),
        Reason(
            None,
            "event.nobody",
            "an identity of a person, or the key of an account or the like",
            "say whom or what it is about, in personKey or identityMap",
            nobody,
            None,
        ),
    ]


def _ahead(rules: IntakeRules, cls: EntityClass, kinds: Mapping[str, str], now_ms: int) -> Reason:
    time = _time(cls, kinds)
    return Reason(
        cls.time_field,
        "event.future",
        f"an instant at most {_span(rules.future_ms)} ahead of its acceptance",
        "correct the instant, or raise limits.future",
        f"{time} > {now_ms + rules.future_ms}",
        f"strftime(make_timestamp({time} * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')",
        TYPED,
    )


def _time(cls: EntityClass, kinds: Mapping[str, str]) -> str:
    assert cls.time_field is not None
    return identifier(cls.time_field) if cls.time_field in kinds else "CAST(NULL AS BIGINT)"


def _naming(rules: IntakeRules, cls: EntityClass, kinds: Mapping[str, str]) -> list[str]:
    """The fields of an event that say whom or what it is about, those there are."""
    paths = [identity.path for identity in cls.identities]
    paths += rules.identity_fields.get(cls.name, ())
    paths += [reference.field for reference in cls.references.values() if reference.field]
    leaves = [f"{path}.sourceKey" if path in cls.shape.keys else path for path in paths]
    return [path for path in dict.fromkeys([*leaves, "identityMap"]) if path in kinds]


def _span(ms: int) -> str:
    hours = ms / 3_600_000
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"


def first_of(reasons: Sequence[Reason], offset: int) -> str:
    """SQL: the number of the first reason that holds, counted from ``offset``; null if none does."""
    if not reasons:
        return "CAST(NULL AS INTEGER)"
    cases = " ".join(f"WHEN {reason.wrong} THEN {offset + n}" for n, reason in enumerate(reasons))
    return f"CASE {cases} END"
