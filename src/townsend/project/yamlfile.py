"""YAML files that people write: every key is checked, and every complaint names file and line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from townsend.problem import Invalid

__all__ = ["YamlFile", "read_yaml"]

BYTES_MAX = 4 * 1024 * 1024
_BOOLEAN = "tag:yaml.org,2002:bool"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe, with the booleans of YAML 1.2: ``on``, ``off``, ``yes`` and ``no`` are words, and may be keys."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the library declares it
        first: [(tag, form) for tag, form in known if tag != _BOOLEAN]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


@dataclass(frozen=True)
class YamlFile:
    """A parsed file that knows where each key stands."""

    name: str
    content: Mapping[str, Any]
    lines: Mapping[tuple[str | int, ...], int]

    def place(self, *path: str | int) -> str:
        """``file:line`` of the key at that path, or of the nearest one above it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return f"{self.name}:{self.lines[path[:end]]}"
        return self.name

    def wrong(self, code: str, text: str, *path: str | int, **facts: Any) -> Invalid:
        """The problem to raise about the value at that path."""
        return Invalid(code, f"{self.place(*path)}: {text}", place=self.place(*path), **facts)

    def section(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of a top-level key, of the kind expected."""
        value = self.content.get(key)
        if value is None:
            return default
        self.expect(value, kind, key)
        return value

    def expect(self, value: Any, kind: type, *path: str | int) -> None:
        """Complain unless the value at that path is of that kind."""
        names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a whole number"}
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.wrong(
                "settings.type",
                f"{'.'.join(map(str, path))}: expected {names.get(kind, kind.__name__)}, got {value!r}",
                *path,
            )

    def only(self, mapping: Mapping[str, Any], allowed: set[str], *path: str | int) -> None:
        """Complain about the first key that is not allowed, with the nearest that is."""
        for key in mapping:
            if key not in allowed:
                near = difflib.get_close_matches(str(key), allowed, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(allowed))}"
                where = "".join(f"{one}." for one in path)[:-1]
                text = f"{where}: unknown key {key!r}; {hint}" if where else f"unknown key {key!r}; {hint}"
                raise self.wrong("settings.key", text, *path, key, key=str(key))

    def with_variables(self, value: Any, variables: Mapping[str, str], *path: str | int) -> Any:
        """The value with each ``${NAME}`` replaced from ``variables``, usually the environment.

        Raises:
            Invalid: ``settings.environment``, naming the variable that is not set.
        """
        if isinstance(value, Mapping):
            return {key: self.with_variables(item, variables, *path, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.with_variables(item, variables, *path, at) for at, item in enumerate(value)]
        if not isinstance(value, str):
            return value

        def variable(found: re.Match[str]) -> str:
            name = found.group(1)
            if name not in variables:
                raise self.wrong(
                    "settings.environment",
                    f"{'.'.join(map(str, path))} needs the environment variable {name}, which is not set",
                    *path,
                    variable=name,
                )
            return variables[name]

        return _VARIABLE.sub(variable, value)


def read_yaml(path: Path, name: str) -> YamlFile:
    """The file as a mapping with places.

    Raises:
        Invalid: ``settings.missing``, ``settings.unreadable``, ``settings.yaml`` or ``settings.type``.
    """
    text = _text(path, name)
    try:
        node = yaml.compose(text, _Loader)
        content = yaml.load(text, _Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise Invalid("settings.yaml", f"{name}{_mark(error)}: not valid YAML: {_why(error)}") from error
    except RecursionError:
        raise Invalid("settings.yaml", f"{name}: nested too deeply") from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise Invalid("settings.type", f"{name}: expected keys and values, got {type(content).__name__}")
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        if node is not None:
            _walk(node, (), lines.__setitem__)
    except yaml.YAMLError as error:
        raise Invalid("settings.yaml", f"{name}{_mark(error)}: {_why(error)}") from None
    except RecursionError:
        raise Invalid("settings.yaml", f"{name}: nested too deeply") from None
    return YamlFile(name, content, lines)


def _text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > BYTES_MAX:
            raise Invalid("settings.size", f"{name}: larger than {BYTES_MAX:,} bytes")
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise Invalid("settings.missing", f"{name}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise Invalid("settings.unreadable", f"{name}: not UTF-8 text at byte {error.start}") from None
    except OSError as error:
        raise Invalid("settings.unreadable", f"{name}: cannot be read: {error.strerror}") from None


def _walk(
    node: yaml.Node, path: tuple[str | int, ...], note: Callable[[tuple[str | int, ...], int], None]
) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            word = str(key.value)
            if word in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {word!r} stands there twice", problem_mark=key.start_mark
                )
            seen.add(word)
            below = (*path, word)
            note(below, key.start_mark.line + 1)
            _walk(value, below, note)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            note((*path, at), value.start_mark.line + 1)
            _walk(value, (*path, at), note)


def _mark(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _why(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).strip()
