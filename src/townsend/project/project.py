"""A user's project: its settings, its store, and the questions one can ask of it.

Opening costs nothing until something is asked. One process owns the store while it is open.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from townsend.audiences.evaluate import evaluate
from townsend.audiences.patience import UNASKED
from townsend.clock import Clock, SystemClock, instant_of
from townsend.model import Schema
from townsend.problem import Invalid
from townsend.profiles import Unified
from townsend.profiles.view import EntityView, GraphView, graph_view
from townsend.project import definitions
from townsend.project.answer import Answer, answer_of
from townsend.project.audiencefile import AudienceFile, read_audiences
from townsend.project.computed import computed_fields
from townsend.project.definitions import Found
from townsend.project.folder import FACTS, STATE, STORE
from townsend.project.listaudience import ListReasons, listed
from townsend.project.rules import Rules, effective_rules, schema_of
from townsend.project.settings import Settings, read_settings
from townsend.project.worlds import world_of
from townsend.store.facts import Facts
from townsend.store.facts_turns import LENDER
from townsend.store.state import State

if TYPE_CHECKING:
    import pyarrow as pa

    from townsend.audiences.explain import Explanation

__all__ = ["Answer", "Project", "answer_of"]


class Project:
    """A project folder, opened.

    Args:
        path: the folder that holds ``townsend.yaml``.
        clock: what time it is when no instant is given.

    Raises:
        Invalid: ``project.missing`` or ``settings.*``.

    >>> with Project("examples/bodea") as bodea:                        # doctest: +SKIP
    ...     bodea.query("accounts.count() > 1").num_rows
    1
    """

    def __init__(self, path: Path | str = ".", clock: Clock | None = None) -> None:
        self.folder = Path(path)
        self.clock: Clock = clock or SystemClock()
        self.settings: Settings = read_settings(self.folder)
        self.variables: Mapping[str, str] = os.environ

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Sources and destinations can be reached inside: where a project rehearses, its servers run."""
        from townsend.project.rehearsing import rehearsal_of, serving

        rehearsal = rehearsal_of(self.settings)
        if rehearsal is None or self.variables is not os.environ:
            yield
            return
        clock, variables = self.clock, self.variables
        with serving(rehearsal, self.folder, clock.now()) as (self.clock, _, found):
            self.variables = {**os.environ, **found}
            try:
                yield
            finally:
                self.clock, self.variables = clock, variables

    def connection(self, kind: Literal["sources", "destinations"], name: str) -> dict[str, Any]:
        """The settings of a source or destination, its secrets filled in."""
        return self.settings.connection(kind, name, self.variables)

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store; other processes may open it then."""
        for name in ("facts", "state"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()

    @cached_property
    def schema(self) -> Schema:
        """The built-in classes and the project's own."""
        return schema_of(self.folder)

    @cached_property
    def computed(self) -> dict[str, dict[str, str]]:
        """Computed fields: class to name to text."""
        return computed_fields(self.settings, self.schema)

    @cached_property
    def facts(self) -> Facts:
        """The store of facts, opened at first use, or lent by whoever has it open in this process.

        What a server accepted and did not absorb before it ended is taken in then.
        """
        from townsend.project.accepting import absorb_left

        lend = LENDER.get()
        if lend is not None:
            return lend()
        # Absorbing asks for the store as well.
        opened = self.__dict__["facts"] = Facts.open(self._store(FACTS))
        absorb_left(self)
        return opened

    @cached_property
    def state(self) -> State:
        """Small transactions: memberships, outbox, ledger."""
        return State.open(self._store(STATE))

    @property
    def rules(self) -> Rules:
        """The rules in effect: those applied last, or the settings' while there are no facts."""
        return effective_rules(self.settings, self.schema, self.facts)

    def unified(
        self, now: datetime | None = None, as_of: datetime | None = None, policy: str | None = None
    ) -> Unified:
        """The unified world at an instant; ``as_of`` also fixes which versions count, ``policy`` who wins."""
        return world_of(self, self.rules, now, as_of, policy)

    # ------------------------------------------------------------ audiences

    def audiences(self) -> dict[str, AudienceFile]:
        """The audience files as they are on disk."""
        return read_audiences(self.folder)

    def audience(self, name: str) -> AudienceFile:
        """One of them.

        Raises:
            Invalid: ``audience.unknown`` with the nearest name.
        """
        return definitions.named(self.audiences(), name)

    def resolve(self, pql: str, of: str, *, strict: bool, name: str | None = None) -> Found:
        """A definition, checked against what is declared and what was ever seen."""
        return definitions.resolve_text(self, pql, of, strict=strict, name=name)

    def ask(
        self,
        pql: str,
        of: str = "person",
        *,
        now: datetime | None = None,
        as_of: datetime | None = None,
        engine: str = "auto",
        slow: bool = False,
        policy: str | None = None,
    ) -> Answer:
        """Who meets a condition; what takes long says so first (``engine.slow``), unless it is ``slow``."""
        found = self.resolve(pql, of, strict=True)
        return self._answer(found, self.unified(now, as_of, policy), engine, slow)

    def members_of(self, pql: str, of: str, unified: Unified) -> Answer:
        """Who meets a condition, in a unified world at hand."""
        found = self.resolve(pql, of, strict=True)
        return self._answer(found, unified)

    def members(
        self,
        name: str,
        *,
        now: datetime | None = None,
        as_of: datetime | None = None,
        engine: str = "auto",
        slow: bool = False,
    ) -> Answer:
        """Who is in a saved audience; ``slow`` as for ``ask``."""
        audience = self.audience(name)
        return self.members_in(audience, self.unified(now, as_of, audience.policy), engine, slow)

    def members_in(
        self, audience: AudienceFile, unified: Unified, engine: str = "auto", slow: bool = True
    ) -> Answer:
        """Who is in a saved audience, in a unified world at hand; however long it takes, unless told.

        The audience sees that world's facts under its own merge policy.
        """
        unified = unified.under(audience.policy)
        if audience.members is not None:
            ids, notes = listed(self.folder, audience, unified)
            return Answer(unified, audience.of, ids, ListReasons(self.folder, audience, unified), notes)
        assert audience.pql is not None
        found = self.resolve(audience.pql, audience.of, strict=False, name=audience.name)
        return self._answer(found, unified, engine, slow)

    def _answer(self, found: Found, unified: Unified, engine: str = "auto", slow: bool = True) -> Answer:
        result = evaluate(found.definition, unified, engine, None if slow else UNASKED)
        return answer_of(found, unified, result)

    def query(
        self,
        pql: str,
        of: str = "person",
        now: datetime | str | None = None,
        as_of: datetime | str | None = None,
        slow: bool = False,
        policy: str | None = None,
        because: bool = False,
    ) -> pa.Table:
        """Who meets a condition, as an Arrow table with ``id``, ``class`` and ``identities``.

        Args:
            now: the evaluation instant or its ISO 8601 text, UTC unless it says otherwise; the clock if None.
            as_of: the same, and versions of records as they were then.
            slow: start also what takes long (more than 50,000 entities one by one).
            policy: the named merge policy under which facts are seen; each class's own if None.
            because: add columns of what qualifies each; see docs/audiences.md.

        Returns:
            One row a member, by id. ``identities`` is a map from namespace to sorted values;
            ``to_pylist(maps_as_pydicts="strict")`` makes dicts of it.
        """
        at = None if now is None else instant_of(now, "now")
        fixed = None if as_of is None else instant_of(as_of, "as_of")
        return self.ask(pql, of, now=at, as_of=fixed, slow=slow, policy=policy).table(because=because)

    def check(self, name: str) -> list[dict[str, str]]:
        """What is wrong or doubtful about a saved audience, and whom a change of it moves.

        Level (``error``, ``warning`` or ``note``), code and message each.
        """
        from townsend.project.causes import moved_by_change

        audience = self.audience(name)
        found = definitions.findings(self, audience)
        if all(one["level"] != "error" for one in found):
            moved = moved_by_change(self, audience)
            found += [{"level": "note", "code": "audience.changed", "message": moved}] if moved else []
        return found

    def explain(self, name: str, who: str, *, now: datetime | None = None) -> Explanation:
        """Why somebody is in an audience or not, and when that changes."""
        from townsend.project.explaining import explain_member

        return explain_member(self, name, who, now)

    def audience_row(self, audience: AudienceFile) -> dict[str, Any]:
        """What a list of audiences shows about one."""
        return {**definitions.as_row(audience), "members": self.state.count_members(audience.name)}

    def history(self, name: str) -> list[dict[str, Any]]:
        """Who entered and left an audience, in the order in which it was recorded."""
        from townsend.project.history import history_of

        return history_of(self, name)

    # ------------------------------------------------------------ entities

    def show(
        self,
        cls: str,
        who: str,
        *,
        now: datetime | None = None,
        as_of: datetime | None = None,
        policy: str | None = None,
    ) -> EntityView:
        """The unified view of one entity, under a merge policy."""
        from townsend.project.showing import show_entity

        return show_entity(self, cls, who, now, as_of, policy)

    def graph(self, who: str, *, now: datetime | None = None) -> GraphView:
        """The identity graph of one entity."""
        unified = self.unified(now)
        return graph_view(unified, self.facts, self.rules.identity, who)

    def _store(self, name: str) -> Path:
        folder = self.folder / STORE
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Invalid("project.unwritable", f"{folder} cannot be made: {error.strerror}") from None
        return folder / name
