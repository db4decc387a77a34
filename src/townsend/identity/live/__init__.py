"""The identity graph kept in memory: facts come and go, clusters join and part, and who moved is told."""

from townsend.identity.live.build import live_graph
from townsend.identity.live.changes import Changes, Claim, Met, Moves, Version
from townsend.identity.live.graph import LiveGraph
from townsend.identity.live.snapshot import restored, snapshot

__all__ = [
    "Changes",
    "Claim",
    "LiveGraph",
    "Met",
    "Moves",
    "Version",
    "live_graph",
    "restored",
    "snapshot",
]
