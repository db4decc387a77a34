"""The files source: which files, in a folder or a bucket, hold rows of which class.

It finds files and reads none of them; reading, checking and remembering what was taken is intake's
work. A pattern is relative to the project folder and stays inside it: ``..`` is refused, and a link
that leads outside is left out with a note. Whoever means a place outside writes an absolute pattern,
which says so in plain sight.

Files that are not all there yet wait: for the manifest that names them, or for the marker beside them.
"""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from townsend.problem import Invalid
from townsend.sources.contract import check_settings
from townsend.sources.found import FoundFile, Place
from townsend.sources.localfiles import LocalFiles
from townsend.sources.manifests import in_sets, read_manifest
from townsend.sources.rowtables import Make, instance_of, maker, table_of
from townsend.vendors.keys import SOURCES

__all__ = ["FilesSource"]

SCHEME = "s3://"
_DIGITS = re.compile(r"(\d+)")


class FilesSource:
    """Files by class, in a stable order.

    Args:
        name: the source's name in the project.
        settings: ``class`` and ``path`` (a glob), or ``classes``, from class to glob.
        folder: the project folder.

    Raises:
        Invalid: ``settings.key``; ``settings.source`` for settings that name no class or no path, or say
            something that cannot be; ``files.outside`` for a relative pattern with ``..``; ``mapping.table``.
    """

    KEYS = SOURCES["files"]

    def __init__(self, name: str, settings: Mapping[str, Any], folder: Path) -> None:
        check_settings(name, settings, self.KEYS)
        self.name = name
        self._patterns = _patterns(name, settings)
        self._snapshot = settings.get("mode") == "snapshot"
        self._manifest, self._done = _text(name, settings, "manifest"), _text(name, settings, "done")
        self._place = _place(name, settings, folder, [*self._patterns.values(), self._manifest])
        self._notes: dict[str, list[str]] = {}
        self._tables = {cls: table_of(name, settings, cls) for cls in self._patterns}
        self._instance = instance_of(name, settings, "Files")
        self.encoding = _encoding(name, settings)
        self.delimiter = _delimiter(name, settings)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the settings name."""
        return tuple(self._patterns)

    def make(self, cls: str) -> Make | None:
        """What makes rows of a class of a file's rows; None if they are such rows already."""
        table = self._tables[cls]
        return None if table is None else maker(self._instance, table)

    def files(self) -> dict[str, list[FoundFile]]:
        """The files of each class that the settings name, in the order of their names.

        Numbers in names count as numbers (``part-9`` before ``part-10``), since of two versions of a
        row without a time of its own the later file's is the current one. Those of a manifest come
        together, in its order. In ``snapshot`` mode each file says all that holds, so only the last of
        a class counts. A class without a file has an empty list, and a note.

        Raises:
            Invalid: ``files.manifest``, ``files.bucket``, ``source.credentials``.
            Unavailable: ``source.unreachable``, ``files.changing``.
        """
        self._notes = {cls: [] for cls in self._patterns}
        found = {cls: self._found(cls, pattern) for cls, pattern in self._patterns.items()}
        if self._manifest is not None:
            manifests = sorted(self._place.find(self._manifest, []), key=_order)
            found = in_sets(found, {one.name: read_manifest(one) for one in manifests}, self._notes)
        return {cls: self._last(cls, files) for cls, files in found.items()}

    def notes(self, cls: str) -> list[str]:
        """What was odd about the files of a class when they were looked for last."""
        return list(self._notes.get(cls, ()))

    def close(self) -> None:
        """Nothing is held open."""

    def _found(self, cls: str, pattern: str) -> list[FoundFile]:
        notes = self._notes[cls]
        files = sorted(self._place.find(pattern, notes), key=_order)
        if not files:
            notes.append(f"no file fits {pattern}")
        if self._done is None:
            return files
        ready = [one for one in files if any(map(self._place.exists, _markers(one.name, self._done)))]
        if waiting := len(files) - len(ready):
            count = "1 file waits" if waiting == 1 else f"{waiting:,} files wait"
            notes.append(f"{count} for a marker {self._done}; left for the next time")
        return ready

    def _last(self, cls: str, files: list[FoundFile]) -> list[FoundFile]:
        if not self._snapshot or len(files) < 2:
            return files
        last = files[-1]
        if last.set is not None and last.set == files[-2].set:
            raise Invalid(
                "files.manifest",
                f"{last.set}: a snapshot is one file of a class, got several of {cls}; join them into one",
                source=self.name,
            )
        name = posixpath.basename(last.name)
        self._notes[cls].append(f"of {len(files):,} snapshots only the last counts, {name}")
        return [last]


