"""The audiences that are followed live: their files as they are on disk, and what they mean in a world.

Files are looked at each time and read when they changed. What a definition means may also change with the
facts: a field comes for the first time, or an amount of money that nobody can say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyroaring import BitMap

from townsend.activation.membership import members_recorded
from townsend.audiences.batch.formula import Formula
from townsend.audiences.core import Definition, EntityType, InSegment, Item, Listed
from townsend.audiences.evaluate import amounts_in, sure_and_maybe
from townsend.audiences.pql import parse, resolve
from townsend.audiences.walk import everything
from townsend.problem import Problem
from townsend.project.audiencefile import FOLDER, AudienceFile, read_audience
from townsend.project.definitions import Company, company
from townsend.project.listaudience import lists_in

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["Definitions", "Followed", "Found", "Key"]

Key = tuple[str, str | None]
"""A class and a merge policy."""
Seen = tuple[tuple[str, int, int], ...]
"""Files by name, with their time and size."""


@dataclass
class Followed:
    """One audience: its file, what it means, and who is in as recorded.

    Args:
        definition: as it is written …
        decided: … and as it holds surely, where some amounts are such that nobody can say.
        formula: the same over the leaves of a book.
        why: everybody who moves does so because of this, ``first`` or ``definition``, until it is recorded.
        fresh: who is in is to be found anew: what it means is another thing than when that was recorded.
    """

    file: AudienceFile
    definition: Definition
    decided: Definition
    members: BitMap
    formula: Formula = 0
    why: str | None = None
    fresh: bool = True

    @property
    def key(self) -> Key:
        return self.file.of, self.file.policy


@dataclass
class Found:
    """What is to be followed from now on.

    Attributes:
        gone: audiences whose files are no longer there.
        problems: what is wrong with an audience, by its name; it stays as it was, if it was.
        lists_changed: whether a file of members is another one.
    """

    audiences: dict[str, Followed] = field(default_factory=dict)
    gone: list[Followed] = field(default_factory=list)
    problems: dict[str, Problem] = field(default_factory=dict)
    lists_changed: bool = False


class Definitions:
    """Reads the audiences of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._files: Seen = ()
        self._lists: Seen = ()
        self._read: dict[str, AudienceFile] = {}
        self._unread: dict[str, Problem] = {}
        self._meaning: Any = None

    def read(self, world: Unified, before: Mapping[str, Followed]) -> Found | None:
        """The audiences now; None if they are as ``before``."""
        files = _seen((self._project.folder / FOLDER).glob("*.y*ml"))
        if files != self._files:
            self._read_files(before)
        lists = _seen(self._project.folder / one.members.file for one in self._read.values() if one.members)
        meaning = files, lists, self._meaning_of(world)
        if meaning == self._meaning:
            return None
        found = Found(lists_changed=lists != self._lists, problems=dict(self._unread))
        self._files, self._lists, self._meaning = files, lists, meaning
        known = company(self._project)
        for name, file in self._read.items():
            try:
                found.audiences[name] = self._followed(file, known, world, before.get(name))
            except Problem as problem:
                found.problems[name] = problem
                if name in before:
                    found.audiences[name] = before[name]
        found.gone = [one for name, one in before.items() if name not in self._read]
        return found

    def _read_files(self, before: Mapping[str, Followed]) -> None:
        """One that cannot be read stays what it was."""
        self._unread = {}
        was = {one.file.path: one.file for one in before.values()}
        read: dict[str, AudienceFile] = {}
        for path in sorted((self._project.folder / FOLDER).glob("*.y*ml")):
            try:
                file = read_audience(path)
            except Problem as problem:
                self._unread[path.stem] = problem
                if path not in was:
                    continue
                file = was[path]
            read.setdefault(file.name, file)
        self._read = read

    def _meaning_of(self, world: Unified) -> Any:
        """All that decides what the texts mean, besides them."""
        seen = self._project.facts.one("SELECT count(*) FROM facts.seen")
        amounts: list[tuple[str | None, object]] = []
        for policy in dict.fromkeys(one.policy for one in self._read.values()):
            try:
                amounts.append((policy, amounts_in(world.under(policy))))
            except Problem as problem:
                amounts.append((policy, problem.code))
        return seen, world.stamp.rules, amounts

    def _followed(
        self, file: AudienceFile, known: Company, world: Unified, before: Followed | None
    ) -> Followed:
        definition = self._definition(file, known)
        for name in lists_in(definition.condition):
            world.ids_listed(name)  # a file that cannot be read fails this audience alone
        decided = sure_and_maybe(definition, world.under(file.policy))[0]
        if before is not None and before.key == (file.of, file.policy):
            fresh = before.fresh or before.decided != decided
            one = Followed(file, definition, decided, before.members, why=before.why, fresh=fresh)
            if (before.file.version, before.definition) != (file.version, definition):
                one.why = one.why or "definition"
            return one
        facts, state = self._project.facts, self._project.state
        members = BitMap(members_recorded(facts, state, file.name))
        return Followed(file, definition, decided, members, why=self._why(file, definition))

    def _definition(self, file: AudienceFile, known: Company) -> Definition:
        if file.pql is None:
            self._project.schema.entity_class(file.of)
            return Definition(file.of, Listed(file.name, Item(0, EntityType(file.of))), "")
        self._project.schema.entity_class(file.of)
        resolved = resolve(
            parse(file.pql), self._project.schema, file.of, strict=False, name=file.name, **known
        )
        return resolved.definition

    def _why(self, file: AudienceFile, definition: Definition) -> str | None:
        """Whether it is new, or another one than was recorded last, or what it uses is."""
        version = self._project.state.members.version
        if version(file.name) is None:
            return "first"
        used = [self._read[name] for name in _used(definition) if name in self._read]
        changed = any(version(one.name) not in (None, one.version) for one in [file, *used])
        return "definition" if changed else None


def _used(definition: Definition) -> set[str]:
    """The audiences that a definition asks for, at whatever distance."""
    found: set[str] = set()
    for node in everything(definition.condition):
        if isinstance(node, InSegment | Listed):
            found.add(node.name)
        if isinstance(node, InSegment):
            found |= _used(node.definition)
    return found


def _seen(paths: Iterable[Path]) -> Seen:
    found = []
    for path in sorted(paths):
        try:
            at = path.stat()
        except OSError:
            continue
        found.append((str(path), at.st_mtime_ns, at.st_size))
    return tuple(found)
