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
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

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
            if settings.get(key) is None or not str(settings[key]).strip():
                raise Invalid(
                    "settings.missing",
                    f"{where}: {key} is missing; write it in townsend.yaml",
                    where=where,
                    key=key,
                )
