"""Master data as six products write it: each joins the records that the neutral form would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from townsend.cli.main import main

pytestmark = pytest.mark.slow

# Golden record G is 1 of erp and 2 of shop; 3 of erp was its record once, and H is another one.
SHAPES: Mapping[str, tuple[str, str]] = {
    "informatica": ("x.csv", """\
ROWID_XREF,ROWID_OBJECT,ROWID_SYSTEM,PKEY_SRC_OBJECT,LAST_UPDATE_DATE,HUB_STATE_IND,PERIOD_END_DATE
10,G,erp,1,2026-01-02 03:04:05,1,
11,G,shop,2,2026-01-02 03:04:05,1,
12,G,erp,3,2026-01-02 03:04:05,-1,
13,H,erp,4,05-JAN-26,1,
"""),
    "oracle_tca": ("x.csv", """\
ORIG_SYSTEM,ORIG_SYSTEM_REFERENCE,OWNER_TABLE_NAME,OWNER_TABLE_ID,STATUS,START_DATE_ACTIVE,END_DATE_ACTIVE
ERP,1,HZ_PARTIES,G,A,01-JAN-24,
SHOP,2,HZ_PARTIES,G,A,01-JAN-24,
ERP,3,HZ_PARTIES,G,A,01-JAN-24,01-JAN-25
ERP,4,HZ_PARTY_SITES,G,A,01-JAN-24,
"""),
    "semarchy": ("x.csv", """\
GOLDEN_ID,B_PUBID,B_SOURCEID,B_CONFSCORE
G,erp,1,100
G,shop,2,93
G,erp,3,20
H,erp,4,100
"""),
    "siebel_ucm": ("x.csv", """\
UCM Id,System,External Id 1,External Id 2
G,erp,1,x
G,shop,2,
H,erp,3,
H2,erp,4,
"""),
    "reltio": ("x.json", json.dumps([
        {"uri": "entities/G", "crosswalks": [
            {"type": "configuration/sources/erp", "value": "1", "updateDate": "2026-01-01T00:00:00Z"},
            {"type": "configuration/sources/shop", "value": "2"},
            {"type": "configuration/sources/erp", "value": "3", "deleteDate": "2025-01-01T00:00:00Z"}]},
        {"uri": "entities/H", "crosswalks": [{"type": "configuration/sources/erp", "value": "4"}]}])),
    "boomi": ("x.json", json.dumps([
        {"id": "G", "fields": {"name": "Acme"}, "sources": [
            {"sourceId": "erp", "recordId": "1"}, {"sourceId": "shop", "recordId": "2"}]},
        {"id": "H", "sources": [{"sourceId": "erp", "recordId": "3"}]}])),
}  # fmt: skip


@pytest.mark.parametrize("product", SHAPES)
def test_its_golden_records_join_what_they_stand_for(
    product: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, content = SHAPES[product]
    own = {"type": "files", "class": "account", "system": "Own"}
    settings = {
        "name": "t",
        "identity": {"min_confidence": 0.5},
        "sources": {
            "erp": {**own, "path": "erp.csv"},
            "shop": {**own, "path": "shop.csv"},
            "mdm": {"type": "files", "class": "account_xref", "path": name, "mapping": product},
        },
    }
    (tmp_path / "townsend.yaml").write_text(json.dumps(settings), "utf-8")
    (tmp_path / "mappings").mkdir()
    table = {"rows": {"class": "account", "fields": {"accountKey": {"key": "id"}, "accountName": "name"}}}
    for source, ids in (("erp", "134"), ("shop", "2")):
        (tmp_path / "mappings" / f"{source}.yaml").write_text(json.dumps(table), "utf-8")
        rows = "".join(f"{one},{source} {one}\n" for one in ids)
        (tmp_path / f"{source}.csv").write_text(f"id,name\n{rows}", "utf-8")
    (tmp_path / name).write_text(content, "utf-8")
    code = main(["run", "-p", str(tmp_path)])
    capsys.readouterr()
    main(["query", "accountName.isNotNull()", "--of", "account", "--json", "-p", str(tmp_path)])
    found = [json.loads(line)["identities"]["b2b_account"] for line in capsys.readouterr().out.splitlines()]

    assert 0 == code
    assert [["1@erp.Own", "2@shop.Own"], ["3@erp.Own"], ["4@erp.Own"]] == sorted(map(sorted, found))


def test_a_mapping_that_is_not_there_is_told_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "sources": {"mdm": {"type": "files", "class": "account_xref", "path": "x", "mapping": "retlio"}}
    }
    (tmp_path / "townsend.yaml").write_text(json.dumps(settings), "utf-8")

    assert 2 == main(["sync", "-p", str(tmp_path)])
    assert "did you mean 'reltio'?" in capsys.readouterr().err
