"""``--since``: which streams are read again, and from which instant on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from townsend.problem import Invalid
from townsend.sources.contract import OTHERS, since_of
from townsend.sources.kinds import keys_of_kind

__all__ = ["Since", "check_since", "read_since"]


@dataclass(frozen=True)
class Since:
    """What is read again from which instant on; nothing by itself.

    Args:
        everywhere: a date or span for every stream that has none of its own; None to leave them alone.
        sources: the same by source; it comes before ``everywhere``.
        streams: the same by source and stream; it comes before all.
    """

    everywhere: str | None = None
    sources: Mapping[str, str] | None = None
    streams: Mapping[tuple[str, str], str] | None = None

    def _of(self, source: str) -> str | None:
        return (self.sources or {}).get(source, self.everywhere)

    def rereads(self, source: str, stream: str) -> bool:
        """Whether that stream is read again, wherever it stands."""
        return self._of(source) is not None or (source, stream) in (self.streams or {})

    def settings(self, source: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a source with these instants in place of its own.

        Raises:
            Invalid: ``option.since`` if it is named and always read as a whole.
        """
        named = {stream: text for (of, stream), text in (self.streams or {}).items() if of == source}
        whole = self._of(source)
        if whole is None and not named:
            return dict(settings)
        keys = keys_of_kind(str(settings["type"]))
        if keys is None or "since" not in keys.optional + keys.required:
            if named or source in (self.sources or {}):
                raise Invalid(
                    "option.since",
                    f"--since: {source} is of the type {settings['type']}, which is always read as a whole",
                    source=source,
                )
            return dict(settings)
        before = settings.get("since")
        kept = dict(before) if isinstance(before, Mapping) else {} if before is None else {OTHERS: before}
        return {**settings, "since": {**({OTHERS: whole} if whole is not None else kept), **named}}


def read_since(texts: Iterable[str], sources: Sequence[str], now: datetime) -> Since:
    """The option as given: ``6 months``, ``marketo_1=6 months`` or ``marketo_1.activities=6 months`` each.

    Args:
        sources: the project's sources.

    Raises:
        Invalid: ``option.since`` for a source that is not there, ``source.since`` for no date or span.
    """
    everywhere: str | None = None
    by_source: dict[str, str] = {}
    by_stream: dict[tuple[str, str], str] = {}
    for text in texts:
        name, given, value = text.rpartition("=")
        name, value = name.strip(), value.strip()
        since_of(name or "--since", {"since": value}, "", now)
        # A source's name may have a dot of its own, so the longest that fits is meant.
        source = max((s for s in sources if name == s or name.startswith(s + ".")), key=len, default=None)
        if not given:
            everywhere = value
        elif source is None:
            near = difflib.get_close_matches(name.partition(".")[0], sources, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sources) or 'none'}"
            raise Invalid(
                "option.since", f"--since {text}: the project has no source {name!r}; {hint}", got=text
            )
        elif name == source:
            by_source[source] = value
        else:
            by_stream[source, name.removeprefix(source + ".")] = value
    return Since(everywhere, by_source, by_stream)


def check_since(source: str, settings: Mapping[str, Any], streams: Sequence[str], now: datetime) -> None:
    """Complain about a ``since`` by stream that names no stream, or no instant.

    Raises:
        Invalid: ``source.since``.
    """
    said = settings.get("since")
    if not isinstance(said, Mapping):
        return
    for stream in said:
        if stream not in (*streams, OTHERS):
            near = difflib.get_close_matches(str(stream), [*streams, OTHERS], 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(streams)}, and {OTHERS}"
            raise Invalid(
                "source.since",
                f"sources.{source}: since: there is no stream {stream!r}; {hint}",
                source=source,
                got=str(stream),
            )
        since_of(source, {"since": said[stream]}, "", now)
