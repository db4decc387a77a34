"""``audiences/*.yaml``: one audience a file; the file's content hash is its version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from townsend.problem import Invalid
from townsend.project.yamlfile import YamlFile, read_yaml

__all__ = ["Activation", "AudienceFile", "Members", "read_audience", "read_audiences"]

FOLDER = "audiences"
KEYS = {"name", "of", "pql", "members", "policy", "description", "owner", "activate"}
ACTIVATION_KEYS = {"to", "paused", "exclude", "name"}


@dataclass(frozen=True)
class Activation:
    """Where an audience goes.

    Args:
        to: a destination of ``townsend.yaml``.
        paused: planned and shown, but not sent.
        exclude: audiences whose members are left out here.
        name: what the list or segment is called there; the audience's name if None.
    """

    to: str
    paused: bool = False
    exclude: tuple[str, ...] = ()
    name: str | None = None


@dataclass(frozen=True)
class Members:
    """An audience given as a list: a file of values, and what they are."""

    file: str
    by: Literal["domain", "email", "key"]


@dataclass(frozen=True)
class AudienceFile:
    """An audience as written, and the version that its content is.

    Args:
        policy: the merge policy under which it sees the facts; None for each class's own.
    """

    path: Path
    file: YamlFile
    name: str
    of: str
    pql: str | None
    members: Members | None
    policy: str | None
    description: str
    owner: str
    activate: tuple[Activation, ...]
    version: str


def read_audiences(folder: Path) -> dict[str, AudienceFile]:
    """Every audience of a project, by name, in the order of their file names.

    Raises:
        Invalid: ``audience.*`` or ``settings.*`` with file and line.
    """
    found: dict[str, AudienceFile] = {}
    for path in sorted((folder / FOLDER).glob("*.y*ml")):
        audience = read_audience(path)
        if audience.name in found:
            raise Invalid(
                "audience.twice",
                f"{audience.file.name}: the name {audience.name!r} is already taken by "
                f"{found[audience.name].file.name}",
            )
        found[audience.name] = audience
    return found


def read_audience(path: Path, shown: str | None = None) -> AudienceFile:
    """One audience file, checked but not parsed as PQL; problems call it ``shown``."""
    file = read_yaml(path, shown or f"{FOLDER}/{path.name}")
    content = file.content
    file.only(content, KEYS)
    pql = file.section("pql", str)
    members = file.section("members", dict)
    if (pql is None) == (members is None):
        raise Invalid(
            "audience.body",
            f"{file.name}: give the audience either `pql:` (a condition) or `members:` (a list)",
        )
    return AudienceFile(
        path=path,
        file=file,
        name=file.section("name", str, path.stem),
        of=file.section("of", str, "person"),
        pql=pql,
        members=None if members is None else _members(file, members),
        policy=file.section("policy", str),
        description=file.section("description", str, ""),
        owner=file.section("owner", str, ""),
        activate=tuple(
            _activation(file, at, one) for at, one in enumerate(file.section("activate", list, []))
        ),
        version=hashlib.sha256(path.read_bytes()).hexdigest()[:16],
    )


def _members(file: YamlFile, members: Mapping[str, Any]) -> Members:
    file.only(members, {"file", "by"}, "members")
    by = members.get("by")
    if by not in ("domain", "email", "key") or not isinstance(members.get("file"), str):
        raise file.wrong(
            "audience.members",
            "members: expected {file: targets.csv, by: domain|email|key}",
            "members",
        )
    return Members(members["file"], by)


def _activation(file: YamlFile, at: int, body: Any) -> Activation:
    file.expect(body, dict, "activate", at)
    file.only(body, ACTIVATION_KEYS, "activate", at)
    if not isinstance(body.get("to"), str):
        raise file.wrong(
            "audience.activate", "activate: each entry names a destination in `to:`", "activate", at
        )
    paused = body.get("paused", False)
    file.expect(paused, bool, "activate", at, "paused")
    exclude = body.get("exclude", [])
    file.expect(exclude, list, "activate", at, "exclude")
    return Activation(body["to"], paused, tuple(map(str, exclude)), body.get("name"))
