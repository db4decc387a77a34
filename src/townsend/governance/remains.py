"""Does any file still hold somebody's identities? The proof of an erasure looks at every byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKED", "Remains", "files_that_name"]

CHUNK = 4 * 1024 * 1024
LENGTH_MIN = 6  # shorter values occur by chance
PACKED = (".gz", ".parquet", ".zip", ".zst")


@dataclass(frozen=True, slots=True)
class Remains:
    """A file that names the person; ``packed``: it could not be looked into."""

    path: Path
    packed: bool = False


def files_that_name(
    folder: Path, values: Iterable[str], skip: Iterable[Path] = (), longer: Iterable[str] = ()
) -> list[Remains]:
    """The files under a folder in which one of these values stands, in any case of letters.

    Args:
        values: identities; those shorter than ``LENGTH_MIN`` are not looked for.
        skip: folders left out.
        longer: identities of others that contain one of these values, as ``112@x`` contains ``12@x``.

    Returns:
        Files by path. Packed files are all listed, since bytes do not tell.
    """
    wanted = sorted({one.lower().encode() for one in values if len(one) >= LENGTH_MIN})
    others = sorted({one.lower().encode() for one in longer}, key=len, reverse=True)
    left_out = [one.resolve() for one in skip]
    found = []
    for path in sorted(_files(folder)):
        if any(path.resolve().is_relative_to(one) for one in left_out):
            continue
        if path.suffix.lower() in PACKED:
            found.append(Remains(path, packed=True))
        elif wanted and _names(path, wanted, others):
            found.append(Remains(path))
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path


def _names(path: Path, wanted: list[bytes], others: list[bytes]) -> bool:
    longest = max(map(len, [*wanted, *others]))
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            text = (tail + chunk).lower()
            begin = max(0, len(tail) - longest)
            tail = text[-2 * longest :]
            for other in others:
                text = text.replace(other, bytes(len(other)))
            # What begins near the end may be a part of something longer: it is looked at with the next chunk.
            end = len(text) if len(chunk) < CHUNK else len(text) - longest
            if any(begin <= text.find(one, begin) < end for one in wanted):
                return True
    return False
