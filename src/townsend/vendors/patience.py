"""How long a call is repeated, and what is said when that was not enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from townsend.problem import Invalid, Problem, Unavailable
from townsend.vendors.replies import Again

__all__ = ["Patience", "Side", "given_up"]

Side = Literal["source", "destination"]


@dataclass(frozen=True)
class Patience:
    """Bounds of repeating one call.

    Args:
        attempts: at most so many in all.
        connects: attempts when the host cannot be reached at all.
        first_s: the first wait; each further one doubles, with jitter.
        most_s: the longest of these waits.
        total_s: all waits of one call together; a vendor that wants more is not waited for.
    """

    attempts: int = 10
    connects: int = 3
    first_s: float = 1.0
    most_s: float = 60.0
    total_s: float = 900.0

    def wait_s(self, again: Again, attempt: int, chance: float) -> float:
        """Seconds before the next attempt.

        Args:
            again: what came of this one.
            attempt: its number, from 1.
            chance: jitter, from 0 to 1.

        >>> Patience().wait_s(Again("status 502"), 3, 1.0)
        4.0
        """
        if again.renew:
            return 0.0
        if again.after_s is not None:
            return again.after_s
        return min(self.most_s, self.first_s * 2.0 ** (attempt - 1)) * (0.5 + chance / 2)

    def ends(self, again: Again, attempt: int, slept_s: float, safe: bool) -> bool:
        """Whether this attempt was the last; ``slept_s`` are all waits, the next one included."""
        if again.processed and not safe:
            return True
        most = self.attempts if again.connected else self.connects
        return attempt >= most or slept_s > self.total_s


def given_up(again: Again, side: Side, name: str, host: str, safe: bool) -> Problem:
    """The problem to raise after the last attempt."""
    if again.renew:
        return Invalid(
            f"{side}.credentials",
            f"{name}: {host} takes no token, not even a new one; check client_id and client_secret",
            name=name,
            host=host,
        )
    if again.processed and not safe:
        code, text = "uncertain", f"did not say whether it carried the call out ({again.why})"
    elif again.throttled:
        code, text = "busy", f"takes no more calls now ({again.why}); run again later"
    else:
        text = f"could not be reached ({again.why}); check base_url and the network, or run again later"
        code = "unreachable"
    return Unavailable(f"{side}.{code}", f"{name}: {host} {text}", name=name, host=host)
