"""Evidence that rests on a match: accounts which a person has by matching alone name that as a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from townsend.audiences.explain import Explanation
from townsend.audiences.explain.tree import Evidence
from townsend.audiences.reference.world import Key
from townsend.store.facts_matches import MATCHED

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["with_matches"]

KEY = "accountPersonKey.sourceKey"


def with_matches(explanation: Explanation, unified: Unified) -> Explanation:
    """The explanation of a person, the relation that matching made named beside each account it led to."""
    if explanation.of.cls != "person" or KEY not in unified.columns.get("account_person", frozenset()):
        return explanation
    rows = unified.con.execute(
        f'SELECT "@account", "{KEY}" FROM {unified.name}."account_person" '
        f'WHERE "@person" = ? AND ends_with("{KEY}", \'{MATCHED}\')',
        [explanation.of.id],
    ).fetchall()
    if not rows:
        return explanation
    found: Explanation = _told(explanation, {int(account): Key(key, "matching") for account, key in rows})
    return found


def _told(value: Any, matched: Mapping[int, Key]) -> Any:
    """The same tree, with the key added wherever one of these accounts is evidence."""
    if isinstance(value, tuple):
        return tuple(_told(one, matched) for one in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {}
    for one in fields(value):
        before = getattr(value, one.name)
        after = _told(before, matched)
        if after is not before and after != before:
            changed[one.name] = after
    if isinstance(value, Evidence) and value.cls == "account" and value.id in matched:
        changed["keys"] = (*value.keys, matched[value.id])
    return replace(value, **changed) if changed else value
