"""Settings of a source or destination, checked before anything is called."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from townsend.problem import Invalid

__all__ = ["Keys"]


@dataclass(frozen=True)
class Keys:
    """The keys a kind of source or destination has.

    Args:
        required: must be there and not be blank.
        optional: may be there.
        either: sets of optional keys, of which one must be there whole; the usual one first.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    either: tuple[tuple[str, ...], ...] = ()

    def check(self, where: str, settings: Mapping[str, Any], common: Iterable[str] = ()) -> None:
        """Complain about a key that is unknown or missing.

        Args:
            where: what messages call the place, such as ``sources.marketo_1``.
            common: further keys that settings of this kind always may have.

        Raises:
            Invalid: ``settings.key`` with the nearest known key; ``settings.missing``.
        """
        known = {*self.required, *self.optional, *common}
        for key in settings:
            if key not in known:
                near = difflib.get_close_matches(str(key), sorted(known), 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
                raise Invalid(
                    "settings.key", f"{where}: unknown key {key!r}; {hint}", where=where, key=str(key)
                )
        for key in self.required:
            if _blank(settings, key):
                raise Invalid(
                    "settings.missing",
                    f"{where}: {key} is missing; write it in townsend.yaml",
                    where=where,
                    key=key,
                )
        lacking = [[key for key in one if _blank(settings, key)] for one in self.either]
        if lacking and all(lacking):
            # The set of which something is there is the one that is meant.
            begun = [keys for keys, one in zip(lacking, self.either, strict=True) if len(keys) < len(one)]
            key = (begun or lacking)[0][0]
            ways = ", or ".join(" and ".join(one) for one in self.either)
            raise Invalid(
                "settings.missing",
                f"{where}: {key} is missing; it takes {ways}: write them in townsend.yaml",
                where=where,
                key=key,
            )


def _blank(settings: Mapping[str, Any], key: str) -> bool:
    return settings.get(key) is None or not str(settings[key]).strip()
