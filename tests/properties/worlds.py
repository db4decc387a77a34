"""Random small worlds, written straight into the unified tables.

Every value comes from a small stock, so that conditions meet, and from the corners: missing, empty, not
ASCII, huge, half a ninth place, the last millisecond of a window. Columns and tables may be missing too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from townsend.model import Schema, is_mark, mark_of, schema_from
from townsend.model.schema import builtin_document

DAY = 86_400_000
LINES = {"items": {"sku": "string", "count": "integer", "price": "money"}}
# The built-in classes, with money in events and in the items of arrays.
WITH_MONEY = schema_from(
    [
        ("xdm.yaml", builtin_document()),
        (
            "money.yaml",
            {
                "classes": {
                    "event": {"fields": {"order.total": "money", "order.lines": LINES}},
                    "account": {"fields": {"purchases": LINES}},
                }
            },
        ),
    ]
)
MARKS = ["100 CHF on 2026-03-01", "0.5 CHF on 2025-12-31", "7 EUR, too large"]
NOWS = [
    1_773_835_200_000,  # 2026-03-18T12:00Z
    1_774_915_200_000,  # 2026-03-31T00:00Z
    1_709_164_800_000,  # 2024-02-29T00:00Z
    1_767_225_599_999,  # the last millisecond of 2025
    1_772_323_200_001,  # just after 2026-03-01T00:00Z
]
WORDS = [
    "Finance",
    "finance",
    "IT",
    "",
    "İstanbul",
    "ΣΑΣ",
    "σας",
    "Straße",
    "a%b_c",
    "x\ny",
    "o'hara",
    "100",
    "true",
]
NUMBERS = [
    "0",
    "1",
    "-1",
    "3",
    "100",
    "600000",
    "1000000.5",
    "0.000000001",
    "-2.5",
    "0.5",
    "999999999999999999",
]
URLS = ["https://www.bodea.example/new-product", "https://www.bodea.example/pricing", "/NEW-PRODUCT?x=1", ""]
UNDECLARED = [
    "Finance",
    3,
    3.5,
    -1,
    True,
    False,
    None,
    "3",
    "true",
    "2026-03-17T00:00:00Z",
    ["IT", 3],
    [],
    {"b": 1},
]

# What worlds fill and audiences name: field path to kind of value, by class.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "account": {
        "accountName": "string",
        "accountOrganization.industry": "string",
        "accountOrganization.numberOfEmployees": "integer",
        "accountOrganization.annualRevenue.amount": "number",
        "accountScore": "number",
    },
    "person": {
        "person.name.firstName": "string",
        "workEmail.address": "string",
        "b2b.personStatus": "string",
        "b2b.personScore": "number",
        "b2b.isConverted": "boolean",
        "b2b.convertedDate": "datetime",
        "person.birthDate": "date",
    },
    "opportunity": {
        "opportunityStage": "string",
        "opportunityAmount.amount": "number",
        "isClosed": "boolean",
        "isWon": "boolean",
        "expectedCloseDate": "date",
        "fiscalYear": "integer",
        "probabilityPercentage": "number",
    },
    "account_person": {"personRole": "string", "isActive": "boolean", "relationStartDate": "datetime"},
    "opportunity_person": {"personRole": "string", "isPrimary": "boolean"},
    "campaign": {"campaignName": "string", "actualCost.amount": "number", "budgetedCost.amount": "number"},
    "campaign_member": {"memberStatus": "string", "hasResponded": "boolean", "membershipDate": "datetime"},
    "list": {"marketingListName": "string"},
    "list_member": {"isDeleted": "boolean"},
    "account_intent": {"topicName": "string", "score": "integer"},
    "event": {
        "eventType": "string",
        "web.webPageDetails.URL": "url",
        "commerce.order.priceTotal": "number",
        "leadOperation.changeScore.newValue": "integer",
        "device.isMobileDevice": "boolean",
        "leadOperation.interestingMoment.date": "datetime",
        "order.total.amount": "number",
    },
}
ARRAYS: Mapping[str, Mapping[str, str]] = {
    "person": {"organizations": "strings", "personComponents": "components", "segmentMembership": "segments"},
    "account": {"purchases": "lines"},
    "account_person": {"personRoles": "strings"},
    "event": {"productListItems": "products", "order.lines": "lines"},
}
SIZES = {
    "account": 6,
    "person": 8,
    "opportunity": 10,
    "account_person": 8,
    "opportunity_person": 8,
    "campaign": 3,
    "campaign_member": 6,
    "list": 2,
    "list_member": 5,
    "account_intent": 4,
}
EVENTS_MAX = 40
SQL_TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "number": pa.decimal128(38, 9),
    "datetime": pa.int64(),
    "date": pa.int64(),
}


@dataclass(eq=False)
class RandomWorld:
    """What ``townsend.profiles.Unified`` offers to evaluators, made up."""

    con: duckdb.DuckDBPyConnection
    schema: Schema
    name: str
    now_ms: int
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    lists: dict[str, list[int]] = field(default_factory=dict)

    policy: str | None = None
    others: dict[str | None, RandomWorld] = field(default_factory=dict)

    def ids_listed(self, name: str) -> np.ndarray:
        return np.array(self.lists[name], dtype=np.int32)

    def under(self, policy: str | None) -> RandomWorld:
        if policy == self.policy:
            return self
        other = self.others[policy]
        other.now_ms = self.now_ms
        return other

    def list_some(self, rng: Random, saved: dict[str, tuple[str, str | None]]) -> None:
        """Make list audiences of a few classes; they name live and retired entities, and those of later."""
        for cls in dict.fromkeys([rng.choice(["person", "account"]), rng.choice(list(SIZES))]):
            rows = [*self.tables.get(cls, []), *self.tables.get(f"{cls}_retired", [])]
            ids = sorted(row["id"] for row in rows)
            self.lists[f"listed {cls}"] = sorted(rng.sample(ids, rng.randint(0, len(ids))))
            saved[f"listed {cls}"] = (cls, None)

    def close(self) -> None:
        self.con.close()

    def __repr__(self) -> str:
        rows = "\n".join(f"{name}: {row}" for name, table in self.tables.items() for row in table)
        return f"world at {self.now_ms}, lists {self.lists}\n{rows}"


def random_world(rng: Random) -> RandomWorld:
    """A world of a few dozen rows."""
    con = duckdb.connect(config={"threads": 1})
    con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false; CREATE SCHEMA u; CREATE SCHEMA facts")
    con.execute("CREATE TABLE facts.meta (key VARCHAR, value VARCHAR)")
    world = RandomWorld(con, WITH_MONEY, "u", rng.choice(NOWS))
    _Writer(world, rng).write()
    return world


class _Writer:
    def __init__(self, world: RandomWorld, rng: Random) -> None:
        self.world = world
        self.rng = rng
        self.live: dict[str, list[int]] = {}
        self.retired: dict[str, list[int]] = {}
        self.numbers: dict[str, list[int]] = {}
        self.next = 1
        # How often an amount lacks a rate: in a third of the worlds never.
        self.lacking = rng.choice([0.0, 0.3, 0.6])
        self.undecided: list[dict[str, Any]] = []

    def write(self) -> None:
        missing = {cls for cls in SIZES if cls not in ("person", "account") and self.rng.random() < 0.05}
        for cls, size in SIZES.items():
            self._number(cls, 0 if cls in missing else self.rng.randint(1, size))
        for cls in SIZES:
            self._class(cls)
        self._edges()
        if self.rng.random() < 0.95:
            self._events()
        self._keys()
        texts = dict.fromkeys(["class", "path", "mark"], pa.string())
        self._save("u", "undecided", self.undecided, {**texts, "id": pa.int32(), "retired": pa.bool_()})
        self.world.columns = {cls: frozenset(rows[0]) for cls, rows in self.world.tables.items() if rows}

    def _keys(self) -> None:
        """What records and identities are called, in an order that is not that of their numbers."""
        shuffled = Random(self.next)
        numbers, sources, identities = [], [], []
        for cls in SIZES:
            for entity in [*self.live.get(cls, []), *self.retired.get(cls, [])]:
                key = {"class": cls, "id": entity}
                if shuffled.random() < 0.2:
                    value = str(shuffled.randint(1, 99))
                    identities.append({**key, "n": entity, "space": "Email", "value": value})
                    continue
                numbers.append({"n": entity, "value": str(shuffled.randint(1, 99))})
                sources += [
                    {**key, "n": entity, "source": one} for one in shuffled.sample(["a", "b", None], 2)
                ]
        texts = dict.fromkeys(["class", "space", "value", "source"], pa.string())
        kinds = {**texts, "id": pa.int32(), "n": pa.int32()}
        self._save("facts", "number", numbers, {name: kinds[name] for name in ("n", "space", "value")})
        self._save("u", "source", sources, {name: kinds[name] for name in ("class", "id", "n", "source")})
        self._save("u", "identity", identities, {name: kinds[name] for name in kinds if name != "source"})

    def _number(self, cls: str, size: int) -> None:
        """Ids and numbers: an entity may hold several, and has the smallest."""
        nodes = []
        for _ in range(size):
            held = list(range(self.next, self.next + self.rng.choice([1, 1, 2])))
            self.next += len(held)
            group = self.retired if self.rng.random() < 0.15 else self.live
            group.setdefault(cls, []).append(held[0])
            nodes += [{"n": n, "id": held[0]} for n in held]
        self.numbers[cls] = [node["n"] for node in nodes]
        if nodes or self.rng.random() < 0.5:
            self._save("u", f"node_{cls}", nodes, {"n": pa.int32(), "id": pa.int32()})

    def _class(self, cls: str) -> None:
        kinds = {path: SQL_TYPES[kind] for path, kind in self._kept(FIELDS[cls]).items()}
        arrays = self._kept(ARRAYS.get(cls, {}))
        kinds = {"id": pa.int32(), **kinds, **dict.fromkeys(arrays, pa.string()), "extra": pa.string()}
        references = [ref for ref in self.world.schema.classes[cls].references.values() if ref.field]
        kinds |= {"@" + ref.name: pa.int32() for ref in references}
        if cls == "person":
            kinds["first_ms"] = pa.int64()
        for suffix, ids in (("", self.live.get(cls, [])), ("_retired", self.retired.get(cls, []))):
            rows = []
            for entity in ids:
                row: dict[str, Any] = {"id": entity, "extra": self._extra()}
                row |= {path: self._value(FIELDS[cls][path]) for path in FIELDS[cls] if path in kinds}
                row |= {path: self._array(kind) for path, kind in arrays.items()}
                row |= {"@" + ref.name: self._far(ref.to, entity) for ref in references}
                if cls == "person":
                    row["first_ms"] = self._instant() if self.rng.random() < 0.2 else None
                rows.append(self._with_marks(cls, row, bool(suffix)))
            self._save("u", cls + suffix, rows, {**kinds, **_marked(rows)})

    def _with_marks(self, cls: str, row: dict[str, Any], retired: bool) -> dict[str, Any]:
        """The row, some of whose amounts nobody can say."""
        marked = dict(row)
        for path in [one for one in row if one.endswith(".amount")]:
            if self.rng.random() < self.lacking:
                marked |= {path: None, mark_of(path): self.rng.choice(MARKS)}
        paths = [path.replace("!", "") for path in marked if is_mark(path)]
        paths += [f"{path}.price.amount" for path, value in row.items() if "!amount" in str(value)]
        self.undecided += [
            {"class": cls, "id": row["id"], "path": path, "mark": MARKS[0], "retired": retired}
            for path in paths
        ]
        return marked

    def _kept(self, paths: Mapping[str, str]) -> dict[str, str]:
        """Most of the columns: others were never seen."""
        return {path: kind for path, kind in paths.items() if self.rng.random() < 0.9}

    def _far(self, cls: str, near: int) -> int | None:
        """A reference: live, or rarely one that leads nowhere."""
        known = [one for one in self.live.get(cls, []) if one != near]
        if not known or self.rng.random() < 0.15:
            gone = self.retired.get(cls, [])
            return self.rng.choice(gone) if gone and self.rng.random() < 0.3 else None
        return self.rng.choice(known)

    def _edges(self) -> None:
        people, accounts = self.live.get("person", []), self.live.get("account", [])
        rows = []
        for _ in range(self.rng.randint(0, 14) if people and accounts else 0):
            start, end = (self._instant() if self.rng.random() < 0.2 else None for _ in range(2))
            via = self.rng.choice(["direct", "direct", "relation", "opportunity"])
            pair = {"near": self.rng.choice(people), "far": self.rng.choice(accounts)}
            rows.append({**pair, "via": via, "start_ms": start, "end_ms": end})
        ends = {"near": pa.int32(), "far": pa.int32()}
        bounds = {"via": pa.string(), "start_ms": pa.int64(), "end_ms": pa.int64()}
        self._save("u", "edge_person_account", rows, ends | bounds)
        for table in ("account_ancestor", "account_related"):
            pairs = {
                (self.rng.choice(accounts), self.rng.choice(accounts))
                for _ in range(self.rng.randint(0, 5) if accounts else 0)
            }
            distinct = [{"near": a, "far": b} for a, b in sorted(pairs) if a != b]
            self._save("u", f"edge_{table}", distinct, ends)

    def _events(self) -> None:
        kinds = {
            path: SQL_TYPES[{"url": "string"}.get(kind, kind)]
            for path, kind in self._kept(FIELDS["event"]).items()
        }
        arrays = self._kept(ARRAYS["event"])
        references = ["account", "opportunity", "campaign", "list"]
        numbered = {"#" + name: pa.int32() for name in references if self.rng.random() < 0.8}
        kinds |= {
            **dict.fromkeys(arrays, pa.string()),
            "_id": pa.string(),
            "timestamp": pa.int64(),
            "source": pa.string(),
        }
        kinds |= {"extra": pa.string(), "who": pa.int32(), **numbered}
        rows = []
        for at in range(self.rng.randint(0, EVENTS_MAX)):
            row: dict[str, Any] = {"_id": f"e{at}", "timestamp": self._instant(), "extra": self._extra()}
            row["source"] = self.rng.choice(["marketo_1", "marketo_2"])
            row |= {path: self._value(FIELDS["event"][path]) for path in FIELDS["event"] if path in kinds}
            row |= {path: self._array(kind, 0.0) for path, kind in arrays.items()}
            row["who"] = self._known("person")
            row |= {name: self._known(name[1:]) for name in numbered}
            rows.append(row)
        self._save("facts", "event", rows, kinds)
        self._worth(rows, kinds)

    def _worth(self, rows: list[dict[str, Any]], kinds: Mapping[str, pa.DataType]) -> None:
        """What some events say about money in other currencies."""
        money = [path for path in ("order.total.amount", "order.lines") if path in kinds]
        if not self.lacking or not money:
            return
        found = []
        for at, row in enumerate(rows):
            if self.rng.random() < 0.5:
                said = {path: row[path] for path in money}
                if said.get("order.total.amount"):
                    said["order.total.amount"] = self._value("number")
                if said.get("order.lines"):
                    said["order.lines"] = self._array("lines")
                found.append(self._with_marks("event", {"id": at, **said}, False))
        self._save(
            "u",
            "event_worth",
            found,
            {"id": pa.int32(), **{path: kinds[path] for path in money}, **_marked(found)},
        )

    def _known(self, cls: str) -> int | None:
        known = self.numbers.get(cls, [])
        return self.rng.choice(known) if known and self.rng.random() < 0.85 else None

    # -------------------------------------------------------- values

    def _value(self, kind: str) -> Any:
        if self.rng.random() < 0.2:
            return None
        match kind:
            case "string":
                return self.rng.choice(WORDS)
            case "url":
                return self.rng.choice(URLS)
            case "boolean":
                return self.rng.random() < 0.5
            case "integer":
                return self.rng.choice([0, 1, 3, 100, 2025, 2026, -7])
            case "number":
                return self.rng.choice(NUMBERS)
            case "date":
                return self._instant() // DAY * DAY
        return self._instant()

    def _instant(self) -> int:
        """Near now, often on a bound that audiences use."""
        now = self.world.now_ms
        bounds = [0, 1, -1, DAY, 3 * DAY, 7 * DAY, 28 * DAY, 30 * DAY, 31 * DAY, 59 * DAY, 365 * DAY]
        around = self.rng.choice([now, now, now // DAY * DAY])
        return (
            around
            - self.rng.choice(bounds)
            - self.rng.choice([0, 0, 1, -1, 43_200_000, self.rng.randint(0, 40 * DAY)])
        )

    def _array(self, kind: str, lacking: float | None = None) -> str | None:
        """An array as JSON; ``lacking`` tells how often an amount in its items lacks a rate."""
        if self.rng.random() < 0.3:
            return None
        if kind == "strings":
            return json.dumps([self.rng.choice([*WORDS, None]) for _ in range(self.rng.randint(0, 3))])
        if kind == "segments":
            status = self.rng.choice(["realized", "existing", "exited"])
            return json.dumps({"ups": {self.rng.choice(["loaded", "other"]): {"status": status}}})
        often = self.lacking if lacking is None else lacking
        return json.dumps([self._item(kind, often) for _ in range(self.rng.randint(0, 3))])

    def _item(self, kind: str, lacking: float) -> dict[str, Any]:
        if kind == "lines":
            price: dict[str, Any] = {"amount": self.rng.choice([0, 10.5, 100, -2.5, None])}
            if self.rng.random() < lacking:
                price = {"amount": None, "!amount": self.rng.choice(MARKS)}
            item = {
                "sku": self.rng.choice(["PS", "ps", None]),
                "count": self.rng.choice([1, 3, None]),
                "price": price,
            }
        elif kind == "products":
            item = {
                "SKU": self.rng.choice(["PS", "ps", "LR", None]),
                "quantity": self.rng.choice([0, 1, 3, None]),
                "priceTotal": self.rng.choice([0, 10.5, 100, -2.5, None]),
            }
        else:
            item = {
                "personType": self.rng.choice(WORDS),
                "personScore": self.rng.choice([1, 2.5, 100, None]),
                "workEmail": {"address": self.rng.choice(WORDS)},
            }
        return {name: value for name, value in item.items() if self.rng.random() < 0.85}

    def _extra(self) -> str | None:
        if self.rng.random() < 0.4:
            return None
        found = {"tier": self.rng.choice(UNDECLARED), "custom": {"a": self.rng.choice(UNDECLARED)}}
        return json.dumps({name: value for name, value in found.items() if self.rng.random() < 0.7})

    # -------------------------------------------------------- tables

    def _save(
        self, place: str, name: str, rows: list[dict[str, Any]], kinds: Mapping[str, pa.DataType]
    ) -> None:
        columns = {}
        for column, kind in kinds.items():
            values = [row.get(column) for row in rows]
            if pa.types.is_decimal(kind):
                columns[column] = pa.array(values, pa.string()).cast(kind)
            else:
                columns[column] = pa.array(values, kind)
        rows_of = pa.table(columns)  # noqa: F841 - DuckDB reads it by name
        self.world.con.execute(f'CREATE TABLE {place}."{name}" AS SELECT * FROM rows_of')
        if rows:
            self.world.tables[name] = rows


def _marked(rows: list[dict[str, Any]]) -> dict[str, pa.DataType]:
    """The columns of marks that rows have."""
    return {name: pa.string() for row in rows for name in row if is_mark(name)}
