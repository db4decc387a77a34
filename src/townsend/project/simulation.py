"""``townsend graph simulate``: the linking rules tried on a list of events in a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from townsend.identity import Namespace
from townsend.identity.simulate import simulate
from townsend.project.yamlfile import YamlFile, read_yaml

__all__ = ["simulate_file"]


def simulate_file(path: Path) -> dict[str, list[list[str]]]:
    """Graphs and removed links, all sorted, as ``design.md`` fixes the form.

    The file has ``namespaces: [{code: CRMID, unique: true}, …]`` in priority order and
    ``events: [["CRMID:Tom", "ECID:111"], …]``, oldest first.

    Raises:
        Invalid: ``settings.*`` or ``simulate.event`` with file and line.
    """
    file = read_yaml(path, path.name)
    file.only(file.content, {"namespaces", "events"})
    namespaces = [_namespace(file, at, one) for at, one in enumerate(file.section("namespaces", list, []))]
    codes = [namespace.code for namespace in namespaces]
    for at, code in enumerate(codes):
        if code in codes[:at]:
            raise file.wrong(
                "settings.choice",
                f"namespaces: {code!r} stands there twice; a namespace has one priority",
                "namespaces",
                at,
            )
    events = [_event(file, at, one) for at, one in enumerate(file.section("events", list, []))]
    result = simulate(namespaces, events)
    return {
        "graphs": sorted(sorted(map(_text, graph)) for graph in result.graphs),
        "removed": sorted(sorted(map(_text, link)) for link in result.removed),
    }


def _namespace(file: YamlFile, at: int, body: Any) -> Namespace:
    file.expect(body, dict, "namespaces", at)
    file.only(body, {"code", "unique"}, "namespaces", at)
    code = body.get("code")
    file.expect(code, str, "namespaces", at, "code")
    unique = body.get("unique", False)
    file.expect(unique, bool, "namespaces", at, "unique")
    return Namespace(code, unique)


def _event(file: YamlFile, at: int, body: Any) -> list[tuple[str, str]]:
    file.expect(body, list, "events", at)
    found = []
    for value in body:
        # Unquoted, YAML reads `CRMID: Tom` as a mapping and `1:20` as a number.
        space, colon, name = value.partition(":") if isinstance(value, str) else ("", "", "")
        if not colon or not space:
            raise file.wrong(
                "simulate.event",
                f'events: expected identities such as "CRMID:Tom", in quotes, got {value!r}',
                "events",
                at,
            )
        found.append((space, name))
    return found


def _text(identity: tuple[str, str]) -> str:
    return f"{identity[0]}:{identity[1]}"
