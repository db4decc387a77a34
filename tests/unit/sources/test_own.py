"""The source that docs/sources/own.md shows works as it stands there, by the same suite and door as ours."""

from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs

import pytest
from tests.suites.source_suite import SourceSuite, World
from tests.unit.sources.wire import NOON, TestClock, Wire

from townsend.problem import Invalid
from townsend.project.project import Project
from townsend.project.pull import failures, opened_source, pull_sources
from townsend.project.settings import read_settings
from townsend.rehearsal.times import ms_of, text
from townsend.rehearsal.web import Answer, Request, as_json
from townsend.sources import kinds

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sources" / "own.md"
PER_PAGE = 2
TOKEN_S = 3_600
SETTINGS = (
    "sources:\n  events:\n    type: webinars\n    base_url: https://api.webinars.test\n    client_id: bodea\n"
)


def written() -> ModuleType:
    """The module of the page."""
    (code,) = re.findall(r"^```python\n(# webinars\.py\n.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    module = ModuleType("webinars")
    exec(compile(code, str(PAGE), "exec"), vars(module))
    return module


WEBINARS = written()


class Service:
    """The webinar service, as a plain function from request to answer."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._tokens: dict[str, int] = {}
        self._made = 0
        start = ms_of(NOON) - 90 * 86_400_000
        # Three change at the same instant, so that one page ends and the next begins with it.
        self.people = [
            {
                "id": n,
                "email": f"r{n}@example.com",
                "name": f"Registrant {n}",
                "title": "Buyer",
                "removed": n == 7,
                "updated_at": text(start + (n // 3) * 3_600_000),
            }
            for n in range(40)
        ]

    def change(self, clock: TestClock) -> None:
        """Somebody has another title."""
        self.people[3] |= {"title": "Director", "updated_at": text(ms_of(clock.now()))}

    def throttled(self, _: Request) -> Answer:
        return as_json({"error": "slow down"}, 429, {"retry-after": "5"})

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def answer(self, request: Request) -> Answer:
        if request.path == "/token":
            return self._token(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) <= request.now_ms:
            return as_json({"error": "token"}, 401)
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        since = asked.get("updated_from", "")
        found = sorted(
            (one for one in self.people if str(one["updated_at"]) >= since[:19]),
            key=lambda one: (str(one["updated_at"]), int(str(one["id"]))),
        )
        if request.path == "/registrants/count":
            live = sum(not one["removed"] for one in found)
            return as_json({"total": len(found), "live": live, "per_page": PER_PAGE})
        page = int(asked["page"])
        rows = found[(page - 1) * PER_PAGE : page * PER_PAGE]
        return as_json({"items": rows, "next": page + 1 if page * PER_PAGE < len(found) else None})

    def _token(self, request: Request) -> Answer:
        form = parse_qs(request.body.decode())
        if form.get("client_secret") != [self._secret]:
            return as_json({"error": "invalid_client"}, 401)
        self._made += 1
        token = f"t{self._made}"
        self._tokens[token] = request.now_ms + TOKEN_S * 1_000
        return as_json({"access_token": token, "expires_in": TOKEN_S})


class TestWebinars(SourceSuite):
    def world(self) -> World:
        service = Service(self.secret)
        settings = {
            "base_url": "https://api.webinars.test",
            "client_id": "bodea",
            "client_secret": self.secret,
        }
        return World(
            service,
            settings,
            lambda s, clock, wire: WEBINARS.WebinarSource("events", s, clock, wire),
            service.change,
        )


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's package is installed."""
    clock = TestClock()
    wire = Wire(Service("s").answer, clock)
    monkeypatch.setitem(sys.modules, "webinars", WEBINARS)
    kind = kinds.SourceKind(
        WEBINARS.KEYS, lambda name, settings, clock, _: WEBINARS.WebinarSource(name, settings, clock, wire)
    )
    monkeypatch.setattr(WEBINARS, "KIND", kind)
    entry = EntryPoint("webinars", "webinars:KIND", kinds.GROUP)
    broken = EntryPoint("broken", "webinars:NOTHING", kinds.GROUP)
    other = EntryPoint("other", "webinars:KEYS", kinds.GROUP)
    monkeypatch.setattr(kinds, "entry_points", EntryPoints([entry, broken, other]).select)


def project(folder: Path, more: str = "    client_secret: s\n") -> Path:
    (folder / "townsend.yaml").write_text(SETTINGS + more, "utf-8")
    return folder


@pytest.mark.usefixtures("installed")
def test_a_package_brings_a_source_through_the_same_door(tmp_path: Path) -> None:
    with Project(project(tmp_path), TestClock()) as opened:
        first = pull_sources(opened, [], progress=lambda _: None)
        again = pull_sources(opened, [], progress=lambda _: None)

    assert [] == failures(first) + failures(again)
    assert [("registrants", 40, 1), ("registrants", 0, 0)] == [
        (one.stream, one.accepted.accepted, one.deleted) for one in first + again
    ]


@pytest.mark.usefixtures("installed")
def test_its_mapping_is_changed_by_the_project_like_ours(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "events.yaml").write_text(
        "registrant:\n  class: person\n  fields:\n    person.name.fullName: email\n", "utf-8"
    )
    with Project(tmp_path, TestClock()) as opened:
        pages = opened_source(opened, "events").pull("registrants", None, NOON)  # type: ignore[union-attr]
        row = next(iter(pages)).rows[0]

    assert "r0@example.com" == row["person"]["name"]["fullName"]


@pytest.mark.usefixtures("installed")
def test_its_settings_are_checked_with_file_and_line(tmp_path: Path) -> None:
    project(tmp_path, "    client_secre: s\n")
    with pytest.raises(Invalid, match=r"townsend.yaml:6: .*did you mean 'client_secret'"):
        read_settings(tmp_path)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kind", ["broken", "other"])
def test_a_package_that_brings_no_source_is_named(tmp_path: Path, kind: str) -> None:
    project(tmp_path)
    said = (tmp_path / "townsend.yaml").read_text("utf-8").replace("type: webinars", f"type: {kind}")
    (tmp_path / "townsend.yaml").write_text(said, "utf-8")
    with pytest.raises(Invalid, match="webinars") as caught:
        read_settings(tmp_path)

    assert "source.package" == caught.value.code


@pytest.mark.usefixtures("installed")
def test_a_type_that_nobody_brings_is_refused_with_those_there_are(tmp_path: Path) -> None:
    project(tmp_path)
    said = (tmp_path / "townsend.yaml").read_text("utf-8").replace("type: webinars", "type: webinar")
    (tmp_path / "townsend.yaml").write_text(said, "utf-8")
    with pytest.raises(Invalid, match=r"townsend.yaml:3: .*expected one of .*webinars, got 'webinar'"):
        read_settings(tmp_path)
