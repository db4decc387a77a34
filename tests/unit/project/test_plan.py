"""What changed rules would do is shown before it is done."""

from __future__ import annotations

from tests.stories.bodea import person
from tests.unit.project.shop import NOW, Shop, shop

from townsend.project.plan import apply_changes, plan_changes

__all__ = ["shop"]

SPACES = "namespaces: [{code: b2b_person}, {code: Email}]"
ONE_MAIL = f"identity: {{person: {{{SPACES}}}}}\n"
BLOCKED = f"identity: {{person: {{{SPACES}, blocked: {{Email: [p1@townsend.com]}}}}}}\n"


def rules(shop: Shop, text: str) -> None:
    (shop.folder / "townsend.yaml").write_text(f"name: bodea\n{text}", "utf-8")


def test_a_rule_that_splits_a_person_is_planned_then_applied(shop: Shop) -> None:
    rules(shop, ONE_MAIL)
    shop.load("person", person("1", "crm1", "p1@townsend.com"), person("2", "crm1", "p1@townsend.com"))
    shop.audience("everybody")
    rules(shop, BLOCKED)

    with shop.open() as project:
        planned = plan_changes(project, NOW)
        before = len(project.members("everybody", now=NOW).ids)
        applied = apply_changes(project, NOW)
        after = len(project.members("everybody", now=NOW).ids)
        again = plan_changes(project, NOW)

    assert (True, 1, 2) == (planned.pending, before, after)
    assert [(1, 2, 1, 0)] == [(one.before, one.after, one.enter, one.leave) for one in planned.members]
    assert planned.to_json() == applied.to_json()
    assert "  everybody: 1 enter, 0 leave (1 → 2)" in planned.lines()
    assert not again.pending
