"""The next change is exactly the one found by asking at every millisecond."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.audiences.nodes import (
    SCHEMA,
    agg,
    amount,
    audience,
    chain,
    changes_ms,
    cmp,
    event,
    far,
    get,
    it,
    me,
    ms,
    step,
    text,
    where,
)

from townsend.audiences.core import (
    And,
    Calendar,
    Count,
    During,
    Expr,
    Gap,
    InSegment,
    InstantOf,
    Not,
    Now,
    Occurs,
    Or,
    Side,
    Some,
    Window,
)
from townsend.audiences.explain import explain
from townsend.audiences.reference import Entity, InMemoryWorld, holds

BASE = ms("2026-03-01") - 60  # midnight, and a month's turn, within reach
SPAN = 200
ANNA = Entity("person", 1)
times = st.integers(0, SPAN)
kinds = st.sampled_from("ab")


@st.composite
def worlds(draw: st.DrawFn) -> InMemoryWorld:
    made = InMemoryWorld(SCHEMA, BASE + draw(times))
    made.add(
        "person",
        1,
        {"b2b": {"convertedDate": BASE + draw(times)}},
        first_ms=draw(st.none() | times.map(lambda t: BASE + t)),
    )
    for number, (at, kind) in enumerate(draw(st.lists(st.tuples(times, kinds), max_size=5))):
        made.add("event", number, {"_id": f"{number}", "timestamp": BASE + at, "eventType": kind}, person=1)
    for number in range(2):
        made.add("account", number)
        bounds = st.none() | times.map(lambda t: BASE + t)
        made.edge(
            "person_account",
            1,
            number,
            draw(st.sampled_from(["direct", "opportunity"])),
            draw(bounds),
            draw(bounds),
        )
        made.add(
            "opportunity", number, {"opportunityAmount": {"amount": draw(st.integers(0, 3))}}, account=number
        )
    return made


def is_(kind: str, var: int = 1) -> Expr:
    return text(get(event(var), "eventType"), "equals", kind)


converted = get(me(), "b2b.convertedDate")
refs = st.sampled_from(
    [Now(), Calendar(0, "day"), Calendar(-1, "month"), Calendar(1, "day"), InstantOf(converted)]
)
tails = (
    st.builds(
        Window,
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.integers(0, 60),
        st.just("millisecond"),
        st.sampled_from(["before", "after"]),
        refs,
    )
    | st.builds(Side, st.sampled_from(["before", "after"]), refs)
    | st.builds(During, refs)
)
gaps = st.none() | st.builds(Gap, st.sampled_from(["<=", ">"]), st.integers(0, 60), st.just("millisecond"))
chains = st.lists(
    st.builds(
        lambda kind, when, count, gap: step(kind, is_(kind), when, count, gap),
        kinds,
        st.none() | tails,
        st.integers(1, 2),
        gaps,
    ),
    min_size=1,
    max_size=2,
).map(lambda steps: chain(*steps))
occurrences = st.builds(Occurs, st.just(converted), tails)
sums = st.builds(
    lambda op, n: cmp(agg("sum", far(me(), "accounts", "opportunities"), amount), op, n),
    st.sampled_from([">", "=", "<"]),
    st.integers(0, 4),
)
counts = st.builds(
    lambda kind, tail, op, n: cmp(
        Count(where(far(me(), "xEvent"), lambda e: And((is_(kind), Occurs(get(e, "timestamp"), tail))))),
        op,
        n,
    ),
    kinds,
    tails,
    st.sampled_from([">=", ">", "<", "<=", "=", "!="]),
    st.integers(0, 3),
)
tests = st.builds(
    lambda quantifier, kind, tail: Some(
        quantifier, far(me(), "xEvent"), 1, And((is_(kind), Occurs(get(event(), "timestamp"), tail)))
    ),
    st.sampled_from(["exists", "forall", "none", "one"]),
    kinds,
    tails,
)
backwards = st.builds(
    lambda kind: Some(
        "exists",
        far(me(), "accounts"),
        1,
        Some("exists", far(it(1, "account"), "people", "xEvent"), 2, is_(kind, 2)),
    ),
    kinds,
)
conditions: Any = st.recursive(
    chains | occurrences | sums | counts | tests | backwards,
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, min_size=1, max_size=3).map(lambda items: And(tuple(items)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda items: Or(tuple(items)))
        | inner.map(lambda one: InSegment("other", me(), audience(one)))
    ),
    max_leaves=4,
)


@settings(max_examples=250, deadline=None)
@given(worlds(), conditions)
def test_the_next_change_is_that_of_asking_at_every_millisecond(
    world: InMemoryWorld, condition: Expr
) -> None:
    definition = audience(condition)
    found = explain(definition, world, ANNA)
    last = BASE + SPAN + 130
    answer = holds(definition, world, ANNA)
    searched = next(
        (at for at in range(world.now_ms + 1, last) if holds(definition, world.at(at), ANNA) != answer), None
    )

    assert answer == found.holds
    assert searched == (
        changes_ms(found) if changes_ms(found) is not None and changes_ms(found) < last else None
    )
    if found.change is not None:
        assert bool(found.change.because) == found.exists
        assert holds(definition, world.at(found.change.at_ms), ANNA) == found.change.holds != answer
    assert found.lines()
