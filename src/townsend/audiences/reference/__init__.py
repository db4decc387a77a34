"""The reference evaluator: slow, obvious, pure; what it says is what a definition means."""

from townsend.audiences.reference.evaluate import Decided, decide, holds, members, value
from townsend.audiences.reference.memory import InMemoryWorld
from townsend.audiences.reference.scope import Undecided
from townsend.audiences.reference.store import StoreWorld
from townsend.audiences.reference.values import Entity
from townsend.audiences.reference.world import World

__all__ = [
    "Decided",
    "Entity",
    "InMemoryWorld",
    "StoreWorld",
    "Undecided",
    "World",
    "decide",
    "holds",
    "members",
    "value",
]
