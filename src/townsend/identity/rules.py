"""The rules by which identities link: namespaces and their order, guards, known source instances.

Plain values: nothing here reads facts. Two rules that are equal give equal graphs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from townsend.identity.matchrules import Matching
from townsend.model import EntityClass, Schema
from townsend.store.facts_values import normal_value

__all__ = ["LINKS_PER_VALUE", "IdentityColumn", "IdentityRules", "Instance", "Namespace", "identity_columns"]

LINKS_PER_VALUE = 50


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace of people; ``unique``: at most one value of it in a graph."""

    code: str
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """A configured source that cross-references may name.

    Args:
        name: the source's name in the project.
        system: its source type as keys spell it: ``Marketo``, ``Salesforce``, ``Dynamics``.
        instance: the instance id that its keys carry; None if it is not known yet.
    """

    name: str
    system: str
    instance: str | None = None


@dataclass(frozen=True)
class IdentityRules:
    """What may link and what must not.

    Args:
        person: the namespaces of people, highest priority first. Others come after them, not unique.
        fields: class to paths of declared identity fields; each is a namespace named by its last part.
        blocked: namespace to values that never link, compared as the dictionary spells them.
        links_per_value: a value that joins more distinct records than this loses all its links.
        instances: sources that cross-references may name.
        min_confidence: cross-references below this do not count; one without a confidence does.
        matching: which matches are looked for; none unless said.
    """

    person: tuple[Namespace, ...] = (Namespace("b2b_person"), Namespace("Email"), Namespace("ECID"))
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    blocked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    links_per_value: int = LINKS_PER_VALUE
    instances: tuple[Instance, ...] = ()
    min_confidence: float = 0.0
    matching: Matching = field(default_factory=Matching)

    def priority(self, space: str) -> int:
        """Where a namespace of people stands: 1 is the most important, undeclared ones come last."""
        for place, namespace in enumerate(self.person, 1):
            if namespace.code == space:
                return place
        return len(self.person) + 1

    def blocked_values(self) -> dict[str, frozenset[str]]:
        """Blocked values by namespace, spelled as the dictionary keeps them."""
        spelled = {
            space: {normal_value(space, value) for value in values} for space, values in self.blocked.items()
        }
        return {space: frozenset(one for one in found if one is not None) for space, found in spelled.items()}

    @property
    def unique(self) -> frozenset[str]:
        """The namespaces of which a person has at most one value."""
        return frozenset(namespace.code for namespace in self.person if namespace.unique)


@dataclass(frozen=True, slots=True)
class IdentityColumn:
    """A column of records whose text is an identity; ``key``: a source key."""

    space: str
    path: str
    key: bool


def identity_columns(schema: Schema, rules: IdentityRules, cls: str) -> list[IdentityColumn]:
    """The columns of a class that hold identities besides its own key: the schema's, then declared ones."""
    known: EntityClass = schema.entity_class(cls)
    found = [(identity.path, identity.namespace) for identity in known.identities]
    found += [(path, path.rpartition(".")[2]) for path in rules.fields.get(cls, ())]
    columns = []
    for path, space in found:
        is_key = path in known.shape.keys
        columns.append(IdentityColumn(space, f"{path}.sourceKey" if is_key else path, is_key))
    return list(dict.fromkeys(columns))
