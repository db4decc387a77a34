"""The documentation names what there is: every error code, every command, every setting."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "townsend"
REFERENCE = ROOT / "docs" / "reference"
PROBLEMS = {"Invalid", "Unavailable", "Refused", "Broken", "wrong", "Problem"}
CODE = re.compile(r"[a-z_0-9]+(\.[a-z_0-9]+)+")


def codes_raised() -> set[str]:
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if name in PROBLEMS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    return {code for code in found if CODE.fullmatch(code)}


def reasons_of_intake() -> set[str]:
    """Why a row may be quarantined: codes that are values, not calls."""
    found: set[str] = set()
    for path in (PACKAGE / "intake").rglob("*.py"):
        found |= set(re.findall(r"[\"']((?:row|event|csv)\.[a-z_]+)[\"']", path.read_text("utf-8")))
    return found


def test_every_error_code_is_documented() -> None:
    text = (REFERENCE / "errors.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[^|]+)\|", text, re.MULTILINE)
    documented = {code for row in rows for code in re.findall(r"`([a-z_0-9.]+)`", row)}

    assert sorted((codes_raised() | reasons_of_intake()) - documented) == []


def test_every_command_is_documented() -> None:
    from townsend.cli.main import app

    text = (REFERENCE / "commands.md").read_text("utf-8")
    names = [
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    ]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        names += [f"{group.name} {command.name}" for command in group.typer_instance.registered_commands]

    assert [name for name in names if f"`townsend {name}" not in text] == []


def test_every_setting_is_documented() -> None:
    from townsend.project.settings import KEYS

    text = (REFERENCE / "settings.md").read_text("utf-8")

    assert [key for key in sorted(KEYS) if f"| `{key}` |" not in text] == []


def test_every_key_of_a_connection_is_documented() -> None:
    from townsend.vendors.keys import COMMON, DESTINATIONS, SOURCES

    text = (REFERENCE / "settings.md").read_text("utf-8")
    keys = {
        key for one in (*SOURCES.values(), *DESTINATIONS.values()) for key in (*one.required, *one.optional)
    }
    keys |= {key for common in COMMON.values() for key in common}

    assert [key for key in sorted(keys) if not re.search(rf"`{key}\b", text)] == []
    assert [name for name in (*SOURCES, *DESTINATIONS) if f"| `{name}` |" not in text] == []
