"""Random audiences as text, over what ``worlds`` fills.

Names follow the scopes: bare ones belong to the innermost bracket, ``^`` climbs. Every construct that can be
written is written now and then, on every class that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from tests.properties.worlds import ARRAYS, FIELDS, NUMBERS, URLS, WORDS

from townsend.model import Relationship, Schema

ROOTS = [
    "person",
    "person",
    "person",
    "account",
    "account",
    "opportunity",
    "campaign",
    "event",
    "account_person",
]
WORD_TESTS = [
    "equals",
    "notEqualTo",
    "startsWith",
    "doesNotStartWith",
    "endsWith",
    "doesNotEndWith",
    "contains",
]
WORD_TESTS += ["doesNotContain"]
PATTERNS = ["^F", "(?i)finance", "n.n", "[0-9]+", "a.b", "^$", "(", "\\\\w+s$", "x.y"]
LIKES = ["F%", "%nance", "_T", "a\\%%", "%", "", "x_y", "%o'%"]
COMPARISONS = ["=", "!=", "<", "<=", ">", ">="]
AGGREGATES = ["sum", "average", "min", "max"]
UNITS = ["millisecond", "second", "hours", "days", "days", "week", "month", "months", "year", "decade"]
ITEMS = {
    "products": {"SKU": "string", "quantity": "integer", "priceTotal": "number"},
    "lines": {"sku": "string", "count": "integer", "price.amount": "number"},
    "components": {"personType": "string", "personScore": "number", "workEmail.address": "string"},
}


Computed = Mapping[str, Mapping[str, str]]


class Question:
    """One audience being written.

    Args:
        others: audiences that it may use, by name: root class and text.
        computed: computed fields that it may name: class to name to kind of value.
    """

    def __init__(
        self,
        rng: Random,
        schema: Schema,
        others: Mapping[str, tuple[str, str | None]] | None = None,
        computed: Computed | None = None,
    ) -> None:
        self.rng = rng
        self.schema = schema
        self.others = others or {}
        self.computed = computed or {}

    def about(self, of: str, depth: int = 3) -> str:
        """A condition about one entity of that class."""
        text = self.condition((of,), depth)
        if self.rng.random() < 0.05:
            return f"(Whoever) => {text}"
        return text

    # -------------------------------------------------------- conditions

    def condition(self, scopes: tuple[str, ...], depth: int) -> str:
        """A condition in the innermost of the scopes: classes, or kinds of array items."""
        inner = scopes[-1]
        if depth > 0 and self.rng.random() < 0.3:
            return self._logic(scopes, depth)
        makers: list[Callable[[tuple[str, ...], int], str | None]] = [
            self._text,
            self._number,
            self._presence,
            self._text_function,
            self._time_function,
        ]
        if inner in FIELDS:
            makers += [self._moment, self._truth, self._undeclared, self._list_path, self._objects]
            if depth > 0:
                makers += [self._related] * 6 + [self._total] * 4 + [self._choice, self._named]
                makers += [self._ranked, self._grouped] + [self._worth] * 6
            if inner in ARRAYS:
                makers += [self._array] * 2
            if self._events_of(inner):
                makers += [self._chain] * 3
            if inner == "person" or any(of == inner for of, _ in self.others.values()):
                makers += [self._segment]
        while True:
            made = self.rng.choice(makers)(scopes, depth)
            if made is not None:
                return made

    def _logic(self, scopes: tuple[str, ...], depth: int) -> str:
        first = self.condition(scopes, depth - 1)
        match self.rng.randint(0, 4):
            case 0:
                return f"not ({first})"
            case 1:
                return f"({first} or {self.condition(scopes, depth - 1)})"
            case _:
                return f"({first} and {self.condition(scopes, depth - 1)})"

    def _text(self, scopes: tuple[str, ...], _: int) -> str | None:
        field = self.field(scopes, "string")
        if field is None:
            return None
        match self.rng.randint(0, 7):
            case 0:
                return f"{field} {self.rng.choice(['=', '!='])} {self.operand(scopes, 'string')}"
            case 1:
                words = ", ".join(quoted(self.rng.choice(WORDS)) for _ in range(self.rng.randint(1, 3)))
                return f"{field} {self.rng.choice(['in', 'notIn'])} [{words}]"
            case 2:
                return f"{field}.matches({quoted(self.rng.choice(PATTERNS), raw=True)})"
            case 3:
                return f"{field} like {quoted(self.rng.choice(LIKES))}"
            case _:
                case = self.rng.choice(["", ", false", ", true"])
                return f"{field}.{self.rng.choice(WORD_TESTS)}({self.operand(scopes, 'string')}{case})"

    def _text_function(self, scopes: tuple[str, ...], _: int) -> str | None:
        """Functions of text, of declared and undeclared values."""
        field = self.field(scopes, "string")
        if field is None:
            return None
        if scopes[-1] in FIELDS and self.rng.random() < 0.1:
            field = "tier"
        word, other = quoted(self.rng.choice(WORDS)), self.operand(scopes, "string")
        case = self.rng.choice(["lowerCase", "upperCase"])
        place = self.rng.choice(["indexOf", "lastIndexOf"])
        wanted = self.rng.choice([word, quoted("a"), quoted("")])
        part = self.rng.choice(["getUrlPath", "getUrlHost", "getUrlProtocol", "getUrlFragment"])
        group = self.rng.choice(['"(a)|(n)", 1', '"(.)(.)?$", 2', '"[a-z]+", 0', '"(", 0'])
        options = [
            f"{case}({field}) = {case}({other})",
            f"length({field}) {self.rng.choice(COMPARISONS)} {self.rng.randint(0, 9)}",
            f"concat({field}, {word}, {other}).contains({word})",
            f"{place}({field}, {wanted}) > {self.rng.randint(-1, 2)}",
            f'{part}({field}).startsWith("/")',
            f"{part}({field}).isNull()",
            f"extractEmailDomain({field}).isNotNull()",
            f"{field}.regexGroup({group}) != {self.rng.choice([word, quoted('n')])}",
            f"{field}.regexGroup({group}) = {self.rng.choice([word, quoted('a')])}",
            f"{self.rng.choice(['isEmpty', 'isNotEmpty'])}({field})",
            f"(equalsAnyIgnoreCase({field}, {word}, {other}) or notEqualWithIgnoreCase({field}, {other}))",
        ]
        return self.rng.choice(options)

    def _time_function(self, scopes: tuple[str, ...], _: int) -> str | None:
        """Functions of instants."""
        first, second = self.field(scopes, "datetime"), self.field(scopes, "datetime")
        if first is None or second is None:
            return None
        unit = self.rng.choice(["Seconds", "Minutes", "Hours", "Days", "Days", "Months", "Years"])
        count = self.rng.choice(["3", "-40", "1", "0", "2.5", self.figure(scopes, 0)])
        moved = f"add{unit}({first}, {count})"
        part = self.rng.choice(["dayOfWeek", "dayOfYear", "extractHours", "extractMinutes", "extractSeconds"])
        age = self.rng.choice(["age", "ageInMonths", "ageInDays", "ageInDays"])
        options = [
            f"{moved} {self.rng.choice(COMPARISONS)} {second}",
            f"{moved} occurs {self.tail(scopes)}",
            f"{part}({first}) {self.rng.choice(COMPARISONS)} {self.rng.randint(0, 12)}",
            f"{age}({first}) {self.rng.choice(COMPARISONS)} {self.rng.choice([0, 1, 5, 30])}",
            f"dateDiff({first}, {second}) {self.rng.choice(COMPARISONS)} {self.rng.choice([-3, 0, 3])}",
            f"diffInSeconds({first}, {second}) > {self.rng.choice([-3, 0, 100_000])}",
            f"compareDates({first}, {second}) >= 0",
            f"dateBetween({first}, {second}, {moved})",
            f'toDateTime("2026-03-01T00:00:00Z") < {first}',
        ]
        return self.rng.choice(options)

    def _ranked(self, scopes: tuple[str, ...], depth: int) -> str | None:
        """The first, the highest, what is common; everything of a class."""
        path, far = self.path(scopes, 1)
        if path is None:
            return None
        op, count = self.rng.choice(["topN", "bottomN"]), self.rng.randint(1, 3)
        number = self.figure((*scopes, far), 1)
        cond = self.condition((*scopes, far), 0)
        whole = self.rng.choice([number, self.field((far,), "datetime") or number])
        text, other = self.field((far,), "string"), self.field(scopes, "string")
        options = [
            f"{path}.{op}({whole}, {count}).exists({cond})",
            f"{path}.{op}({whole}, {count}).sum({number}) > {self.rng.choice(NUMBERS)}",
            f"{path}.{op}({whole}, {count})[{cond}].count() = {self.rng.randint(0, 2)}",
            f"{path}.head().isNotNull()",
            f'modelInstances("{far}").exists({cond})',
            f'{path}.intersection(modelInstances("{far}")[{cond}]).count() = {self.rng.randint(0, 2)}',
        ]
        if text is not None and "^" not in text:
            options += [
                f"{path}.head().{text} {self.rng.choice(['=', '!='])} {quoted(self.rng.choice(WORDS))}",
                f"{path}.{text}.intersection([{quoted(self.rng.choice(WORDS))}]).isNull()",
                f"(let H = {path}.{op}({whole}, 1).head() in H.{text} = {other or quoted('IT')})",
                f"countOnlyNull({path}.{text}) < distinctCountWithNull({path}.{text})",
            ]
        return self.rng.choice(options)

    def _grouped(self, scopes: tuple[str, ...], depth: int) -> str | None:
        """Groups, maps, records, tuples."""
        path, far = self.path(scopes, 1)
        text, number = self.field((far,), "string"), self.field((far,), "number")
        if path is None or text is None or number is None or "^" in text + number:
            return None
        groups, word = f"{path}.groupBy({text})", quoted(self.rng.choice(WORDS))
        counts = f"{groups}.map((K, G) => mapEntry(K, G.count()))"
        sums = f"{groups}.map((K, G) => mapEntry(K, G.sum({number})))"
        limit, few = self.rng.choice(NUMBERS[:5]), self.rng.randint(0, 2)
        pairs = f"V from {path}, W from {path} where W.{number} {self.rng.choice(['<', '='])} V.{number}"
        options = [
            f"{groups}.count() > {few}",
            f"{groups}.get({word}).count() >= {few}",
            f"{counts}.values().max() > {few}",
            f"{groups}.keys().includes({word})",
            f"{groups}.values().exists(this.count() > {few})",
            f"({sums} / {counts}).get({word}) > {limit}",
            f"{groups}.map(this.sum({number})).max() > {limit}",
            f'{groups}.map({{"n": this.count()}}).exists(n > {few})',
            f"{groups}.map((K, G) => if(K.contains({word}), G.max({number}), 0)).sum() > {limit}",
            f"(select {pairs}).count() > {few}",
            f"(select {pairs}).exists(V.{text} = W.{text})",
            f"(select {pairs})",
            f"(one {pairs})",
            f"(sum V.{number} + W.{number} over {pairs}) > {limit}",
            f"(average 1 over {pairs}) = 1",
            f'{{"a": {path}.count(), "b": 1}}.a > {few}',
            "custom.keys().count() > 0 and custom.values().exists(this = 3)",
        ]
        return self.rng.choice(options)

    def _number(self, scopes: tuple[str, ...], _: int) -> str:
        op = self.rng.choice(COMPARISONS)
        return f"{self.figure(scopes, 2)} {op} {self.figure(scopes, 2)}"

    def _moment(self, scopes: tuple[str, ...], _: int) -> str | None:
        field = self.field(scopes, "datetime")
        if field is None:
            return None
        if self.rng.random() < 0.15:
            part = self.rng.choice(["getYear", "getMonth", "getDayOfMonth"])
            return f"{field}.{part}() >= {self.rng.choice([2, 2026])}"
        return f"{field} occurs {self.tail(scopes)}"

    def _truth(self, scopes: tuple[str, ...], _: int) -> str | None:
        kind = self.rng.choice(["boolean", "boolean", "string", "number", "datetime"])
        field = self.field(scopes, kind)
        if field is not None and kind == "boolean" and self.rng.random() < 0.5:
            return f"{field} {self.rng.choice(['=', '!='])} {self.rng.choice(['true', 'false'])}"
        return field

    def _presence(self, scopes: tuple[str, ...], _: int) -> str | None:
        inner = scopes[-1]
        names = [name for kind in ("string", "number") if (name := self.field(scopes, kind))]
        boolean = self.field(scopes, "boolean")
        if boolean and "computed" not in boolean:  # that is a condition, and never null
            names.append(boolean)
        if inner in FIELDS:
            names += ["tier", "custom.a", "custom", *ARRAYS.get(inner, {}), *self._names(inner)]
        if not names:
            return None
        return f"{self.rng.choice(names)}.{self.rng.choice(['isNull', 'isNotNull'])}()"

    def _undeclared(self, scopes: tuple[str, ...], _: int) -> str:
        name = self.rng.choice(["tier", "custom.a"])
        literal = self.rng.choice(['"Finance"', "3", "3.5", "true", "false", '"3"', "-1"])
        match self.rng.randint(0, 8):
            case 0:
                return name
            case 1:
                return f'{name}.contains("inan")'
            case 2:
                return f"{name} + 1 > {self.rng.choice(NUMBERS)}"
            case 3:
                return f"{name} occurs {self.tail(scopes)}"
            case 4:
                return f"{name} in [{literal}, {literal}]"
            case 5:
                other = self.field(scopes, self.rng.choice(["string", "number", "boolean"]))
                return f"{name} = {other or literal}"
            case _:
                return f"{name} {self.rng.choice(['=', '!='])} {literal}"

    def _list_path(self, scopes: tuple[str, ...], depth: int) -> str | None:
        """A path through a list, compared: some item."""
        link = self._link(scopes[-1], many=True)
        if link is None:
            return None
        inner = (link.far,)
        field = self.field(inner, "string")
        if field is None or field.startswith("^"):
            return None
        path = f"{self._step(link)}.{field}"
        options = [
            f"{path} = {quoted(self.rng.choice(WORDS))}",
            f"{path} != {quoted(self.rng.choice(WORDS))}",
            f"{path}.distinct().count() >= {self.rng.randint(0, 2)}",
            f"{path}.count() = {self.rng.randint(0, 3)}",
            f"{path}.contains({quoted(self.rng.choice(WORDS))}, false)",
            f"{path}.intersects([{quoted(self.rng.choice(WORDS))}, {quoted(self.rng.choice(WORDS))}])",
            f"{path}.isNull()",
            f"{quoted(self.rng.choice(WORDS))} in {path}",
        ]
        if scopes[-1] == "person":
            options += [
                f"{path}.contains(organizations)",
                f"{path} in organizations",
                f"organizations != {path}",
            ]
        return self.rng.choice(options)

    def _related(self, scopes: tuple[str, ...], depth: int) -> str | None:
        """How many related entities pass."""
        path, far = self.path(scopes, depth)
        if path is None:
            return None
        if self.rng.random() < 0.1:
            return path
        if self.rng.random() < 0.15:
            word = self.rng.choice(["exists", "forall", "none", "one", "some", "all"])
            field = self.field((far,), "string")
            if field is None or field.startswith("^"):
                return None
            body = f"V.{field}.equals({quoted(self.rng.choice(WORDS))}, false)"
            if self.rng.random() < 0.3:
                other = self.field(scopes, "string")
                body = f"V.{field} = {other}" if other else body
            return f"({word} V from {path} : {body})"
        cond = self.condition((*scopes, far), depth - 1)
        form = self.rng.choice([".exists({})", ".exists({})", "[{}]", ".filter({})"])
        return path + form.format(cond)

    def _total(self, scopes: tuple[str, ...], depth: int) -> str | None:
        """A count or a sum over related entities, compared."""
        found = self.total(scopes, depth)
        if found is None:
            return None
        other = self.rng.choice([*NUMBERS[:5], "0", "1", "2"])
        if self.rng.random() < 0.15:
            other = self.total(scopes, depth - 1) or other
        return f"{found} {self.rng.choice(COMPARISONS)} {other}"

    def total(self, scopes: tuple[str, ...], depth: int) -> str | None:
        path, far = self.path(scopes, depth)
        if path is None:
            return None
        if self.rng.random() < 0.5:
            path += f"[{self.condition((*scopes, far), depth - 1)}]"
        op = self.rng.choice(["count", "sum", "sum", "average", "min", "max"])
        if op == "count":
            return f"{path}.count()"
        body = self.figure((*scopes, far), 1)
        if depth > 1 and self.rng.random() < 0.2:
            body = self.total((*scopes, far), depth - 2) or body
        return f"{path}.{op}({body})"

    def _worth(self, scopes: tuple[str, ...], depth: int) -> str | None:
        """Money of related entities: compared one by one, picked by it, added up."""
        path, far = self.path(scopes, 1)
        amounts = [one for one in FIELDS[far] if one.endswith(".amount")] if path is not None else []
        if not amounts:
            return None
        amount, limit = self.rng.choice(amounts), self.rng.choice(NUMBERS[:6])
        test = f"{amount} {self.rng.choice(COMPARISONS)} {limit}"
        if self.rng.random() < 0.5:
            test = f"({test} {self.rng.choice(['and', 'or'])} {self.condition((*scopes, far), depth - 2)})"
        few = self.rng.randint(0, 2)
        options = [
            f"{path}.exists({test})",
            f"{path}.none({test})",
            f"(forall V from {path} : V.{amount} > {limit})",
            f"(one V from {path} where V.{amount} > {limit})",
            f"{path}[{test}]",
            f"{path}[{test}].count() >= {few}",
            f"{path}[{test}].sum({amount}) > {limit}",
            f"{path}[{self.condition((*scopes, far), 0)}].{self.rng.choice(AGGREGATES)}({amount}) > {limit}",
            f"{path}.topN({amount}, {few + 1}).exists({test})",
            f"not ({path}.sum(if({test}, {amount}, 1)) > {limit})",
            f"{limit} in {path}.{amount}",
            f"{path}.{amount} != {limit}",
        ]
        return self.rng.choice(options)

    def _choice(self, scopes: tuple[str, ...], depth: int) -> str:
        test = self.condition(scopes, depth - 2)
        return f"if({test}, {self.figure(scopes, 1)}, {self.figure(scopes, 1)}) > {self.rng.choice(NUMBERS)}"

    def _array(self, scopes: tuple[str, ...], depth: int) -> str:
        name, kind = self.rng.choice(list(ARRAYS[scopes[-1]].items()))
        word = quoted(self.rng.choice(WORDS))
        if kind == "segments":
            key = self.rng.choice(["loaded", "other"])
            return f'{name}.get("ups").get("{key}").status = "realized"'
        if kind == "strings":
            other = self.field(scopes, "string") or word
            options = [
                f"{name}.includes({word})",
                f"{word} in {name}",
                f"{other} {self.rng.choice(['in', 'notIn'])} {name}",
                f"{name}.intersects([{word}, {quoted(self.rng.choice(WORDS))}])",
                f"{name}.subsetOf([{word}, {quoted(self.rng.choice(WORDS))}])",
                f"{name}.supersetOf([{word}])",
                f"{name} = [{word}]",
                f"{name}.distinct().count() > {self.rng.randint(0, 2)}",
                f"{name}.count() = {self.rng.randint(0, 3)}",
                name,
            ]
            return self.rng.choice(options)
        cond = self.condition((*scopes, kind), max(0, depth - 1))
        numbers = [path for path, one in ITEMS[kind].items() if one != "string"]
        field = self.rng.choice(numbers + [path for path in numbers if path.endswith(".amount")] * 2)
        options = [
            f"{name}.exists({cond})",
            f"{name}[{cond}].count() >= {self.rng.randint(0, 2)}",
            f"{name}[{cond}].sum({field}) > {self.rng.choice(NUMBERS)}",
            f"{name}.{self.rng.choice(AGGREGATES)}({field}) <= {self.rng.choice(NUMBERS)}",
            f"{name}[{cond}]",
        ]
        return self.rng.choice(options)

    def _segment(self, scopes: tuple[str, ...], _: int) -> str:
        names = [name for name, (of, _) in self.others.items() if of == scopes[-1]]
        if not names or self.rng.random() < 0.3:
            link = self._link(scopes[-1])
            far = [name for name, (of, _) in self.others.items() if link is not None and of == link.far]
            if link is not None and far:
                return f"{link.name}.inSegment({quoted(self.rng.choice(far))})"
        return f"inSegment({quoted(self.rng.choice([*names, *names, 'loaded', 'other']))})"

    def _objects(self, scopes: tuple[str, ...], _: int) -> str | None:
        """Entities, objects, maps and undeclared values as a whole."""
        cls = scopes[-1]
        one = self._link(cls, many=False)
        options = ["tier = custom.a", "tier < custom.a", "custom = custom", 'tier in ["Finance", 3, true]']
        options += ["tier.count() > 0", 'tier[this = "IT"]', "custom.a.isNull()", 'custom["a"] = 3']
        options += ['"IT" in tier', "tier.exists(this = 3)", "(tier.distinct().count() = custom.a)"]
        options += ['["IT", tier].count() = 2', "if(custom.a = 3, tier, 5) >= 3"]
        if one is not None:
            other = self._link(one.far, many=False)
            options += [f"{one.name} = {one.name}", f"{one.name}.isNull()", one.name]
            if other is not None and other.far == one.far:
                options += [f"{one.name} {op} {one.name}.{other.name}" for op in ("=", "!=")]
        many = self._link(cls, many=True)
        if many is not None:
            options += [f"{many.name}.tier = 3", f"{many.name}.custom.a.isNotNull()"]
            back = self._link(many.far, many=False)
            if back is not None and back.far == cls:
                options += [f"{many.name}.{back.name} = this", f"{many.name}.exists({back.name} != ^)"]
        if cls == "person":
            options += [
                "person.name",
                "person.name.isNull()",
                'organizations[this.contains("a")].count() > 0',
            ]
            options += ["personComponents.workEmail.isNull()", "personComponents.exists(workEmail)"]
            options += [
                "personComponents.personScore.sum() > 2",
                "personComponents.map(personScore + 1).max() > 3",
            ]
        return self.rng.choice(options)

    def _named(self, scopes: tuple[str, ...], depth: int) -> str | None:
        """Names: ``let``, ``select``, lambdas, prefix aggregates."""
        path, far = self.path(scopes, 1)
        if path is None:
            return None
        number = self.field((far,), "number")
        if number is None or number.startswith("^"):
            number = "tier"
        limit = self.rng.choice(NUMBERS[:5])
        own = self.figure(scopes, 1)
        op = self.rng.choice(AGGREGATES)
        options = [
            f"(let N = {path}.count() in (N > {self.rng.randint(0, 2)} or N = 0))",
            f"(select V from {path} where V.{number} > {limit}).count() >= {self.rng.randint(0, 2)}",
            f"(select V from {path} where V.{number} > {own})",
            f"{path}.exists((V) => V.{number} < {limit})",
            f"({op} V.{number} over V from {path}) > {limit}",
            f"({op} V.{number} + 1 over V from {path} where V.{number} != {limit}) <= {limit}",
            f"(exists V from {path} where V.{number} > 0, W from {path} where W.{number} < V.{number})",
            f"(forall V from {path} : V.{number} >= {own})",
        ]
        if "^" not in own and "^" not in path:
            options.append(f"{path}[{number} > ^.tier].{op}({number} - 1) > {limit}")
        return self.rng.choice(options)

    def _chain(self, scopes: tuple[str, ...], depth: int) -> str:
        steps = []
        for at in range(self.rng.choice([1, 1, 2, 2, 3])):
            step = f"S{at}: WHAT({self.condition((*scopes, 'event'), max(0, depth - 2))})"
            if self.rng.random() < 0.5:
                step += f" WHEN({self.tail(scopes, moving=False)})"
            if self.rng.random() < 0.3:
                step += f" COUNT({self.rng.randint(1, 3)})"
            if at and self.rng.random() < 0.15:
                step += f" GAP({self.rng.choice(COMPARISONS)} {self.rng.randint(0, 5)} days)"
            if self.rng.random() < 0.1:
                step += f" WHERE({self.condition(scopes, 0)})"
            steps.append(step)
        events = self._events_of(scopes[-1])
        if self.rng.random() < 0.2:
            far = self._link(scopes[-1])
            if far is not None and self._events_of(far.far):
                events = f"{far.name}.xEvent"
        if self.rng.random() < 0.2:
            events = f"{events}[{self.condition((*scopes, 'event'), 0)}]"
        return f"chain({events}, timestamp, [{', '.join(steps)}])"

    # -------------------------------------------------------- paths and values

    def path(self, scopes: tuple[str, ...], depth: int) -> tuple[str | None, str]:
        """A path of one to three relationships that ends in a list, and the class it leads to."""
        climb = len(scopes) - 2 if len(scopes) > 1 and self.rng.random() < 0.1 else len(scopes) - 1
        cls = scopes[climb]
        if cls not in FIELDS:
            return None, cls
        text = "^" * (len(scopes) - 1 - climb)
        text += "." if text else ""
        many = False
        for at in range(3):
            link = self._link(cls)
            if link is None:
                break
            text += ("" if at == 0 else ".") + self._step(link)
            cls, many = link.far, many or link.many
            if many and at + 1 < 3 and depth > 1 and self.rng.random() < 0.1 and "^" not in text:
                text += f"[{self.condition((*scopes, cls), 0)}]"
            if many and self.rng.random() < 0.55:
                break
        if many and text.count(".") == 0 and "[" not in text and "(" not in text and self.rng.random() < 0.1:
            text = f"deleted({text})"
        return (text if many else None), cls

    def field(self, scopes: tuple[str, ...], kind: str) -> str | None:
        """A field of that kind; of the innermost scope, of one around it, or of a to-one neighbour."""
        at = len(scopes) - 1
        while at > 0 and self.rng.random() < 0.12:
            at -= 1
        cls, climb = scopes[at], "^" * (len(scopes) - 1 - at)
        hops = []
        while cls in FIELDS and self.rng.random() < 0.15:
            link = self._link(cls, many=False)
            if link is None:
                break
            hops.append(link.name)
            cls = link.far
        kinds = {
            "string": ("string", "url"),
            "number": ("number", "integer"),
            "datetime": ("datetime", "date"),
        }
        fields = FIELDS.get(cls) or ITEMS[cls]
        known = [path for path, one in fields.items() if one in kinds.get(kind, (kind,))]
        if cls == "event" and kind == "datetime":
            known.append("timestamp")
        worked_out = [name for name, one in self.computed.get(cls, {}).items() if one == kind]
        if worked_out and self.rng.random() < 0.4:
            known = worked_out
        if not known:
            return None
        # Money is asked for often: of it alone somebody may not know what it is worth.
        known += [path for path in known if path.endswith(".amount")] * 3
        return ".".join([*([climb] if climb else []), *hops, self.rng.choice(known)])

    def operand(self, scopes: tuple[str, ...], kind: str) -> str:
        field = self.field(scopes, kind) if self.rng.random() < 0.2 else None
        return field or quoted(self.rng.choice([*WORDS, *URLS, "inan", "a"]))

    def figure(self, scopes: tuple[str, ...], depth: int) -> str:
        """A number."""
        if depth > 0 and self.rng.random() < 0.2:
            op = self.rng.choice(["+", "-", "*", "/", "%"])
            return f"({self.figure(scopes, depth - 1)} {op} {self.figure(scopes, depth - 1)})"
        if self.rng.random() < 0.03:
            return f"-{self.field(scopes, 'number') or '(1 + 1)'}"
        if self.rng.random() < 0.05:
            return self.rng.choice(["currentYear()", "currentMonth()", "currentDayOfMonth()"])
        field = self.field(scopes, "number") if self.rng.random() < 0.75 else None
        return field or self.rng.choice(NUMBERS)

    def tail(self, scopes: tuple[str, ...], moving: bool = True) -> str:
        """A window, a side, a calendar unit, a range."""
        number, unit = self.rng.randint(0, 31), self.rng.choice(UNITS)
        way = self.rng.choice(["before", "before", "before", "after"])
        match self.rng.randint(0, 6):
            case 0:
                return f"{way} {self.time(scopes, moving)}"
            case 1:
                return self.rng.choice(["on ", ""]) + self.time(scopes, moving)
            case 2:
                return f"between {self.time(scopes, moving)} and {self.time(scopes, moving)}"
            case _:
                return f"{self.rng.choice(COMPARISONS)} {number} {unit} {way} {self.time(scopes, moving)}"

    def time(self, scopes: tuple[str, ...], moving: bool) -> str:
        if moving and self.rng.random() < 0.2:
            field = self.field(scopes, "datetime")
            if field is not None:
                return field
        calendar = [f"{which} {unit}" for which in ("this", "last") for unit in ("week", "month", "year")]
        dates = ["date(2026, 3, 1)", "date(2026, 2, 30)", "date(currentYear() - 1, 12, 31)"]
        if self.rng.random() < 0.03:
            return f"date({self.figure(scopes, 0)}, 3, 1)"
        return self.rng.choice(["now", "now", "now", "today", "yesterday", *calendar, *dates])

    def _link(self, cls: str, many: bool | None = None) -> Relationship | None:
        links = [one for one in self.schema.relationships_of(cls) if many is None or one.many == many]
        return self.rng.choice(links) if links else None

    def _step(self, link: Relationship) -> str:
        if link.ways() and self.rng.random() < 0.4:
            return f'{link.name}(via: "{self.rng.choice(link.ways())}")'
        return link.name

    def _names(self, cls: str) -> list[str]:
        return [link.name for link in self.schema.relationships_of(cls)]

    def _events_of(self, cls: str) -> str | None:
        return "xEvent" if self.schema.relationship(cls, "xEvent") else None


def quoted(text: str, raw: bool = False) -> str:
    """A string literal."""
    if raw:
        return f'"{text}"'
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
