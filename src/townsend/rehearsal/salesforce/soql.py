"""SOQL: a small real parser and evaluator.

``SELECT`` fields (also of parents: ``Account.Name``), ``COUNT()``, ``FIELDS(ALL|STANDARD)``, and ``COUNT``,
``COUNT_DISTINCT``, ``SUM``, ``AVG``, ``MIN``, ``MAX`` of a field with ``GROUP BY``; ``FROM``; ``WHERE`` with
``= != < <= > >= LIKE IN NOT IN AND OR NOT`` and brackets; ``ORDER BY … ASC|DESC NULLS FIRST|LAST``;
``LIMIT``; ``OFFSET``. Text is compared without letter case and null equals null, as SOQL does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from townsend.rehearsal.salesforce.schema import SObject, sobjects
from townsend.rehearsal.salesforce.soql_groups import FUNCTIONS, Aggregate, checked
from townsend.rehearsal.salesforce.soql_parts import (
    Lookup,
    Malformed,
    Path,
    QueryFault,
    Row,
    Token,
    Value,
    compare,
    folded,
    like,
    literal,
    long_id,
    path_of,
)

__all__ = ["Malformed", "Query", "QueryFault", "read"]


class Order(NamedTuple):
    """One key to sort by."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass
class Query:
    """A query that fits the schema; ``count`` is ``SELECT COUNT()``, ``columns`` are those of groups."""

    sobject: SObject
    paths: list[Path] = field(default_factory=list)
    count: bool = False
    columns: Sequence[Aggregate] = ()
    by: list[Path] = field(default_factory=list)
    where: Callable[[Row, Lookup], bool] | None = None
    order: list[Order] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0

    def rows(self, table: list[Row], lookup: Lookup) -> list[Row]:
        """The rows of a table that fit, in order; of a query in groups all that are to be grouped."""
        where = self.where
        found = [row for row in table if where(row, lookup)] if where else list(table)
        for key in reversed(self.order):
            _sort(found, key, lookup)
        return found if self.columns else self.part(found)

    def part(self, found: list[Row]) -> list[Row]:
        """What ``LIMIT`` and ``OFFSET`` leave of an answer."""
        end = None if self.limit is None else self.offset + self.limit
        return found[self.offset : end]


def _sort(rows: list[Row], key: Order, lookup: Lookup) -> None:
    kept = [(value, row) for row in rows if (value := lookup(row, key.path)) is not None]
    nulls = [row for row in rows if lookup(row, key.path) is None]
    text = any(isinstance(value, str) for value, _ in kept)
    kept.sort(key=lambda pair: (pair[0].lower(), pair[0]) if text else pair[0], reverse=key.descending)
    ordered = [row for _, row in kept]
    rows[:] = ordered + nulls if key.nulls_last else nulls + ordered


class _Wanted(NamedTuple):
    """A field to select, perhaps in a function and under another name."""

    name: str
    function: str | None
    alias: str


