"""Keys made complete, money given its currency, and what a record is called.

A key is text, ``sourceID@sourceInstanceID.sourceType``: from its parts, or its parts from the text. All of
it as SQL over the columns of a lot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from townsend.intake.functions import function
from townsend.intake.rules import SourceTraits
from townsend.model import EntityClass
from townsend.store.facts_schema import identifier
from townsend.store.facts_values import is_usable

__all__ = ["complete_keys", "mean_currency", "own_name"]

_NOTHING = "CAST(NULL AS VARCHAR)"


def complete_keys(cls: EntityClass, columns: dict[str, str], kinds: dict[str, str]) -> None:
    """A key's text from its parts, or its parts from the text: ``id@instance.type``."""
    for key in cls.shape.keys:
        paths = [f"{key}.{name}" for name in ("sourceID", "sourceInstanceID", "sourceType", "sourceKey")]
        if not any(path in columns for path in paths):
            continue
        given = [columns.get(path, _NOTHING) for path in paths]
        if paths[3] not in columns:
            columns[paths[3]] = _built(given)
        else:
            # What a row leaves out comes from the rest of that row, whatever the rows beside it have.
            columns.update(zip(paths, [*_parsed(given), _whole(given)], strict=True))
        kinds.update(dict.fromkeys(paths, "VARCHAR"))
        for path in paths:
            columns.setdefault(path, _NOTHING)


def _built(given: Sequence[str]) -> str:
    """The key's text from its parts."""
    if _NOTHING in given[:3]:
        return _NOTHING
    sid, instance, kind = given[:3]
    return (
        f"CASE WHEN {sid} <> '' AND {instance} <> '' AND {kind} <> '' "
        f"THEN {sid} || '@' || {instance} || '.' || {kind} END"
    )


def _whole(given: Sequence[str]) -> str:
    """The key's text as it came, else from its parts."""
    built = _built(given)
    text = f"nullif({given[3]}, '')"
    return text if built == _NOTHING else f"coalesce({text}, {built})"


def _parsed(given: Sequence[str]) -> list[str]:
    """The key's parts as they came, else from its text."""
    *parts, text = given
    tail = f"split_part({text}, '@', -1)"
    is_key = f"contains({text}, '@') AND contains({tail}, '.')"
    kind = f"split_part({tail}, '.', -1)"
    instance = f"left({tail}, length({tail}) - length({kind}) - 1)"
    sid = f"left({text}, length({text}) - length({tail}) - 1)"
    return [
        f"coalesce({own}, CASE WHEN {is_key} THEN {found} END)"
        for own, found in zip(parts, (sid, instance, kind), strict=True)
    ]


def mean_currency(
    cls: EntityClass, source: SourceTraits, columns: dict[str, str], kinds: dict[str, str]
) -> None:
    """A missing currency code means the source's own."""
    for money in cls.shape.money:
        amount, code = f"{money}.amount", f"{money}.currencyCode"
        if source.currency and amount in columns:
            given = columns.get(code, "CAST(NULL AS VARCHAR)")
            own = source.currency.replace("'", "''")
            columns[code] = (
                f"coalesce(nullif({given}, ''), CASE WHEN {columns[amount]} IS NOT NULL THEN '{own}' END)"
            )
            kinds[code] = "VARCHAR"


def own_name(cls: EntityClass, kinds: Mapping[str, str]) -> str:
    """What the record is called: its key, its id field, an identity of its map, its ``_id``."""
    if cls.is_event:
        return 'CAST(NULL AS VARCHAR) AS "@own", CAST(NULL AS VARCHAR) AS "@own_space"'
    namespace = cls.namespace.replace("'", "''")
    named: list[str] = []
    if cls.key and f"{cls.key}.sourceKey" in kinds:
        text = identifier(f"{cls.key}.sourceKey")
        named.append(f"CASE WHEN {is_usable(text, key=True)} THEN {text} END")
    if cls.id_field and cls.id_field in kinds:
        text = identifier(cls.id_field)
        named.append(f"CASE WHEN {is_usable(text)} THEN {text} END")
    key = f"coalesce({', '.join(named)})" if named else "CAST(NULL AS VARCHAR)"
    first = "CAST(NULL AS VARCHAR)"
    if "identityMap" in kinds:
        first = f'CASE WHEN {key} IS NULL THEN {function("first_identity")}("identityMap") END'
    last = 'CASE WHEN "@extra" IS NOT NULL THEN "@extra" ->> \'$._id\' END'
    return (
        f'coalesce({key}, split_part({first}, chr(31), 2), {last}) AS "@own", '
        f"CASE WHEN {key} IS NULL AND {first} IS NOT NULL THEN split_part({first}, chr(31), 1) "
        f"ELSE '{namespace}' END AS \"@own_space\""
    )
