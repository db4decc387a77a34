"""The static lists of a Marketo folder that stand for audiences: found, made, renamed.

A name is unique in a whole instance. A list of the wanted name in another folder is somebody else's and left
alone; one in our folder is taken over, and what others put into it stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from townsend.activation.contract import Target
from townsend.clock import Clock
from townsend.problem import Invalid, Unavailable
from townsend.vendors.marketo import Marketo

__all__ = ["Lists"]

RULE_VIOLATED = "709"  # most often: the name is taken
NOT_THERE = {"610", "702", "1013"}
MARK = "Kept by Townsend for audience"


class Lists:
    """Lists in one folder.

    Args:
        folder: name or number of the folder.
    """

    def __init__(self, api: Marketo, folder: str, clock: Clock) -> None:
        self._api = api
        self._folder = folder
        self._clock = clock
        self._folder_id: int | None = None

    def check(self) -> None:
        """See whether the folder is there and lists may be read; raises as the calls do."""
        self._in_folder()
        self._api.call("GET", "/rest/v1/lists.json", params={"batchSize": 1})

    def prepare(self, audience: str, name: str, known: Target | None) -> Target:
        """The audience's list, by its id or its name, made if there is none; ours follow a rename."""
        if known is not None:
            found = self._get(known.remote_id)
            if found is not None:
                return self._renamed(known, str(found.get("name", "")), audience, name)
        found = self._named(name)
        return self._make(audience, name) if found is None else self._taken_over(found, audience, name)

    def _get(self, remote_id: str) -> Mapping[str, Any] | None:
        answer = self._api.call("GET", f"/rest/asset/v1/staticList/{remote_id}.json", expect=NOT_THERE)
        return answer.result[0] if answer.result else None

    def _named(self, name: str) -> Mapping[str, Any] | None:
        answer = self._api.call(
            "GET", "/rest/asset/v1/staticList/byName.json", params={"name": name}, expect=NOT_THERE
        )
        return next((one for one in answer.result if _same(one.get("name"), name)), None)

    def _make(self, audience: str, name: str) -> Target:
        form = {
            "folder": json.dumps({"id": self._in_folder(), "type": "Folder"}),
            "name": name,
            "description": f"{MARK} {audience}",
        }
        try:
            answer = self._api.call(
                "POST", "/rest/asset/v1/staticLists.json", form=form, expect={RULE_VIOLATED}
            )
        except Unavailable as error:
            # Perhaps it was made and only the answer was lost.
            found = self._named(name) if error.code == "destination.uncertain" else None
            if found is None:
                raise
            return self._taken_over(found, audience, name)
        if answer.result:
            return Target(str(answer.result[0]["id"]), name, True, self._now_ms())
        found = self._named(name)
        if found is None:
            raise self._refused(name, answer.words)
        return self._taken_over(found, audience, name)

    def _taken_over(self, found: Mapping[str, Any], audience: str, name: str) -> Target:
        ours = str(found.get("description") or "") == f"{MARK} {audience}"
        folder = found.get("folder") or {}
        if not ours and str(folder.get("id", "")) != str(self._in_folder()):
            raise Invalid(
                "destination.name_taken",
                f"{self._api.name}: Marketo has a list {name!r} outside the folder {self._folder!r}; "
                "rename the audience, or move that list into the folder if it is meant",
                name=self._api.name,
                list=name,
            )
        return Target(str(found["id"]), name, ours, self._now_ms())

    def _renamed(self, known: Target, present: str, audience: str, name: str) -> Target:
        if present == name or not known.ours:
            return replace(known, name=present or known.name)
        answer = self._api.call(
            "POST",
            f"/rest/asset/v1/staticList/{known.remote_id}.json",
            form={"name": name, "description": f"{MARK} {audience}"},
            safe=True,
            expect={RULE_VIOLATED},
        )
        if answer.said:
            raise self._refused(name, answer.words)
        return replace(known, name=name)

    def _in_folder(self) -> int:
        if self._folder_id is None:
            by_number = self._folder.isascii() and self._folder.isdigit()
            path = f"{self._folder}.json" if by_number else "byName.json"
            answer = self._api.call(
                "GET",
                f"/rest/asset/v1/folder/{path}",
                params={"type": "Folder", **({} if by_number else {"name": self._folder})},
                expect=NOT_THERE,
            )
            if not answer.result:
                raise Invalid(
                    "destination.folder",
                    f"{self._api.name}: Marketo has no folder {self._folder!r} that the API user may see; "
                    "make it, or write another name or number as `folder`",
                    name=self._api.name,
                    folder=self._folder,
                )
            self._folder_id = _number(answer.result[0])
        return self._folder_id

    def _refused(self, name: str, words: str) -> Invalid:
        return Invalid(
            "destination.name_taken",
            f"{self._api.name}: Marketo does not take {name!r} as the name of a list: {words}; "
            "rename the audience",
            name=self._api.name,
            list=name,
        )

    def _now_ms(self) -> int:
        return (self._clock.now() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _number(folder: Mapping[str, Any]) -> int:
    """The folder's id: ``{"id": 15}``, or ``{"folderId": {"id": 15, "type": "Folder"}}`` in some answers."""
    inside = folder.get("folderId")
    return int(inside["id"] if isinstance(inside, Mapping) else folder["id"])


def _same(there: Any, name: str) -> bool:
    return str(there).strip().casefold() == name.strip().casefold()
