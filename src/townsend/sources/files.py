"""The files source: which files of a project's folder hold rows of which class.

It finds files and reads none of them; reading, checking and remembering what was taken is intake's
work. A pattern is relative to the project folder and stays inside it: ``..`` is refused, and a link
that leads outside is left out with a note. Whoever means a place outside writes an absolute pattern,
which says so in plain sight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from glob import iglob
from pathlib import Path
from typing import Any

from townsend.problem import Invalid
from townsend.sources.contract import check_settings
from townsend.vendors.keys import SOURCES

__all__ = ["FilesSource"]

_DIGITS = re.compile(r"(\d+)")


class FilesSource:
    """Files by class, in a stable order.

    Args:
        name: the source's name in the project.
        settings: ``class`` and ``path`` (a glob), or ``classes``, from class to glob.
        folder: the project folder.

    Raises:
        Invalid: ``settings.key``; ``settings.source`` for settings that name no class or no path;
            ``files.outside`` for a relative pattern with ``..``.
    """

    KEYS = SOURCES["files"]

    def __init__(self, name: str, settings: Mapping[str, Any], folder: Path) -> None:
        check_settings(name, settings, self.KEYS)
        self.name = name
        self._folder = folder
        self._patterns = _patterns(name, settings)
        self._snapshot = settings.get("mode") == "snapshot"
        self._notes: dict[str, list[str]] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the settings name."""
        return tuple(self._patterns)

    def files(self) -> dict[str, list[Path]]:
        """The files of each class that the settings name, in the order of their names.

        Numbers in names count as numbers (``part-9`` before ``part-10``), since of two versions of a
        row without a time of its own the later file's is the current one. In ``snapshot`` mode each
        file says all that holds, so only the last of a class counts. A class without a file has an
        empty list, and a note.
        """
        self._notes = {cls: [] for cls in self._patterns}
        return {cls: self._found(pattern, self._notes[cls]) for cls, pattern in self._patterns.items()}

    def notes(self, cls: str) -> list[str]:
        """What was odd about the files of a class when they were looked for last."""
        return list(self._notes.get(cls, ()))

    def close(self) -> None:
        """Nothing is held open."""

    def _found(self, pattern: str, notes: list[str]) -> list[Path]:
        paths = sorted(self._matches(pattern, notes), key=_order)
        if not paths:
            notes.append(f"no file fits {pattern}")
        if self._snapshot and len(paths) > 1:
            notes.append(f"of {len(paths):,} snapshots only the last counts, {paths[-1].name}")
            return paths[-1:]
        return paths

    def _matches(self, pattern: str, notes: list[str]) -> Iterator[Path]:
        absolute = Path(pattern).is_absolute()
        home = self._folder.resolve()
        for found in iglob(pattern, root_dir=None if absolute else self._folder, recursive=True):
            path = Path(found) if absolute else self._folder / found
            if not path.is_file():
                if path.is_symlink():
                    notes.append(f"{path}: the link leads nowhere; left out")
            elif absolute or path.resolve().is_relative_to(home):
                yield path
            else:
                notes.append(
                    f"{path}: the link leads out of the project folder; left out. "
                    "Write an absolute path in the settings if it is meant"
                )


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
        if not Path(pattern).is_absolute() and ".." in Path(pattern).parts:
            raise Invalid(
                "files.outside",
                f"sources.{name}: the path {pattern!r} leads out of the project folder; "
                "move the files inside, or write an absolute path if it is meant",
                source=name,
            )
    return patterns


def _wrong(name: str, text: str) -> Invalid:
    return Invalid("settings.source", f"sources.{name}: {text}", source=name)


def _order(path: Path) -> tuple[Any, ...]:
    # Texts and numbers alternate, so that like is compared with like.
    return tuple(
        (int(part), "") if at % 2 else (0, part) for at, part in enumerate(_DIGITS.split(path.as_posix()))
    )
