"""Files in a bucket of an S3-compatible store: listed there, and fetched one at a time when they are read."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from pyarrow import fs

from townsend.problem import Invalid, Problem, Unavailable
from townsend.sources.found import FoundFile

__all__ = ["ObjectStore"]

SCHEME = "s3://"
CONNECT_S_MAX = 10
ANSWER_S_MAX = 120
_REFUSED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|HTTP status 40[13]|InvalidAccessKeyId|"
    r"SignatureDoesNotMatch|INVALID_CLIENT_TOKEN_ID|UNRECOGNIZED_CLIENT"
)
_GLOB = re.compile(r"(\*\*/|\*|\?|\[[^\]]+\])")
_CHUNK = 1 << 20


class ObjectStore:
    """Files by patterns such as ``s3://bucket/exports/*.parquet``; opening calls nobody.

    Args:
        source: the source's name, for messages.
        settings: ``endpoint``, ``region``, ``access_key`` and ``secret_key``, ``anonymous``; without keys,
            those of the machine or its environment hold.
    """

    def __init__(self, source: str, settings: Mapping[str, Any]) -> None:
        self._source = source
        endpoint = settings.get("endpoint")
        scheme, _, host = str(endpoint or "").rpartition("://")
        self._store = fs.S3FileSystem(
            access_key=settings.get("access_key"),
            secret_key=settings.get("secret_key"),
            anonymous=settings.get("anonymous") is True,
            region=settings.get("region"),
            endpoint_override=host or None,
            scheme=scheme or "https",
            connect_timeout=CONNECT_S_MAX,
            request_timeout=ANSWER_S_MAX,
        )

    def find(self, pattern: str, notes: list[str]) -> list[FoundFile]:  # noqa: ARG002  a bucket has no links
        """The objects that fit a pattern; hidden ones are left alone."""
        path = pattern.removeprefix(SCHEME)
        base = path[: found.start()] if (found := _GLOB.search(path)) else path
        base = base.rpartition("/")[0]
        fits = re.compile(_regex(path))
        with self._words(pattern):
            listed = self._store.get_file_info(fs.FileSelector(base, recursive=True, allow_not_found=True))
            if not listed and self._store.get_file_info(base.partition("/")[0]).type == fs.FileType.NotFound:
                raise FileNotFoundError(base)
        return [self._found(one) for one in listed if one.is_file and fits.fullmatch(one.path)]

    def exists(self, name: str) -> bool:
        """Whether there is an object of that name."""
        with self._words(name):
            return bool(self._store.get_file_info(name.removeprefix(SCHEME)).type == fs.FileType.File)

    def _found(self, info: Any) -> FoundFile:
        name = SCHEME + info.path
        stamp = f"{info.size}:{info.mtime_ns}"
        return FoundFile(name, info.size, stamp, partial(self._fetched, name, info.size), remote=True)

    @contextmanager
    def _fetched(self, name: str, size: int) -> Iterator[Path]:
        """A copy, whole, of the object as it was listed."""
        with tempfile.TemporaryDirectory(prefix="townsend-") as folder:
            copy = Path(folder) / PurePosixPath(name).name
            with (
                self._words(name),
                # What is packed stays so: the reader goes by the name.
                self._store.open_input_stream(name.removeprefix(SCHEME), compression=None) as stream,
                copy.open("wb") as out,
            ):
                shutil.copyfileobj(stream, out, _CHUNK)
            if (came := copy.stat().st_size) != size:
                raise Unavailable(
                    "files.changing",
                    f"{name}: expected {size:,} bytes as listed, got {came:,}; it is left for the next time",
                    path=name,
                )
            yield copy

    @contextmanager
    def _words(self, place: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise Invalid(
                "files.bucket",
                f"sources.{self._source}: {place}: there is no such bucket or object; correct the path",
                source=self._source,
            ) from error
        except OSError as error:
            raise self._problem(place, str(error)) from error

    def _problem(self, place: str, text: str) -> Problem:
        if _REFUSED.search(text):
            return Invalid(
                "source.credentials",
                f"sources.{self._source}: the store does not let us read {place}; check access_key and "
                "secret_key, and their rights to list the bucket and to read its objects",
                source=self._source,
            )
        return Unavailable(
            "source.unreachable",
            f"sources.{self._source}: the store of {place} does not answer as it should: "
            f"{text.partition(': ')[2][:200] or text[:200]}",
            source=self._source,
        )


def _regex(pattern: str) -> str:
    """A glob as a regular expression; no part of what ``*`` fits begins with a dot."""
    parts = []
    for part in _GLOB.split(pattern):
        if part == "**/":
            parts.append(r"(?:(?!\.)[^/]+/)*")
        elif part == "*":
            parts.append(r"(?:(?<!/)|(?!\.))[^/]*")
        elif part == "?":
            parts.append("[^/]")
        elif part.startswith("[") and part.endswith("]"):
            parts.append(part.replace("[!", "[^"))
        else:
            parts.append(re.escape(part))
    return "".join(parts)
