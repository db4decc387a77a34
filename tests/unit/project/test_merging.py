"""The merge section of the settings: what it says, and what is wrong about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from townsend.model import builtin_schema
from townsend.problem import Invalid
from townsend.profiles import MergePolicy
from townsend.project.merging import merge_policies, named_policies
from townsend.project.yamlfile import read_yaml

UPDATED = "extSourceSystemAudit.lastUpdatedDate"


def policies(folder: Path, text: str) -> tuple[dict[str, MergePolicy], dict[str, Any]]:
    (folder / "townsend.yaml").write_text(text, "utf-8")
    file = read_yaml(folder / "townsend.yaml", "townsend.yaml")
    merge, sources = file.section("merge", dict, {}), ["crm_1", "marketo_1"]
    schema = builtin_schema()
    return merge_policies(file, schema, merge, sources), named_policies(file, schema, merge, sources)


def test_a_class_has_its_own_policy_and_others_by_name(tmp_path: Path) -> None:
    own, named = policies(
        tmp_path,
        """
merge:
  person:
    by: time
    order: [crm_1]
    fields: {b2b.personStatus: {by: source}}
    policies:
      crm_first: {by: source, order: [crm_1, marketo_1]}
  account:
    by: changed
    policies:
      crm_first: {by: time}
      steady: {by: changed}
""",
    )

    status = MergePolicy("source", ("crm_1",))
    assert MergePolicy("time", ("crm_1",), {"b2b.personStatus": status}) == own["person"]
    assert {"crm_first", "steady"} == set(named)
    assert {"person", "account"} == set(named["crm_first"])
    assert MergePolicy("source", ("crm_1", "marketo_1")) == named["crm_first"]["person"]


def test_the_time_is_one_field_for_all_or_one_for_each_source(tmp_path: Path) -> None:
    own, _ = policies(
        tmp_path,
        f"""
merge:
  person: {{by: time, time: {UPDATED}, fields: {{b2b.personScore: {{by: changed}}}}}}
  account: {{by: time, time: {{crm_1: {UPDATED}}}}}
""",
    )

    assert {"": UPDATED} == own["person"].times
    assert {} == own["person"].fields["b2b.personScore"].times
    assert {"crm_1": UPDATED} == own["account"].times


@pytest.mark.parametrize(
    ("merge", "code", "said"),
    [
        ("{person: {by: source}}", "settings.order", "merge.person: by: source needs the sources"),
        ("{person: {by: source}}", "settings.order", "write order: [crm_1, marketo_1]"),
        ("{person: {policies: {a: {by: source}}}}", "settings.order", "merge.person.policies.a: "),
        ("{person: {fields: {b2b: {by: source}}}}", "settings.order", "merge.person.fields.b2b: "),
        (
            "{person: {by: newest}}",
            "settings.choice",
            "merge.person.by: expected time, changed, source or master",
        ),
        ("{person: {by: source, order: [a, a]}}", "settings.choice", "'a' stands there twice"),
        ("{person: {time: b2b.personScore}}", "settings.field", "is no date or instant of person"),
        ("{person: {time: [a]}}", "settings.field", "is no date or instant of person"),
        ("{person: {by: changed, time: person.birthDate}}", "settings.choice", "goes with by: time"),
        ("{person: {policies: {CRM first: {}}}}", "settings.name", "'CRM first' cannot name a policy"),
        ("{person: {policies: {a: {policies: {}}}}}", "settings.key", "unknown key 'policies'"),
        ("{person: {policies: [a]}}", "settings.type", "merge.person.policies: expected a mapping"),
        ("{person: {fields: {b2b.nothing: {by: time}}}}", "settings.field", "is not a field of person"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, merge: str, code: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        policies(tmp_path, f"name: x\nmerge: {merge}\n")

    assert code == refused.value.code
    assert said in refused.value.text
    assert refused.value.text.startswith("townsend.yaml:2: ")
