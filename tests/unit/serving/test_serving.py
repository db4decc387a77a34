"""A project served: the same words for every command, one moment for every reader, nobody told twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.serving.server import Served, command, made, served

pytestmark = pytest.mark.slow

AUDIENCE = "high-value-visitors"
NOW = "--now=2031-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = made(tmp_path_factory.mktemp("served") / "bodea")
    assert command(folder, ["run"])[0] == 0
    with served(folder) as found:
        yield found


COMMANDS = [
    ["query", "accounts.opportunities.count() > 1", "--json"],
    ["query", "accounts.opportunities.count() > 1", "--count", NOW],
    ["query", "accounts.count( > 1", "--json"],
    ["query", "workEmail.address.isNotNull()", "--json", "--because", NOW],
    ["query", "personsScore > 1"],
    ["audience", "ls"],
    ["audience", "ls", "--json"],
    ["audience", "show", AUDIENCE, "--words"],
    ["audience", "members", AUDIENCE],
    ["audience", "members", "high-value"],
    ["audience", "count", AUDIENCE, "--json"],
    ["audience", "check"],
    ["audience", "explain", AUDIENCE, "p2@townsend.com", NOW],
    ["audience", "explain", AUDIENCE, "nobody@townsend.com"],
    ["audience", "history", AUDIENCE, "--json"],
    ["audience", "diff", AUDIENCE, "--from", "2020-01-01", "--to", "2031-01-01"],
    ["audience", "leaving", AUDIENCE, "--until", "2040-01-01", NOW],
    ["show", "person", "p2@townsend.com", NOW],
    ["show", "nonsense", "p2@townsend.com"],
    ["graph", "show", "p2@townsend.com", "--json"],
    ["graph", "health"],
    ["match", "ls"],
    ["quarantine", "ls"],
    ["quarantine", "show", "7"],
    ["plan"],
    ["access", "p2@townsend.com", NOW],
    ["activate", "--plan"],
    ["doctor", "--json"],
    ["load", "person", "nowhere.ndjson"],
    ["load", "person", "data/crm_1/person.ndjson", "--source", "crm_1"],
    ["nonsense"],
    ["query"],
]


def test_every_command_says_the_same_with_a_server_and_without(tmp_path: Path) -> None:
    folder = made(tmp_path / "bodea")
    assert command(folder, ["run"])[0] == 0
    alone = [command(folder, words) for words in COMMANDS]
    with served(folder, "--without", "pulls,deliveries"):
        through = [command(folder, words) for words in COMMANDS]

    for words, expected, found in zip(COMMANDS, alone, through, strict=True):
        assert expected == found, words


def test_a_command_from_another_folder_reads_its_files_there(server: Served, tmp_path: Path) -> None:
    (tmp_path / "more.ndjson").write_text('{"nothing": 1}\n')

    code, out, _ = command(
        server.folder, ["load", "person", "more.ndjson", "-p", str(server.folder)], cwd=tmp_path
    )

    assert (3, "more.ndjson") == (code, out.partition(":")[0])


def test_a_second_server_is_told_who_serves(server: Served) -> None:
    code, _, err = command(server.folder, ["serve", "--port", "0"])

    assert 1 == code
    assert f"process {server.process.pid} at {server.address}" in err


def test_the_file_with_the_token_is_readable_by_its_owner_only(server: Served) -> None:
    assert 0o600 == (server.folder / ".townsend" / "serve.json").stat().st_mode & 0o777


def test_commands_need_the_token(server: Served) -> None:
    found = server.post("command", {"words": ["status"], "cwd": "/"})

    assert (401, "api.token") == (found.status_code, found.json()["error"]["code"])


def test_the_contract_routes_answer_in_their_shapes(server: Served) -> None:
    assert server.get("health").json()["ready"]
    listed = server.get("audiences").json()
    assert {AUDIENCE, "big-customers"} == {one["name"] for one in listed["items"]}
    page = server.get(f"audiences/{AUDIENCE}/members").json()
    assert page["next"] is None
    (member,) = page["items"]
    assert ["p2@townsend.com"] == member["identities"]["Email"]
    assert "person" == member["class"]
    assert server.get(f"audiences/{AUDIENCE}/explain/p2@townsend.com").json()["member"]
    assert member["id"] == server.get("person/p2@townsend.com").json()["id"]
    answer = server.post("query", {"pql": "accounts.opportunities.count() > 1"}).json()
    assert {"p1@townsend.com", "p2@townsend.com", "p3@townsend.com"} == {
        one["identities"]["Email"][0] for one in answer["items"]
    }
    assert 0 == answer["undecided"]


def test_pages_together_are_the_whole(server: Served) -> None:
    ids: list[int] = []
    cursor: str | None = None
    while True:
        body = {"pql": "workEmail.address.isNotNull()", "limit": 1, "cursor": cursor}
        page = server.post("query", body).json()
        ids += [one["id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    whole = server.post("query", {"pql": "workEmail.address.isNotNull()"}).json()["items"]

    assert [one["id"] for one in whole] == ids


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("audiences/nobody", 404, "audience.unknown"),
        ("person/nobody@townsend.com", 404, "who.unknown"),
        ("dragon/1", 404, "class.unknown"),
        ("audiences/big-customers/members?limit=0", 400, "api.body"),
        ("audiences/big-customers/members?cursor=x", 400, "api.cursor"),
        ("audiences/big-customers/members?now=soon", 400, "option.instant"),
        ("quarantine/999", 404, "quarantine.unknown"),
        ("nothing/of/that/kind", 404, "api.route"),
    ],
)
def test_errors_have_one_shape(server: Served, path: str, status: int, code: str) -> None:
    found = server.get(path)

    assert (status, code) == (found.status_code, found.json()["error"]["code"])
    assert {"code", "message", "facts"} == set(found.json()["error"])


def test_requests_under_another_name_are_refused(server: Served) -> None:
    """A page of some site cannot reach the server by a name that leads to this machine."""
    found = httpx.get(f"{server.address}/api/v1/audiences", headers={"Host": "evil.example"})

    assert 421 == found.status_code


def test_an_audience_is_changed_only_by_who_read_it(server: Served) -> None:
    body = {"yaml": "name: everybody\npql: workEmail.address.isNotNull()\n"}
    path = f"{server.address}/api/v1/audiences/everybody"
    first = httpx.put(path, json=body)
    again = httpx.put(path, json=body)
    tag = first.headers["etag"]
    changed = httpx.put(path, json={"yaml": body["yaml"] + "owner: me\n"}, headers={"If-Match": tag})
    stale = httpx.delete(path, headers={"If-Match": tag})
    gone = httpx.delete(path, headers={"If-Match": changed.headers["etag"]})

    assert [200, 412, 200, 412, 200] == [one.status_code for one in (first, again, changed, stale, gone)]
    assert server.get("audiences/everybody").status_code == 404


def test_a_wrong_audience_is_not_written(server: Served) -> None:
    body = {"yaml": "name: wrong\npql: accounts.count( > 1\n"}
    found = httpx.put(f"{server.address}/api/v1/audiences/wrong", json=body)

    assert (400, "pql.syntax") == (found.status_code, found.json()["error"]["code"])
    assert not (server.folder / "audiences" / "wrong.yaml").exists()


def test_openapi_lists_every_route_and_so_do_the_docs(server: Served) -> None:
    described = server.get("openapi.json").json()
    routes = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in described["paths"].items()
        for method in methods
    }
    text = (Path(__file__).parents[3] / "docs" / "reference" / "http.md").read_text("utf-8")

    assert described["openapi"].startswith("3.")
    assert ("GET", "/audiences/{name}/members") in routes
    assert [one for one in sorted(routes) if f"`{one[0]} {one[1]}" not in text] == []


def events(server: Served, cursor: str, most: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with httpx.stream("GET", f"{server.address}/api/v1/feed?cursor={cursor}", timeout=30) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
                if len(found) == most:
                    break
    return found


def test_the_feed_goes_on_where_a_listener_stopped(server: Served) -> None:
    both = events(server, "0", 2)
    second = events(server, both[0]["cursor"], 1)

    assert both[1:] == second
    assert {"cursor", "audience", "id", "change", "at", "cause"} == set(both[0])


def test_a_load_moves_members_and_the_feed_tells_it_once(tmp_path: Path) -> None:
    folder = made(tmp_path / "bodea")
    with served(folder, "--without", "pulls") as server:
        told: list[dict[str, Any]] = []
        listener = threading.Thread(target=lambda: told.extend(events(server, "0", 2)))
        listener.start()
        assert command(folder, ["sync"])[0] == 0
        listener.join(30)
        again = command(folder, ["run", "--json"])
        recorded = events(server, "0", 2)
        history = [
            server.get(f"audiences/{name}/history").json()["items"] for name in (AUDIENCE, "big-customers")
        ]

    assert {AUDIENCE, "big-customers"} == {one["audience"] for one in told}
    assert told == recorded
    assert 0 == again[0]
    assert [1, 1] == [len(one) for one in history]


def test_a_killed_server_leaves_a_project_that_goes_on(tmp_path: Path) -> None:
    folder = made(tmp_path / "bodea")
    with served(folder) as server:
        assert command(folder, ["run"])[0] == 0
        server.kill()
    alone = command(folder, ["audience", "members", AUDIENCE, "--json"])
    with served(folder) as server:
        through = command(folder, ["audience", "members", AUDIENCE, "--json"])
        history = server.get(f"audiences/{AUDIENCE}/history").json()["items"]
        ended = server.stop()

    assert alone == through
    assert 0 == alone[0]
    assert 1 == len(history)
    assert 0 == ended
    assert not (folder / ".townsend" / "serve.json").exists()


def test_metrics_are_prometheus(server: Served) -> None:
    text = httpx.get(f"{server.address}/metrics").text

    assert 'townsend_members{audience="high-value-visitors"} 1.0' in text
    assert "# TYPE townsend_transitions_total counter" in text
