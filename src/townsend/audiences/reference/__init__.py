"""The reference evaluator: slow, obvious, pure; what it says is what a definition means."""

from townsend.audiences.reference.evaluate import holds, members, value
from townsend.audiences.reference.memory import InMemoryWorld
from townsend.audiences.reference.store import StoreWorld
from townsend.audiences.reference.values import Entity
from townsend.audiences.reference.world import World

__all__ = ["Entity", "InMemoryWorld", "StoreWorld", "World", "holds", "members", "value"]
