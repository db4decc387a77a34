"""The ``merge`` section of the settings: whose value wins, by class and by named policy.

Every class has a policy of its own; ``policies`` gives it others by name. A name stands for the same idea in
all classes that have it: an audience under ``crm_first`` sees each class by its policy ``crm_first``, and
classes that have none by that name by their own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from townsend.model import Schema
from townsend.problem import Invalid
from townsend.profiles import MergePolicy
from townsend.project.yamlfile import YamlFile

__all__ = ["merge_policies", "named_in", "named_policies", "unknown_policy"]

BY = ("time", "changed", "source", "master")
TIMES = ("datetime", "date")
KEYS = {"by", "order", "time"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def merge_policies(
    file: YamlFile, schema: Schema, merge: Mapping[str, Any], sources: Collection[str]
) -> dict[str, MergePolicy]:
    """The policy of each class that the section names.

    Args:
        merge: the section, as written or as it was applied.
        sources: the project's sources, to say what an order could be.

    Raises:
        Invalid: ``settings.*`` with file and line; ``class.unknown``.
    """
    return {cls: _Reader(file, schema, cls, sources).whole(body) for cls, body in merge.items()}


def named_policies(
    file: YamlFile, schema: Schema, merge: Mapping[str, Any], sources: Collection[str]
) -> dict[str, dict[str, MergePolicy]]:
    """Name to the policy of that name of each class that has one.

    Raises:
        Invalid: as ``merge_policies``.
    """
    found: dict[str, dict[str, MergePolicy]] = {}
    for cls, body in merge.items():
        for name, policy in _Reader(file, schema, cls, sources).named(body).items():
            found.setdefault(name, {})[cls] = policy
    return found


def named_in(merge: Mapping[str, Any]) -> set[str]:
    """The names of policies in a section that may not be checked yet."""
    bodies = [body.get("policies") for body in merge.values() if isinstance(body, dict)]
    return {str(name) for policies in bodies if isinstance(policies, dict) for name in policies}


def unknown_policy(name: str, known: Collection[str], waiting: Collection[str]) -> Invalid:
    """What to raise about a policy that is not in effect.

    Args:
        known: the names in effect.
        waiting: those that are written and wait for ``apply``.
    """
    if name in waiting:
        text = f"the merge policy {name!r} is not in effect yet; run `townsend plan`, then `townsend apply`"
        return Invalid("policy.unknown", text, got=name)
    near = difflib.get_close_matches(name, known, 1)
    names = ", ".join(sorted(known)) or "none yet; write merge: {person: {policies: {NAME: {by: …}}}}"
    hint = f"did you mean {near[0]!r}?" if near else f"the policies are: {names}"
    return Invalid("policy.unknown", f"there is no merge policy {name!r}; {hint}", got=name)


class _Reader:
    """Reads one class's part of the section."""

    def __init__(self, file: YamlFile, schema: Schema, cls: str, sources: Collection[str]) -> None:
        self.file = file
        self.cls = cls
        self.shape = schema.entity_class(cls).shape
        self.sources = list(sources)

    def whole(self, body: Any) -> MergePolicy:
        """The class's own policy."""
        self.file.expect(body, dict, "merge", self.cls)
        return self._policy(body, {*KEYS, "fields", "policies"}, "merge", self.cls)

    def named(self, body: Mapping[str, Any]) -> dict[str, MergePolicy]:
        """The class's other policies, by name."""
        place = ("merge", self.cls, "policies")
        policies = body.get("policies", {})
        self.file.expect(policies, dict, *place)
        found = {}
        for name, inner in policies.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise self._wrong(
                    "settings.name",
                    f"{name!r} cannot name a policy; use small letters, digits and '_', a letter first",
                    *place,
                    str(name),
                )
            self.file.expect(inner, dict, *place, name)
            found[name] = self._policy(inner, {*KEYS, "fields"}, *place, name)
        return found

    def _policy(self, body: Mapping[str, Any], allowed: set[str], *place: str) -> MergePolicy:
        self.file.only(body, allowed, *place)
        policy = self._rule(body, *place)
        self.file.expect(body.get("fields", {}), dict, *place, "fields")
        fields = {}
        for path, inner in body.get("fields", {}).items():
            where = (*place, "fields", str(path))
            self.file.expect(inner, dict, *where)
            self.file.only(inner, KEYS, *where)
            # What an exception does not say is as in the policy around it.
            around = {key: body[key] for key in ("order", "time") if key in body}
            if inner.get("by") == "changed":
                around.pop("time", None)
            fields[self._field(path, *where)] = self._rule({**around, **inner}, *where)
        return replace(policy, fields=fields)

    def _rule(self, body: Mapping[str, Any], *place: str) -> MergePolicy:
        by = body.get("by", "time")
        if by not in BY:
            text = f"expected time, changed, source or master, got {by!r}"
            raise self._wrong("settings.choice", text, *place, "by")
        self.file.expect(body.get("order", []), list, *place, "order")
        order = tuple(map(str, body.get("order", [])))
        if by == "source" and not order:
            example = ", ".join(self.sources) or "crm_1, crm_2"
            text = f"by: source needs the sources, the most trusted first; write order: [{example}]"
            raise self._wrong("settings.order", text, *place)
        twice = next((one for at, one in enumerate(order) if one in order[:at]), None)
        if twice is not None:
            text = f"{twice!r} stands there twice; it has one place"
            raise self._wrong("settings.choice", text, *place, "order")
        if by == "changed" and "time" in body:
            text = "goes with by: time or by: source; what changed last is told by the versions' own times"
            raise self._wrong("settings.choice", text, *place, "time")
        return MergePolicy(by=by, order=order, times=self._times(body.get("time"), *place, "time"))

    def _times(self, body: Any, *place: str) -> dict[str, str]:
        """The field that tells the time, for all sources or for each that is named."""
        if body is None:
            return {}
        times = body if isinstance(body, dict) else {"": body}
        for source, path in times.items():
            leaf = self.shape.leaves.get(path) if isinstance(path, str) else None
            if leaf is None or leaf.type not in TIMES:
                text = (
                    f"{path!r} is no date or instant of {self.cls}; write a field such as "
                    "extSourceSystemAudit.lastUpdatedDate, or {SOURCE: FIELD, …}"
                )
                raise self._wrong("settings.field", text, *place, *([source] if source else []))
        return {str(source): path for source, path in times.items()}

    def _field(self, path: Any, *place: str) -> str:
        """A field or an object, for which a rule of its own is written."""
        if path not in self.shape.objects and path not in set(self.shape.names()):
            raise self._wrong("settings.field", f"{path!r} is not a field of {self.cls}", *place)
        return str(path)

    def _wrong(self, code: str, text: str, *place: str) -> Invalid:
        return self.file.wrong(code, f"{'.'.join(place)}: {text}", *place)
