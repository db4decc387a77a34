"""Who is whom: links between identities, the graph they make, entities whose ids last."""

from townsend.identity.rules import IdentityRules, Instance, Namespace

__all__ = ["IdentityRules", "Instance", "Namespace"]