def _patterns(name: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """From class to pattern, as written."""
    many = settings.get("classes")
    one = settings.get("class"), settings.get("path")
    if many is not None and one == (None, None):
        if not isinstance(many, Mapping) or not many:
            raise _wrong(name, f"classes: expected `classes: {{account: data/*.csv}}`, got {many!r}")
        patterns = dict(many)
    elif many is None and None not in one:
        patterns = {one[0]: one[1]}
    else:
        raise _wrong(
            name,
            "expected `class` and `path`, or `classes: {account: data/*.csv, …}`, and not both; "
            f"got {', '.join(sorted({'class', 'path', 'classes'} & settings.keys())) or 'none of them'}",
        )
    for cls, pattern in patterns.items():
        if not isinstance(cls, str) or not isinstance(pattern, str) or not pattern.strip():
            raise _wrong(
                name, f"expected the name of a class and a path such as data/*.csv, got {cls!r}: {pattern!r}"
            )
        if not pattern.startswith(SCHEME) and not Path(pattern).is_absolute() and ".." in Path(pattern).parts:
            raise Invalid(
                "files.outside",
                f"sources.{name}: the path {pattern!r} leads out of the project folder; "
                "move the files inside, or write an absolute path if it is meant",
                source=name,
            )
    return patterns


def _wrong(name: str, text: str) -> Invalid:
    return Invalid("settings.source", f"sources.{name}: {text}", source=name)


def _text(name: str, settings: Mapping[str, Any], key: str) -> str | None:
    value = settings.get(key)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise _wrong(name, f"{key}: expected a file's name or a pattern, got {value!r}")
    return value


def _encoding(name: str, settings: Mapping[str, Any]) -> str | None:
    value = settings.get("encoding")
    if value is None:
        return None
    try:
        found = codecs.lookup(str(value)).name
    except LookupError:
        raise _wrong(name, f"encoding: expected a name such as utf-8 or cp1250, got {value!r}") from None
    return found


def _delimiter(name: str, settings: Mapping[str, Any]) -> str | None:
    value = settings.get("delimiter")
    if value is None:
        return None
    found = "\t" if value == "tab" else value
    if not isinstance(found, str) or len(found) != 1 or found in '"\r\n':
        raise _wrong(name, f"delimiter: expected one character such as ';', or tab, got {value!r}")
    return found


def _place(name: str, settings: Mapping[str, Any], folder: Path, patterns: Sequence[str | None]) -> Place:
    remote = [one.startswith(SCHEME) for one in patterns if one is not None]
    if not any(remote):
        return LocalFiles(folder)
    if not all(remote):
        raise _wrong(name, "the paths and the manifest lie all in a bucket, or none; make two sources of it")
    # Imported when it is used: the client of the store takes a while to load.
    from townsend.sources.objectstore import ObjectStore

    return ObjectStore(name, settings)


def _markers(file: str, rule: str) -> list[str]:
    """The markers that say that a file is whole: one for its folder, or one for it alone."""
    folder, base = posixpath.split(file)
    if "*" not in rule:
        return [posixpath.join(folder, rule)]
    stem = base.partition(".")[0]
    names = (base, posixpath.splitext(base)[0], stem)
    return [posixpath.join(folder, rule.replace("*", one)) for one in dict.fromkeys(names)]


def _order(found: FoundFile) -> tuple[Any, ...]:
    # Texts and numbers alternate, so that like is compared with like.
    return tuple(
        (int(part), "") if at % 2 else (0, part) for at, part in enumerate(_DIGITS.split(found.name))
    )