_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*')
      |(?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+\-\s]\d\d:?\d\d))
      |(?P<day>\d{4}-\d\d-\d\d)
      |(?P<number>-?\d+(?:\.\d+)?)
      |(?P<name>[A-Za-z_][A-Za-z0-9_.]*)
      |(?P<sign><=|>=|!=|<>|[=<>(),]))""",
    re.VERBOSE,
)


def read(text: str) -> Query:
    """A query from its text.

    Raises:
        QueryFault: MALFORMED_QUERY, INVALID_TYPE or INVALID_FIELD.
    """
    return _Reader(_tokens(text)).query()


def _tokens(text: str) -> list[Token]:
    found = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise Malformed(f"line 1:{at} no viable alternative at character '{text[at:].lstrip()[:1]}'")
        found.append(Token(str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> Query:
        self._word("SELECT")
        wanted = self._select()
        self._word("FROM")
        name = self._name()
        sobject = {key.lower(): value for key, value in sobjects().items()}.get(name.lower())
        if sobject is None:
            raise QueryFault("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        query = Query(sobject)
        self._fill(query, wanted)
        if self._skip("WHERE"):
            query.where = self._either(sobject)
        if self._skip("GROUP"):
            self._word("BY")
            query.by = [path_of(sobject, self._name())]
            while self._sign(","):
                query.by.append(path_of(sobject, self._name()))
        if query.by or any(column.function for column in query.columns):
            query.columns = checked(query.columns, query.by)
        else:
            query.columns = ()
        if self._skip("ORDER"):
            self._word("BY")
            query.order = [self._key(sobject)]
            while self._sign(","):
                query.order.append(self._key(sobject))
        if self._skip("LIMIT"):
            query.limit = int(self._take("number"))
        if self._skip("OFFSET"):
            query.offset = int(self._take("number"))
        if self._at < len(self._tokens):
            raise Malformed(f"unexpected token: '{self._tokens[self._at].text}'")
        return query

    def _select(self) -> list[_Wanted]:
        found = []
        while True:
            name, function = self._name(), None
            if self._sign("("):
                function = name.upper()
                name = "" if self._peek_sign(")") else self._name()
                if not self._sign(")"):
                    raise Malformed(f"unexpected token after {function}(")
            alias = "" if self._peek("FROM") or self._peek_sign(",") else self._name()
            found.append(_Wanted(name, function, alias))
            if not self._sign(","):
                return found

    def _fill(self, query: Query, wanted: list[_Wanted]) -> None:
        columns = []
        for name, function, alias in wanted:
            if function == "COUNT" and not name:
                query.count = True
            elif function == "FIELDS" and name.upper() in {"ALL", "STANDARD"}:
                query.paths += [path_of(query.sobject, each) for each in query.sobject.fields]
            elif function is not None and function not in FUNCTIONS:
                raise Malformed(f"{function}({name}): this function is not rehearsed")
            else:
                path = path_of(query.sobject, name)
                query.paths.append(path)
                columns.append(Aggregate(alias if function else alias or path.field.name, path, function))
        query.columns = columns

    def _key(self, sobject: SObject) -> Order:
        path = path_of(sobject, self._name())
        descending = self._skip("DESC")
        if not descending:
            self._skip("ASC")
        last = False
        if self._skip("NULLS"):
            last = self._skip("LAST")
            if not last:
                self._word("FIRST")
        return Order(path, descending, last)

    # OR binds less than AND; SOQL wants brackets where both meet, here they may be left out.
    def _either(self, sobject: SObject) -> Callable[[Row, Lookup], bool]:
        parts = [self._both(sobject)]
        while self._skip("OR"):
            parts.append(self._both(sobject))
        return parts[0] if len(parts) == 1 else lambda row, look: any(part(row, look) for part in parts)

    def _both(self, sobject: SObject) -> Callable[[Row, Lookup], bool]:
        parts = [self._one(sobject)]
        while self._skip("AND"):
            parts.append(self._one(sobject))
        return parts[0] if len(parts) == 1 else lambda row, look: all(part(row, look) for part in parts)

    def _one(self, sobject: SObject) -> Callable[[Row, Lookup], bool]:
        if self._skip("NOT"):
            part = self._one(sobject)
            return lambda row, look: not part(row, look)
        if self._sign("("):
            part = self._either(sobject)
            if not self._sign(")"):
                raise Malformed("expecting a right parentheses, found the end or another word")
            return part
        path = path_of(sobject, self._name())
        if self._skip("LIKE"):
            pattern = like(str(self._value(path)))
            return lambda row, look: bool(pattern.fullmatch(str(look(row, path) or "")))
        if self._skip("IN"):
            return self._among(path, True)
        if self._skip("NOT"):
            self._word("IN")
            return self._among(path, False)
        sign = self._take("sign")
        return compare(path, sign, self._value(path))

    def _among(self, path: Path, wanted: bool) -> Callable[[Row, Lookup], bool]:
        if not self._sign("("):
            raise Malformed("expecting a list of values after IN")
        values = {folded(long_id(path, self._value(path)))}
        while self._sign(","):
            values.add(folded(long_id(path, self._value(path))))
        if not self._sign(")"):
            raise Malformed("expecting ')' after the values of IN")
        return lambda row, look: (folded(look(row, path)) in values) is wanted

    def _value(self, path: Path) -> Value:
        if self._at >= len(self._tokens):
            raise Malformed("unexpected token: '<EOF>'")
        token = self._tokens[self._at]
        self._at += 1
        return literal(token, path)

    # Words.
    def _name(self) -> str:
        return self._take("name")

    def _take(self, kind: str) -> str:
        if self._at >= len(self._tokens):
            raise Malformed("unexpected token: '<EOF>'")
        token = self._tokens[self._at]
        if token.kind != kind:
            raise Malformed(f"unexpected token: '{token.text}'")
        self._at += 1
        return token.text

    def _peek(self, word: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].text.upper() == word

    def _skip(self, word: str) -> bool:
        if self._peek(word):
            self._at += 1
            return True
        return False

    def _word(self, word: str) -> None:
        if not self._skip(word):
            found = self._tokens[self._at].text if self._at < len(self._tokens) else "<EOF>"
            raise Malformed(f"unexpected token: '{found}' (expecting {word})")

    def _sign(self, sign: str) -> bool:
        if self._peek_sign(sign):
            self._at += 1
            return True
        return False

    def _peek_sign(self, sign: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == Token("sign", sign)
