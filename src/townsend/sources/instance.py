"""A system's instance: what makes its record ids unique among all systems and instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Instance"]


@dataclass(frozen=True)
class Instance:
    """A system's instance, which makes its record ids unique.

    Args:
        id: Munchkin id, organisation id.
        type: ``Marketo``, ``Salesforce`` …
        id_of: how an id is spelled in keys, such as 18 characters for 15.
    """

    id: str
    type: str
    id_of: Callable[[str], str] = str

    def key(self, sid: Any, suffix: str = "") -> dict[str, str]:
        """The key object of a record.

        >>> Instance("123-ABC-456", "Marketo").key(7)["sourceKey"]
        '7@123-ABC-456.Marketo'
        """
        spelled = self.id_of(str(sid)) + suffix
        return {
            "sourceType": self.type,
            "sourceInstanceID": self.id,
            "sourceID": spelled,
            "sourceKey": f"{spelled}@{self.id}.{self.type}",
        }
