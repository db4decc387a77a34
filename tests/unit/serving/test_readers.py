"""Readers of a served project: a moment each, given by the owner, between two of its steps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.serving.server import made

from townsend.problem import Invalid, Unavailable
from townsend.project.load import load_into
from townsend.project.project import Project
from townsend.project.serving import readers as module
from townsend.project.serving.owner import Owner

PEOPLE = "workEmail.address.isNotNull()"


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    project = Project(made(tmp_path / "bodea"))
    files = project.folder / "data" / "crm_1" / "person.ndjson"
    load_into(project, "person", [files], "crm_1", again=False, progress=lambda _: None)
    found = Owner(project, None)
    found.start()
    assert found.ready.wait(30)
    yield found
    found.stop()


def more(owner: Owner) -> None:
    """The people of the other CRM, by a connection of its own, as a command does it."""
    with Project(owner.folder) as project:
        files = owner.folder / "data" / "crm_2" / "person.ndjson"
        load_into(project, "person", [files], "crm_2", again=False, progress=lambda _: None)


def step(owner: Owner) -> None:
    """Let the owner make one: a fresh moment is given at the end of it."""
    with owner.readers.lent():
        pass


def test_a_question_holds_what_was_accepted_before_it(owner: Owner) -> None:
    with owner.readers.project(fresh=True) as project:
        before = len(project.ask(PEOPLE).ids)
    more(owner)
    with owner.readers.project(fresh=True) as project:
        after = len(project.ask(PEOPLE).ids)

    assert (2, 3) == (before, after)


def test_a_reader_does_not_see_what_comes_while_it_reads(owner: Owner) -> None:
    with owner.readers.project(fresh=True) as project:
        before = project.ask(PEOPLE)
        more(owner)
        step(owner)
        again = project.ask(PEOPLE)

        assert before.rows() == again.rows()


def test_readers_at_rest_are_used_again_by_any_thread(owner: Owner) -> None:
    found: list[int] = []

    def read() -> None:
        with owner.readers.project() as project:
            found.append(len(project.audiences()) + project.state.count_members("big-customers"))

    for _ in range(8):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()

    assert [2] * 8 == found


def test_too_many_readers_are_told_to_come_again(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READERS_MAX", 1)
    with owner.readers.project(), pytest.raises(Unavailable) as told, owner.readers.project():
        pass

    assert "serve.busy" == told.value.code


def test_wrong_settings_are_told_and_the_right_ones_go_on(owner: Owner) -> None:
    settings = owner.folder / "townsend.yaml"
    right = settings.read_text()
    settings.write_text(right + "\nnonsense: 1\n")
    step(owner)
    told = owner.told()
    settings.write_text(right + "\n# mended\n")
    more(owner)
    with owner.readers.project(fresh=True) as project:
        count = len(project.ask(PEOPLE).ids)

    assert "unknown key 'nonsense'" in told["settings"]
    assert (None, None, 3) == (owner.told()["settings"], owner.done.problem, count)


def test_who_waits_for_a_step_that_fails_is_told_at_once(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is no reason to let everybody wait; who needs no newer moment is still answered."""

    def full(*_: object) -> None:
        raise Unavailable("store.full", "the disk is full")

    monkeypatch.setattr(Owner, "_mark", full)
    with pytest.raises(Unavailable), owner.readers.project(fresh=True):
        pass
    with owner.readers.project() as project:
        old = len(project.ask(PEOPLE).ids)
    monkeypatch.undo()
    step(owner)

    assert (2, None) == (old, owner.done.problem)


def test_wrong_settings_use_up_no_readers(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = owner.folder / "townsend.yaml"
    right = settings.read_text()
    monkeypatch.setattr(module, "READERS_MAX", 2)
    settings.write_text(right + "\nnonsense: 1\n")
    for _ in range(4):
        with pytest.raises(Invalid), owner.readers.project(fresh=True):
            pass
    settings.write_text(right)
    with owner.readers.project(fresh=True) as project:
        count = len(project.ask(PEOPLE).ids)

    assert 2 == count


def test_after_the_stop_nobody_reads(owner: Owner) -> None:
    owner.stop()
    with pytest.raises(Unavailable) as told, owner.readers.project():
        pass

    assert "serve.stopping" == told.value.code
