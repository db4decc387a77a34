"""Manifests: lists of files that belong together, of which all are taken or none.

A manifest is JSON (a list, or an object with ``files``) or CSV with a header. Each entry names a file
relative to the manifest's folder, and may say how many bytes and rows it has, and its checksum.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from townsend.problem import Invalid
from townsend.sources.found import FoundFile

__all__ = ["Entry", "in_sets", "read_manifest"]

_NAMES = ("path", "file", "name", "filename", "url")
_BYTES = ("bytes", "size", "length")
_ROWS = ("rows", "records", "row_count", "rowcount")
_SUMS = ("sha256", "md5", "sha1", "checksum")
_BY_LENGTH = {64: "sha256", 40: "sha1", 32: "md5"}


@dataclass(frozen=True)
class Entry:
    """One file of a manifest; what it does not say is None."""

    name: str
    size: int | None = None
    rows: int | None = None
    digest: tuple[str, str] | None = None


def read_manifest(found: FoundFile) -> list[Entry]:
    """The entries of a manifest, in its order.

    Raises:
        Invalid: ``files.manifest``.
        Unavailable: ``files.changing``, ``source.*``.
    """
    with found.fetch() as path:
        try:
            text = path.read_text("utf-8-sig")
            bodies = _bodies(text)
            return [_entry(posixpath.dirname(found.name), body) for body in bodies]
        except (ValueError, KeyError) as error:
            raise Invalid(
                "files.manifest",
                f"{found.name}: expected a list of files, in JSON such as "
                '[{"path": "accounts.csv", "rows": 12, "sha256": "…"}] or in CSV with these columns; '
                f"got {error or 'something else'}",
                path=found.name,
            ) from error


def in_sets(
    classes: Mapping[str, Iterable[FoundFile]],
    manifests: Mapping[str, list[Entry]],
    notes: Mapping[str, list[str]],
) -> dict[str, list[FoundFile]]:
    """The files of each class that belong to a whole set, set by set; what is left is noted.

    Args:
        classes: the files found, by class.
        manifests: entries by manifest, in the order in which they are taken.
        notes: by class, to be added to.
    """
    by_name = {cls: {one.name: one for one in files} for cls, files in classes.items()}
    known = {name: one for files in by_name.values() for name, one in files.items()}
    chosen: dict[str, list[FoundFile]] = {cls: [] for cls in classes}
    named: set[str] = set()
    for manifest, entries in manifests.items():
        named |= {entry.name for entry in entries}
        if missing := _missing(entries, known):
            for cls in classes:
                notes[cls].append(f"{manifest}: {missing}; its files are left for the next time")
            continue
        for cls, files in by_name.items():
            chosen[cls] += [
                replace(files[entry.name], set=manifest, rows=entry.rows, digest=entry.digest)
                for entry in entries
                if entry.name in files
            ]
    for cls, files in by_name.items():
        if alone := sorted(files.keys() - named):
            count = "1 file is" if len(alone) == 1 else f"{len(alone):,} files are"
            notes[cls].append(f"{count} in no manifest, such as {alone[0]}; left for the next time")
    return chosen


def _missing(entries: list[Entry], known: Mapping[str, FoundFile]) -> str | None:
    """Why a set is not whole; None if it is."""
    for entry in entries:
        if entry.name not in known:
            return f"{entry.name} is not there yet, or fits no path of the settings"
        if entry.size is not None and entry.size != known[entry.name].size:
            return f"{entry.name} has {known[entry.name].size:,} bytes of {entry.size:,}"
    return None


def _bodies(text: str) -> list[Any]:
    if text.lstrip()[:1] in ("[", "{"):
        document = json.loads(text)
        bodies = document.get("files", document.get("entries")) if isinstance(document, dict) else document
        if not isinstance(bodies, list):
            raise ValueError("an object without files")
        return bodies
    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def _entry(folder: str, body: Any) -> Entry:
    if isinstance(body, str):
        body = {"path": body}
    if not isinstance(body, dict):
        raise ValueError(f"the entry {body!r}")
    said = {str(name).strip().lower(): value for name, value in body.items() if value not in (None, "")}
    name = next((str(said[key]).strip() for key in _NAMES if key in said), "")
    if not name:
        raise ValueError("an entry that names no file")
    whole = name if "://" in name or name.startswith("/") else posixpath.join(folder, name)
    return Entry(whole, _whole(said, _BYTES), _whole(said, _ROWS), _digest(said))


def _whole(said: Mapping[str, Any], keys: Iterable[str]) -> int | None:
    return next((int(str(said[key]).strip()) for key in keys if key in said), None)


def _digest(said: Mapping[str, Any]) -> tuple[str, str] | None:
    key = next((one for one in _SUMS if one in said), None)
    if key is None:
        return None
    algorithm, _, value = str(said[key]).strip().lower().rpartition(":")
    known = _BY_LENGTH.get(len(value))
    if known is None or (algorithm or known) not in (known, known.replace("sha", "sha-")):
        raise ValueError(f"the checksum {value[:20]!r}, which is neither SHA-256 nor SHA-1 nor MD5")
    return known, value
