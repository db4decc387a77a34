"""What users get wrong: one clear message that says what to do, the right exit code, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.stories.bodea import NOW, SEED, Bodea, account, key, person, visit

from townsend.cli.main import main


def test_a_broken_row_is_set_aside_and_the_others_are_taken(bodea: Bodea) -> None:
    path = bodea.folder / "people.ndjson"
    good = [person(f"p{n}", "crm1", f"p{n}@a.com") for n in (1, 2)]
    path.write_text(json.dumps(good[0]) + "\n{not json\n" + json.dumps(good[1]) + "\n", "utf-8")

    loaded = bodea("load", "person", str(path), "--source", "crm_1")

    assert loaded.code == 3
    assert "quarantine" in loaded.err
    assert ["p1@a.com", "p2@a.com"] == bodea.query("true")
    (row,) = bodea("quarantine", "ls", "--json").rows
    assert row["place"].endswith("people.ndjson:2")


def test_a_mended_schema_lets_quarantined_rows_in(bodea: Bodea) -> None:
    (bodea.folder / "townsend.yaml").write_text("name: bodea\nschema: closed\n", "utf-8")
    bodea.load("account", [account("1", "crm1", tier="gold")], expect=3)
    assert [] == bodea("query", "true", "--of", "account", "--json").rows

    text = "classes:\n  account:\n    fields: {tier: string}\n"
    (bodea.folder / "schema" / "tier.yaml").write_text(text, "utf-8")
    replayed = bodea("quarantine", "replay")

    assert replayed.code == 0, replayed.err
    assert len(bodea("query", 'tier = "gold"', "--of", "account", "--json").rows) == 1


def test_an_unknown_class_is_refused_with_a_suggestion(bodea: Bodea) -> None:
    path = bodea.folder / "x.ndjson"
    path.write_text("{}\n", "utf-8")

    answer = bodea("load", "acount", str(path))

    assert answer.code == 2
    assert "account" in answer.err
    assert "[class.unknown]" in answer.err


def test_an_unknown_field_is_refused_with_a_suggestion(bodea: Bodea) -> None:
    bodea.tell_the_story()

    answer = bodea("query", 'workEmail.adress = "x"', "--now", NOW)

    assert answer.code == 2
    assert "address" in answer.err


def test_a_syntax_error_names_line_and_column_and_points_at_it(bodea: Bodea) -> None:
    answer = bodea("query", 'workEmail.address = "x"\nand = 3')

    assert answer.code == 2
    assert "2" in answer.err
    lines = answer.err.splitlines()
    at = next(n for n, line in enumerate(lines) if "and = 3" in line)
    assert lines[at + 1].strip().startswith("^")
    assert lines[at + 1].index("^") - lines[at].index("and = 3") == len("and ")


def test_without_a_project_the_message_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["query", "true", "--project", str(tmp_path / "nowhere")])

    assert code == 2
    assert "townsend init" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "townsend.yaml"),
        ("nmae: bodea\n", "did you mean 'name'"),
        ("sources: {x: {type: marketto}}\n", "townsend.yaml:1"),
        ("destinations: {x: {type: linkedin}}\n", "consent"),
    ],
)
def test_a_settings_file_that_is_wrong_is_named_with_its_line(bodea: Bodea, text: str, words: str) -> None:
    (bodea.folder / "townsend.yaml").write_text(text, "utf-8")

    answer = bodea("status")

    assert answer.code == 2
    assert words in answer.err


def test_an_unreadable_settings_file_is_an_error_not_a_crash(bodea: Bodea) -> None:
    (bodea.folder / "townsend.yaml").write_bytes(b"\xff\xfe\x00name")

    answer = bodea("status")

    assert answer.code == 2
    assert "townsend.yaml" in answer.err


def test_an_unreachable_server_fails_with_its_name_and_loses_nothing(bodea: Bodea) -> None:
    bodea.tell_the_story()
    (bodea.folder / "townsend.yaml").write_text(
        "name: bodea\nsources:\n  crm_9: {type: salesforce, base_url: 'http://127.0.0.1:9', client_id: a, "
        "client_secret: b}\nrehearsal: {seed: 1, size: 0, anchor: '2026-11-22T12:00:00Z', factor: 100000}\n",
        "utf-8",
    )

    answer = bodea("sync")

    assert answer.code == 1
    assert "crm_9" in answer.err
    assert "127.0.0.1" in answer.err
    assert ["p2@townsend.com"] == bodea.query(SEED)


@pytest.mark.slow
def test_wrong_credentials_name_the_setting_and_never_the_secret(bodea: Bodea) -> None:
    (bodea.folder / "townsend.yaml").write_text(
        "name: bodea\nsources:\n  crm: {type: salesforce, base_url: '${REHEARSAL_CRM_1_BASE_URL}', "
        "client_id: '${REHEARSAL_CRM_1_CLIENT_ID}', client_secret: hunter2}\n"
        "rehearsal: {seed: 1, size: 0, anchor: '2026-11-22T12:00:00Z', factor: 5000}\n",
        "utf-8",
    )

    answer = bodea("sync")

    assert answer.code == 2
    assert "client_secret" in answer.err
    assert "hunter2" not in answer.err + answer.out


@pytest.mark.slow
def test_a_store_held_by_another_process_says_who_holds_it(bodea: Bodea) -> None:
    bodea.tell_the_story()
    store = bodea.folder / ".townsend" / "townsend.duckdb"
    holding = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        answer = bodea("query", "true")
        holder.stdin.close()

    assert answer.code == 1
    assert str(holder.pid) in answer.err
    assert len(bodea.query("true")) == 3


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_stopped_anywhere_in_a_load_the_store_opens_again(bodea: Bodea, kind: signal.Signals) -> None:
    bodea.tell_the_story()
    lead = key("12", "mkto1", "Marketo")
    path = bodea.folder / "many.ndjson"
    with path.open("w", encoding="utf-8") as file:
        for n in range(60_000):
            file.write(json.dumps(visit(f"m{n}", lead, "2026-11-01T00:00:00Z")) + "\n")
    words = ["load", "event", str(path), "--source", "marketo_1", "--project", str(bodea.folder)]
    for wait_s in (0.6, 1.0, 1.4):
        with subprocess.Popen(
            [sys.executable, "-m", "townsend", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as load:
            time.sleep(wait_s)
            load.send_signal(kind)
            load.communicate()

        assert ["p2@townsend.com"] == bodea.query(SEED)

    finished = bodea(*words[:-2])
    assert finished.code == 0, finished.err
    count = bodea("query", "true", "--of", "event", "--count", "--json", "--now", NOW)
    assert count.rows == [{"count": 60_001}]
