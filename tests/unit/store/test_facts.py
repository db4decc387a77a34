"""The file of facts: opens for one process, changes by transactions, says clearly why it does not open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from townsend.problem import Broken, Invalid, Problem, Unavailable
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "t.duckdb"


@pytest.fixture
def facts(path: Path) -> Iterator[Facts]:
    with Facts.open(path) as opened:
        yield opened


def opening(path: Path, *, read_only: bool = False) -> Problem:
    with pytest.raises(Problem) as caught:
        Facts.open(path, read_only=read_only).close()
    return caught.value


HOLD = """
import sys
from pathlib import Path
from townsend.store.facts import Facts
with Facts.open(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_new_store_is_made_with_its_folder_and_opens_again(path: Path) -> None:
    with Facts.open(path) as facts:
        facts.set_cursor("crm_1", "accounts", {"page": 1}, 5)
        salt = facts.salt
    with Facts.open(path) as facts:
        assert {"page": 1} == facts.cursor("crm_1", "accounts")
        assert salt == facts.salt
        assert len(salt) == 32


def test_a_store_that_another_process_has_open_says_who_and_what_to_do(path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    try:
        assert "open" == holder.stdout.readline().strip()
        found = [opening(path), opening(path, read_only=True)]
    finally:
        holder.communicate("")

    assert [(Unavailable, "store.locked")] * 2 == [(type(problem), problem.code) for problem in found]
    assert [holder.pid] * 2 == [problem.facts["pid"] for problem in found]
    assert all(f"process {holder.pid}" in problem.text and "wait" in problem.text for problem in found)
    Facts.open(path).close()


@pytest.mark.parametrize("damage", ["not a store", "cut", "header"])
def test_a_damaged_file_is_kept_and_named(path: Path, damage: str) -> None:
    Facts.open(path).close()
    whole = path.read_bytes()
    damaged = {
        "not a store": b"hello " * 4_000,
        "cut": whole[:5_000],
        "header": bytes(8_192) + whole[8_192:],
    }
    path.write_bytes(damaged[damage])
    problem = opening(path)

    assert (Broken, "store.damaged") == (type(problem), problem.code)
    assert str(path) in problem.text
    assert "backup" in problem.text
    assert damaged[damage] == path.read_bytes()


def test_a_store_of_another_format_is_left_alone(path: Path) -> None:
    with Facts.open(path) as facts:
        facts.set_meta("format", "99")
    problem = opening(path)

    assert (Invalid, "store.format", "99") == (type(problem), problem.code, problem.facts["got"])


def test_reading_does_not_make_a_store(path: Path) -> None:
    problem = opening(path, read_only=True)

    assert "store.missing" == problem.code
    assert not path.exists()


def test_a_file_of_another_kind_holds_no_facts_to_read(path: Path) -> None:
    path.parent.mkdir()
    duckdb.connect(str(path)).close()

    assert "store.missing" == opening(path, read_only=True).code


@pytest.mark.parametrize("name", ["facts.duckdb", "FACTS.x.duckdb", "u.duckdb"])
def test_a_file_named_as_a_schema_is_refused_with_a_better_name(tmp_path: Path, name: str) -> None:
    problem = opening(tmp_path / name)

    assert "store.name" == problem.code
    assert "townsend.duckdb" in problem.text
    assert not (tmp_path / name).exists()


def test_what_fails_inside_a_transaction_leaves_nothing(facts: Facts) -> None:
    @facts.transaction()
    def stopped() -> None:
        facts.ensure("account", {"key": "INTEGER"}, {"accountName": "VARCHAR"})
        facts.touch()
        facts.set_meta("remark", "x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()

    assert (frozenset(), 0, None) == (facts.columns("account"), facts.revision(), facts.meta("remark"))


def test_a_statement_that_fails_ends_the_transaction_and_the_store_goes_on(facts: Facts) -> None:
    @facts.transaction()
    def failing() -> None:
        facts.set_meta("remark", "x")
        facts.con.execute("SELECT error('no')").fetchall()

    with pytest.raises(duckdb.Error):
        failing()
    with facts.transaction():
        facts.set_meta("remark", "y")

    assert "y" == facts.meta("remark")


def test_a_transaction_inside_another_is_part_of_it(facts: Facts) -> None:
    @facts.transaction()
    def failing() -> None:
        with facts.transaction():
            facts.set_meta("remark", "x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()

    assert None is facts.meta("remark")


def test_the_revision_grows_once_a_transaction(facts: Facts) -> None:
    for _ in range(2):
        with facts.transaction():
            facts.touch()
            facts.touch()

    assert 2 == facts.revision()


def test_columns_appear_with_their_first_value_and_others_stay(facts: Facts) -> None:
    base = {"key": "INTEGER"}
    facts.ensure("account", base, {"a.b": "VARCHAR"})
    facts.con.execute("INSERT INTO facts.account VALUES (1, $x)", {"x": "x"})
    facts.ensure("account", base, {"a.b": "VARCHAR", 'odd"name': "BIGINT"})

    assert {"key", "a.b", 'odd"name'} == facts.columns("account")
    assert [(1, "x", None)] == facts.con.execute("FROM facts.account").fetchall()


def test_a_class_may_have_any_name(facts: Facts) -> None:
    name = 'it\'s "odd"; DROP TABLE facts.meta'
    facts.ensure(name, {"key": "INTEGER"}, {})

    assert {"key"} == facts.columns(name)
    assert "1" == facts.meta("format")


def test_a_field_named_like_a_column_of_the_store_is_refused(facts: Facts) -> None:
    with pytest.raises(Invalid) as caught:
        facts.ensure("account", {"key": "INTEGER", "hash": "UBIGINT"}, {"Hash": "VARCHAR"})

    assert "schema.field_name" == caught.value.code
    assert "custom.Hash" in caught.value.text


def test_a_name_is_quoted_whatever_it_holds(facts: Facts) -> None:
    name = 'a"b.c; --'
    found = facts.one(f"SELECT 1 AS {identifier(name)}")

    assert (1,) == found


def test_digests_differ_between_stores(tmp_path: Path) -> None:
    digests = []
    for name in ("a.duckdb", "b.duckdb"):
        with Facts.open(tmp_path / name) as facts:
            digests += [facts.digest("Email", "a@b.c"), facts.digest("Email", "a@b.c")]

    assert digests[0] == digests[1] != digests[2] == digests[3]


def test_a_cursor_is_replaced_and_kept_per_stream(facts: Facts) -> None:
    facts.set_cursor("crm", "a", 1, 5)
    facts.set_cursor("crm", "b", "x", 5)
    facts.set_cursor("crm", "a", [2], 6)

    assert ([2], "x", None) == tuple(facts.cursor("crm", stream) for stream in "abc")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('IO Error: Could not set lock on file "x": Conflicting lock is held in PID 12', "store.locked"),
        ("IO Error: Cannot open file: Permission denied", "store.permission"),
        ("IO Error: Could not write file: No space left on device", "store.full"),
        ("IO Error: database version is 99, but we can only read versions up to 69", "store.format"),
    ],
)
def test_what_duckdb_says_becomes_what_to_do(said: str, code: str) -> None:
    from townsend.store.facts_errors import translated

    assert code == translated(duckdb.IOException(said), Path("x")).code
