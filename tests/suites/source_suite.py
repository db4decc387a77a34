"""What every source of a vendor does, whichever vendor it is: forty small promises, one place.

A source's tests derive from ``SourceSuite`` and say how its world is made; each promise is then tried on
it, call by call against the vendor's rehearsal, in a time that only passes by sleeping.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.sources.wire import NOON, TestClock, Wire

from townsend.intake import Accepted, IntakeRules, SourceTraits, accept_rows
from townsend.intake.items import json_text
from townsend.model import builtin_schema
from townsend.problem import Invalid, Problem, Unavailable
from townsend.rehearsal.edge import Vendor
from townsend.rehearsal.times import ms_of
from townsend.rehearsal.web import Request
from townsend.sources.contract import Counting, Estimating, Metered, Page, Source
from townsend.store.facts import Facts

__all__ = ["SourceSuite", "World"]

SCHEMA = builtin_schema()
RULES = IntakeRules(SCHEMA, priority=("b2b_person", "Email", "ECID"))
Open = Callable[[dict[str, Any], TestClock, httpx.BaseTransport], Source]


class Interrupted(Exception):
    """The process ends here."""


@dataclass
class World:
    """A vendor's instance, the way to it, and the settings of a source that reads it.

    Args:
        change: changes one record that the source reads, as somebody would at the vendor.
    """

    vendor: Vendor
    settings: dict[str, Any]
    open: Open
    change: Callable[[TestClock], None]
    clock: TestClock = field(default_factory=TestClock)
    cursors: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wire = Wire(self.vendor.answer, self.clock)

    def source(self, **settings: Any) -> Source:
        """A source as a process that just started has it."""
        return self.open({**self.settings, **settings}, self.clock, self.wire)

    def pages(self, source: Source | None = None) -> Iterator[Page]:
        """All pages of all streams from the cursors on, which move with each page that is used up."""
        own = source or self.source()
        for stream in own.streams():
            for page in own.pull(stream, self.cursors.get(stream), self.clock.now()):
                yield page
                if page.cursor is not None:
                    # As it comes back from the store.
                    self.cursors[stream] = json.loads(json.dumps(page.cursor))

    def rows(self) -> dict[tuple[str, str], Any]:
        """All rows by class and key, as texts."""
        return by_key(self.pages())

    def throttled(self) -> httpx.Response:
        """What the vendor says when calls come too fast."""
        now_ms = ms_of(self.clock.now())
        answer = self.vendor.throttled(Request("GET", "/", "", {}, b"", 1, now_ms))
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body)


def by_key(pages: Iterator[Page]) -> dict[tuple[str, str], Any]:
    return {(page.cls, key_of(page.cls, row)): json_text(row) for page in pages for row in page.rows}


def key_of(cls: str, row: Any) -> str:
    entity = SCHEMA.entity_class(cls)
    if entity.is_event:
        return str(row[entity.id_field])
    for name in str(entity.key).split("."):
        row = row[name]
    return str(row["sourceKey"])


def every(nth: int, make: Callable[[], Any]) -> Callable[[httpx.Request], Any]:
    """A fault at each nth call."""
    count = 0

    def fault(_: httpx.Request) -> Any:
        nonlocal count
        count += 1
        return make() if count % nth == 0 else None

    return fault


FAULTS: dict[str, Callable[[World], Any]] = {
    "a gateway's page": lambda _: httpx.Response(502, html="<h1>Bad gateway</h1>"),
    "a gateway's page with status 200": lambda _: httpx.Response(200, html="<h1>Maintenance</h1>"),
    "throttling": World.throttled,
    "a dropped connection": lambda _: httpx.RemoteProtocolError("Server disconnected"),
    "no answer in time": lambda _: httpx.ReadTimeout("timed out"),
    "an early end of the token": lambda world: world.vendor.forget_tokens(),
    "an answer cut off": lambda _: httpx.Response(
        200, content=b'{"success": tr', headers={"content-type": "application/json"}
    ),
}


class SourceSuite(ABC):
    """The promises; a subclass says ``world``."""

    secret = "s3cret-of-the-suite"
    # What a source need not be able to do; one that is not says so here, or the suite asks for it.
    counts = True
    estimates = True

    @abstractmethod
    def world(self) -> World:
        """A new instance and a source's settings with ``secret`` as its secret."""

    @pytest.fixture
    def there(self) -> World:
        return self.world()

    @pytest.fixture
    def facts(self, tmp_path: Path) -> Iterator[Facts]:
        opened = Facts.open(tmp_path / "townsend.duckdb")
        yield opened
        opened.close()

    @pytest.fixture
    def expected(self) -> dict[tuple[str, str], Any]:
        return self.world().rows()

    def test_streams_have_names_that_stay(self, there: World) -> None:
        streams = list(there.source().streams())

        assert streams == list(dict.fromkeys(streams)) == list(there.source().streams())

    def test_every_stream_ends_with_a_cursor_or_says_why_not(self, there: World) -> None:
        source = there.source()
        for _ in there.pages(source):
            pass
        silent = [name for name in source.streams() if name not in there.cursors and not source.notes(name)]

        assert [] == silent

    def test_opening_calls_nobody(self, there: World) -> None:
        there.source().streams()

        assert [] == there.wire.calls

    def test_every_row_has_a_key_of_the_instance(self, there: World) -> None:
        rows = there.rows()
        instance = next(key for cls, key in rows if cls == "person").partition("@")[2]

        assert {instance} == {key.partition("@")[2] for _, key in rows}

    def test_every_row_is_accepted(self, there: World, facts: Facts) -> None:
        total = self.take(there, facts)

        assert 0 == total.quarantined
        assert 0 < total.accepted

    def test_nothing_new_means_nothing_accepted(self, there: World, facts: Facts) -> None:
        self.take(there, facts)
        there.clock.sleep(600)
        total = self.take(there, facts)

        assert 0 == total.accepted

    def test_pulling_all_again_changes_nothing(self, there: World, facts: Facts) -> None:
        first = self.take(there, facts)
        there.cursors.clear()
        again = self.take(there, facts)

        assert (first.rows, 0) == (again.unchanged, again.accepted)

    def test_a_change_is_found_from_the_cursor_on(self, there: World, facts: Facts) -> None:
        first = self.take(there, facts)
        there.clock.sleep(3_600)
        there.change(there.clock)
        there.clock.sleep(3_600)
        total = self.take(there, facts)

        assert 1 <= total.accepted < first.accepted

    def test_what_it_counts_is_what_it_hands_out(self, there: World) -> None:
        """Deleted records are left out; a class that is not counted is not named."""
        source = there.source()
        if not self.counts:
            assert not isinstance(source, Counting)
            return
        assert isinstance(source, Counting)
        expected: dict[tuple[str, str], int] = {}
        counted: dict[tuple[str, str], int] = {}
        for stream in source.streams():
            deleted: dict[str, dict[str, bool]] = {}
            for page in source.pull(stream, None, there.clock.now()):
                for row in page.rows:
                    found = deleted.setdefault(page.cls, {})
                    found[key_of(page.cls, row)] = row.get("isDeleted") is True
            for cls, count in source.count(stream).items():
                counted[stream, cls] = count
                expected[stream, cls] = sum(not gone for gone in deleted.get(cls, {}).values())

        assert expected == counted
        assert any(counted.values())

    def test_what_it_expects_to_cost_is_about_what_it_costs(self, there: World) -> None:
        source = there.source()
        if not self.estimates:
            assert not isinstance(source, Estimating)
            return
        assert isinstance(source, Estimating)
        assert isinstance(source, Metered)
        far_off = {}
        for stream in source.streams():
            before = source.calls
            expected = source.estimate(stream, None, there.clock.now()).calls
            asked = source.calls
            for _ in source.pull(stream, None, there.clock.now()):
                pass
            made = source.calls - asked
            # A token call may come on top of the two.
            if asked - before > 3 or (expected is not None and abs(expected - made) > max(5, made // 4)):
                far_off[stream] = (asked - before, expected, made)

        assert {} == far_off

    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_a_crash_between_pages_loses_nothing(self, there: World, expected: Any, after: int) -> None:
        """What was stored before, with its cursor, and what is pulled after make the same."""
        stored: list[Page] = []
        pages = there.pages()
        for page in pages:
            stored.append(page)
            if len(stored) > after:
                break
        # The page is stored with its cursor; the process ends before anything else.
        before = by_key(iter(stored))

        assert expected == {**before, **there.rows()}

    def test_the_process_may_end_in_the_middle_of_a_stream(self, there: World, expected: Any) -> None:
        """A cursor is never handed out before all the rows it stands for."""
        found: dict[tuple[str, str], Any] = {}
        limit = 2
        while True:
            there.wire.fault = self.ending_after(limit)
            try:
                for page in there.pages():
                    found |= by_key(iter([page]))
            except Interrupted:
                limit *= 2
            else:
                break

        assert expected == found

    @staticmethod
    def ending_after(calls: int) -> Callable[[httpx.Request], Any]:
        def fault(_: httpx.Request) -> Any:
            nonlocal calls
            calls -= 1
            if calls < 0:
                raise Interrupted
            return None

        return fault

    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_a_pull_that_nobody_wants_to_end_can_be_taken_up(
        self, there: World, expected: Any, after: int
    ) -> None:
        """Cancelled between pages: nothing is called any more, and the next pull goes on."""
        source = there.source()
        stored: list[Page] = []
        pages = there.pages(source)
        for page in pages:
            stored.append(page)
            if len(stored) > after:
                break
        pages.close()  # type: ignore[attr-defined]
        calls = len(there.wire.calls)
        source.close()

        assert calls == len(there.wire.calls)
        assert expected == {**by_key(iter(stored)), **there.rows()}

    def test_rows_that_come_twice_are_one(self, there: World, facts: Facts) -> None:
        """What two windows overlap in, and what a vendor delivers again."""
        first = self.take(there, facts)
        there.clock.sleep(3 * 3_600)
        there.change(there.clock)
        there.clock.sleep(300)
        cursors = dict(there.cursors)
        self.take(there, facts)
        there.cursors = cursors
        again = self.take(there, facts)

        assert 0 < first.accepted
        assert (0, 0) == (again.accepted, again.quarantined)

    @pytest.mark.parametrize("minutes", [-5, 5])
    def test_a_clock_that_is_not_the_vendors_loses_nothing(
        self, there: World, facts: Facts, minutes: int
    ) -> None:
        """What changed right after a pull has, by the vendor's clock, changed before it."""
        there.wire.skew = timedelta(minutes=minutes)
        self.take(there, facts)
        there.clock.sleep(60)
        there.change(TestClock(there.clock.now() + there.wire.skew))
        there.clock.sleep(3_600)
        total = self.take(there, facts)

        assert 1 <= total.accepted
        assert 0 == total.quarantined

    def test_a_field_that_nobody_knows_stops_nothing(self, there: World, facts: Facts) -> None:
        """The vendor's answers gain a field that nobody knows: every row is taken all the same."""

        def drift(_: httpx.Request, body: bytes) -> bytes:
            try:
                answer = json.loads(body)
            except ValueError:
                return body
            for name in ("result", "records"):
                for row in answer.get(name, ()) if isinstance(answer, dict) else ():
                    if isinstance(row, dict):
                        row["addedYesterday"] = {"deep": [1, "x"]}
            return json.dumps(answer).encode()

        there.wire.tamper = drift
        total = self.take(there, facts)

        assert 0 == total.quarantined
        assert 0 < total.accepted

    @pytest.mark.parametrize("fault", FAULTS)
    def test_the_same_rows_come_in_spite_of(self, there: World, expected: Any, fault: str) -> None:
        there.wire.fault = every(7, lambda: FAULTS[fault](there))

        assert expected == there.rows()

    def test_a_file_cut_off_is_noticed(self, there: World, expected: Any) -> None:
        """Each third body that is no JSON loses its end."""
        count = 0

        def tamper(_: httpx.Request, body: bytes) -> bytes:
            nonlocal count
            if body[:1] in b"{[" or len(body) < 100:
                return body
            count += 1
            return body if count % 3 else body[: len(body) // 2]

        there.wire.tamper = tamper

        assert expected == there.rows()

    def test_a_token_that_ends_in_time_is_renewed_before(self, there: World, expected: Any) -> None:
        fault = every(5, lambda: there.clock.sleep(1_801))
        there.wire.fault = fault
        found = there.rows()

        assert set(expected) == set(found)

    def test_the_vendors_limits_are_kept(self, there: World) -> None:
        """No answer says that we called too fast."""
        refused: list[str] = []

        def look(_: httpx.Request, body: bytes) -> bytes:
            if b"exceeded" in body[:300] or b"REQUEST_LIMIT" in body[:300]:
                refused.append(body[:300].decode())
            return body

        there.wire.tamper = look
        there.rows()

        assert [] == refused

    def test_wrong_credentials_are_one_clear_problem(self, there: World) -> None:
        source = there.source(client_secret="wr0ng-secret")
        with pytest.raises(Invalid, match="client_secret") as caught:
            for _ in there.pages(source):
                pass

        assert "source.credentials" == caught.value.code
        assert "wr0ng-secret" not in f"{caught.value} {caught.value.facts}"
        assert len(there.wire.calls) <= 2

    def test_a_host_that_is_not_there_is_named(self, there: World) -> None:
        there.wire.fault = lambda _: httpx.ConnectError("refused")
        host = httpx.URL(there.settings["base_url"]).host
        with pytest.raises(Unavailable, match=host) as caught:
            next(there.pages())

        assert "source.unreachable" == caught.value.code
        assert there.clock.now() - NOON < RETRY_MOST

    def test_a_vendor_that_stays_down_ends_the_pull_and_keeps_what_came(self, there: World) -> None:
        count = 0

        def down(_: httpx.Request) -> httpx.Response | None:
            nonlocal count
            count += 1
            return httpx.Response(503) if count > 12 else None

        there.wire.fault = down
        with pytest.raises(Unavailable):
            there.rows()
        there.wire.fault = None

        assert there.rows()

    def test_an_unknown_setting_is_refused_with_a_suggestion(self, there: World) -> None:
        with pytest.raises(Invalid, match="client_secret") as caught:
            there.source(client_secre="x")

        assert "settings.key" == caught.value.code

    @pytest.mark.parametrize("key", ["base_url", "client_id", "client_secret"])
    def test_a_missing_setting_is_told(self, there: World, key: str) -> None:
        with pytest.raises(Invalid, match=key) as caught:
            there.source(**{key: None})

        assert "settings.missing" == caught.value.code

    @pytest.mark.parametrize("since", ["soon", "7 moons", ""])
    def test_a_since_that_cannot_be_read_is_refused(self, there: World, since: str) -> None:
        with pytest.raises(Invalid) as caught:
            there.source(since=since)

        assert "source.since" == caught.value.code

    def test_no_secret_shows(self, there: World) -> None:
        source = there.source()
        there.wire.fault = lambda _: httpx.Response(500, json={"secret": self.secret})
        with pytest.raises(Problem) as caught:
            next(there.pages(source))

        assert self.secret in str(there.settings)
        assert self.secret not in f"{source!r} {vars(source)!r} {caught.value} {caught.value.facts}"

    def take(self, world: World, facts: Facts) -> Accepted:
        """Take all pages as a project does: rows and cursor in one transaction."""
        total = Accepted()
        source = world.source()
        for page in world.pages(source):
            traits = SourceTraits(source.name, "USD")
            total += accept_rows(facts, RULES, page.cls, page.rows, traits, world.clock.now())
        return total


RETRY_MOST = (NOON.replace(hour=13) - NOON) / 60
