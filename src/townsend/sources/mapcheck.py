"""What is wrong with a mapping that a person wrote, field by field, in words for that person."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import re2

from townsend.model import Shape

__all__ = ["Fault", "faults"]

# How a value is taken; each excludes the others.
_WAYS = ("from", "key", "constant", "split", "ids", "keys")
_BESIDE: Mapping[str, frozenset[str]] = {
    "from": frozenset({"values", "else", "most", "match", "format", "decimal", "times"}),
    "key": frozenset({"suffix", "of"}),
    "constant": frozenset(),
    "split": frozenset({"by"}),
    "ids": frozenset({"by"}),
    "keys": frozenset({"by"}),
}
_FORMS = "a field's name, a list of names, or one of {from: …}, {key: …}, {constant: …}, {split: …, by: …}"
_NEAR = 0.88  # so alike is a declared field that another name for it is taken for a slip


class Fault(NamedTuple):
    """One complaint.

    Args:
        path: where in the fields it is: the target, then keys and positions below it.
        code: ``mapping.target`` for what is written to, ``mapping.word`` for what is read.
    """

    path: tuple[str | int, ...]
    code: str
    text: str


def faults(fields: Mapping[Any, Any], shape: Shape) -> Iterator[Fault]:
    """Every complaint about the fields of a table; a field that is None is left out on purpose.

    Args:
        fields: target to what it is read from, as written.
        shape: the fields of the class that the table makes rows of.
    """
    for target, spec in fields.items():
        if not isinstance(target, str):
            yield Fault((str(target),), "mapping.target", f"expected the path of a field, got {target!r}")
            continue
        if wrong := _target(target, shape):
            yield Fault((target,), "mapping.target", f"{target}: {wrong}")
        elif spec is not None:
            yield from _spec(target, spec, shape)


def _target(target: str, shape: Shape) -> str | None:
    if target in shape.leaves or target in shape.arrays or target in shape.objects or target in shape.keys:
        return None
    if any(target == one or target.startswith(one + ".") for one in shape.maps):
        return None
    group = target.partition(".")[0]
    near = difflib.get_close_matches(target, list(shape.names()), 1, _NEAR if "." in target else 0.6)
    if "." not in target or group in shape.objects or near:
        hint = (
            f"did you mean {near[0]!r}?" if near else "`townsend mapping show` lists those that are filled."
        )
        return (
            f"there is no such field; {hint} A field of your own goes into a group of its own, such as "
            "custom.region, or is declared in the project"
        )
    return None


def _spec(target: str, spec: Any, shape: Shape) -> Iterator[Fault]:
    if isinstance(spec, str) and spec.strip():
        return
    if isinstance(spec, list) and spec and all(isinstance(one, str) for one in spec):
        return
    if isinstance(spec, list) and spec and all(isinstance(one, Mapping) for one in spec):
        array = shape.arrays.get(target)
        if array is None or array.shape is None:
            yield Fault((target,), "mapping.target", f"{target} is no list of objects")
            return
        for at, item in enumerate(spec):
            for fault in faults(item, array.shape):
                yield Fault((target, at, *fault.path), fault.code, f"{target}: {fault.text}")
        return
    if not isinstance(spec, Mapping):
        yield Fault((target,), "mapping.word", f"{target}: expected {_FORMS}, got {spec!r}")
        return
    if wrong := _words(spec):
        yield Fault((target,), "mapping.word", f"{target}: {wrong}")


def _words(spec: Mapping[Any, Any]) -> str | None:
    ways = [word for word in _WAYS if word in spec]
    if len(ways) != 1:
        found = " and ".join(ways) or ", ".join(map(repr, spec)) or "nothing"
        return f"expected {_FORMS}, got {found}"
    way = ways[0]
    for word in spec:
        if word != way and word not in _BESIDE[way]:
            known = ", ".join(sorted(_BESIDE[way])) or "nothing"
            return f"beside {way!r} there may stand {known}, got {word!r}"
    if way in ("split", "ids", "keys") and not (isinstance(spec.get("by"), str) and spec["by"]):
        return f"{way!r} needs what parts the values, such as by: ';'"
    if way != "constant" and not _named(spec[way]):
        return f"{way}: expected a field's name or a list of names, got {spec[way]!r}"
    if "values" in spec and not isinstance(spec["values"], Mapping):
        return f"values: expected what becomes of each, as in {{Hot: 1, Cold: 0}}, got {spec['values']!r}"
    if wrong := _spelled(spec):
        return wrong
    most = spec.get("most")
    if most is not None and (type(most) is not int or most < 1):
        return f"most: expected a number of characters, got {most!r}"
    return None


def _spelled(spec: Mapping[Any, Any]) -> str | None:
    if "else" in spec and "values" not in spec:
        return "else: says what becomes of other values, so it needs values beside it"
    if "format" in spec and not _named(spec["format"]):
        return f"format: expected how dates are written, such as '%d.%m.%Y', got {spec['format']!r}"
    if spec.get("decimal", ",") not in (",", "."):
        return f"decimal: expected ',' or '.', got {spec['decimal']!r}"
    if type(times := spec.get("times", 1)) not in (int, float):
        return f"times: expected a number, got {times!r}"
    if "match" in spec:
        try:
            groups = re2.compile(str(spec["match"])).groups
        except re2.error as error:
            return f"match: {spec['match']!r} is no regular expression: {error}"
        if groups < 1:
            return f"match: expected a group that is the value, as in '^[A-Z]+-(.+)$', got {spec['match']!r}"
    return None


def _named(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)
