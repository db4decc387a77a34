"""How often a source is meant to be pulled (``every``), and after what silence to warn (``alarm_after``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from townsend.project.yamlfile import YamlFile
from townsend.sources.contract import OTHERS

__all__ = ["Schedule", "check_schedule", "schedule_of", "seconds_of"]

_SPAN = re.compile(r"(\d{1,6})\s*(w|week|weeks|d|day|days|h|hour|hours|m|min|minutes?|s|seconds?)", re.ASCII)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


@dataclass(frozen=True)
class Schedule:
    """What a source's settings say of time.

    Args:
        every_s: seconds from the beginning of one pull to the next; None if nothing is said.
        alarms: seconds of silence after which to warn, by stream.
        alarm_s: the same for every other stream; None for no warning.
    """

    every_s: int | None
    alarms: Mapping[str, int]
    alarm_s: int | None

    def alarm_of(self, stream: str) -> int | None:
        """Seconds of silence after which to warn of that stream."""
        return self.alarms.get(stream, self.alarm_s)


def seconds_of(value: Any) -> int | None:
    """A span as it is written in settings; None if it is none.

    >>> seconds_of("2 days"), seconds_of("15m"), seconds_of("soon")
    (172800, 900, None)
    """
    found = _SPAN.fullmatch(str(value).strip().lower())
    return int(found[1]) * _SECONDS[found[2][0]] if found else None


def schedule_of(settings: Mapping[str, Any]) -> Schedule:
    """What checked settings of a source say."""
    alarm = settings.get("alarm_after")
    said = dict(alarm) if isinstance(alarm, Mapping) else {} if alarm is None else {OTHERS: alarm}
    others = said.pop(OTHERS, None)
    return Schedule(
        seconds_of(settings.get("every")),
        {stream: seconds_of(text) or 0 for stream, text in said.items()},
        None if others is None else seconds_of(others),
    )


def check_schedule(file: YamlFile, name: str, settings: Mapping[str, Any]) -> None:
    """Complain about spans that cannot be read, with file and line.

    Raises:
        Invalid: ``settings.span``.
    """
    alarm = settings.get("alarm_after")
    places: list[tuple[tuple[str, ...], Any]] = [(("every",), settings.get("every"))]
    if isinstance(alarm, Mapping):
        places += [(("alarm_after", str(stream)), span) for stream, span in alarm.items()]
    else:
        places.append((("alarm_after",), alarm))
    for path, span in places:
        if span is not None and not seconds_of(span):
            raise file.wrong(
                "settings.span",
                f"sources.{name}.{'.'.join(path)}: expected a span such as 2 days or 15m, got {span!r}",
                "sources",
                name,
                *path,
            )
