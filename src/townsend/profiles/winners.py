"""Which piece gives an entity which of its fields.

Most entities take everything from one piece: that one is copied, and only what it does not say is looked for
in others. So no value is ever touched that does not win, and what has to be kept in memory are numbers.

Of each piece we keep which groups of fields it says, a bit a group; it *gives* those that no piece with a
higher rank says. The *first* piece is the highest one under the class's own policy; *rest* are all others
that give anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from townsend.identity.moment import temp
from townsend.profiles.making import Making
from townsend.profiles.pieces import Pile
from townsend.store.facts_schema import identifier

__all__ = ["Bit", "Winners", "find_winners", "gather_rest", "slices"]

# A BIGINT holds this many bits that a shift can set.
_BITS = 62
# Pieces whose values are gathered at a time.
_SLICE = 250_000


@dataclass(frozen=True)
class Bit:
    """Where it is noted whether a piece says a group of fields: a word of bits, and the bit in it.

    Args:
        word: index of the word.
        bit: the bit's place.
    """

    word: int
    bit: int

    def of(self, prefix: str) -> str:
        """SQL: whether the bit is set in a word with that prefix, such as ``p.gives``."""
        return f"({prefix}{self.word} & {1 << self.bit} <> 0)"


@dataclass(frozen=True)
class Winners:
    """Who gives what in one class.

    Args:
        pile: how pieces are ranked; its tables are gone.
        giving: the temporary table of pieces of entities with several, with their ranks and the columns
            ``says<word>`` and ``gives<word>``.
        bits: group of fields (by its path) to its bit.
        top: the temporary table ``(id, @r, t, alone, gives…)``: the first piece of every entity.
        rest: the temporary table of all other pieces that give anything; None if there is none.
        given: groups that the rest gives.
    """

    pile: Pile
    giving: str
    bits: Mapping[str, Bit]
    top: str
    rest: str | None
    given: frozenset[str]


def find_winners(making: Making, pile: Pile, said: Mapping[str, str]) -> Winners:
    """Find out who gives what.

    Args:
        making: the world in the making.
        pile: the pieces of a class's entities.
        said: group of fields to SQL over rows ``s``: whether the row says anything about it.
    """
    moment, name = making.moment, pile.versions.cls.name
    bits, orders = _bits(pile, said)
    top, rest = temp("top", name), temp("rest", name)
    giving = _give(making, pile, said, bits, orders)
    gives = [f"gives{word}" for word in range(len(orders))]
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE {top} AS
        SELECT id, "@r", t, true AS alone, {", ".join(f"CAST(-1 AS BIGINT) AS {one}" for one in gives)}
        FROM {pile.single}
        UNION ALL SELECT id, "@r", t, false, {", ".join(gives)} FROM {giving} WHERE first
        """
    )
    pile.drop(making)
    others = f"NOT first AND ({' OR '.join(f'{one} <> 0' for one in gives)})"
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE {rest} AS
        SELECT id, "@r", t, {", ".join(gives)}, count(*) OVER (PARTITION BY id) AS shares
        FROM {giving} WHERE {others}
        """
    )
    all_given = moment.rows(
        f"SELECT count(*), {', '.join(f'coalesce(bit_or({one}), 0)' for one in gives)} FROM {rest}"
    )[0]
    given = frozenset(group for group, bit in bits.items() if all_given[1 + bit.word] >> bit.bit & 1)
    return Winners(pile, giving, bits, top, rest if all_given[0] else None, given)


def _give(
    making: Making, pile: Pile, said: Mapping[str, str], bits: Mapping[str, Bit], orders: Sequence[str]
) -> str:
    """The temporary table of pieces that share their entity, with what they say and give."""
    name, giving = pile.versions.cls.name, temp("giving", pile.versions.cls.name)
    words = range(len(orders))
    says = [
        " | ".join(
            f"(CAST({said[group]} AS BIGINT) << {bit.bit})" for group, bit in bits.items() if bit.word == word
        )
        for word in words
    ]
    above = "bit_or(says{0}) OVER (PARTITION BY id ORDER BY {1} NULLS FIRST ROWS BETWEEN {2})"
    higher = "1 FOLLOWING AND UNBOUNDED FOLLOWING"
    gives = [
        f"says{word} & ~coalesce({above.format(word, orders[word], higher)}, 0) AS gives{word}"
        for word in words
    ]
    making.moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE {giving} AS
        SELECT * EXCLUDE (source), {", ".join(gives)},
               lead(id) OVER (PARTITION BY id ORDER BY {pile.whole}) IS NULL AS first
        FROM (SELECT p.*, {", ".join(f"{says[word]} AS says{word}" for word in words)}
              FROM {pile.pile} p JOIN facts.{identifier(name)} s ON s.rowid = p."@r")
        """
    )
    return giving


