"""What one can change in a project: its audience files, decisions, rules; and what one can start."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Response, delete, post, put
from litestar.datastructures import State
from litestar.params import Parameter

from townsend.api.answering import json_of
from townsend.problem import Invalid
from townsend.project import definitions
from townsend.project.audiencefile import FOLDER, AudienceFile, read_audience
from townsend.project.project import Project

__all__ = ["routes"]

T = TypeVar("T")
IfMatch = Annotated[str | None, Parameter(header="If-Match", description="The ETag that you read.")]


class AudienceText(msgspec.Struct, forbid_unknown_fields=True):
    """An audience file as it is to be written."""

    yaml: Annotated[str, msgspec.Meta(max_length=1_000_000)]


class Draft(msgspec.Struct, forbid_unknown_fields=True):
    """A condition to be checked."""

    pql: str
    of: str = "person"


class Names(msgspec.Struct, forbid_unknown_fields=True):
    """Audiences, all if there is none."""

    audiences: list[str] = []


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    """A verdict on a match: its id, or both sides."""

    left: str
    verdict: Literal["confirmed", "rejected"]
    right: str | None = None
    of: Literal["lead", "account", "related"] | None = None
    note: str | None = None
    by: str = "api"


class Who(msgspec.Struct, forbid_unknown_fields=True):
    """A person: an id, an e-mail or ``namespace:value``."""

    who: str


def write(state: State, do: Callable[[Project], T], *, alone: bool = False) -> T:
    """Do something to the project by a connection of its own, then have the owner look.

    Args:
        alone: nothing else writes meanwhile; for what reads the unified tables and records by them.
    """
    try:
        with Project(state.owner.folder) as project, project.facts.turn() if alone else nullcontext():
            return do(project)
    finally:
        state.owner.wake()


@put("/audiences/{name:str}", sync_to_thread=True, summary="Write an audience's file")
def put_audience(state: State, name: str, data: AudienceText, if_match: IfMatch = None) -> Response[bytes]:
    """Checked first, then written whole; takes effect at once. A new one needs no If-Match."""
    folder = state.owner.folder / FOLDER

    def do(project: Project) -> AudienceFile:
        known = project.audiences().get(name)
        _unchanged(known, name, if_match)
        path = known.path if known is not None else folder / f"{_file_name(name)}.yaml"
        folder.mkdir(exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=folder, prefix=".", suffix=".draft")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(data.yaml)
            found = read_audience(Path(draft), f"{FOLDER}/{path.name}")
            if found.name != name:
                raise Invalid(
                    "audience.body", f"{path.name}: `name:` is {found.name!r}, the address says {name!r}"
                )
            wrong = [one for one in definitions.findings(project, found) if one["level"] == "error"]
            if wrong:
                raise Invalid(wrong[0]["code"], wrong[0]["message"], findings=wrong)
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
        return read_audience(path)

    found = write(state, do)
    row = definitions.as_row(found)
    return json_of(row, headers={"ETag": f'"{found.version}"'})


@delete("/audiences/{name:str}", status_code=200, sync_to_thread=True, summary="Take an audience away")
def delete_audience(state: State, name: str, if_match: IfMatch = None) -> Response[bytes]:
    """Its members leave, and its lists are emptied."""

    def do(project: Project) -> None:
        known = project.audience(name)
        _unchanged(known, name, if_match)
        known.path.unlink()

    write(state, do)
    return json_of({"deleted": name})


@post("/audiences/check", status_code=200, sync_to_thread=True, summary="Check a condition")
def check(state: State, data: Draft) -> Response[bytes]:
    """Without running it: what is wrong or doubtful, with line and column."""
    from townsend.problem import Problem

    def ask(project: Project) -> Any:
        try:
            found = project.resolve(data.pql, data.of, strict=True)
        except Problem as problem:
            wrong = {"level": "error", "code": problem.code, "message": problem.text, "facts": problem.facts}
            return {"ok": False, "findings": [wrong]}
        notes = [{"level": "warning", "code": "pql.warning", "message": text} for text in found.notes]
        return {"ok": True, "findings": notes}

    with state.owner.readers.project() as project:
        return json_of(ask(project))


@post("/plan", status_code=200, sync_to_thread=True, summary="What a settings change would do")
def plan(state: State) -> Response[bytes]:
    """To clusters, values and members, and what waits to be delivered."""
    from townsend.project.plan import plan_changes

    return json_of(write(state, lambda one: plan_changes(one, None).to_json(), alone=True))


@post("/apply", status_code=200, sync_to_thread=True, summary="Take changed rules into effect")
def apply(state: State) -> Response[bytes]:
    """Identity, matching and merge rules."""
    from townsend.project.plan import apply_changes

    return json_of(write(state, lambda one: apply_changes(one, None).to_json(), alone=True))


@post("/activate", status_code=200, sync_to_thread=True, summary="Deliver now")
def activate(state: State, data: Names) -> Response[bytes]:
    """Some audiences, or all that go somewhere."""
    from townsend.project.deliveries import deliver_audiences

    def do(project: Project) -> Any:
        with project.connected():
            reports = deliver_audiences(project, data.audiences, None, progress=lambda _: None)
        return {"items": [one.to_json() for one in reports], "next": None}

    return json_of(write(state, do))


@post("/runs", status_code=200, sync_to_thread=True, summary="Pull, unify, evaluate and deliver, once")
def run(state: State) -> Response[bytes]:
    """As the command `run` does."""
    from townsend.project.run import run_once

    def do(project: Project) -> Any:
        with project.connected():
            done = run_once(project, None, progress=lambda _: None)
        failed = [{"code": one.code, "message": one.text} for one in done.failed]
        return {**done.to_json(), "failed": failed}

    return json_of(write(state, do))


@post("/match", status_code=200, sync_to_thread=True, summary="Decide on a match")
def decide(state: State, data: Decision) -> Response[bytes]:
    """Confirm or reject it; the decision is a fact."""
    from townsend.project.decisions import decide as decided

    def do(project: Project) -> Any:
        return decided(
            project,
            data.verdict,
            data.left,
            data.right,
            kind=data.of,
            who=data.by,
            note=data.note,
            now=None,
        ).to_json()

    return json_of(write(state, do, alone=True))


@post("/quarantine/{row_id:int}/replay", status_code=200, sync_to_thread=True, summary="Take a row again")
def replay(state: State, row_id: int) -> Response[bytes]:
    """After the schema was mended."""
    from townsend.project.load import replay_rows
    from townsend.store.quarantine import Wanted

    def do(project: Project) -> Any:
        return replay_rows(project, [row_id], Wanted(), progress=lambda _: None).to_json()

    return json_of(write(state, do))


@post("/erase", status_code=200, sync_to_thread=True, summary="Erase a person")
def erase(state: State, data: Who) -> Response[bytes]:
    """Facts, state and delivered lists, with the proof."""
    from townsend.project.privacy import erase_person

    def do(project: Project) -> Any:
        with project.connected():
            return erase_person(project, data.who, None, progress=lambda _: None).to_json()

    return json_of(write(state, do, alone=True))


def routes() -> list[Any]:
    """All of them."""
    return [put_audience, delete_audience, check, plan, apply, activate, run, decide, replay, erase]


def _unchanged(known: AudienceFile | None, name: str, if_match: str | None) -> None:
    """Complain if somebody else changed the file since it was read, or if nobody says that it was read."""
    version = None if known is None else known.version
    wanted = None if if_match is None else if_match.strip().removeprefix("W/").strip('"')
    if wanted == "*" and version is not None:
        return
    if wanted != version:
        raise Invalid(
            "api.changed",
            f"the audience {name!r} is not the one that If-Match names; read it again, look at what changed, "
            "and send its ETag",
            version=version,
        )


def _file_name(name: str) -> str:
    if not name or not all(one.isalnum() or one in "-_" for one in name) or len(name) > 100:
        raise Invalid(
            "audience.body", "the name of a new audience has letters, digits, - and _ only", got=name
        )
    return name
