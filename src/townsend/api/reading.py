"""What one can read of a project: audiences and their members, entities, the state of the whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from townsend.api.answering import LIMIT_MAX, LIMIT_USUAL, json_of, page_of, read, sliced
from townsend.clock import instant_of
from townsend.project.project import Project
from townsend.store import quarantine as kept

__all__ = ["Query", "routes"]

Limit = Annotated[int, Parameter(ge=1, le=LIMIT_MAX, description="Items of a page.")]
Cursor = Annotated[str | None, Parameter(description="`next` of the page before.")]
Now = Annotated[str | None, Parameter(description="The evaluation instant, ISO 8601; the clock if absent.")]
DAYS = 7


class Query(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A question: a condition in PQL about one class."""

    pql: str
    of: str = "person"
    now: str | None = None
    as_of: str | None = None
    cursor: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT_USUAL
    policy: str | None = None
    slow: bool = False


def at(text: str | None, name: str) -> Any:
    """The instant that a parameter names; None if it is absent."""
    return None if text is None else instant_of(text, name)


@get("/audiences", sync_to_thread=True, summary="All audiences")
def audiences(state: State, cursor: Cursor = None, limit: Limit = LIMIT_USUAL) -> Response[bytes]:
    """With their definitions, and members as last recorded."""

    def ask(project: Project) -> Any:
        return [project.audience_row(one) for one in project.audiences().values()]

    return json_of(sliced(read(state, ask), cursor, limit))


@get("/audiences/{name:str}", sync_to_thread=True, summary="One audience")
def audience(state: State, name: str) -> Response[bytes]:
    """Its ETag is the version of its file; give it back as If-Match when you change it."""
    from townsend.project.definitions import to_json

    def ask(project: Project) -> Any:
        found = project.audience(name)
        text = found.path.read_text("utf-8")
        return {**project.audience_row(found), "json": to_json(found), "yaml": text}

    row = read(state, ask)
    return json_of(row, headers={"ETag": f'"{row["version"]}"'})


@get("/audiences/{name:str}/members", sync_to_thread=True, summary="Who is in an audience")
def members(
    state: State, name: str, now: Now = None, cursor: Cursor = None, limit: Limit = LIMIT_USUAL
) -> Response[bytes]:
    """By ascending id."""
    return json_of(
        read(state, lambda one: page_of(one.members(name, now=at(now, "now")), cursor, limit), fresh=True)
    )


@get("/audiences/{name:str}/count", sync_to_thread=True, summary="How many are in an audience")
def count(state: State, name: str, now: Now = None) -> Response[bytes]:
    """Members, and how many nobody can decide about."""

    def ask(project: Project) -> Any:
        answer = project.members(name, now=at(now, "now"))
        return {"count": len(answer.ids), "undecided": len(answer.undecided)}

    return json_of(read(state, ask, fresh=True))


@get("/audiences/{name:str}/explain/{who:str}", sync_to_thread=True, summary="Why somebody is in or not")
def explain(state: State, name: str, who: str, now: Now = None) -> Response[bytes]:
    """Each condition with its value, the records behind it, and when that changes."""
    return json_of(read(state, lambda one: one.explain(name, who, now=at(now, "now")).to_json(), fresh=True))


@get("/audiences/{name:str}/history", sync_to_thread=True, summary="Who entered and left")
def history(state: State, name: str, cursor: Cursor = None, limit: Limit = LIMIT_USUAL) -> Response[bytes]:
    """In the order in which it was recorded."""
    return json_of(sliced(read(state, lambda one: one.history(name), fresh=True), cursor, limit))


