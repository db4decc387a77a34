"""What a random world gets besides its rows: the same facts merged otherwise, and computed fields."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.properties.questions import ROOTS, Computed, Question
from tests.properties.worlds import FIELDS, RandomWorld

from townsend.model import Schema

POLICY = "otherwise"
TWIN = "u_otherwise"
KINDS = ("number", "number", "number", "boolean", "string", "datetime")


def merged_otherwise(rng: Random, world: RandomWorld) -> RandomWorld:
    """The world under the policy ``otherwise``: the same entities and relationships, other values.

    Of each class some columns go round: every entity has the value of another one.
    """
    world.con.execute(f"CREATE SCHEMA {TWIN}")
    tables = dict(world.tables)
    names = world.con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'u'").fetchall()
    for (name,) in names:
        cls = name.removesuffix("_retired")
        columns = [row[0] for row in world.con.execute(f'DESCRIBE u."{name}"').fetchall()]
        moved = {
            one
            for one in columns
            if one in FIELDS.get(cls, {}) and not one.endswith(".amount") and rng.random() < 0.5
        }
        listed = ", ".join(
            f'coalesce(lead("{one}") OVER w, first("{one}") OVER w) AS "{one}"'
            if one in moved
            else f'"{one}"'
            for one in columns
        )
        window = " WINDOW w AS (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
        world.con.execute(
            f'CREATE TABLE {TWIN}."{name}" AS SELECT {listed} FROM u."{name}"{window * bool(moved)}'
        )
        if cls in FIELDS:
            found = world.con.execute(f'SELECT * FROM {TWIN}."{name}" ORDER BY id').fetchall()
            tables[f"{TWIN}.{name}"] = [dict(zip(columns, row, strict=True)) for row in found]
    twin = replace(world, name=TWIN, policy=POLICY, others={None: world}, lists=world.lists)
    world.tables, world.others = tables, {POLICY: twin}
    return twin


def computed_fields(rng: Random, schema: Schema) -> tuple[dict[str, dict[str, str]], Computed]:
    """Class to computed fields, by name: text, and kind; later ones may name earlier ones."""
    texts: dict[str, dict[str, str]] = {}
    kinds: dict[str, dict[str, str]] = {}
    for at in range(rng.randint(0, 5)):
        cls, kind, name = rng.choice(ROOTS), rng.choice(KINDS), f"computed{at}"
        question = Question(rng, schema, computed=kinds)
        text: str | None
        if kind == "number":
            text = question.total((cls,), 2) if rng.random() < 0.6 else question.figure((cls,), 2)
        elif kind == "boolean":
            text = question.condition((cls,), 1)
        else:
            text = question.field((cls,), kind)
        if text is not None:
            texts.setdefault(cls, {})[name] = text
            # What names it later must not find it in the making.
            kinds = {one: dict(known) for one, known in kinds.items()}
            kinds.setdefault(cls, {})[name] = kind
    return texts, kinds
