"""The cookbook shows every example as it is, and each variant it speaks of can be asked."""

from __future__ import annotations

import re

import pytest
from tests.stories.examples_world import EXAMPLES

from townsend.audiences.pql import parse, resolve
from townsend.model.schema import builtin_schema
from townsend.project.audiencefile import read_audience

PAGE = (EXAMPLES.parents[1] / "docs" / "audiences.md").read_text("utf-8")
SHOWN = re.compile(
    r"^`([a-z-]+)` · (\w+)\n\n```pql\n(.*?)\n```\n\n(.*?)(?=\n\n#|\Z)", re.MULTILINE | re.DOTALL
)
INLINE = re.compile(r"`([^`]+)`")
FILES = {path.stem: read_audience(path) for path in sorted(EXAMPLES.glob("*.yaml"))}
VARIANTS = [
    (found[0], variant)
    for found in SHOWN.findall(PAGE)
    for variant in INLINE.findall(found[3])
    if re.match(r"[a-z]\w*\.\w+.*[()]", variant)
]


def test_the_page_shows_every_example_as_its_file_has_it() -> None:
    shown = {name: pql for name, _, pql, _ in SHOWN.findall(PAGE)}

    assert {name: (one.pql or "").strip() for name, one in FILES.items()} == shown


def test_all_sixteen_and_six_are_there() -> None:
    numbers = [number for _, number, _, _ in SHOWN.findall(PAGE)]

    assert sorted([str(n) for n in range(1, 17)] + [f"A{n}" for n in range(1, 7)]) == sorted(numbers)


@pytest.mark.parametrize(("example", "variant"), VARIANTS)
def test_a_variant_on_the_page_is_a_condition(example: str, variant: str) -> None:
    # An audience of companies is suppressed by one of people.
    of = "person" if "inSegment" in variant else FILES[example].of

    def others(name: str) -> tuple[str, str]:
        return FILES[name].of, FILES[name].pql or ""

    found = resolve(parse(variant), builtin_schema(), of, audiences=others, strict=True)

    assert [] == list(found.warnings)


def test_the_page_speaks_of_variants() -> None:
    assert len(VARIANTS) >= 6
