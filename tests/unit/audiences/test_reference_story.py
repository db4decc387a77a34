"""The story and its variants, by the evaluator that says what a definition means."""

from __future__ import annotations

from tests.unit.audiences.bodea import MONEY, NOW, P1, P2, P3, SEED, VISIT, VISITED, bodea
from tests.unit.audiences.nodes import agg, amount, audience, cmp, far, it, me, ms, where, won

from townsend.audiences.core import Not, Some, Truth
from townsend.audiences.reference import Entity, holds, members

PER_ACCOUNT = audience(
    Some(
        "exists",
        far(me(), "accounts"),
        1,
        cmp(agg("sum", where(far(it(1, "account"), "opportunities"), won, 2), amount, 2), ">", 1_000_000),
    )
)


def test_the_answer_is_p2() -> None:
    assert [P2] == members(SEED, bodea())


def test_money_alone_finds_everybody_and_the_visit_alone_p2() -> None:
    assert [P1, P2, P3] == members(audience(MONEY), bodea())
    assert [P2] == members(audience(VISITED), bodea())


def test_inside_one_silo_nobody_has_a_million() -> None:
    assert [] == members(PER_ACCOUNT, bodea(one_company=False))
    assert [P1, P2, P3] == members(PER_ACCOUNT, bodea())


def test_a_person_with_two_accounts_counts_for_both() -> None:
    """Without master data p2 alone has both companies: all accounts together, not any one."""
    assert [P2] == members(audience(MONEY), bodea(one_company=False))


def test_an_opportunity_reached_by_two_paths_counts_once() -> None:
    world = bodea()
    world.edge("person_account", P2, 11, "relation")
    doubled = audience(cmp(MONEY.left, "=", 1_100_000))

    assert [P1, P2, P3] == members(doubled, world)


def test_p2_leaves_one_millisecond_after_the_bound() -> None:
    world = bodea()
    last = ms("2026-12-03T09:00:00Z")

    assert [P2] == members(SEED, world.at(last))
    assert [] == members(SEED, world.at(last + 1))


def test_a_visit_of_the_future_does_not_exist_yet() -> None:
    world = bodea()

    assert [] == members(audience(VISITED), world.at(VISIT - 1))
    assert [P2] == members(audience(VISITED), world.at(VISIT))


def test_a_relation_counts_from_its_start_until_before_its_end() -> None:
    world = bodea()
    world.add("person", 4)
    world.edge("person_account", 4, 11, "relation", start_ms=NOW - 10, end_ms=NOW + 10)

    found = [members(audience(MONEY), world.at(now)) for now in (NOW - 11, NOW - 10, NOW + 9, NOW + 10)]

    assert [[1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3]] == found


def test_the_way_to_an_account_can_be_chosen() -> None:
    world = bodea()
    world.add("person", 4)
    world.edge("person_account", 4, 11, "opportunity")

    def reach(via: str | None) -> list[int]:
        return members(audience(Truth(far(me(), "accounts", via=via))), world)

    assert [P1, P2, P3] == reach(None)
    assert [P1, P2, P3] == reach("direct")
    assert [4] == reach("opportunity")


def test_somebody_known_by_an_event_alone_exists_from_then_on() -> None:
    world = bodea()
    world.add("person", 4, first_ms=NOW + 5)
    nobody = audience(Not(MONEY))

    assert [] == members(nobody, world)
    assert [4] == members(nobody, world.at(NOW + 5))
    assert not holds(nobody, world, Entity("person", 4))


def test_what_does_not_exist_is_no_member() -> None:
    everybody = audience(Not(MONEY))

    assert not holds(everybody, bodea(), Entity("person", 99))
    assert [] == members(everybody, bodea(), among=[99])
    assert [P1] == members(audience(MONEY), bodea(), among=[P1, 99])
