"""Two answers side by side: who is in one and not in the other.

Between two definitions at one instant, or one definition at two instants. Entities are followed: when a merge
or a split between the instants changes the number somebody is called by, nobody enters or leaves by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townsend.activation.membership import ENTERED, LEFT, holders
from townsend.audiences import answers
from townsend.problem import Invalid
from townsend.project.audiencefile import AudienceFile, read_audience

if TYPE_CHECKING:
    from townsend.project.project import Answer, Project

__all__ = ["Difference", "difference"]

FILES = (".yaml", ".yml")


@dataclass(frozen=True)
class Difference:
    """What going from one answer to another changes.

    Args:
        entered: ids in the second answer only, ascending.
        left: ids in the first only, as they were called then.
    """

    before: Answer
    after: Answer
    entered: list[int]
    left: list[int]

    def rows(self, most: int | None = None) -> list[dict[str, Any]]:
        """``{"id", "class", "identities", "change"}`` each, by id; the first ``most`` of either change."""
        found = [
            {**row, "change": change}
            for change, answer, ids in ((ENTERED, self.after, self.entered), (LEFT, self.before, self.left))
            for row in answers.rows(answer.unified, answer.of, ids[:most])
        ]
        return sorted(found, key=lambda row: (row["id"], row["change"]))

    def summary(self) -> str:
        """How many enter and leave, and how many are in before and after."""
        before, after = len(self.before.ids), len(self.after.ids)
        return f"{len(self.entered):,} entered, {len(self.left):,} left ({before:,} → {after:,})"

    def notes(self) -> list[str]:
        """What should be said beside it, each sentence once."""
        found = list(dict.fromkeys([*self.before.notes, *self.after.notes]))
        before, after = len(self.before.undecided), len(self.after.undecided)
        if before or after:
            found.append(f"undecided: {before} before, {after} after")
        return found


def difference(
    project: Project,
    first: str,
    second: str | None = None,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    engine: str = "auto",
    slow: bool = False,
) -> Difference:
    """From one answer to another.

    Args:
        first: an audience by name, or a definition by the path of its file (``….yaml``).
        second: another, to which ``first`` is compared; ``first`` itself if None.
        start: the instant of the first answer; None for the clock's.
        end: that of the second.
        slow: start also what takes long, which else says so first (``engine.slow``).

    Raises:
        Invalid: ``diff.class`` if they are about different classes; ``audience.unknown``; for a file also
            ``settings.*`` and ``pql.*``, as strict as ``check`` is.
    """
    one = _definition(project, first)
    two = one if second is None else _definition(project, second)
    if one.of != two.of:
        raise Invalid(
            "diff.class",
            f"{first} is about {one.of} and {second} about {two.of}; compare audiences about the same class",
        )
    now = project.clock.now()
    before = project.members_in(one, project.unified(start or now), engine, slow)
    after = project.members_in(two, project.unified(end or now), engine, slow)
    held = holders(after.unified, one.of)(map(int, before.ids))
    is_in = {int(one) for one in after.ids}
    left = [int(was) for was in before.ids if held.get(int(was)) not in is_in]
    return Difference(before, after, sorted(is_in - set(held.values())), left)


def _definition(project: Project, named: str) -> AudienceFile:
    if not named.endswith(FILES):
        return project.audience(named)
    audience = read_audience(Path(named), named)
    if audience.pql is not None:
        # A draft may still be mended, so names that nobody ever saw are refused and not taken as missing.
        project.resolve(audience.pql, audience.of, strict=True, name=audience.name)
    return audience
