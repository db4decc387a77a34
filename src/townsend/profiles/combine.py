"""Values that several records make together: keyed arrays, maps, and fields nobody declared.

Of a keyed array the newest record that names a key gives that key's items, all of them. Maps unite by
key, so do maps inside maps; identity maps keep every identity. Undeclared objects unite leaf by leaf.
Texts stay exact: what is not looked into is copied as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa

from townsend.identity.moment import temp, text_literal
from townsend.identity.versions import Versions
from townsend.intake.items import decoder, json_text
from townsend.model import EntityClass
from townsend.profiles.making import Making
from townsend.profiles.winners import Winners, slices
from townsend.store.facts_schema import identifier

__all__ = [
    "combine_values",
    "combined_arrays",
    "combined_extras",
    "combined_maps",
    "combiner",
    "is_combined",
    "says",
]

# Texts that Python holds at a time.
_SLICE = 50_000

Combine = Callable[[Sequence[str]], str]

_raw_items = msgspec.json.Decoder(list[msgspec.Raw])
_raw_entries = msgspec.json.Decoder(dict[str, msgspec.Raw])


def is_combined(cls: EntityClass, path: str) -> bool:
    """Whether a field's value is made of several records' values rather than taken from one."""
    return combiner(cls, path) is not None


def combiner(cls: EntityClass, path: str) -> Combine | None:
    """How texts of this field, in rising rank, become one; None if one of them wins whole."""
    if path == "extra":
        return combined_extras
    if path in cls.shape.maps:
        return combined_maps
    array = cls.shape.arrays.get(path)
    if array is not None and array.by is not None:
        return partial(combined_arrays, by=array.by.split("."))
    return None


def combined_arrays(texts: Sequence[str], by: Sequence[str]) -> str:
    """Items of all arrays in their order, those of one key from the last array that has any.

    >>> combined_arrays(['[{"k":1,"v":1},{"k":2}]', '[{"k":1,"v":2}]'], ["k"])
    '[{"k":2},{"k":1,"v":2}]'
    """
    arrays = [
        [(_name(decoder.decode(item), by), bytes(item).decode()) for item in _raw_items.decode(text)]
        for text in texts
    ]
    last = {name: place for place, array in enumerate(arrays) for name, _ in array}
    kept = [item for place, array in enumerate(arrays) for name, item in array if last[name] == place]
    return "[" + ",".join(kept) + "]"


def _name(item: Any, by: Sequence[str]) -> str:
    for part in by:
        item = item.get(part) if isinstance(item, dict) else None
    return "" if item is None else str(item)


def combined_maps(texts: Sequence[str]) -> str:
    """All keys of all maps, each with its last value.

    >>> combined_maps(['{"a":[{"id":"1"}],"b":1}', '{"a":[{"id":"2"}],"b":2}'])
    '{"a":[{"id":"1"},{"id":"2"}],"b":2}'
    """
    found: dict[str, str] = {}
    for text in texts:
        for key, raw in _raw_entries.decode(text).items():
            value = bytes(raw).decode()
            found[key] = _united(found[key], value) if key in found else value
    return "{" + ",".join(f"{json_text(key)}:{found[key]}" for key in sorted(found)) + "}"


def _united(old: str, new: str) -> str:
    if old == new:
        return new
    if old[0] == new[0] == "{":
        ours, theirs = _raw_entries.decode(old), _raw_entries.decode(new)
        if all(bytes(one)[:1] in (b"{", b"[") for one in (*ours.values(), *theirs.values())):
            return combined_maps((old, new))
    if old[0] == new[0] == "[":
        before, after = decoder.decode(old), decoder.decode(new)
        if all(isinstance(one, dict) and "id" in one for one in (*before, *after)):
            return json_text(list({str(one["id"]): one for one in (*before, *after)}.values()))
    return new


def combined_extras(texts: Sequence[str]) -> str:
    """Objects united leaf by leaf, the last value of each leaf.

    >>> combined_extras(['{"a":{"x":1,"y":1}}', '{"a":{"y":2.50}}'])
    '{"a":{"x":1,"y":2.50}}'
    """
    found: Any = {}
    for text in texts:
        found = _overlaid(found, decoder.decode(text))
    return json_text(found)


def _overlaid(under: Any, over: Any) -> Any:
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {key: _overlaid(under.get(key), value) for key, value in over.items()}


def combine_values(making: Making, winners: Winners, path: str, value: str, joins: str) -> str | None:
    """The temporary table ``(id, value)`` of such a field where it takes several pieces; None if nowhere.

    Where a source sends patches it has every entity with several pieces that has a value at all.

    Args:
        value: SQL over rows ``s`` of pieces ``p``: what a row says of the field …
        joins: … with this behind the rows.
    """
    versions = winners.pile.versions
    moment, combine = making.moment, combiner(versions.cls, path)
    assert combine is not None
    offer, part = temp("offer", versions.cls.name), identifier(f"part_{versions.cls.name}_{path}")
    _write_offers(making, winners, path, value, joins, offer)
    if not moment.number(f"SELECT count(*) FROM {offer}"):
        return None
    moment.run(
        f"CREATE OR REPLACE TEMP TABLE {part} AS SELECT id, any_value(value) AS value FROM {offer} "
        "GROUP BY id HAVING count(*) = 1"
    )
    array = versions.cls.shape.arrays.get(path)
    if array is not None and array.by is not None:
        _join_disjoint(making, offer, part, array.by)
    left = f"{offer} ANTI JOIN {part} USING (id)"
    for low, high in slices(making, f"SELECT id FROM {left}", _SLICE):
        given: pa.Table = moment.con.sql(
            f"SELECT id, list(value ORDER BY rank) AS texts FROM {left} "
            f"WHERE id BETWEEN {low} AND {high} GROUP BY id"
        ).to_arrow_table()
        values = [
            texts[0] if len(set(texts)) == 1 else combine(texts)
            for texts in given.column("texts").to_pylist()
        ]
        moment.table("more", {"id": given.column("id"), "value": pa.array(values, pa.string())})
        moment.run(f"INSERT INTO {part} SELECT * FROM more")
    moment.run(f"DROP TABLE {offer}")
    return part


def _write_offers(making: Making, winners: Winners, path: str, value: str, joins: str, offer: str) -> None:
    """``offer(id, rank, value)``: what pieces say of the field, where it is not one text alone."""
    versions = winners.pile.versions
    bit = winners.bits[path]
    rank = f"p.{winners.pile.ranks.get(path, winners.pile.whole)}"
    rows = f'JOIN facts.{identifier(versions.cls.name)} s ON s.rowid = p."@r" {joins}'
    if versions.patched:
        # What a record says last of this field is what it says; an explicit null says nothing any more.
        # Undeclared fields are many in one text: of those each patch counts, the later above the earlier.
        last = "QUALIFY row_number() OVER (PARTITION BY p.id, p.key ORDER BY p.ver DESC) = 1"
        making.moment.run(
            f"""
            CREATE OR REPLACE TEMP TABLE {offer} AS SELECT * FROM (
                SELECT p.id, ({rank}, p.ver) AS rank, CAST({value} AS VARCHAR) AS value
                FROM {winners.giving} p {rows} WHERE {says(versions, path)}
                {"" if path == "extra" else last})
            WHERE value IS NOT NULL
            """
        )
        return
    making.moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE {offer} AS
        WITH several AS (
            SELECT id FROM {winners.giving} p WHERE {bit.of("p.says")} GROUP BY id HAVING count(*) > 1)
        SELECT p.id, {rank} AS rank, CAST({value} AS VARCHAR) AS value
        FROM {winners.giving} p SEMI JOIN several USING (id) {rows} WHERE {bit.of("p.says")}
        """
    )


