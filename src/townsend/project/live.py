"""Audiences that stay right while facts and time move: who is in each now, and who has just moved.

After every change of facts, whenever time has passed, and when an audience's file is another one, ``follow``
asks only what may be answered differently, records who moved, and returns it. Only what was recorded and the
facts count: a new ``Live`` over the same store goes on where the last one stopped, and what happened between
is found by asking everybody once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pyroaring import BitMap

from townsend.activation.membership import holders
from townsend.activation.moves import Move, Transition, record_moves
from townsend.audiences.evaluate import evaluate
from townsend.audiences.live.arrivals import Seen, arrived, seen_of
from townsend.audiences.live.book import Book, Concerned
from townsend.audiences.live.search import Touched
from townsend.problem import Problem
from townsend.project.causes import RECORDED
from townsend.project.followed import Definitions, Followed, Key

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["Live", "Parity", "Transition"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Parity:
    """A check of live answers against the batch evaluator: how many audiences, and whom they differed in."""

    checked: int
    differing: Mapping[str, int]
    repaired: int


class Live:
    """The live audiences of a project. One thread at a time.

    Attributes:
        problems: audiences that cannot be answered, by name; their members stay as they were.
    """

    def __init__(self, project: Project) -> None:
        self.problems: dict[str, Problem] = {}
        self._project = project
        self._definitions = Definitions(project)
        self._books: dict[Key, Book] = {}
        self._audiences: dict[str, Followed] = {}
        self._gone: list[Followed] = []
        self._seen: Seen | None = None
        self._checked: list[str] = []
        self._asked_ms: int | None = None

    # -------------------------------------------------------- what is true now

    def members(self, name: str) -> BitMap:
        """The ids of who is in an audience, as last recorded."""
        return self._audiences[name].members

    def stats(self) -> dict[str, Any]:
        """Per audience: members, how its conditions were asked, and what has to be asked all the time."""
        found: dict[str, Any] = {}
        for name, one in self._audiences.items():
            book = self._books[one.key]
            found[name] = {
                "members": len(one.members),
                "ways": dict(book.ways(one.formula)),
                "volatile": book.volatile(one.formula),
            }
        return found

    # -------------------------------------------------------- change

    def follow(self, now: datetime, touched: Touched | None = None) -> list[Transition]:
        """Bring every audience up to date, and record who moved.

        Args:
            now: the instant.
            touched: which entities changed since the last time. If it is None, what new events touched is
                found here; if more than that happened, everybody is asked.
        """
        try:
            return self._follow(now, touched)
        except BaseException:
            # What is held may be ahead of the record; the record counts, and everybody is asked again.
            self._restart()
            raise

    def parity(self, most: int) -> Parity:
        """Ask some audiences anew, each time others, and mend what differs.

        The world is the one of the last ``follow``: nothing may have changed since.
        """
        names = [one for one in self._audiences if one not in self._checked] or list(self._audiences)
        if self._asked_ms is None:
            return Parity(0, {}, 0)
        self._checked = [*self._checked, *names[:most]] if len(names) > most else []
        world = self._project.unified(EPOCH + timedelta(milliseconds=self._asked_ms))
        differing: dict[str, int] = {}
        for name in names[:most]:
            one = self._audiences[name]
            right = BitMap(evaluate(one.definition, world.under(one.file.policy)).ids)
            if right != one.members:
                differing[name] = len(right ^ one.members)
                self._books[one.key].forget()
        now = EPOCH + timedelta(milliseconds=self._asked_ms)
        del world
        mended = self.follow(now, {}) if differing else []
        return Parity(len(names[:most]), differing, len(mended))

    def _follow(self, now: datetime, touched: Touched | None) -> list[Transition]:
        world = self._project.unified(now)
        self._define(world)
        if self._seen is None or self._seen.stamp.rules != world.stamp.rules:
            touched = None
        elif touched is None:
            touched = arrived(world, self._seen)
        self._seen = seen_of(world)
        self._asked_ms = world.now_ms
        concerned = {key: book.renew(world.under(book.policy), touched) for key, book in self._books.items()}
        renamed = {of: self._renamed(world, of, touched) for of in {book.of for book in self._books.values()}}
        cause = self._cause(world)
        moves = [_leaving(one) for one in self._gone]
        self._gone = []
        for one in self._audiences.values():
            found = self._move(one, concerned[one.key], renamed[one.file.of], cause)
            moves += [] if found is None else [found]
            one.why, one.fresh = None, False
        written = json.dumps([world.stamp.revision, world.stamp.rules])
        return record_moves(
            self._project.facts,
            self._project.state,
            moves,
            world.now_ms,
            lambda: self._project.facts.set_meta(RECORDED, written),
        )

    def _restart(self) -> None:
        self._definitions = Definitions(self._project)
        self._books, self._audiences, self._gone = {}, {}, []
        self._seen = None

    # -------------------------------------------------------- definitions

    def _define(self, world: Unified) -> None:
        """Take the audiences as their files say, if anything that decides their meaning is another."""
        found = self._definitions.read(world, self._audiences)
        if found is None:
            return
        self.problems = found.problems
        books: dict[Key, Book] = {}
        for one in found.audiences.values():
            book = books.setdefault(one.key, Book(*one.key, self._project.schema))
            one.formula = book.formula(one.decided)
        for key, book in books.items():
            if key in self._books:
                book.keep(self._books[key])
            if found.lists_changed:
                book.forget(lists_only=True)
        self._gone += [one for one in found.gone if one.members]
        self._audiences, self._books = found.audiences, books

    # -------------------------------------------------------- who moved

    def _renamed(self, world: Unified, of: str, touched: Touched | None) -> dict[int, int]:
        """Members' numbers to the entities that hold them now, where these differ."""
        members = BitMap()
        for one in self._audiences.values():
            if one.file.of == of:
                members |= one.members
        if touched is not None:
            members &= BitMap(touched.get(of, ()))
        held = holders(world, of)(members) if members else {}
        return {number: entity for number, entity in held.items() if number != entity}

    def _cause(self, world: Unified) -> str:
        """Why somebody moves of whom nothing nearer is known."""
        noted = self._project.facts.meta(RECORDED)
        revision, rules = json.loads(noted) if noted else (None, world.stamp.rules)
        if rules != world.stamp.rules:
            return "rules"
        return "time" if revision == world.stamp.revision else "facts"

    def _move(
        self, one: Followed, concerned: Concerned, renamed: Mapping[int, int], cause: str
    ) -> Move | None:
        """Who moves in one audience, its members being changed along; None if nothing is to be recorded."""
        mine = {number: entity for number, entity in renamed.items() if number in one.members}
        members = (one.members - BitMap(mine)) | BitMap(mine.values())
        among = None
        if not (concerned.everybody or one.fresh):
            among = concerned.facts | concerned.time | BitMap(mine.values())
            if not among and one.why is None:
                return None
        right = self._books[one.key].members(one.formula, among)
        known = members if among is None else members & among
        entered, left = right - known, known - right
        one.members = (members - left) | entered
        if not (entered or left or mine or one.why):
            return None

        def why(entity: int) -> str:
            if one.why is not None or concerned.everybody:
                return one.why or cause
            return "facts" if entity in concerned.facts else "time"

        return Move(
            one.file.name,
            one.file.of,
            one.file.version,
            {entity: why(entity) for entity in entered},
            {entity: why(entity) for entity in left},
            mine,
            frozenset(entity for entity in mine.values() if entity in one.members),
        )


def _leaving(one: Followed) -> Move:
    """Everybody leaves an audience whose file is gone."""
    left = dict.fromkeys(one.members, "definition")
    return Move(one.file.name, one.file.of, one.file.version, {}, left, {}, frozenset())
