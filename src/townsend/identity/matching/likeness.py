"""Which accounts have a name like a given one, however it is mistyped: by the rare pieces they share.

Pieces of a name are its words, its pairs of words in whatever order, and runs of three letters (two, where
scripts have no blanks). A word that no account has is also read as a known one with a typing error. The
rarer a piece is among the accounts' names, the more it says; a piece that too many names have says nothing
and is passed over, which bounds the work for any name. Only proposes; what a likeness is worth is judged
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from townsend.identity.matching.spelling import Spelling, counted

__all__ = ["ALIKE_MAX", "NameIndex"]

LIKENESS_MIN = 0.3  # the cosine over the rare pieces, 0 to 1
ALIKE_MAX = 10  # names proposed for one name, the most alike
WORDS_MAX = 8  # of a name, taken into pairs
NAMES_PER_PIECE_SHARE = 0.01  # a piece that more of the names have is passed over …
NAMES_PER_PIECE_MIN = 200  # … unless that would leave hardly any
NAMES_AT_ONCE = 4_096

Ints = npt.NDArray[np.int64]


class NameIndex:
    """Names to be proposed.

    Args:
        names: compared names, each once, ascending.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = pa.array(names, pa.string())
        self._spelling = Spelling(counted(names))
        self._piece: dict[str, int] = {}
        self._of_word: dict[str, list[int]] = {}
        rows = [self._kept(name) for name in names]
        held = np.bincount(np.concatenate(rows), minlength=len(self._piece)) if rows else np.zeros(0)
        self._rarity = np.append(np.log(len(names) / np.maximum(held, 1)) + 1, np.log(len(names) or 1) + 1)
        most = max(NAMES_PER_PIECE_MIN, NAMES_PER_PIECE_SHARE * len(names))
        self._telling = np.append(held <= most, False)
        self._pieces = self._matrix(rows).T.tocsr()

    def propose(self, names: Sequence[str]) -> pa.Table:
        """The names most like each given one: ``given`` and ``found``; a pair may come twice."""
        read = [(name, spelled) for name in names for spelled in (name, *self._spelling.meant(name))]
        parts = [
            self._of(read[start : start + NAMES_AT_ONCE]) for start in range(0, len(read), NAMES_AT_ONCE)
        ]
        if not parts:
            return pa.table({"given": self._names[:0], "found": self._names[:0]})
        return pa.concat_tables(parts)

    def _of(self, read: list[tuple[str, str]]) -> pa.Table:
        row, found = _best(
            (self._matrix([self._asked(spelled) for _, spelled in read]) @ self._pieces).tocsr()
        )
        given = pa.array([name for name, _ in read], pa.string()).take(row)
        table = pa.table({"given": given, "found": self._names.take(found)})
        return table.filter(pc.not_equal(table["given"], table["found"]))

    def _kept(self, name: str) -> Ints:
        """The numbers of the pieces of a name of the index, each once; new pieces get a number."""
        number = self._piece.setdefault
        words = name.split()
        for word in words:
            if word not in self._of_word:
                self._of_word[word] = [number(piece, len(self._piece)) for piece in _pieces(word)]
        numbers = dict.fromkeys(chain.from_iterable(self._of_word[word] for word in words))
        numbers.update(dict.fromkeys(number(pair, len(self._piece)) for pair in _pairs(words)))
        return np.array(list(numbers), np.int64)

    def _asked(self, name: str) -> Ints:
        """The numbers of the pieces of any name; each unknown piece has the number after the last."""
        unknown = len(self._piece)
        number, words = self._piece.get, name.split()
        numbers: dict[int, None] = {}
        others: list[int] = []
        for word in words:
            known = self._of_word.get(word)
            if known is None:
                known = [number(piece, unknown) for piece in _pieces(word)]
                others += [unknown] * known.count(unknown)
            numbers.update(dict.fromkeys(known))
        for pair in _pairs(words):
            if (found := number(pair)) is None:
                others.append(unknown)
            else:
                numbers[found] = None
        numbers.pop(unknown, None)
        return np.array([*numbers, *others], np.int64)

    def _matrix(self, rows: list[Ints]) -> sparse.csr_matrix:
        """One row a name: the weights of its telling pieces, over the length of all of them."""
        ends = np.cumsum([0, *map(len, rows)])
        column = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        weight = self._rarity[column]
        squares = np.add.reduceat(weight**2, ends[:-1]) if len(rows) else weight
        length = np.repeat(np.sqrt(squares), np.diff(ends))
        kept = self._telling[column]
        row = np.repeat(np.arange(len(rows)), np.diff(ends))[kept]
        data = (weight / length)[kept].astype(np.float32)
        return sparse.csr_matrix((data, (row, column[kept])), shape=(len(rows), len(self._piece)))


def _best(like: sparse.csr_matrix) -> tuple[Ints, Ints]:
    """Rows and columns of the highest values of each row; of equals the first columns."""
    row = np.repeat(np.arange(like.shape[0]), np.diff(like.indptr))
    kept = like.data >= LIKENESS_MIN
    # Rounded, since the order in which pieces are summed must not decide.
    row, column, value = row[kept], like.indices[kept], np.round(like.data[kept], 4)
    order = np.lexsort((column, -value, row))
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    return row[place < ALIKE_MAX], column[place < ALIKE_MAX].astype(np.int64)


def _pieces(word: str) -> Iterator[str]:
    """The pieces of a word, each once; never empty."""
    size = 3 if word.isascii() else 2
    framed = f"^{word}$"
    pieces = (framed[start : start + size] for start in range(len(framed) - size + 1))
    return iter(dict.fromkeys(["=" + word, *pieces]))


def _pairs(words: list[str]) -> Iterator[str]:
    """The pairs of a name's words, in whatever order they stand."""
    return map("+".join, combinations(sorted(set(words))[:WORDS_MAX], 2))