def _bits(pile: Pile, said: Mapping[str, str]) -> tuple[dict[str, Bit], list[str]]:
    """A bit for every group, and the order of each word; groups of one word are ranked alike."""
    orders: list[str] = []
    filled: list[int] = []
    bits: dict[str, Bit] = {}
    for group in said:
        order = pile.ranks.get(group, pile.whole)
        open_word = next(
            (word for word, other in enumerate(orders) if other == order and filled[word] < _BITS), None
        )
        if open_word is None:
            orders.append(order)
            filled.append(0)
            open_word = len(orders) - 1
        bits[group] = Bit(open_word, filled[open_word])
        filled[open_word] += 1
    return bits, orders


def gather_rest(making: Making, winners: Winners, columns: Sequence[tuple[str, str, str]], joins: str) -> str:
    """The temporary table of what is not given by first pieces: a row an entity, null for all else.

    Args:
        making: the world in the making.
        winners: who gives what; there is a rest.
        columns: name, SQL over rows ``s`` and pieces ``p``, group of fields.
        joins: what the columns need behind the rows.
    """
    assert winners.rest is not None
    moment, versions = making.moment, winners.pile.versions
    table = temp("given", versions.cls.name)
    rows = f'p JOIN facts.{identifier(versions.cls.name)} s ON s.rowid = p."@r" {joins}'

    def listed(form: str) -> str:
        return ", ".join(
            form.format(sql=sql, given=winners.bits[group].of("p.gives")) + f" AS {identifier(name)}"
            for name, sql, group in columns
        )

    moment.run(
        f"CREATE OR REPLACE TEMP TABLE {table} AS "
        f"SELECT p.id, {listed('CASE WHEN {given} THEN {sql} END')} "
        f"FROM (SELECT * FROM {winners.rest} WHERE shares = 1) {rows}"
    )
    for low, high in slices(making, f"SELECT id FROM {winners.rest} WHERE shares > 1", _SLICE):
        part = f"(SELECT * FROM {winners.rest} WHERE shares > 1 AND id BETWEEN {low} AND {high})"
        moment.run(
            f"INSERT INTO {table} SELECT p.id, {listed('any_value({sql}) FILTER (WHERE {given})')} "
            f"FROM {part} {rows} GROUP BY p.id"
        )
    return table


def slices(making: Making, ids: str, size: int) -> list[tuple[int, int]]:
    """Ranges of ids, both ends included, that hold about so many of the query's rows each."""
    low, high, count = making.moment.rows(f"SELECT min(id), max(id), count(*) FROM ({ids})")[0]
    if count <= size:
        return [(int(low), int(high))] if count else []
    ranges = making.moment.rows(
        f"""
        SELECT min(id), max(id) FROM (
            SELECT id, (sum(many) OVER (ORDER BY id) - many) // {size} AS slice
            FROM (SELECT id, count(*) AS many FROM ({ids}) GROUP BY id))
        GROUP BY slice ORDER BY slice
        """
    )
    return [(int(low), int(high)) for low, high in ranges]