def says(versions: Versions, path: str) -> str:
    """SQL over rows ``s``: whether the row offers anything for such a field."""
    said = f"s.{identifier(path)} IS NOT NULL"
    # Only a later patch can take back what its own record said.
    return versions.named((path,), "s") if versions.patched and path != "extra" else said


def _join_disjoint(making: Making, offer: str, part: str, by: str) -> None:
    """Arrays of an entity that have no key in common, which is the rule, are one behind the other."""
    path = text_literal("$[*]" + "".join(f".{identifier(name)}" for name in by.split(".")))
    making.moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE mixed AS
        WITH named AS (
            SELECT id, list_distinct(value ->> {path}) AS names, json_array_length(value) AS items
            FROM {offer} ANTI JOIN {part} USING (id))
        SELECT id FROM named WHERE len(names) <> items OR items = 0
        UNION
        SELECT id FROM (SELECT id, unnest(names) AS name FROM named) GROUP BY id, name HAVING count(*) > 1
        """
    )
    disjoint = f"{offer} ANTI JOIN {part} USING (id) ANTI JOIN mixed USING (id)"
    making.moment.run(
        f"""
        INSERT INTO {part}
        SELECT id, '[' || string_agg(substr(value, 2, length(value) - 2), ',' ORDER BY rank) || ']'
        FROM {disjoint} GROUP BY id
        """
    )
