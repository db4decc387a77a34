"""The page on Salesforce: its settings, its class and its mapping lead to the answer it promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stories.bodea import Bodea

from townsend.clock import SystemClock
from townsend.rehearsal import Server, json_line, start

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sources" / "salesforce.md").read_text("utf-8")
SETTINGS, SCHEMA, MAPPING = (
    re.sub(r"^   ", "", text, flags=re.MULTILINE) if text.startswith("   ") else text
    for text in re.findall(r"^ *```yaml\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
)
# The page's addresses and names, and where the same stands in what `townsend rehearse` prints.
STANDS_FOR = {
    "crm_1": ("https://acme.my.salesforce.com", "CRM_1_SECRET", "client_secret"),
    "crm_2": ("https://globex.my.salesforce.com", "CRM_2_KEY", "private_key"),
}


@pytest.fixture
def orgs() -> Iterator[list[Server]]:
    started = start(["salesforce"], clock=SystemClock(), seed=7, size=0)
    yield started
    for server in started:
        server.stop()


@pytest.mark.slow
def test_the_project_on_the_page_answers(
    bodea: Bodea, orgs: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One org by its secret and one by a key, and contracts, which are the orgs' own."""
    settings = SETTINGS
    for server in orgs:
        line = json_line(server)
        address, variable, value = STANDS_FOR[server.name]
        monkeypatch.setenv(variable, line[value])
        settings = settings.replace(address, line["base_url"])
        settings = settings.replace("client_id: …", f"client_id: {line['client_id']}", 1)
        if value == "private_key":
            settings = settings.replace("townsend@globex.example", line["username"])
    (bodea.folder / "townsend.yaml").write_text(f"name: acme\ncurrency: USD\n{settings}", "utf-8")
    (bodea.folder / "schema" / "contract.yaml").write_text(SCHEMA, "utf-8")
    (bodea.folder / "mappings").mkdir()
    for server in orgs:
        (bodea.folder / "mappings" / f"{server.name}.yaml").write_text(MAPPING, "utf-8")
    synced = bodea("sync")

    assert 0 == synced.code, synced.err + synced.out
    (query,) = re.findall(r"`townsend query '(.*?)' --of account`", PAGE)

    assert 1 == len(bodea("query", query, "--of", "account", "--json").rows)
    assert 2 == len(bodea("query", "contracts.value.sum() > 0", "--of", "account", "--json").rows)
