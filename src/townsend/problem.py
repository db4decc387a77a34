"""Everything that can go wrong, in the four ways a caller can act on it.

The class says what to do next; the code is stable and documented; the text says where, what was
expected, what came and what to do. Facts travel with the problem so that a page can say it in the
reader's language. Secrets and personal data stay out of the text.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Broken", "Invalid", "Problem", "Refused", "Unavailable"]


class Problem(Exception):
    """A known way to fail.

    Args:
        code: stable, dotted, lower case, such as ``pql.syntax``; listed in ``docs/reference/errors.md``.
        text: one message for a person.
        facts: values named in the text, JSON-compatible.
    """

    exit_code = 1

    def __init__(self, code: str, text: str, **facts: Any) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.facts = facts

    def __str__(self) -> str:
        return self.text


class Invalid(Problem):
    """The input is wrong: change it; nothing was done."""

    exit_code = 2


class Unavailable(Problem):
    """The other side is busy or down: the same call may work later."""


class Refused(Problem):
    """The other side says no to this record: the others go on."""

    exit_code = 3


class Broken(Problem):
    """We are wrong: stop, keep the evidence."""
