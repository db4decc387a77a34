"""One segment of the log: how an entry is written, and what a file that was torn or damaged still says.

An entry is a head of 24 bytes (mark, length, sequence number, checksum of all that follows it) and its
payload. The mark lets a reader find the next entry behind a damaged one.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ENTRY_MAX", "Damage", "Scan", "encoded", "scan", "segment_name", "segments_in"]

MARK = b"\x9eTWLOG\r\n"
_HEAD = struct.Struct("<8sIQI")
ENTRY_MAX = 64 * 1024 * 1024  # bytes of one payload; longer ones are split by whoever appends


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no entry, between entries that are.

    Args:
        at: where they begin.
        bytes: what stands there.
    """

    path: Path
    at: int
    bytes: bytes


@dataclass
class Scan:
    """What a segment says.

    Args:
        entries: sequence number and place of each whole entry's payload: start and length.
        end: where the last whole entry ends; what follows was never acknowledged.
        damaged: places before that which are unreadable.
    """

    entries: list[tuple[int, int, int]] = field(default_factory=list)
    end: int = 0
    damaged: list[Damage] = field(default_factory=list)


def encoded(seq: int, payload: bytes) -> bytes:
    """An entry as it is written."""
    return _HEAD.pack(MARK, len(payload), seq, _checksum(seq, payload)) + payload


def scan(path: Path, content: bytes) -> Scan:
    """Read a segment, however much of it is whole."""
    found = Scan()
    at = lost = 0
    while at < len(content):
        entry = _entry_at(content, at)
        if entry is None:
            after = content.find(MARK, at + 1)
            at = len(content) if after < 0 else after
            continue
        if lost < at:
            found.damaged.append(Damage(path, lost, content[lost:at]))
        found.entries.append(entry)
        at = lost = found.end = entry[1] + entry[2]
    return found


def segment_name(first: int) -> str:
    """The file that begins with an entry of that number.

    >>> segment_name(12)
    '00000000000000000012.log'
    """
    return f"{first:020d}.log"


def segments_in(folder: Path) -> list[Path]:
    """The segments of a folder, oldest first."""
    return sorted(folder.glob("[0-9]*.log"))


def _entry_at(content: bytes, at: int) -> tuple[int, int, int] | None:
    """Sequence number, start and length of the payload of a whole entry at a place, or None."""
    start = at + _HEAD.size
    if start > len(content):
        return None
    mark, length, seq, checksum = _HEAD.unpack_from(content, at)
    if mark != MARK or start + length > len(content):
        return None
    if _checksum(seq, memoryview(content)[start : start + length]) != checksum:
        return None
    return seq, start, length


def _checksum(seq: int, payload: bytes | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(seq.to_bytes(8, "little")))