@get("/audiences/{name:str}/diff", sync_to_thread=True, summary="Who is in one answer and not in the other")
def diff(
    state: State,
    name: str,
    other: str | None = None,
    from_: Annotated[str | None, Parameter(query="from")] = None,
    to: str | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Response[bytes]:
    """With another audience, or between two instants."""
    from townsend.problem import Invalid
    from townsend.project.diff import difference

    if (other is None) == (from_ is None):
        raise Invalid("option.diff", "give either `other`, an audience, or `from`, an instant")

    def ask(project: Project) -> Any:
        if other is not None:
            # A path would read any file of the machine.
            project.audience(other)
        project.audience(name)
        start = at(from_, "from")
        return difference(project, name, other, start=start, end=at(to, "to")).rows()

    return json_of(sliced(read(state, ask, fresh=True), cursor, limit))


@get("/audiences/{name:str}/leaving", sync_to_thread=True, summary="Who will leave by time alone")
def leaving(
    state: State,
    name: str,
    until: str | None = None,
    days: Annotated[int, Parameter(ge=1, le=36_500)] = DAYS,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Response[bytes]:
    """Until an instant, or for so many days."""
    from townsend.project.leaving import leaving_of

    def ask(project: Project) -> Any:
        start = project.clock.now()
        return leaving_of(project, name, at(until, "until") or start + timedelta(days=days), start).rows()

    return json_of(sliced(read(state, ask, fresh=True), cursor, limit))


@post("/query", status_code=200, sync_to_thread=True, summary="Who meets a condition")
def query(state: State, data: Query) -> Response[bytes]:
    """Members by ascending id, and how many are undecided."""

    def ask(project: Project) -> Any:
        answer = project.ask(
            data.pql,
            data.of,
            now=at(data.now, "now"),
            as_of=at(data.as_of, "asOf"),
            slow=data.slow,
            policy=data.policy,
        )
        page = page_of(answer, data.cursor, data.limit)
        return {**page, "count": len(answer.ids), "undecided": len(answer.undecided), "notes": answer.notes}

    return json_of(read(state, ask, fresh=True))


@get("/graph/{who:str}", sync_to_thread=True, summary="The identity graph of somebody")
def graph(state: State, who: str, now: Now = None) -> Response[bytes]:
    """Identities, links with reasons, and what was left out."""
    return json_of(read(state, lambda one: one.graph(who, now=at(now, "now")).to_json()))


@get("/access/{who:str}", sync_to_thread=True, summary="Everything held about a person")
def access(state: State, who: str, now: Now = None) -> Response[bytes]:
    """As JSON."""
    from townsend.project.privacy import access_person

    return json_of(read(state, lambda one: access_person(one, who, at(now, "now")), fresh=True))


@get("/status", sync_to_thread=True, summary="Freshness, sizes, quarantine, deliveries")
def status(state: State) -> Response[bytes]:
    """And of the server itself: what waits, and how far audiences were followed."""
    from townsend.project.status import status_of

    found = read(state, lambda one: status_of(one, one.clock.now()))
    return json_of({**found, "server": state.owner.told()})


@get("/doctor", sync_to_thread=True, summary="Self-checks")
def doctor(state: State) -> Response[bytes]:
    """Store, settings, and whether both evaluators agree on your data."""
    from townsend.project.doctor import examine

    found = read(state, lambda one: [f.to_json() for f in examine(one, lambda _: None)], fresh=True)
    return json_of({"items": found, "next": None})


@get("/quarantine", sync_to_thread=True, summary="Rows that could not be taken")
def quarantine(
    state: State,
    source: str | None = None,
    code: str | None = None,
    of: str | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Response[bytes]:
    """The oldest first."""
    wanted = kept.Wanted(source, code, of)
    found = read(state, lambda one: [row.to_json() for row in kept.ls(one.facts, wanted, most=None)])
    return json_of(sliced(found, cursor, limit))


@get("/quarantine/{row_id:int}", sync_to_thread=True, summary="One of them")
def quarantined(state: State, row_id: int) -> Response[bytes]:
    """Where it stood, what was expected, and the row itself."""
    return json_of(read(state, lambda one: kept.show(one.facts, row_id).to_json()))


@get("/match", sync_to_thread=True, summary="Matches with their reasons")
def match(
    state: State,
    match_state: Annotated[str, Parameter(query="state")] = "review",
    of: Literal["lead", "account", "related"] | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Response[bytes]:
    """Those that wait for somebody, unless another state or `all` is named."""
    from townsend.project.matching import matches

    wanted = None if match_state == "all" else match_state
    found = read(state, lambda one: [m.to_json() for m in matches(one, one.unified(), wanted, of, None)])
    return json_of(sliced(found, cursor, limit))


@get("/{kind:str}/{who:str}", sync_to_thread=True, summary="The unified view of one entity")
def entity(state: State, kind: str, who: str, now: Now = None, policy: str | None = None) -> Response[bytes]:
    """Whoever goes by that id, e-mail, `namespace:value` or key; several are a 409 with the candidates."""
    return json_of(read(state, lambda one: one.show(kind, who, now=at(now, "now"), policy=policy).to_json()))


def routes() -> list[Any]:
    """All of them."""
    found = [audiences, audience, members, count, explain, history, diff, leaving, query, graph, access]
    return [*found, status, doctor, quarantine, quarantined, match, entity]
